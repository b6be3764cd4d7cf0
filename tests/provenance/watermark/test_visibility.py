from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.watermark import Embedder, assure
from provenance.watermark.assurance import motion, sample_quality
from provenance.watermark.mask import Mask, MaskSettings
from provenance.watermark.visibility import detail_kept
from tests.provenance.watermark.clips import KEYS, PAYLOAD, clip


def test_an_unchanged_picture_keeps_all_and_a_blurred_one_loses() -> None:
    luma = clip(360, 640, 1, 1)[0, ..., 1]
    assert detail_kept(luma, luma) > 0.9999
    slight, strong = (cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in (0.7, 2.0))
    assert 0.95 > detail_kept(luma, slight) > detail_kept(luma, strong) + 0.1


@given(st.integers(0, 50), st.floats(1.1, 1.5))
@settings(max_examples=5, deadline=None)
def test_more_noise_keeps_less(seed: int, factor: float) -> None:
    luma = clip(144, 256, 1, seed)[0, ..., 1]
    noise = np.random.default_rng(seed).normal(0, 3, luma.shape)
    kept = [
        detail_kept(luma, np.clip(luma + noise * scale, 0, 255).astype(np.uint8))
        for scale in (1.0, factor)
    ]
    assert kept[0] > kept[1]


def test_the_wall_beside_an_edge_carries_no_more_than_the_wall() -> None:
    luma = np.full((360, 640), 110, dtype=np.uint8)
    luma[:, 320:] = 190
    mask = Mask(360, 640, MaskSettings()).of(luma)
    wall = mask[90, 20]
    assert abs(wall - 0.5) < 0.02
    assert mask[90, 100:158].max() < wall * 1.1


def test_the_strength_is_what_the_bounds_leave() -> None:
    still = np.repeat(clip(360, 640, 1, 3), 12, axis=0)
    promise = assure(still, KEYS, PAYLOAD)
    marked = Embedder(
        KEYS, PAYLOAD, 640, 360, strength=promise.strength, plan=promise.plan
    ).embed(still)  # fmt: skip
    psnr, kept = sample_quality(still, marked, 36)
    assert promise.readable
    assert psnr >= 41.9
    assert kept >= 0.9845
    assert motion(still) == 0
    assert motion(clip(360, 640, 12, 3)) > 1
