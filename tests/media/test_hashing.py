"""PDQ with what it lacks: crops, borders, mirror images; and nothing that matches by chance."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from media.clip import Pixels
from media.hashing import crops, distance, from_hex, pdq, to_hex, trim, variants
from tests.media.pictures import picture

COUNT = 30


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def crop(pixels: Pixels, share: float) -> Pixels:
    y, x = int(pixels.shape[0] * share), int(pixels.shape[1] * share)
    return pixels[y : pixels.shape[0] - y, x : pixels.shape[1] - x]


def letterbox(pixels: Pixels) -> Pixels:
    bar = pixels.shape[0] // 8
    out = np.full((pixels.shape[0] + 2 * bar, pixels.shape[1], 3), 16, np.uint8)
    out[bar:-bar] = pixels
    return jpeg(out, 70)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "same": lambda p: p,
    "jpeg": lambda p: jpeg(p, 40),
    "crop 3 %": lambda p: crop(p, 0.03),
    "crop 5 %": lambda p: jpeg(crop(p, 0.05), 50),
    "crop 10 %": lambda p: crop(p, 0.10),
    "mirrored": lambda p: p[:, ::-1],
    "letterbox": letterbox,
    "mirrored letterbox of a crop": lambda p: letterbox(crop(p, 0.04)[:, ::-1]),
    "scaled": lambda p: np.asarray(Image.fromarray(p).resize((300, 300))),
}


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    return [picture(seed) for seed in range(COUNT)]


@pytest.fixture(scope="module")
def registered(pictures: list[Pixels]) -> np.ndarray:
    return np.stack([[pdq(c)[0] for c in crops(trim(p))] for p in pictures])


@pytest.mark.parametrize("change", list(CHANGES))
def test_changed_pictures_are_found_and_no_other(
    change: str, pictures: list[Pixels], registered: np.ndarray
) -> None:
    nearest = np.empty((COUNT, COUNT), np.int64)
    for k, pixels in enumerate(pictures):
        wanted = variants(CHANGES[change](pixels))[0]
        gaps = distance(wanted[:, None, None], registered[None])
        nearest[k] = gaps.min((0, 2))
    hits = nearest <= 31
    assert np.diag(hits).mean() >= 0.98
    assert hits.sum() == np.diag(hits).sum()


@given(st.binary(min_size=32, max_size=32))
def test_hex_there_and_back(raw: bytes) -> None:
    digest = np.frombuffer(raw, np.uint8)
    assert (from_hex(to_hex(digest)) == digest).all()


@pytest.mark.parametrize("text", ["", "00", "g" * 64, "0" * 66])
def test_no_hash(text: str) -> None:
    with pytest.raises(ValueError):
        from_hex(text)


def test_a_plain_picture_has_no_quality_and_no_border() -> None:
    plain = np.full((90, 160, 3), 80, np.uint8)
    assert trim(plain).shape == plain.shape
    assert variants(plain)[1] < 50
