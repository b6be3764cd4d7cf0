"""What a scan holds does not grow with the length of the file."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from media.encode import Encoder
from media.soundtrack import RATE, Soundtrack
from tests.media.pictures import picture

MEASURE = """
import resource, sys
from pathlib import Path
from classifiers.frame import FlashCheck, IntegrityCheck, StripesCheck, scan
from classifiers.sound import LoudnessCheck
for file in sys.argv[1:]:
    checks = (IntegrityCheck(), FlashCheck(), StripesCheck())
    done = scan(Path(file), checks, seed=0, sounds=(LoudnessCheck(),))
    print(done.report.coverage["frames"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""Frames and the highest memory so far, in KiB, after each file."""

MOST_GROWTH = 24 * 1024
"""KiB: a fifth of what the longer file's frames would take."""


def film(path: Path, seconds: int) -> Path:
    still = picture(1, 180, 320)
    sound = Soundtrack(np.zeros((seconds * RATE, 1), np.float32), {})
    with Encoder(path, 320, 180, Fraction(24), sound=sound) as out:
        for _ in range(seconds):
            out.write(np.stack([still] * 24))
    return path


def test_a_longer_file_takes_no_more_memory(tmp_path: Path) -> None:
    files = [film(tmp_path / f"{seconds}.mp4", seconds) for seconds in (5, 30)]
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, files)],
        capture_output=True, text=True, timeout=600, check=True,
    ).stdout.split()  # fmt: skip
    short, _, long, _ = (int(n) for n in told)
    assert (short, long) == (120, 720)
    before, after = int(told[1]), int(told[3])
    assert after - before < MOST_GROWTH, (before, after)
