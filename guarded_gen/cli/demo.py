"""``guarded-gen demo``: the main job once, with everything shown."""

from __future__ import annotations

import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
    stop,
)
from guarded_gen.cli.generate import exit_code, print_outcome, run_with_progress

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from guarded_gen.production.outcome import Outcome

PROMPT = "a golden retriever runs along the beach at sunset"
SIZE = 768
SECONDS = 3.0
REFUSED = "a graphic scene in which a man tortures and kills a bleeding prisoner"
"""Shown as refused; no frame of it is ever made."""
TURN_DEGREES = 3.0
KEPT = 0.6
CRF = 35


def demo(
    prompt: Annotated[str, typer.Argument(help="What the clip shows.")] = PROMPT,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("out"),
    json: Json = False,
) -> None:
    """Take a prompt the whole way to a signed MP4, verify it, and find a mangled copy again."""
    with (
        errors_to_user(json),
        opened_services() as services,
        ThreadPoolExecutor(1, "sheet") as beside,
    ):
        from guarded_gen.production.request import ClipRequest

        out.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        record: dict[str, Any] = {}
        picture = out / "demo.png"
        # Nothing else needs the sheet: a second core draws it meanwhile.
        drawn = beside.submit(_sheet, picture)
        backend = services.settings.backend

        def say(text: str) -> None:
            if not json:
                console().print(text, markup=False)

        say(f"1. A prompt that the policy refuses\n\n{REFUSED}\n")
        request = ClipRequest.checked(services.settings.limits, prompt=REFUSED, backend=backend)
        refused = run_with_progress(services, request, out / "refused.mp4")
        record["refused"] = refused.to_json()
        if not json:
            print_outcome(refused)

        say(f"\n2. A prompt that passes\n\n{prompt}\n")
        request = ClipRequest.checked(
            services.settings.limits,
            prompt=prompt,
            seconds=SECONDS,
            width=SIZE,
            height=SIZE,
            seed=7,
            backend=backend,
        )
        outcome = run_with_progress(services, request, out / "demo.mp4")
        record["outcome"] = outcome.to_json()
        if not json:
            print_outcome(outcome)
        if outcome.path is None:
            if json:
                emit(record)
            stop(exit_code(outcome))
            return
        record["checks"] = _checks(services, outcome, say)

        say("\n3. What a stranger finds\n")
        record["report"] = _report(services, outcome.path, json)

        copy = out / "mangled.mp4"
        say(
            f"\n4. A copy without credentials: encoded again at CRF {CRF}, turned by "
            f"{TURN_DEGREES:g} degrees, cropped to {KEPT:.0%} of the area\n"
        )
        with progress_console().status("mangling"):
            mangle(outcome.path, copy)
        record["mangled"] = _report(services, copy, json)

        say("\n5. What the embedded model draws in every mode: a contact sheet\n")
        with progress_console().status("drawing"):
            drawn.result()
        record["sheet"] = str(picture)
        say(f"{picture} (for looking; it passed no gate and is not signed)")

        log = services.log.verify()
        record["log"] = log.to_json()
        if json:
            emit(record)
            return
        say(f"\n6. The audit log: {log.size} entries, verified: {log.ok}")
        say(f"done in {time.monotonic() - started:.1f} s; the clip is {outcome.path}")
        say("\nNext, in this folder:")
        for step in next_steps(services.settings.home, outcome.path):
            say(f"  {step}")


def next_steps(home: Path, clip: Path) -> list[str]:
    """Commands that work when they are pasted. They name the home: another one has other keys, so
    that a clip of this one would only be ``valid_untrusted`` there."""
    program = Path(sys.argv[0])
    named = shlex.quote(str(program if program.name == "guarded-gen" else "guarded-gen"))
    run = f"GUARDED_GEN_HOME={shlex.quote(str(home))} {named}"
    return [
        f"{run} verify {shlex.quote(str(clip))}",
        f"{run} audit list --limit 5",
        f"{run} serve",
    ]


def _checks(services: Services, outcome: Outcome, say: Any) -> list[dict[str, Any]]:
    """What the output gate looked at, check by check, with the weights and their licences."""
    _, gate = outcome.last
    seen = gate.coverage
    say(
        f"  coverage: {seen.get('frames')} frames seen, {seen.get('seconds')} s, "
        f"largest gap {seen.get('largest_gap_ms')} ms"
    )
    pins = {
        pin.sha256: pin
        for pin in (services.registry.pin(name) for name in services.registry.names())
    }
    causes = {s.check: str(s.detail.get("cause", s.reason)) for s in gate.signals if s.reason}
    lines = []
    for name, told in seen.get("checks", {}).items():
        used = [pins[sha256] for sha256 in told["weights"] if sha256 in pins]
        ran = told["status"] == "ran"
        line: dict[str, Any] = {"check": name, "status": told["status"], "scored": told["scored"]}
        if ran:
            line["weights"] = [
                {"name": pin.name, "sha256": pin.sha256, "licence": pin.licence} for pin in used
            ]
        elif name in causes:
            line["cause"] = causes[name]
        lines.append(line)
        files = ", ".join(f"{pin.name} ({pin.licence}, {pin.sha256[:8]}…)" for pin in used)
        by = f"by {files}" if used else "by rules"
        say(
            f"  {name:<11} ran on {told['scored']} frames, {by}"
            if ran
            else f"  {name:<11} {told['status']}: {line.get('cause', 'see the record')}"
        )
    return lines


def _report(services: Services, path: Path, json: bool) -> dict[str, Any]:
    from guarded_gen.cli.verify import print_evidence, print_report

    with progress_console().status("verifying"):
        report = services.origin.report(path, deep=True)
    if not json:
        print_report(report.verification)
        print_evidence(report)
    return report.to_json()


def _sheet(path: Path) -> None:
    from generator.dit.evaluate.sheet import QUICK_ROLLOUT_S, write

    write(path, keep=True, rollout=QUICK_ROLLOUT_S)


def mangle(source: Path, destination: Path) -> None:
    """What happens to videos out there: encode again, turn, crop. Metadata does not survive."""
    import cv2
    import numpy as np

    from media.decode import decode
    from media.encode import Encoder, encode
    from media.encoding import EncodeSettings
    from media.probe import probe

    info = probe(source)
    side = KEPT**0.5
    width, height = (int(side * n) // 2 * 2 for n in (info.width, info.height))
    turn = cv2.getRotationMatrix2D((info.width / 2, info.height / 2), TURN_DEGREES, 1.0)
    left, top = (info.width - width) // 2, (info.height - height) // 2
    coded = destination.with_suffix(".coded.mp4")
    try:
        strong = EncodeSettings(crf=CRF)
        encode(coded, (batch.pixels for batch in decode(source)), info.fps, strong)
        with Encoder(destination, width, height, Fraction(info.fps)) as encoder:
            for batch in decode(coded):
                turned = [
                    cv2.warpAffine(frame, turn, (info.width, info.height)) for frame in batch.pixels
                ]
                kept = np.stack(turned)[:, top : top + height, left : left + width]
                encoder.write(kept.astype(np.uint8, copy=False))
    finally:
        coded.unlink(missing_ok=True)
