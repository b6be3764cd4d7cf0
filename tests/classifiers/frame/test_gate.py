"""The gate: every category of every check gets a signal, whatever the checks do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.base import CheckReport, FrameTap, StreamInfo
from classifiers.frame import FlashCheck, FrameGate, GateReport, IntegrityCheck, scan
from media.clip import Frames, Pixels, batches
from media.decode import decode
from media.encode import encode
from media.errors import UnreadableMedia
from policies.decision import CheckStatus, Signal

FPS = Fraction(24)
MEASURED = (IntegrityCheck(), FlashCheck())
INFO = StreamInfo(160, 96, 24.0)


def moving(frames: int, height: int = 96, width: int = 160, seed: int = 0) -> Pixels:
    """A textured square that wanders over a grey picture."""
    texture = np.random.default_rng(seed).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    out = np.full((frames, height, width, 3), 110, np.uint8)
    for k in range(frames):
        x, y = (3 * k) % (width - 32), (2 * k) % (height - 32)
        out[k, y : y + 32, x : x + 32] = texture
    return out


def run(pixels: Pixels, checks=None, batch: int = 7, **gate) -> GateReport:
    chosen = MEASURED if checks is None else checks
    info = StreamInfo(pixels.shape[2], pixels.shape[1], 24.0, len(pixels))
    watch = FrameGate(chosen, info, **gate)
    for frames in batches((pixels[k : k + batch] for k in range(0, len(pixels), batch)), FPS):
        watch.push(frames)
    return watch.close()


def of(report: GateReport, category: str) -> Signal:
    return next(s for s in report.signals if s.category == category)


@dataclass(frozen=True)
class Odd:
    """A check that misbehaves in one of the ways that a model can."""

    how: str
    name: str = "odd"
    categories: tuple[str, ...] = ("sexual", "gore")
    weights: tuple[str, ...] = ()

    def open(self, stream: StreamInfo) -> FrameTap:
        if self.how == "open":
            raise MemoryError("no room")
        if self.how == "absent at open":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return _OddTap(self)


@dataclass
class _OddTap:
    check: Odd

    def push(self, frames: Frames) -> None:
        if self.check.how == "push":
            raise RuntimeError("bad input")
        if self.check.how == "absent at push":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

    def close(self) -> CheckReport:
        how = self.check.how
        if how == "close":
            raise KeyError("x")
        names = self.check.categories[:1] if how == "forget" else self.check.categories
        score = float("nan") if how == "nan" else 0.5
        return CheckReport(tuple(Signal.ran(self.check.name, c, score) for c in names))


def test_clean_clip_scores_nothing() -> None:
    report = run(moving(60))
    scores = {s.category: s.score for s in report.signals}
    assert scores == dict.fromkeys(("undecodable", "black", "frozen", "flash"), 0.0) | {
        "flash_local": pytest.approx(0.25, abs=0.25)
    }
    assert report.coverage["frames"] == 60
    assert report.coverage["largest_gap_ms"] == pytest.approx(1000 / 24, abs=0.1)
    assert report.coverage["checks"]["integrity"]["scored"] == 60


def test_frozen_run_is_found_with_its_times() -> None:
    clip = moving(24 * 8)
    clip[48:168] = clip[48]
    signal = of(run(clip), "frozen")
    assert signal.score == pytest.approx(0.5)
    assert [(s.start, s.end) for s in signal.segments] == [(2.0, 7.0)]


def test_slow_fade_is_not_frozen() -> None:
    levels = np.linspace(60, 180, 240).astype(np.uint8)
    clip = np.broadcast_to(levels[:, None, None, None], (240, 96, 160, 3)).copy()
    assert of(run(clip), "frozen").score == 0.0


def test_black_stretch_is_found_with_its_times() -> None:
    clip = moving(96)
    clip[24:72] = 10
    signal = of(run(clip), "black")
    assert signal.score == pytest.approx(0.5)
    assert [(s.start, s.end) for s in signal.segments] == [(1.0, 3.0)]


def test_scene_cut_is_listed() -> None:
    clip = np.concatenate([moving(48), 255 - moving(48) // 2])
    assert run(clip).coverage["scene_cuts"] == [0.0, 2.0]


@pytest.mark.parametrize("how", ["open", "push", "close", "forget", "nan"])
def test_a_failing_check_fails_all_its_categories_and_no_other(how: str) -> None:
    report = run(moving(12), (Odd(how), IntegrityCheck()))
    assert {s.category for s in report.signals if s.status is CheckStatus.FAILED} == {
        "sexual",
        "gore",
    }
    assert of(report, "frozen").status is CheckStatus.RAN
    assert report.coverage["checks"]["odd"]["status"] == "failed"


@pytest.mark.parametrize("how", ["absent at open", "absent at push"])
def test_a_check_whose_library_is_missing_is_not_assessed(how: str) -> None:
    report = run(moving(12), (Odd(how), IntegrityCheck()))
    skipped = [s for s in report.signals if s.check == "odd"]
    assert {s.category for s in skipped} == {"sexual", "gore"}
    assert {(s.status, s.reason) for s in skipped} == {(CheckStatus.SKIPPED, "not_assessed")}
    assert skipped[0].detail == {"missing": "torch"}
    assert of(report, "frozen").status is CheckStatus.RAN


def test_without_frames_nothing_ran() -> None:
    gate = FrameGate((Odd("fine"), IntegrityCheck()), INFO)
    report = gate.close("the stream broke")
    ran = {s.category: s.score for s in report.signals if s.status is CheckStatus.RAN}
    assert ran == {"undecodable": 1.0}
    with pytest.raises(RuntimeError):
        gate.close()


def test_missing_frames_are_counted() -> None:
    gate = FrameGate((), StreamInfo(160, 96, 24.0, frames=48))
    for frames in batches(iter([moving(36)]), FPS):
        gate.push(frames)
    assert of(gate.close(), "undecodable").score == pytest.approx(0.25)


def test_the_same_stream_is_judged_by_the_same_frames(tmp_path: Path) -> None:
    seeds = [run(moving(24, seed=n), batch=b).coverage["sampling"]["seed"]
             for n, b in ((1, 7), (1, 3), (2, 7))]  # fmt: skip
    assert seeds[0] == seeds[1] != seeds[2]
    encode(tmp_path / "a.mp4", iter([moving(24)]), FPS)
    first, again = (scan(tmp_path / "a.mp4", MEASURED).report for _ in range(2))
    assert first.coverage["sampling"] == again.coverage["sampling"]


def test_truncated_file_is_undecodable(tmp_path: Path) -> None:
    path = tmp_path / "whole.mkv"
    encode(tmp_path / "whole.mp4", iter([moving(96)]), FPS)
    data = (tmp_path / "whole.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: len(data) * 2 // 3])
    gate = FrameGate(MEASURED, INFO)
    broken = None
    try:
        for frames in decode(path):
            gate.push(frames)
    except UnreadableMedia as error:
        broken = error.code
    report = gate.close(broken)
    assert of(report, "undecodable").score == 1.0
    assert report.coverage["broken"] == "unreadable_media"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(0, 2**31))
def test_batching_changes_nothing(sizes: list[int], seed: int) -> None:
    clip = moving(sum(sizes), 40, 48)

    def parts() -> Iterator[Pixels]:
        at = 0
        for size in sizes:
            yield clip[at : at + size]
            at += size

    gate = FrameGate(MEASURED, StreamInfo(48, 40, 24.0, len(clip)), seed=seed)
    for frames in batches(parts(), FPS):
        gate.push(frames)
    a, b = gate.close(), run(clip, seed=seed)
    assert a.signals == b.signals
    assert {k: v for k, v in a.coverage.items() if k != "checks"} == {
        k: v for k, v in b.coverage.items() if k != "checks"
    }
