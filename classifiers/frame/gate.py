"""One stream of frames, fanned out to all checks; what came of it, and what was looked at.

The gate never raises because of what a check does. A check that throws, or that gives a
score which is no number, ends as ``failed`` for each of its categories and the others go on; one
whose library is not installed is ``not_assessed``.
Every category of every check gets a signal, whatever happened, so nothing can be missing
without a trace.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from classifiers.base import CheckReport, FrameCheck, FrameTap, StreamInfo
from classifiers.frame.scored import NOT_ASSESSED
from classifiers.frame.settings import FrameSettings
from media.clip import Frames
from media.sampling import Sampler, SceneCuts, View, steady_seed
from policies.decision import CheckStatus, Signal

_log = logging.getLogger(__name__)

GATE = "stream"
"""The name under which the gate itself reports ``undecodable``."""

MAX_LISTED_CUTS = 200
"""Scene cuts listed in the coverage record; all are counted."""


@dataclass(frozen=True, slots=True)
class GateReport:
    """All signals of a clip, and the coverage record (a JSON object).

    ``coverage`` has ``frames`` seen, ``seconds``, ``largest_gap_ms`` between frames seen,
    ``scene_cuts`` (seconds, at most ``MAX_LISTED_CUTS``) with ``scene_count``, ``sampling``
    (``rule``, ``seed``), ``broken`` (why the stream ended early, or None) and ``checks``: per
    check its ``status``, frames ``scored``, ``largest_gap_ms`` between them, ``weights`` and
    the ``seconds`` of processor time that it took. ``sealed`` has, by check, what is for
    reviewers only.
    """

    signals: tuple[Signal, ...]
    coverage: Mapping[str, Any]
    sealed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Seat:
    """A check at its place: its tap, or why it has none."""

    check: FrameCheck
    tap: FrameTap | None = None
    failure: str | None = None
    absent: str = ""
    """The library that it needs and that is not installed."""
    work: float = 0.0


@dataclass(slots=True)
class FrameGate:
    """Runs ``checks`` over one stream. Push every batch once, in order; then close once.

    ``seed`` fixes the sampling phase; by default it follows from the first frame, so the same
    stream is always judged by the same frames. Memory does not grow with the stream's length.
    A second ``close`` raises ``RuntimeError``.
    """

    checks: Sequence[FrameCheck]
    stream: StreamInfo
    settings: FrameSettings = field(default_factory=FrameSettings)
    seed: int | None = None
    _seats: list[_Seat] = field(init=False)
    _scenes: SceneCuts = field(init=False)
    _sampler: Sampler | None = field(init=False, default=None)
    _cuts: list[float] = field(init=False, default_factory=list)
    _scene_count: int = field(init=False, default=0)
    _frames: int = field(init=False, default=0)
    _first: float = field(init=False, default=0.0)
    _last: float | None = field(init=False, default=None)
    _gap: float = field(init=False, default=0.0)
    _closed: bool = field(init=False, default=False)
    _pool: ThreadPoolExecutor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._scenes = SceneCuts(self.settings.sampling)
        self._seats = [_Seat(check) for check in self.checks]
        workers = min(self.settings.workers, len(self._seats))
        self._pool = ThreadPoolExecutor(workers, "frame-check") if workers > 1 else None
        for seat in self._seats:
            try:
                seat.tap = seat.check.open(self.stream)
            except Exception as error:  # noqa: BLE001 - a check's error is its finding
                self._fail(seat, error)

    def push(self, frames: Frames) -> None:
        """Show the next frames to every check."""
        if self._closed:
            raise RuntimeError("the gate is closed")
        if not len(frames):
            return
        view = View(frames, short_side=self.settings.sampling.short_side)
        cuts = self._scenes.mark(view)
        object.__setattr__(view, "cuts", cuts)
        object.__setattr__(view, "due", self._sampling(frames).due(frames.times, cuts))
        self._count(view)
        working = [seat for seat in self._seats if seat.tap is not None]
        if self._pool is None:
            for seat in working:
                self._show(seat, view)
        else:
            # Taps are independent and only read the view, whose shared parts exist by now.
            list(self._pool.map(lambda seat: self._show(seat, view), working))

    def _sampling(self, frames: Frames | None = None) -> Sampler:
        """The sampler, made when the first frame is there; without frames any phase will do."""
        if self._sampler is None:
            rules = self.settings.sampling
            if self.seed is None:
                first = b"" if frames is None else frames.pixels[0].tobytes()
                self.seed = steady_seed(first, rules)
            self._sampler = Sampler(rules, self.seed)
        return self._sampler

    def _show(self, seat: _Seat, view: View) -> None:
        start = time.thread_time()
        try:
            assert seat.tap is not None
            seat.tap.push(view)
        except Exception as error:  # noqa: BLE001 - a check's error is its finding
            self._fail(seat, error)
        seat.work += time.thread_time() - start

    def close(self, broken: str | None = None) -> GateReport:
        """The signals and the coverage record. ``broken`` says why the stream ended early."""
        if self._closed:
            raise RuntimeError("the gate is closed")
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown()
        signals = [self._undecodable(broken)]
        checks: dict[str, Any] = {}
        sealed: dict[str, Any] = {}
        for seat in self._seats:
            start = time.thread_time()
            report = self._report(seat)
            seat.work += time.thread_time() - start
            signals.extend(report.signals)
            if report.sealed:
                sealed[seat.check.name] = dict(report.sealed)
            checks[seat.check.name] = {
                **report.coverage,
                "status": _worst(report.signals),
                "weights": list(seat.check.weights),
                "seconds": round(seat.work, 3),
            }
        return GateReport(tuple(signals), self._coverage(checks, broken), sealed)

    def _count(self, view: View) -> None:
        times = view.times
        if self._last is None:
            self._first = float(times[0])
        else:
            self._gap = max(self._gap, float(times[0]) - self._last)
        if len(times) > 1:
            self._gap = max(self._gap, float(np.diff(times).max()))
        self._last = float(times[-1])
        self._frames += len(view)
        self._scene_count += int(view.cuts.sum())
        room = MAX_LISTED_CUTS - len(self._cuts)
        self._cuts.extend(round(float(t), 3) for t in times[view.cuts][:room])

    def _undecodable(self, broken: str | None) -> Signal:
        expected = self.stream.frames
        detail: dict[str, Any] = {"frames": self._frames}
        if expected is not None:
            detail["expected"] = expected
        if broken is not None:
            detail["broken"] = broken
        if broken is not None or not self._frames:
            return Signal.ran(GATE, "undecodable", 1.0, calibrated=True, detail=detail)
        missing = 0.0 if not expected else max(0.0, 1 - self._frames / expected)
        return Signal.ran(GATE, "undecodable", missing, calibrated=True, detail=detail)

    def _report(self, seat: _Seat) -> CheckReport:
        if seat.tap is not None:
            try:
                report = seat.tap.close()
                _complete(seat.check, report)
            except Exception as error:  # noqa: BLE001 - a check's error is its finding
                self._fail(seat, error)
            else:
                if self._frames:
                    return report
                return CheckReport(
                    tuple(
                        s
                        if s.status is not CheckStatus.RAN
                        else Signal.skipped(s.check, s.category, "no_frames")
                        for s in report.signals
                    ),
                    report.coverage,
                    report.sealed,
                )
        name, reason = seat.check.name, seat.failure or "check_failed"
        if seat.absent:
            return CheckReport(
                tuple(
                    Signal.skipped(name, c, NOT_ASSESSED, detail={"missing": seat.absent})
                    for c in seat.check.categories
                ),
                {"scored": 0},
            )
        return CheckReport(
            tuple(Signal.failed(name, c, reason) for c in seat.check.categories), {"scored": 0}
        )

    def _fail(self, seat: _Seat, error: Exception) -> None:
        _log.error("frame check %s failed", seat.check.name, exc_info=error)
        if isinstance(error, ModuleNotFoundError):
            seat.absent = error.name or "a library"
        code = getattr(error, "code", None)
        seat.tap, seat.failure = None, code if isinstance(code, str) else type(error).__name__

    def _coverage(self, checks: dict[str, Any], broken: str | None) -> dict[str, Any]:
        seconds = 0.0 if self._last is None else self._last - self._first + 1 / self.stream.fps
        return {
            "frames": self._frames,
            "seconds": round(seconds, 3),
            "largest_gap_ms": round(self._gap * 1000, 1),
            "scene_cuts": self._cuts,
            "scene_count": self._scene_count,
            "sampling": {"rule": self._sampling().rule, "seed": self.seed},
            "broken": broken,
            "checks": checks,
        }


def _complete(check: FrameCheck, report: CheckReport) -> None:
    named = {signal.category for signal in report.signals}
    missing = [c for c in check.categories if c not in named]
    if missing:
        raise ValueError(f"{check.name} said nothing of {', '.join(missing)}")


def _worst(signals: Sequence[Signal]) -> str:
    order = (CheckStatus.FAILED, CheckStatus.SKIPPED, CheckStatus.RAN)
    return next((s.value for s in order if any(x.status is s for x in signals)), "skipped")
