"""``guarded-gen generate``: a prompt to a signed clip, through every gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
    stop,
)
from guarded_gen.cli.options import MadeClip, expanded
from guarded_gen.errors import Exit

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from guarded_gen.production.outcome import Outcome
    from guarded_gen.production.request import ClipRequest


@expanded
def generate(
    prompt: Annotated[str, typer.Argument(help="What the clip shows.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The MP4 or animated WebP to write.")
    ],
    clip: MadeClip,
    accept_rewrite: Annotated[
        bool, typer.Option(help="Take a safer wording that the prompt gate proposes, unasked.")
    ] = False,
    json: Json = False,
) -> None:
    """Turn a prompt into a signed, verified clip, if every gate lets it pass.

    Where `prompts.rewrite` is set, a prompt that was held or refused may get a safer wording:
    it is shown, and generated only when you agree. Both prompts stay on record.

    Exit codes: 0 published, 1 failed, 2 wrong usage, 3 blocked, 4 held for review.
    """
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.production.request import ClipRequest, parse_size

        width, height = parse_size(str(clip.size))
        request = ClipRequest.checked(
            services.settings.limits,
            prompt=prompt,
            width=width,
            height=height,
            **clip.request(services.settings.backend),
        )
        outcome = run_with_progress(services, request, output)
        reworded = confirmed(outcome, accept_rewrite, ask=not json)
        if reworded is not None:
            if not json:
                print_outcome(outcome)
            decision, text = reworded
            request = request.model_copy(update={"prompt": text, "rewrite_of": decision})
            outcome = run_with_progress(services, request, output)
        if json:
            emit(outcome.to_json())
        else:
            print_outcome(outcome)
        stop(exit_code(outcome))


def confirmed(outcome: Outcome, accept: bool, ask: bool) -> tuple[str, str] | None:
    """``(decision, wording)`` when a proposed wording was agreed to; None otherwise.

    Without a terminal nobody can be asked: then the proposal is only shown.
    """
    import sys

    decision, gate = outcome.last
    if gate.offer is None:
        return None
    if ask:
        out = console()
        out.print("[bold]proposed instead[/]", end=" ")
        out.print(gate.offer.text, markup=False)
        out.print(f"  without: {', '.join(gate.offer.removed)}", markup=False)
    if not accept and not (ask and sys.stdin.isatty() and typer.confirm("Generate this instead?")):
        return None
    return decision, gate.offer.text


def run_with_progress(services: Services, request: ClipRequest, output: Path) -> Outcome:
    """Make the clip with a bar on standard error (nothing when that is no terminal)."""
    from guarded_gen.composition.lines import make_clip

    check_output(output)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=progress_console(), transient=True) as bar:
        task = bar.add_task("prompt gate", total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=_STAGES[stage], completed=done, total=total)

        return make_clip(services, request, output, show)


_STAGES = {
    "prompt": "prompt gate",
    "reference": "reference gate",
    "generate": "generate",
    "output": "output gate",
    "encode": "mark and encode",
    "sign": "sign and verify",
    "publish": "publish",
}


def check_output(output: Path) -> None:
    """Find an unwritable destination before any work is done for it."""
    import os

    from guarded_gen.errors import StorageFailed

    folder = output.parent
    if output.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise StorageFailed(
            f"{output} cannot be written", "give a file name in a folder that exists"
        )


def exit_code(outcome: Outcome) -> Exit:
    """0 published, 3 blocked, 4 held."""
    return {"published": Exit.DONE, "blocked": Exit.BLOCKED, "held_for_review": Exit.HELD}[
        outcome.state.value
    ]


def print_outcome(outcome: Outcome) -> None:
    """Every decision, then what came of it."""
    out = console()
    for decision, gate in outcome.gates.items():
        print_decision(decision, gate.to_json())
    if outcome.path is not None:
        out.print(f"[green]published[/] {escape(str(outcome.path))}  sha256 {outcome.sha256}")
        for part in outcome.caption.get("unexpressed", []):
            out.print(f"  [dim]the generator could not express: {escape(str(part))}[/]")
    elif outcome.state.value == "blocked":
        out.print("[red]blocked[/]: no clip was published")
    else:
        out.print("[yellow]held for review[/]: a person decides in the console, see `serve`")
        out.print(f"  once it is allowed: GET /v1/videos/{outcome.clip}/content", markup=False)
        if outcome.uninstalled:
            out.print(
                f"  required, but their weights are not on this machine: "
                f"{escape(', '.join(outcome.uninstalled))}\n  → guarded-gen models pull"
            )


_COLOURS = {"allow": "green", "review": "yellow", "block": "red"}


def print_decision(id: str, record: dict[str, Any]) -> None:
    """One decision in a few lines: action, rule, reason, checks, the highest scores."""
    out = console()
    decision = record["decision"]
    action = decision["action"]
    out.print(
        f"[bold]{decision['stage']} gate[/]  [{_COLOURS[action]}]{action}[/]"
        f"  rule {escape(str(decision['rule_id'] or '-'))}"
        f"  reason {escape(str(decision['reason']))}"
    )
    out.print(f"  decision {id}  policy {decision['policy_digest'][:16]}…")
    signals = record["signals"]
    ran = [s for s in signals if s["status"] == "ran"]
    for signal in sorted(ran, key=lambda s: -s["score"])[:4]:
        out.print(f"  {signal['check']:<22} {signal['category']:<22} {signal['score']:.3f}")
    silent: dict[tuple[str, str, str], list[str]] = {}
    for signal in signals:
        if signal["status"] != "ran":
            key = (signal["check"], signal["status"], str(signal["reason"]))
            silent.setdefault(key, []).append(signal["category"])
    for (check, status, reason), categories in silent.items():
        more = f" and {len(categories) - 1} more" if categories[1:] else ""
        out.print(f"  [yellow]{check:<22} {categories[0] + more:<22} {status}: {escape(reason)}[/]")
    print_unassessed(decision)


def print_unassessed(decision: dict[str, Any]) -> None:
    """What no check scored: what the policy wanted, and what it excused, each with its reason."""
    out = console()
    for title, items in (
        ("nobody looked at", decision["missing"]),
        ("not assessed, excused or without a rule", decision["not_assessed"]),
    ):
        reasons: dict[str, list[str]] = {}
        for item in items:
            reasons.setdefault(item["reason"], []).append(item["category"])
        for reason, names in reasons.items():
            listed = ", ".join(dict.fromkeys(names))
            out.print(f"  [yellow]{title}[/]  {escape(listed)}: {escape(reason)}")
