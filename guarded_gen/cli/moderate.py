"""``guarded-gen moderate``: what the prompt gate says of texts, without generating anything."""

from __future__ import annotations

import json as jsonlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
)
from guarded_gen.errors import InvalidInput

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from guarded_gen.gates.gate import GateResult

BATCH = 256
"""Texts judged at once in file mode; enough to fill the encoder's batches."""


def moderate(
    text: Annotated[list[str] | None, typer.Argument(help="Texts to judge.")] = None,
    file: Annotated[Path | None, typer.Option(help='JSON lines with "text"; - for stdin.')] = None,
    out: Annotated[Path | None, typer.Option(help="Where the judged lines go.")] = None,
    json: Json = False,
) -> None:
    """Judge texts as the prompt gate would: scores by category, `unsafe`, and the action.

    A line that could not be judged has `unsafe: null`, its checks say why, and the action is
    what the policy does about a missing signal.
    """
    with errors_to_user(json), opened_services() as services:
        if (file is None) == (not text):
            raise InvalidInput("give texts, or --file with lines", "guarded-gen moderate TEXT")
        if file is not None:
            judged = moderate_file(services, file, out)
            if json and out is not None:
                emit({"lines": judged, "out": str(out)})
            return
        records = [
            {"text": one} | record(result, one)
            for one, result in zip(text or [], judge(services, text or []), strict=True)
        ]
        if out is not None:
            write_lines(out, (jsonlib.dumps(r, ensure_ascii=False) for r in records))
        if json:
            emit(records)
        elif out is None:
            for one in records:
                _print(one)


def judge(services: Services, texts: list[str]) -> list[GateResult]:
    """The prompt gate over texts, in the context of the command line."""
    from guarded_gen.gates.gate import judge_prompts
    from policies import Context

    return judge_prompts(services.policy, services.prompt_classifiers, texts, Context())


def record(result: GateResult, text: str) -> dict[str, Any]:
    """The JSON of one judged text; ``scores`` holds the highest score of each category.

    ``spans`` are the parts of the text that the decision rests on, empty for ``allow``.
    """
    from guarded_gen.gates.gate import decided_by

    scores: dict[str, float] = {}
    for signal in result.signals:
        if signal.score is not None:
            scores[signal.category] = max(signal.score, scores.get(signal.category, 0.0))
    decision = result.decision.to_json()
    return {
        "unsafe": round(scores["unsafe"], 6) if "unsafe" in scores else None,
        "action": decision["action"],
        "reason": decision.get("reason"),
        "rule_id": decision.get("rule_id"),
        "scores": {name: round(score, 6) for name, score in scores.items() if name != "unsafe"},
        "spans": [] if decision["action"] == "allow" else decided_by(result, text)["spans"],
        "checks": result.checks(),
        "policy_digest": decision.get("policy_digest"),
    }


def moderate_file(services: Services, source: Path, out: Path | None) -> int:
    """Judge every line of ``source``; to ``out`` (all or nothing) or to standard output."""
    total = count_lines(source)
    columns = (TextColumn("moderate"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=progress_console(), transient=True) as bar:
        task = bar.add_task("", total=total)
        done = 0

        def lines() -> Iterator[str]:
            nonlocal done
            items = read_lines(source)
            while batch := list(islice(items, BATCH)):
                results = judge(services, [item["text"] for item in batch])
                for item, result in zip(batch, results, strict=True):
                    yield jsonlib.dumps(item | record(result, item["text"]), ensure_ascii=False)
                done += len(batch)
                bar.update(task, completed=done)

        if out is not None:
            write_lines(out, lines())
        else:
            for line in lines():
                sys.stdout.write(line + "\n")
    return done


def count_lines(source: Path) -> int | None:
    """How many lines to expect; None for standard input."""
    if str(source) == "-":
        return None
    with source.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


def read_lines(source: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file; raises :class:`InvalidInput` that names the bad line."""
    stream = sys.stdin.buffer if str(source) == "-" else source.open("rb")
    with stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                item = jsonlib.loads(line)
                ok = isinstance(item, dict) and isinstance(item.get("text"), str)
            except ValueError:
                ok = False
            if not ok:
                raise InvalidInput(
                    f'{source} line {number}: no JSON object with "text"',
                    'every line must look like {"text": "…"} in UTF-8',
                    "file",
                )
            yield item


def write_lines(out: Path, lines: Iterable[str]) -> None:
    """Write all lines or nothing: the file gets its name when it is whole."""
    handle, partial = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
            for line in lines:
                stream.write(line + "\n")
        Path(partial).replace(out)
    finally:
        Path(partial).unlink(missing_ok=True)


_COLOURS = {"allow": "green", "review": "yellow", "block": "red"}


def _print(one: dict[str, Any]) -> None:
    out = console()
    unsafe = "not assessed" if one["unsafe"] is None else f"{one['unsafe']:.3f}"
    action = one["action"]
    out.print(f"[{_COLOURS[action]}]{action:<7}[/] unsafe {unsafe}", end="  ")
    shown = "".join(c if c.isprintable() else "�" for c in one["text"])
    out.print(shown if len(shown) <= 100 else shown[:99] + "…", markup=False)
    out.print(f"        rule {one['rule_id'] or '-'}  reason {one['reason']}", markup=False)
    for span in one["spans"]:
        language = f" ({span['language']})" if "language" in span else ""
        part = "".join(c if c.isprintable() else "�" for c in span["text"])
        place = f"{span['start']}-{span['end']}{language}"
        out.print(f"        span {place}: {part}", markup=False)
    for name, score in sorted(one["scores"].items(), key=lambda item: -item[1])[:4]:
        if score >= 0.05:
            out.print(f"        {name:<22} {score:.3f}", markup=False)
    for check in one["checks"]:
        if check["status"] != "ran":
            out.print(
                f"        {check['check']}: {check['status']}, {check['reason']}", markup=False
            )
