"""Storyboards: the right frames, and nothing recognisable while blurred."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from media.encode import encode
from media.storyboard import Tile, clock, frames_at, storyboard


def test_frames_come_at_their_times(tmp_path: Path) -> None:
    clip = np.stack([np.full((64, 96, 3), 2 * k, np.uint8) for k in range(72)])
    encode(tmp_path / "a.mp4", iter([clip]), Fraction(24))
    found = frames_at(tmp_path / "a.mp4", [2.0, 0.5, 99.0])
    assert [round(t, 3) for t, _ in found] == [0.5, 2.0]
    assert [float(p.mean()) for _, p in found] == pytest.approx([24, 96], abs=3)


def test_blur_leaves_no_detail() -> None:
    checks = ((np.indices((240, 480)).sum(0) // 8) % 2 * 255).astype(np.uint8)
    picture = np.repeat(checks[..., None], 3, -1)
    tile = Tile(picture, 1.5, "flash: block")
    sharp = np.asarray(storyboard([tile], blur=False).convert("L"))[8:120, 8:240]
    blurred = np.asarray(storyboard([tile]).convert("L"))[20:110, 20:230]
    assert sharp.std() > 80
    assert blurred.std() < 8


def test_any_shape_and_number_of_tiles() -> None:
    tall = Tile(np.zeros((400, 20, 3), np.uint8), 0.0, "x" * 500)
    wide = Tile(np.zeros((20, 400, 3), np.uint8), 4000.25, "black")
    sheet = storyboard([tall, wide] * 6, "y" * 500)
    assert sheet.width < 1200
    assert sheet.height < 2000
    with pytest.raises(ValueError):
        storyboard([])
    assert clock(4000.25) == "1:06:40.250"
    assert clock(61.5) == "1:01.500"
