"""Marks inside longer videos: found, with their times, and each of several."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from media.encode import encode
from media.encoding import EncodeSettings
from media.open import open_media
from media.open.windows import key_times, windows
from provenance.watermark import (
    AssuranceSettings,
    Detection,
    DetectorSettings,
    Embedder,
    ScanSettings,
    assure,
    require,
    scan_file,
    segments,
)
from provenance.watermark.errors import CannotCarry
from provenance.watermark.presence import Presence
from tests.provenance.watermark.clips import KEYS, OTHER_KEYS, PAYLOAD, clip, texture

FPS = 12
QUICK = ScanSettings(most_thorough=0)
PARTS = [clip(240, 426, 2 * FPS, seed) for seed in (1, 2, 3)]
Write = Callable[..., Path]


def marked(pixels: NDArray[np.uint8], payload: int) -> NDArray[np.uint8]:
    return Embedder(KEYS, payload, pixels.shape[2], pixels.shape[1]).embed(pixels)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def video(*parts: NDArray[np.uint8], crf: int = 20) -> Path:
        path = tmp_path / "video.mp4"
        encode(path, iter(parts), Fraction(FPS), EncodeSettings(crf=crf))
        return path

    return video


def test_a_marked_clip_inside_an_unmarked_video_is_found_with_its_times(write: Write) -> None:
    path = write(PARTS[0], marked(PARTS[1], PAYLOAD), PARTS[2])
    shares: list[float] = []
    found = scan_file(path, KEYS, scanning=QUICK, on_progress=shares.append)
    assert found.payloads == (PAYLOAD,)
    (span,) = found.spans
    assert abs(span.start - 2) < 0.25
    assert abs(span.end - 4) < 0.25
    assert found.every <= 1.5
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_each_of_several_marks_is_told(write: Write) -> None:
    path = write(marked(PARTS[0], 7), PARTS[2], marked(PARTS[1], 9))
    found = scan_file(path, KEYS, scanning=QUICK)
    assert found.payloads == (7, 9)
    first, second = found.spans
    assert first.end < 2.3
    assert 3.7 < second.start < 4.3


def test_neighbouring_looks_with_the_same_mark_are_one_span(write: Write) -> None:
    path = write(marked(np.concatenate([PARTS[0], PARTS[1], PARTS[2]]), PAYLOAD))
    (span,) = scan_file(path, KEYS, scanning=QUICK).spans
    assert span.start < 0.3
    assert span.end > 5.5


def test_the_budget_bounds_the_looks_and_what_was_left_out_is_told(write: Write) -> None:
    path = write(PARTS[0], PARTS[1], PARTS[2])
    found = scan_file(path, KEYS, scanning=ScanSettings(budget=1e-6, first_looks=2))
    assert found.spans == ()
    assert found.every > 2


def test_another_house_reads_nothing(write: Write) -> None:
    path = write(marked(PARTS[0], PAYLOAD))
    found = scan_file(path, OTHER_KEYS, scanning=ScanSettings(most_thorough=1))
    assert found.spans == ()
    assert not found.to_json()["found"]


def test_a_known_mark_is_seen_only_where_it_is(write: Write) -> None:
    path = write(PARTS[0], marked(PARTS[1], PAYLOAD))
    (span,) = scan_file(path, KEYS, scanning=QUICK).spans
    presence = Presence(span.detection, KEYS)
    media = open_media(path)
    looks = dict(windows(media, [0.5, 2.5], 4, 0.0, key_times(media)))
    clean, with_mark = ([g.luma for g in looks[at]] for at in (0.5, 2.5))
    assert presence.z(clean) < 5 < 9 < presence.z(with_mark)
    assert presence.z([g[:-8] for g in with_mark]) == 0, "another size is not compared"


def test_windows_are_the_frames_of_a_whole_decoding(write: Write) -> None:
    path = write(PARTS[0], PARTS[1], PARTS[2])
    media = open_media(path)
    every = list(media.luma())
    keys = key_times(media)
    assert keys == [at for _, fresh, at in every if fresh]
    starts = [0.0, 0.9, 1.0, 3.5, 5.9]
    for start, found in windows(media, starts, 3, 0.1, keys):
        assert found
        for glimpse in found:
            same = [luma for luma, _, at in every if abs(at - glimpse.at) < 1e-3]
            assert np.array_equal(same[0], glimpse.luma)
        assert 0 <= found[0].at - start < 1 / FPS + 1e-3


def test_a_clip_that_holds_the_mark_is_assured_within_the_quality_bound() -> None:
    promise = require(assure(clip(360, 640, 8), KEYS, PAYLOAD))
    assert promise.readable
    assert promise.psnr >= 41.95
    assert promise.log10_p <= -9


def test_a_clip_that_cannot_hold_the_mark_is_told() -> None:
    black = np.zeros((1, 144, 176, 3), dtype=np.uint8)
    once = AssuranceSettings(most_strength=1)
    promise = assure(
        black, KEYS, PAYLOAD, settings=once, detecting=DetectorSettings(grids=1, tries=())
    )
    assert not promise.readable
    try:
        require(promise)
    except CannotCarry as error:
        assert error.remedy
    else:
        raise AssertionError("CannotCarry was not raised")


def test_an_inset_that_comes_late_is_found_with_its_times(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = np.clip(110 + 45 * texture(540, 960 + 90, 5, 1.1), 0, 255).astype(np.uint8)
    foreign = np.stack([still[:, 3 * i : 3 * i + 960] for i in range(30)])
    foreign = np.repeat(foreign[..., None], 3, axis=3)
    both = foreign[::-1].copy()
    own = marked(clip(360, 640, 30), PAYLOAD)
    for frame, one in zip(both, own, strict=True):
        frame[60:276, 540:924] = cv2.resize(one, (384, 216), interpolation=cv2.INTER_AREA)
    path = write(foreign, both, crf=16)
    # what the search of whole frames finds is another test's
    monkeypatch.setattr(segments, "detect_groups", lambda *_, **__: Detection(False, 3))
    whole = ScanSettings(thorough_every=2, most_inside=0)
    assert scan_file(path, KEYS, scanning=whole).spans == ()
    (span,) = scan_file(path, KEYS, scanning=ScanSettings(thorough_every=2)).spans
    assert span.detection.payload == PAYLOAD
    assert span.detection.geometry is not None and span.detection.geometry.part is not None
    assert abs(span.start - 2.5) < 0.5 and span.end > 4.5
