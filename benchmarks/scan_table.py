"""What ``guarded-gen scan`` makes of clips that are harmless, and of clips that should be held.

``python -m benchmarks.scan_table`` prints a row for each clip: which rules asked for a person or
for a block, and with which score. A rule that asks for one over a harmless clip is a false alarm.
Categories that nobody scores hold every clip and are no finding; they are named once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from fractions import Fraction
from pathlib import Path

from benchmarks.scan_clips import FPS, HEIGHT, WIDTH, Clip, harmless, to_hold
from classifiers.packages import missing, pull
from guarded_gen.composition.scanning import ScanResult, scan_file
from guarded_gen.composition.services import Services
from guarded_gen.gates.banks import bank_info
from guarded_gen.settings import load
from media.encode import encode
from policies.decision import Stage
from tests.media.pictures import picture

KNOWN = 501
"""Seed of the picture that stands in the bank."""


def services_of(home: Path) -> Services:
    """Everything of a home with all default weights and one picture in a bank."""
    os.environ["GUARDED_GEN_HOME"] = str(home)
    services = Services(load())
    for name in missing(services.registry):
        pull(services.registry, name)
    if not any(bank.info.name == "listed" for bank in services.banks.held()):
        from PIL import Image

        file = home / "listed.png"
        Image.fromarray(picture(KNOWN, HEIGHT, WIDTH)).save(file)
        info = bank_info("listed", "extremism", "block")
        services.banks.add(info, file, services.settings.limits.media)
    return services


def look(services: Services, clip: Clip, folder: Path) -> ScanResult:
    path = folder / "clip.mp4"
    batches = (frame[None] for frame in clip.frames())
    encode(path, batches, Fraction(FPS))
    return scan_file(services, path, Stage.OUTPUT)


def row(clip: Clip, result: ScanResult) -> tuple[bool, str]:
    """Whether any rule asked for more than to let it through, and a line about it."""
    found = [f"{f.rule_id} {f.category} {f.score:.2f} {f.action.value}" for f in result.findings]
    return bool(found), "; ".join(found) or "nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="keep home and weights here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = given.home or Path(name) / "home"
        home.mkdir(parents=True, exist_ok=True)
        services = services_of(home)
        try:
            table(services, Path(name))
        finally:
            services.close()


def table(services: Services, folder: Path) -> None:
    clean, bad = harmless(), to_hold(picture(KNOWN, HEIGHT, WIDTH))
    alarms = missed = 0
    unseen: set[str] | None = None
    for title, clips in (("harmless", clean), ("to be held", bad)):
        print(f"\n## {title}: {len(clips)} clips\n", flush=True)
        for clip in clips:
            result = look(services, clip, folder)
            asked, told = row(clip, result)
            missed_here = {m.category for m in result.gate.decision.missing}
            unseen = missed_here if unseen is None else unseen & missed_here
            right = any(f.category == clip.held for f in result.findings)
            if not clip.held:
                alarms += asked
                mark = "FALSE ALARM" if asked else "ok"
            else:
                missed += not right
                mark = "held" if right else "MISSED" if not asked else "held for another reason"
            print(f"| {clip.kind} | {clip.name} | {mark} | {told} |", flush=True)
    print(f"\nfalse alarms: {alarms} of {len(clean)} ({alarms / len(clean):.1%})")
    print(f"not held by the rule meant: {missed} of {len(bad)}")
    print(f"nobody scores: {', '.join(sorted(unseen or ()))}")


if __name__ == "__main__":
    main()
