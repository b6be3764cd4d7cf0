from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from media.encode import encode
from media.encoding import EncodeSettings
from media.errors import MediaLimitExceeded, UnreadableMedia
from media.limits import MediaLimits
from provenance.fingerprint import (
    CodeIndex,
    frame_signatures,
    iscc_video_code,
    mpeg7,
    pdq,
    pdq_frames,
    video_code,
)
from tests.provenance.watermark.clips import clip


def scene(height: int, width: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width]
    blocks = (x // 37) * (y // 23) * 11
    return ((x * x * 7 // width + y * y * 5 // height + blocks) % 256).astype(np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "told"),
    [
        (360, 640, "b5fed574502a55d198d40bde7ff22fa2"),
        (173, 229, "f02a3bedb9aaa90d78091eb9fdcef988"),
        (1080, 1920, "61bdddd061fb06404c228681acef9e81"),
        (34, 33, "a58ff597131eefe9d53921f1c391ceba"),
    ],
)
def test_frame_signatures_are_those_of_ffmpegs_filter(height: int, width: int, told: str) -> None:
    # SHA-256 of what FFmpeg 9.0's signature filter writes for the same grey frame.
    made = mpeg7.signature(scene(height, width))
    assert made.shape == (380,)
    assert hashlib.sha256(made.tobytes()).hexdigest()[:32] == told


def test_pdq_stays_near_through_coding_and_scaling_and_far_from_other_pictures() -> None:
    one, other = clip(360, 640, 1, 1)[0], clip(360, 640, 1, 2)[0]
    _, data = cv2.imencode(".jpg", cv2.resize(one, (426, 240)), [cv2.IMWRITE_JPEG_QUALITY, 50])
    again = cv2.imdecode(data, cv2.IMREAD_COLOR)
    near = np.bitwise_count(pdq(one)[0] ^ pdq(again)[0]).sum()
    far = np.bitwise_count(pdq(one)[0] ^ pdq(other)[0]).sum()
    assert near <= 20
    assert far >= 80
    hashes, quality = pdq_frames(iter([clip(360, 640, 4, 1)]), every=2)
    assert hashes.shape == (2, 32)
    assert (quality > 50).all()


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize("fast", [False, True])
def test_the_index_finds_codes_within_its_promise(size: int, fast: bool) -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 256, (20_000, size // 8), dtype=np.uint8)
    index = CodeIndex(size, fast=fast)
    index.add(codes)
    assert len(index) == 20_000
    radius = min(index.sure, 7)
    for number in (0, 777, 19_999):
        query = np.unpackbits(codes[number])
        query[rng.choice(size, radius, replace=False)] ^= 1
        distances, numbers = index.nearest(np.packbits(query)[None], 3)
        assert numbers[0, 0] == number
        assert distances[0, 0] == radius


def test_a_copy_keeps_most_of_the_video_code(tmp_path: Path) -> None:
    pixels = clip(144, 176, 24, 1)
    codes = []
    for name, crf in (("a.mp4", 18), ("b.mp4", 30)):
        encode(tmp_path / name, iter([pixels]), Fraction(12), EncodeSettings(crf=crf))
        codes.append(video_code(tmp_path / name))
    assert codes[0].iscc == iscc_video_code(tmp_path / "a.mp4")
    assert codes[0].iscc.startswith("ISCC:")
    assert codes[0].frames == frame_signatures(tmp_path / "a.mp4").shape[0] == 10
    assert len(codes[0].raw) == 8
    one, other = (np.frombuffer(code.raw, dtype=np.uint8) for code in codes)
    assert np.bitwise_count(one ^ other).sum() <= 8


def test_what_is_no_video_has_no_video_code(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"no video at all")
    with pytest.raises(UnreadableMedia):
        video_code(path)
    encode(path, iter([clip(144, 16, 6)]), Fraction(12))
    with pytest.raises(UnreadableMedia) as told:
        video_code(path)
    assert told.value.remedy


def test_the_video_code_stops_at_the_limit_of_frames(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    encode(path, iter([clip(144, 176, 6)]), Fraction(12))
    with pytest.raises(MediaLimitExceeded):
        video_code(path, limits=MediaLimits(max_frames=3))
