"""Marks in a part of the frames: on a filmed screen, and in an inset."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from provenance.picture import KeyFrames, likeness
from provenance.reading import _from_json, _mark_json
from provenance.recovery import Mark
from provenance.watermark import (
    Detection,
    DetectorSettings,
    Embedder,
    detect,
    detector,
    inside,
    outline,
)
from provenance.watermark.geometry import Geometry
from provenance.watermark.part import Part
from provenance.watermark.presence import Presence
from provenance.watermark.residual import luma_of
from tests.provenance.watermark.clips import KEYS, OTHER_KEYS, PAYLOAD, clip, texture

CLIP = clip(360, 640, frames=3)
MARKED = np.stack([luma_of(f) for f in Embedder(KEYS, PAYLOAD, 640, 360).embed(CLIP)])
ROOM = np.clip(70 + 12 * texture(540, 960, 5, 1.8), 0, 255).astype(np.uint8)
CORNERS = np.array([[95, 40], [900, 70], [860, 500], [60, 470]], dtype=np.float32)
BOX = (540, 60, 924, 276)


def filmed(frame: NDArray[np.uint8], corners: NDArray[np.float32] = CORNERS) -> NDArray[np.uint8]:
    """On a screen in a dim room, with a dark rim round it."""
    rim = 10
    screen = cv2.copyMakeBorder(frame, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=16)
    flat = np.array([[0, 0], [640, 0], [640, 360], [0, 360]], dtype=np.float32) + rim
    m = cv2.getPerspectiveTransform(flat, corners)
    out = ROOM.copy()
    cv2.warpPerspective(screen, m, (960, 540), dst=out, borderMode=cv2.BORDER_TRANSPARENT)
    return out


def inset(frame: NDArray[np.uint8], shift: int) -> NDArray[np.uint8]:
    """In the upper right corner of another picture, which moves."""
    left, top, right, bottom = BOX
    out = np.roll(np.clip(2.5 * ROOM.astype(int) - 60, 0, 255).astype(np.uint8), shift, axis=1)
    out[top:bottom, left:right] = cv2.resize(
        frame, (right - left, bottom - top), interpolation=cv2.INTER_AREA
    )
    return out


FILMED = [filmed(f, CORNERS + 2 * np.float32(i)) for i, f in enumerate(MARKED)]
INSET = [inset(f, 3 * i) for i, f in enumerate(MARKED)]


def keys_of(frames: NDArray[np.uint8]) -> KeyFrames:
    small = [cv2.resize(luma_of(f), (128, 72), interpolation=cv2.INTER_AREA) for f in frames]
    return KeyFrames(np.stack(small), 640, 360)


def search(frames: list[NDArray[np.uint8]], keys=KEYS) -> inside.Inside | None:  # type: ignore[no-untyped-def]
    kept = inside.Kept()
    for place, frame in enumerate(frames):
        kept.add(frame, place == 0)
    return inside.search(kept.frames, keys, DetectorSettings())


def test_a_screen_is_outlined_and_followed() -> None:
    best = outline.outlines(FILMED[:1], 1)[0]
    # the picture's own edge or that of the rim: both are the screen
    assert np.abs(best.corners - CORNERS).max() < 25
    again = outline.tracked(FILMED[2], best, 8)
    assert np.abs(again.corners - best.corners - 4).max() < 2


def test_a_filmed_screen_is_turned_upright_and_read() -> None:
    found = search(FILMED)
    assert found is not None
    assert found.hit.reading.payload == PAYLOAD
    assert found.log10_p <= -10
    assert np.abs(np.array(found.part.corners) - CORNERS).max() < 25


def test_an_inset_is_found_and_cut_out() -> None:
    found = search(INSET)
    assert found is not None
    assert found.hit.reading.payload == PAYLOAD
    left, top = found.part.corners[0]
    right, bottom = found.part.corners[2]
    shared = (min(right, BOX[2]) - max(left, BOX[0])) * (min(bottom, BOX[3]) - max(top, BOX[1]))
    assert shared > 0.6 * (BOX[2] - BOX[0]) * (BOX[3] - BOX[1])


def test_another_house_reads_nothing_in_any_part() -> None:
    small = cv2.resize(INSET[0], (480, 270), interpolation=cv2.INTER_AREA)
    assert search([small], OTHER_KEYS) is None


@pytest.fixture(scope="module")
def geometry() -> Geometry:
    """Of the mark in the inset, by way of the detector, which found nothing in whole frames."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detector, "detect_groups", lambda *_, **__: Detection(False, 3))
        found = detect([np.stack(INSET)], KEYS)
    assert found.payload == PAYLOAD and found.geometry is not None
    assert found.geometry.part is not None and found.geometry.part.frame == (960, 540)
    assert "part_of_frame" in found.geometry.to_json()
    z = Presence(found, KEYS).z(INSET)
    assert z > 9 > 5 > Presence(found, KEYS).z([ROOM])
    return found.geometry


def test_what_the_part_shows_is_compared_with_what_was_published(geometry: Geometry) -> None:
    sample = cv2.resize(INSET[0], (512, 288), interpolation=cv2.INTER_AREA)
    ours = likeness([sample], keys_of(CLIP), geometry)
    another = likeness([sample], keys_of(clip(360, 640, 2, seed=9)), geometry)
    assert ours > 80 > 60 > another


def test_an_inset_that_was_read_in_whole_frames_is_compared_too(geometry: Geometry) -> None:
    """The frame is larger than what was published: the published picture is looked for in it."""
    whole = detect([np.stack(INSET)], KEYS).geometry
    assert whole is not None and whole.part is None
    sample = cv2.resize(INSET[0], (512, 288), interpolation=cv2.INTER_AREA)
    assert likeness([sample], keys_of(CLIP), whole) > 80
    assert likeness([sample], keys_of(clip(360, 640, 2, seed=9)), whole) < 60


def test_a_part_comes_through_the_guarded_child(geometry: Geometry) -> None:
    mark = Mark(b"\1" * 8, geometry, ((0.0, 1.0),), 1.0)
    answer = {"marks": [_mark_json(mark)], "picture": None, "labels": {}, "problem": ""}
    [back] = _from_json(answer).marks
    assert back.geometry == geometry


def test_a_part_is_cut_from_frames_of_any_scale() -> None:
    part = Part.of_box((100, 50, 300, 150), (640, 360))
    assert part.size == (200, 100)
    frame = np.zeros((360, 640), np.uint8)
    frame[50:150, 100:300] = 255
    assert part.cut(frame).min() == 255
    half = cv2.resize(frame, (320, 180), interpolation=cv2.INTER_AREA)
    assert part.cut(half, (100, 50)).min() == 255
    slanted = Part.of(np.array([[100, 50], [300, 60], [290, 150], [110, 140]], float), (640, 360))
    assert slanted.cut(frame).shape == (slanted.size[1], slanted.size[0])


def test_few_frames_are_kept_of_many() -> None:
    kept = inside.Kept()
    for i in range(96):
        kept.add(np.full((32, 32), i, np.uint8), False)
    told = [int(f[0, 0]) for f, _ in kept.frames]
    assert told[: inside.FIRST] == list(range(inside.FIRST))
    assert len(told) <= inside.MOST_FRAMES
    assert told[-1] > 80
