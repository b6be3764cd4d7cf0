"""Every subtitle track and the chapters' titles past every check of captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from classifiers.base import CaptionCheck
from media.errors import MediaError
from policies.decision import Signal

if TYPE_CHECKING:
    from media.open import Media

SUBTITLES = "subtitles"
WINDOW = 30.0
"""Seconds whose lines are judged as one text: a sentence goes over several."""


@dataclass(slots=True)
class CaptionSignals:
    """The signals of all captions, and what was read (a JSON object)."""

    signals: list[Signal] = field(default_factory=list)
    coverage: dict[str, Any] = field(default_factory=dict)


def read(media: Media, checks: Sequence[object]) -> CaptionSignals:
    """Show the lines of every subtitle track, and the chapters' titles, to every check of captions.

    Nothing for a file without any. A track that cannot be read as text, and all of them where no
    check reads captions, are ``not_assessed``.
    """
    found = CaptionSignals()
    readers = [check for check in checks if isinstance(check, CaptionCheck)]
    for stream in media.subtitles:
        try:
            texts = _windows(media, stream)
        except MediaError as error:
            found.signals.append(_not_assessed(f"track {stream}: {error}"))
            continue
        _judged(found, readers, f"track {stream}", texts)
    if media.chapters:
        _judged(found, readers, "chapters", ["\n".join(media.chapters)])
    return found


def _judged(
    found: CaptionSignals, readers: Sequence[CaptionCheck], what: str, texts: Sequence[str]
) -> None:
    if not readers:
        found.signals.append(_not_assessed(f"{what}: no check of captions is configured"))
    for reader in readers:
        try:
            report = reader.read(texts)
        except Exception as error:  # noqa: BLE001 - a check's error is its finding
            code = getattr(error, "code", None)
            reason = code if isinstance(code, str) else type(error).__name__
            found.signals += [Signal.failed(reader.name, c, reason) for c in reader.categories]
            continue
        found.signals += report.signals
        found.coverage[what] = dict(report.coverage)


def _windows(media: Media, stream: int) -> list[str]:
    lines: dict[int, list[str]] = {}
    for caption in media.captions(stream):
        spoken = lines.setdefault(int(caption.at // WINDOW), [])
        # A line that rolls up is sent again with each new one.
        if not spoken or spoken[-1] != caption.text:
            spoken.append(caption.text)
    return ["\n".join(texts) for _, texts in sorted(lines.items())]


def _not_assessed(cause: str) -> Signal:
    return Signal.skipped(SUBTITLES, SUBTITLES, "not_assessed", detail={"cause": cause})
