"""All checks over one existing file: every picture that it can show, and its sound.

The picture that a player shows unasked is judged first. Further video tracks, cover art, and a
transparent picture on a dark page are judged like it, and their signals name the picture under
``detail["showing"]``. Whatever nothing looked at becomes a signal ``not_assessed`` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifiers.base import FrameCheck, StreamInfo, TrackCheck
from classifiers.captions.gate import read
from classifiers.frame.gate import GATE, FrameGate, GateReport
from classifiers.frame.settings import FrameSettings
from classifiers.sound.gate import listen
from media.errors import MediaError
from media.hashing import sha256_file
from media.limits import MediaLimits
from media.sampling import steady_seed
from media.tone import RULE
from policies.decision import CheckStatus, Signal

if TYPE_CHECKING:
    from media.open import Media, Part, Showing, VideoInfo

Progress = Callable[[float, float | None], None]
"""Called with the seconds done and the seconds in all, where the file says."""

NOT_ASSESSED = "not_assessed"

_OF_CLIPS = frozenset({"black", "frozen", "undecodable"})
"""Faults of a clip; a plain cover or a still behind a page is none."""


@dataclass(frozen=True, slots=True)
class FileScan:
    """What the checks say of one file. ``error`` is why its shown stream broke off, or None."""

    path: Path
    info: VideoInfo
    report: GateReport
    error: MediaError | None


def scan(
    path: Path,
    checks: Sequence[FrameCheck],
    settings: FrameSettings | None = None,
    limits: MediaLimits | None = None,
    progress: Progress = lambda done, total: None,
    seed: int | None = None,
    sounds: Sequence[TrackCheck] = (),
) -> FileScan:
    """Decode everything that ``path`` shows once with every check looking on.

    ``seed`` fixes the sampling phase; by default it follows from the file's SHA-256.
    Raises :class:`media.errors.MediaError` when the file is no video or image, or is past a
    limit by its own header. A shown stream that breaks off later is reported as ``undecodable``,
    any other one as ``not_assessed``.
    """
    from media.open import MediaKind, open_media

    rules, bounds = settings or FrameSettings(), limits or MediaLimits()
    media = open_media(path, bounds)
    if seed is None:
        seed = steady_seed(bytes.fromhex(sha256_file(path)), rules.sampling)
    first, *others = media.showings
    report, error = _look(media, first, checks, rules, seed, progress)
    signals, told = list(report.signals), [_told(first, report)]
    for showing in others:
        if showing.kind is MediaKind.BACKDROP and not media.translucent(showing):
            continue
        more, broken = _look(media, showing, checks, rules, seed, lambda done, total: None)
        signals += _further(showing, more, report)
        told.append(_told(showing, more))
        if broken is not None:
            signals.append(_not_assessed("track", broken.code, showing.name))
    for part in media.parts:
        more_signals, inside = _inside(media, part, checks, rules, seed, sounds, report)
        signals += more_signals
        told += inside
    heard = listen(media, sounds)
    captions = read(media, sounds)
    signals += [*heard.signals, *captions.signals]
    signals += [_not_assessed(item.category, item.what) for item in media.not_shown]
    coverage: dict[str, Any] = dict(report.coverage)
    if captions.coverage:
        coverage["captions"] = captions.coverage
    if heard.coverage:
        coverage["sound"] = heard.coverage
    if len(told) > 1:
        coverage["showings"] = told
    missed = sorted({s.category for s in signals if s.check == s.category and s.score is None})
    if missed:
        coverage[NOT_ASSESSED] = missed
    if media.info.transfer is not None:
        coverage["hdr"] = {"transfer": media.info.transfer.value, "tone_mapping": RULE}
    return FileScan(
        path, media.info, replace(report, signals=tuple(signals), coverage=coverage), error
    )


def _inside(
    media: Media,
    part: Part,
    checks: Sequence[FrameCheck],
    rules: FrameSettings,
    seed: int,
    sounds: Sequence[TrackCheck],
    shown: GateReport,
) -> tuple[list[Signal], list[dict[str, Any]]]:
    """A file inside the file, such as the video of a motion photo: looked at and listened to like
    one of its own. What lies inside it in turn is told, not looked at."""
    from media.open import MediaKind, open_media

    with part.file(media.path) as path:
        try:
            inner = open_media(path, media.limits)
        except MediaError as error:
            return [_not_assessed("trailing_bytes", error.code, part.name)], []
        signals: list[Signal] = []
        told: list[dict[str, Any]] = []
        for showing in inner.showings:
            if showing.kind is MediaKind.BACKDROP and not inner.translucent(showing):
                continue
            name = part.name if showing.kind is MediaKind.SHOWN else f"{part.name}, {showing.name}"
            more, broken = _look(inner, showing, checks, rules, seed, lambda done, total: None)
            signals += _further(showing, more, shown, name)
            told.append({**_told(showing, more), "name": name})
            if broken is not None:
                signals.append(_not_assessed("track", broken.code, name))
        signals += [
            replace(signal, detail={**signal.detail, "showing": part.name})
            for signal in (
                *(listen(inner, sounds).signals if inner.sounds else ()),
                *read(inner, sounds).signals,
            )
        ]
        signals += [_not_assessed(i.category, i.what, part.name) for i in inner.not_shown]
        signals += [
            _not_assessed("trailing_bytes", "a file inside a file inside a file", part.name)
            for _ in inner.parts
        ]
    return signals, told


def _look(
    media: Media,
    showing: Showing,
    checks: Sequence[FrameCheck],
    rules: FrameSettings,
    seed: int,
    progress: Progress,
) -> tuple[GateReport, MediaError | None]:
    # An edit list hides frames that the header counts; lost packets are the decoder's finding.
    stream = StreamInfo(media.info.width, media.info.height, float(media.info.fps))
    gate = FrameGate(checks, stream, rules, seed)
    broken: MediaError | None = None
    try:
        for frames in media.frames(showing):
            gate.push(frames)
            progress(float(frames.times[-1]), media.info.seconds)
    except MediaError as error:
        broken = error
    return gate.close(broken.code if broken else None), broken


def _further(
    showing: Showing, more: GateReport, shown: GateReport, name: str = ""
) -> Iterator[Signal]:
    """The signals of a further picture; what did not run for the shown one either is told once."""
    from media.open import MediaKind

    ran = {(s.check, s.category) for s in shown.signals if s.status is CheckStatus.RAN}
    still = bool(name) or showing.kind in (MediaKind.COVER, MediaKind.BACKDROP, MediaKind.PAGE)
    for signal in more.signals:
        if signal.check == GATE or (still and signal.category in _OF_CLIPS):
            continue
        if signal.status is CheckStatus.RAN or (signal.check, signal.category) in ran:
            detail: Mapping[str, Any] = {**signal.detail, "showing": name or showing.name}
            yield replace(signal, detail=detail)


def _told(showing: Showing, report: GateReport) -> dict[str, Any]:
    coverage = report.coverage
    return {"name": showing.name} | {k: coverage[k] for k in ("frames", "seconds", "broken")}


def _not_assessed(category: str, cause: str, showing: str = "") -> Signal:
    """A part of the file that nothing looked at; the check bears the category's name, so that
    the manifest's list of checks names it too."""
    detail = {"cause": cause, "showing": showing} if showing else {"cause": cause}
    return Signal.skipped(category, category, NOT_ASSESSED, detail=detail)
