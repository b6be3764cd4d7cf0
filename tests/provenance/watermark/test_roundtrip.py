from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.watermark import (
    DetectorSettings,
    Embedder,
    FrameUnsuitable,
    PayloadInvalid,
    detect,
    parse_payload,
)
from tests.provenance.watermark.clips import KEYS, OTHER_KEYS, PAYLOAD, clip

CLIP = clip(360, 640)
EMBEDDER = Embedder(KEYS, PAYLOAD, 640, 360)
MARKED = EMBEDDER.embed(CLIP)


def test_the_mark_is_read_back_and_weak() -> None:
    found = detect([MARKED], KEYS)
    assert found.found
    assert found.payload == PAYLOAD
    assert found.payload_hex == "0123456789abcdef"
    assert found.log10_p < -20
    gap = MARKED.astype(int) - CLIP
    assert 10 * np.log10(255**2 / np.mean(gap[6:, ..., 1] ** 2)) > 40
    inside = (CLIP > 48).all(-1) & (CLIP < 207).all(-1)
    assert (gap[..., 0] == gap[..., 1])[inside].all()
    assert (gap[..., 1] == gap[..., 2])[inside].all()


def test_neither_unmarked_frames_nor_other_keys_give_a_mark() -> None:
    quick = DetectorSettings(grids=3, tries=(), inside=False)
    assert not detect([CLIP[:2]], KEYS, quick).found
    assert not detect([MARKED[:2]], OTHER_KEYS, quick).found


def test_several_keys_are_tried() -> None:
    from provenance.watermark import KeyRing

    found = detect([MARKED], KeyRing([OTHER_KEYS.active, KEYS.active]))
    assert found.found
    assert found.key_id == KEYS.active.key_id


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("angle", [0.0, 8.0, 90.0, 197.0])
def test_turned_mirrored_cropped_and_scaled(flip: bool, angle: float) -> None:
    turn = cv2.getRotationMatrix2D((320, 180), angle, 1.1)
    frames = np.stack([cv2.warpAffine(f, turn, (640, 360)) for f in MARKED])[:, 40:330, 60:600]
    if flip:
        frames = frames[:, :, ::-1]
    found = detect([np.ascontiguousarray(frames)], KEYS)
    assert found.payload == PAYLOAD
    assert found.geometry is not None
    assert found.geometry.mirrored is flip


@given(st.floats(-180, 180), st.floats(0.8, 1.25), st.booleans(), st.integers(0, 60))
@settings(max_examples=3, deadline=None)
def test_the_geometry_maps_received_pixels_to_the_pattern_that_was_embedded(
    angle: float, scale: float, flip: bool, crop: int
) -> None:
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((320, 180), angle, scale)
    if flip:
        turn = np.array([[-1.0, 0, 639], [0, 1, 0], [0, 0, 1]]) @ turn
    frames = np.stack([cv2.warpAffine(f, turn[:2], (640, 360)) for f in MARKED])
    frames = np.ascontiguousarray(frames[:, crop:, crop : 640 - crop])
    found = detect([frames], KEYS)
    assert found.payload == PAYLOAD
    assert found.geometry is not None
    assert EMBEDDER.plan is not None
    placed = found.geometry.placed(EMBEDDER.plan)
    back = np.linalg.inv(turn)
    gaps = []
    for x, y in [(250, 100), (300, 200), (400, 150)]:
        told = placed @ [x, y, 1]
        was = back @ [x + crop, y + crop, 1]
        gap = told[:2] / told[2] - was[:2] / EMBEDDER.period
        gaps.append(gap - np.round(gap))
    assert np.abs(gaps).max() < 0.03


def test_a_single_frame_and_luma_alone_suffice() -> None:
    assert detect([MARKED[:1]], KEYS).payload == PAYLOAD
    luma = np.stack([cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in MARKED])
    assert detect([luma], KEYS).payload == PAYLOAD


@pytest.mark.parametrize("size", [(128, 128), (131, 257), (240, 426), (1080, 608)])
def test_any_size_from_128_pixels_on(size: tuple[int, int]) -> None:
    frames = clip(*size, frames=6)
    marked = Embedder(KEYS, PAYLOAD, size[1], size[0]).embed(frames)
    assert detect([marked], KEYS).payload == PAYLOAD


def test_128_bits() -> None:
    payload = (1 << 127) + 12345
    marked = Embedder(KEYS, payload, 640, 360, payload_bits=128).embed(CLIP)
    found = detect([marked], KEYS, DetectorSettings(payload_bits=128))
    assert found.payload == payload


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_frames_work_or_say_no(level: int) -> None:
    flat = np.full((2, 240, 320, 3), level, dtype=np.uint8)
    assert not detect([flat[:1]], KEYS, DetectorSettings(tries=(), inside=False)).found
    marked = Embedder(KEYS, PAYLOAD, 320, 240).embed(flat)
    found = detect([marked], KEYS, DetectorSettings(grids=1, tries=(1,), inside=False))
    assert found.payload in (PAYLOAD, None)
    if level == 128:
        assert found.payload == PAYLOAD


def test_flat_areas_beside_edges_stay_quiet() -> None:
    frame = np.full((1, 720, 1280, 3), 90, dtype=np.uint8)
    frame[:, :, 640:] = 200
    gap = Embedder(KEYS, PAYLOAD, 1280, 720).embed(frame).astype(int) - frame
    assert np.abs(gap[:, :, :500]).max() <= 4
    assert gap[:, :, :500].std() < 1.3


def test_the_mark_does_not_depend_on_the_batches_and_may_be_put_in_place() -> None:
    other = Embedder(KEYS, PAYLOAD, 640, 360, plan=EMBEDDER.plan)
    own = CLIP.copy()
    for part in (own[:1], own[1:5], own[5:]):
        assert other.embed(part, out=part) is part
    assert np.array_equal(own, MARKED)


def test_bad_input_gives_typed_errors() -> None:
    with pytest.raises(FrameUnsuitable):
        Embedder(KEYS, PAYLOAD, 640, 64)
    with pytest.raises(PayloadInvalid):
        Embedder(KEYS, 1 << 64, 640, 360)
    with pytest.raises(PayloadInvalid):
        Embedder(KEYS, 1, 640, 360, payload_bits=48)
    with pytest.raises(PayloadInvalid):
        parse_payload("123")
    with pytest.raises(PayloadInvalid):
        parse_payload("zzzzzzzzzzzzzzzz")
    embedder = Embedder(KEYS, PAYLOAD, 640, 360)
    with pytest.raises(FrameUnsuitable):
        embedder.embed(CLIP[:, :, :320])
    assert not detect([], KEYS).found
    assert not detect([np.zeros((1, 16, 16, 3), np.uint8)], KEYS).found
