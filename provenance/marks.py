"""Every mark of a file, with its times and with what the file shows while the mark is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from media.errors import MediaError
from media.limits import MediaLimits
from media.open import open_media
from media.open.windows import key_times
from provenance.picture import look_between
from provenance.recovery import Mark
from provenance.watermark import Detection, KeyRing, ScanSettings, Span, scan_file
from provenance.watermark.files import detect_file


def read_marks(
    path: Path, keys: KeyRing, limits: MediaLimits, scanning: ScanSettings | None = None
) -> list[Mark]:
    """The marks of a video or a still, in order of appearance.

    The beginning is searched first, with everything; then the whole is looked at in short
    stretches, so that a clip inside another video is found, and each of several. Raises the media
    room's errors; a video that breaks off later keeps what was found by then.
    """
    found = detect_file(path, keys, limits=limits)
    begin = [found] if found.found else []
    media = open_media(path, limits)
    if media.is_picture:
        return [_mark(one, (), 0.0) for one in begin]
    try:
        scan = scan_file(path, keys, scanning=scanning, limits=limits, known=begin)
    except MediaError:
        return [_mark(one, (), 0.0) for one in begin]
    together: dict[tuple[int | None, str | None], list[Span]] = {}
    for span in scan.spans:
        together.setdefault((span.detection.payload, span.detection.key_id), []).append(span)
    if found.found:
        # read once by adding many frames up; short looks may not see it
        together.setdefault((found.payload, found.key_id), [])
    marks = []
    times = key_times(media)
    for (payload, _), spans in together.items():
        surest = min((s.detection for s in spans), key=lambda d: d.log10_p, default=found)
        assert payload is not None
        mark = _mark(surest, tuple((s.start, s.end) for s in spans), scan.seconds)
        if mark.part:
            mark = replace(mark, picture=look_between(media, mark.spans, times))
        marks.append(mark)
    return marks


def _mark(found: Detection, spans: tuple[tuple[float, float], ...], seconds: float) -> Mark:
    assert found.payload is not None
    payload = found.payload.to_bytes(found.payload_bits // 8, "big")
    return Mark(payload, found.geometry, spans, seconds, transplanted=found.transplanted)
