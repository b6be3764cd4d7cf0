from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark import (
    AssuranceSettings,
    DetectorSettings,
    Embedder,
    ScanSettings,
    assure,
    require,
    scan,
)
from provenance.watermark.errors import CannotCarry
from tests.provenance.watermark.clips import KEYS, OTHER_KEYS, PAYLOAD, clip

FPS = 12
SCANNING = ScanSettings(seconds=1, frames=4, most_thorough=0)
PARTS = [clip(240, 426, FPS, seed) for seed in (1, 2, 3)]


def marked(pixels: NDArray[np.uint8], payload: int) -> NDArray[np.uint8]:
    return Embedder(KEYS, payload, pixels.shape[2], pixels.shape[1]).embed(pixels)


def stream(*parts: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.uint8], bool, float]]:
    for i, frame in enumerate(np.concatenate(parts)):
        yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)), False, i / FPS


def test_a_marked_clip_inside_an_unmarked_video_is_found_with_its_times() -> None:
    found = scan(stream(PARTS[0], marked(PARTS[1], PAYLOAD), PARTS[2]), KEYS, None, SCANNING)
    assert found.payloads == (PAYLOAD,)
    (span,) = found.spans
    assert abs(span.start - 1) < 0.01
    assert abs(span.end - 2) < 0.01


def test_two_marks_in_one_video_are_both_told() -> None:
    found = scan(stream(marked(PARTS[0], 7), marked(PARTS[1], 9)), KEYS, None, SCANNING)
    assert found.payloads == (7, 9)


def test_neighbouring_segments_with_the_same_mark_are_one_span() -> None:
    whole = marked(np.concatenate([PARTS[0]] * 3), PAYLOAD)
    found = scan(stream(whole), KEYS, None, SCANNING)
    (span,) = found.spans
    assert span.end - span.start > 2.8
    assert found.frames_used == 12


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


def test_another_house_reads_nothing() -> None:
    found = scan(stream(marked(PARTS[0][:4], PAYLOAD)), OTHER_KEYS, None, SCANNING)
    assert found.spans == ()
    assert not found.to_json()["found"]
