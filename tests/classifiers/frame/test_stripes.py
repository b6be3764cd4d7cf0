"""Regular stripes: found whatever their width and direction, harmless textures passed over."""

from __future__ import annotations

import numpy as np
import pytest

from classifiers.base import StreamInfo
from classifiers.frame import FrameGate, StripesCheck
from media.clip import Frames
from policies.decision import Signal

HEIGHT, WIDTH = 360, 640
GREY = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)


def stripes(
    period: float, angle: float = 0.0, low: int = 30, high: int = 230, phase: float = 0.0
) -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    turn = np.deg2rad(angle)
    wave = np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / period + phase)
    return np.repeat(np.where(wave >= 0, high, low).astype(np.uint8)[..., None], 3, 2)


def top(share: float, picture: np.ndarray) -> np.ndarray:
    out = GREY.copy()
    rows = round(share * HEIGHT)
    out[:rows] = picture[:rows]
    return out


def look(frame, frames: int = 24) -> Signal:
    gate = FrameGate((StripesCheck(),), StreamInfo(WIDTH, HEIGHT, 24.0, frames))
    for k in range(0, frames, 8):
        pixels = np.stack([frame(j) for j in range(k, min(k + 8, frames))])
        gate.push(Frames(pixels, np.arange(k, k + len(pixels)) / 24, k))
    return gate.close().signals[-1]


@pytest.mark.parametrize("period", [8, 20, 60, 90])
@pytest.mark.parametrize("angle", [0, 35, 90, 135])
def test_stripes_of_any_width_and_direction(period: int, angle: int) -> None:
    pairs = (WIDTH * abs(np.cos(np.deg2rad(angle))) + HEIGHT * np.sin(np.deg2rad(angle))) / period
    found = look(lambda k: stripes(period, angle))
    assert (found.score == 1.0) == (pairs > 5), found.detail
    if pairs > 5:
        assert found.detail["pairs"] == pytest.approx(pairs, rel=0.15)
        assert found.segments[0].start == 0.0


@pytest.mark.parametrize(
    ("frame", "harmful"),
    [
        (lambda k: top(0.55, stripes(20)), True),
        (lambda k: top(0.3, stripes(20)), False),
        (lambda k: top(0.3, stripes(20, phase=0.8 * k)), False),
        (lambda k: top(0.3, stripes(20, phase=np.pi * ((k // 3) % 2))), True),
        (lambda k: top(0.32, stripes(20, phase=2 * np.sin(2 * np.pi * 3 * k / 24))), True),
        (lambda k: top(0.32, stripes(20)) if (k // 4) % 2 else GREY, True),
        (lambda k: top(0.15, stripes(20, phase=np.pi * ((k // 3) % 2))), False),
    ],
    ids=["half", "third", "drifting", "reversing", "oscillating", "flashing", "small"],
)
def test_the_area_that_counts_depends_on_the_movement(frame, harmful: bool) -> None:
    found = look(frame, 48)
    assert (found.score == 1.0) == harmful, found.detail


def test_weak_dark_short_and_few_stripes_pass() -> None:
    assert look(lambda k: stripes(20, low=110, high=140)).score <= 0.5
    assert look(lambda k: stripes(20, low=5, high=90)).score <= 0.5
    assert look(lambda k: stripes(20) if 8 <= k < 16 else GREY, 40).score <= 0.5
    assert look(lambda k: stripes(WIDTH / 4)).score <= 0.5


def test_textures_are_no_stripes() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    blocks = np.kron(rng.integers(0, 255, (18, 32, 3), dtype=np.uint8), np.ones((20, 20, 1), "u1"))
    board = np.kron(np.indices((18, 32)).sum(0) % 2, np.ones((20, 20)))[..., None] * 200 + 30
    for picture in (noise, blocks, np.repeat(board, 3, 2).astype(np.uint8), GREY):
        assert look(lambda k, picture=picture: picture, 8).score < 0.5


def test_a_still_picture_counts() -> None:
    assert look(lambda k: stripes(20), 1).score == 1.0
