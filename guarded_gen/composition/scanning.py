"""An existing file past every output check: findings, a decision on record, a storyboard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from classifiers.frame.scan import FileScan, Progress, scan
from guarded_gen.audit import Event
from guarded_gen.composition.services import Services
from guarded_gen.errors import InvalidInput
from guarded_gen.gates.gate import GateResult, judge
from media.hashing import sha256_file
from media.limits import MediaLimits
from media.open import SUFFIXES
from media.sampling import steady_seed
from media.storyboard import Tile, frames_at, storyboard
from policies import EVALUATION, Context
from policies.decision import Action, Segment, Signal, Stage

MAX_TILES = 12
"""Frames on a storyboard: three rows that can be taken in at a glance."""


@dataclass(frozen=True, slots=True)
class ScanFinding:
    """A category for which a rule asked for more than ``allow``, and where in the clip."""

    category: str
    check: str
    action: Action
    rule_id: str
    score: float
    segments: tuple[Segment, ...]
    showing: str = "shown"
    """Which picture of the file (:class:`media.open.Showing`)."""

    def to_json(self) -> dict[str, Any]:
        return {
            "category": self.category,
            "check": self.check,
            "action": self.action.value,
            "rule_id": self.rule_id,
            "score": round(self.score, 6),
            "segments": [[s.start, s.end, round(s.score, 6)] for s in self.segments],
            "showing": self.showing,
        }


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What came of one file. ``entry`` is the log entry of the decision, which holds ``words``
    sealed only."""

    scan: FileScan
    sha256: str
    gate: GateResult
    entry: str
    findings: tuple[ScanFinding, ...]

    @property
    def words(self) -> list[dict[str, Any]]:
        """Words that were read, the worst first: ``text``, ``time``, ``box`` and ``scores``."""
        read: list[dict[str, Any]] = self.gate.sealed.get("text", {}).get("words", [])
        return read

    def to_json(self) -> dict[str, Any]:
        info = self.scan.info
        return {
            "file": str(self.scan.path),
            "sha256": self.sha256,
            "media": {
                "container": info.container,
                "codec": info.codec,
                "width": info.width,
                "height": info.height,
                "fps": float(info.fps),
            },
            "entry": self.entry,
            "findings": [finding.to_json() for finding in self.findings],
            "words": self.words,
            **self.gate.to_json(),
        }


def files_in(path: Path) -> Iterator[Path]:
    """``path`` itself, or the media files below it in order of name; links are not followed."""
    if not path.is_dir():
        yield path
        return
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in SUFFIXES and file.is_file() and not file.is_symlink()
    )
    if not found:
        raise InvalidInput(f"{path} holds no video or image", "give a file or another folder")
    yield from found


def scan_file(
    services: Services,
    path: Path,
    stage: Stage,
    progress: Progress = lambda done, total: None,
) -> ScanResult:
    """Run every check over ``path``, judge the signals at ``stage``, record the decision.

    Raises ``MediaError`` for what is no video or image. The record holds the file's SHA-256,
    never its name.
    """
    settings = services.settings
    sha256, frames = sha256_file(path), services.frame_settings
    seed = steady_seed(bytes.fromhex(sha256), frames.sampling)
    done = scan(
        path,
        services.frame_checks,
        frames,
        settings.limits.media,
        progress,
        seed,
        services.sound_checks,
    )
    context = Context(duration=done.report.coverage["seconds"])
    choice = services.choice_for(f"file:{sha256}", context.tenant)
    gate = replace(
        judge(choice, stage, done.report.signals, context, done.report.coverage),
        sealed=done.report.sealed,
    )
    shadows = {"shadows": gate.shadows_json()} if gate.shadows else {}
    event = Event(
        kind="scan.decision",
        tenant=context.tenant,
        subject=f"file:{sha256}",
        actor="scan",
        decision=gate.decision.to_json(),
        body={
            "sha256": sha256,
            "checks": gate.checks(),
            "signals": [signal.to_json() for signal in gate.signals],
            "coverage": dict(gate.coverage),
            "context": context.to_json(),
            "evaluation": EVALUATION,
            **shadows,
        },
        payload=dict(gate.sealed) or None,
    )
    entry = services.log.write(lambda tx: tx.append(event))
    return ScanResult(done, sha256, gate, entry, findings(gate))


def findings(gate: GateResult) -> tuple[ScanFinding, ...]:
    """The matches of the decision with the segments of the signals, the most severe first."""
    # Several pictures of one file have signals of one check: the worst is the one that matched.
    signals: dict[tuple[str, str], Signal] = {}
    for one in gate.signals:
        other = signals.get((one.check, one.category))
        if other is None or (one.score or 0) > (other.score or 0):
            signals[one.check, one.category] = one
    worst: dict[str, ScanFinding] = {}
    for match in gate.decision.trace:
        if match.action is Action.ALLOW:
            continue
        signal: Signal | None = signals.get((match.check or "", match.category))
        finding = ScanFinding(
            match.category,
            match.check or "",
            match.action,
            match.rule_id,
            match.score,
            signal.segments if signal else (),
            str(signal.detail.get("showing", "shown")) if signal else "shown",
        )
        known = worst.get(match.category)
        if known is None or known.action.severity < match.action.severity:
            worst[match.category] = finding
    return tuple(sorted(worst.values(), key=lambda f: -f.action.severity))


def draw_storyboard(
    result: ScanResult, limits: Any = None, blur: bool = True
) -> Image.Image | None:
    """The flagged seconds as a picture; None where no finding names a time."""
    wanted: dict[str, dict[float, str]] = {}
    parts = [(f, s) for f in result.findings for s in f.segments]
    if not parts:
        return None
    each = max(1, MAX_TILES // len(parts))
    for finding, segment in parts[:MAX_TILES]:
        times = wanted.setdefault(finding.showing, {})
        for k in range(each):
            # Uneven steps, so that a regular flash is not always met in the same phase.
            share = (k + (k * 0.618) % 1 * 0.5) / each
            time = segment.start + share * max(0.0, segment.end - segment.start)
            label = f"{finding.category}: {finding.action.value}"
            if finding.showing != "shown":
                label += f" ({finding.showing})"
            known = times.setdefault(round(time, 3), label)
            if label not in known:
                times[round(time, 3)] = f"{known}, {label}"
    tiles = []
    bounds = limits or MediaLimits()
    for showing, times in wanted.items():
        marks = sorted(times)
        for time, picture in frames_at(result.scan.path, marks, bounds, showing):
            nearest = min(marks, key=lambda mark: abs(mark - time))
            tiles.append(Tile(picture, time, times[nearest]))
    if not tiles:
        return None
    title = f"{result.scan.path.name}: {result.gate.decision.action.value}"
    return storyboard(tiles, title, blur)
