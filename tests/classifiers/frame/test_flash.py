"""Flashing: what WCAG 2.3.1 and BT.1702 name, and what only the block-wise rule sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.base import StreamInfo
from classifiers.frame import FlashCheck
from classifiers.frame.flash_repair import FlashRepair
from media.clip import Frames, Pixels
from policies.decision import Signal

H, W, FPS = 90, 160, 24
Y, X = np.mgrid[0:H, 0:W]


def srgb(light: np.ndarray) -> np.ndarray:
    v = np.clip(light, 0, 1)
    code = np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)
    return np.round(255 * code).astype(np.uint8)


def wave(rate: float, time: float) -> int:
    """A square wave of ``rate`` flashes a second."""
    return int(np.floor(2 * rate * time + 1e-9) % 2)


def clip(paint: Callable[[float], np.ndarray], seconds: float = 3.0, fps: int = FPS) -> Pixels:
    out = []
    for k in range(int(seconds * fps)):
        picture = np.asarray(paint(k / fps))
        if picture.ndim < 3:
            picture = np.repeat(srgb(np.broadcast_to(picture, (H, W)))[..., None], 3, -1)
        out.append(picture)
    return np.stack(out)


def judge(pixels: Pixels, fps: int = FPS, start: float = 0.0, batch: int = 9) -> dict[str, Signal]:
    tap = FlashCheck().open(StreamInfo(W, H, fps))
    times = start + np.arange(len(pixels)) / fps
    for k in range(0, len(pixels), batch):
        tap.push(Frames(pixels[k : k + batch], times[k : k + batch], k))
    return {s.category: s for s in tap.close().signals}


def half(rate: float) -> Callable[[float], np.ndarray]:
    return lambda t: np.where((X >= W // 2) == wave(rate, t), 0.2, 0.7)


def checker(rate: float, size: int) -> Callable[[float], np.ndarray]:
    return lambda t: np.where((Y // size + X // size) % 2 == wave(rate, t), 0.2, 0.7)


def corner(rate: float, share: float, dark: float, bright: float, rest: float) -> Callable:
    side = np.sqrt(share)
    inside = (W * side > X) & (H * side > Y)
    return lambda t: np.where(inside, (dark, bright)[wave(rate, t)], rest)


def red(rate: float, other: tuple[int, int, int]) -> Callable[[float], np.ndarray]:
    def paint(t: float) -> np.ndarray:
        out = np.zeros((H, W, 3), np.uint8)
        out[:] = (220, 0, 0) if wave(rate, t) else other
        return out

    return paint


@pytest.mark.parametrize("rate", [4.0, 5.0, 8.0, 12.0])
def test_whole_frame_flashes_fail(rate: float) -> None:
    found = judge(clip(lambda t: np.float64(0.2 + 0.5 * wave(rate, t))))
    assert found["flash"].score == found["flash_local"].score == 1.0
    assert found["flash"].detail["verdict"] == "fail"


@pytest.mark.parametrize(
    "paint",
    [half(5), checker(5, 5), checker(5, 20), checker(5, 45), corner(5, 0.27, 0.0, 0.32, 0.0)],
    ids=["halves", "fine checks", "checks", "coarse checks", "27 % at 0.32"],
)
def test_only_the_local_rule_sees_what_leaves_the_mean_alone(paint: Callable) -> None:
    found = judge(clip(paint))
    assert found["flash"].score < 0.5
    assert found["flash_local"].score == 1.0
    assert found["flash_local"].segments


@pytest.mark.parametrize("other", [(0, 0, 0), (110, 110, 110)])
def test_red_flashes_fail(other: tuple[int, int, int]) -> None:
    found = judge(clip(red(5, other)))
    assert found["flash"].score == 1.0
    assert found["flash"].detail["transitions_per_second"]["red"] > 6


def test_red_that_comes_late_is_seen() -> None:
    calm = clip(lambda t: np.float64(0.3), 2)
    assert judge(np.concatenate([calm, clip(red(5, (110, 110, 110)), 2)]))["flash"].score == 1.0


@pytest.mark.parametrize(
    "paint",
    [
        lambda t: np.float64(0.5),
        lambda t: np.float64(0.2 + 0.5 * wave(3, t)),
        lambda t: np.float64(0.3 + 0.06 * wave(5, t)),
        lambda t: np.float64(0.85 + 0.15 * wave(5, t)),
        corner(5, 0.20, 0.2, 0.9, 0.2),
        lambda t: np.float64(0.45 + 0.4 * np.sin(np.pi * t)),
        lambda t: 0.5 * np.random.default_rng(int(t * 100)).random((H, W)),
    ],
    ids=["still", "3 Hz", "weak", "bright", "small area", "slow", "fine noise"],
)
def test_what_the_standards_allow_passes(paint: Callable) -> None:
    found = judge(clip(paint))
    assert found["flash"].score <= 0.5
    assert found["flash_local"].score <= 0.5


def bursts(flashes: int, seconds: int) -> Pixels:
    """``flashes`` of black and white at the start of every second, 25 frames a second: the pattern
    of the clips 2Hz_6s and 3Hz_6s of EA IRIS, whose expected counts are public."""
    white = {5 + 25 * s + at for s in range(seconds) for f in range(flashes)
             for at in ((0, 1, 2), (6, 7, 8), (11, 12, 13))[f]}  # fmt: skip
    light = np.array([float(k in white) for k in range(25 * seconds)])
    codes = srgb(light)[:, None, None, None]
    return np.broadcast_to(codes, (len(light), H, W, 3)).copy()


def test_three_flashes_whose_fourth_begins_within_a_second_fail() -> None:
    # Each burst begins 24 frames after the last one: seven transitions lie within a second.
    white = [5, 6, 7, 11, 12, 13, 16, 17, 18]
    frames = [k + shift for shift in (0, 24) for k in white]
    codes = srgb(np.array([float(k in frames) for k in range(75)]))[:, None, None, None]
    found = judge(np.broadcast_to(codes, (75, H, W, 3)).copy(), 25)["flash"]
    assert found.score == 1.0
    assert found.detail["transitions_per_second"]["luminance"] == 7


@pytest.mark.parametrize(("flashes", "most"), [(2, 4), (3, 6)])
def test_bursts_of_every_second_are_an_extended_flash_from_the_fifth_second_on(
    flashes: int, most: int
) -> None:
    found = judge(bursts(flashes, 6), 25)["flash"]
    assert found.detail["verdict"] == "extended"
    assert found.detail["transitions_per_second"]["luminance"] == most
    assert judge(bursts(flashes, 4), 25)["flash"].detail["verdict"] == "warn"


def reds(levels: list[float], seconds: float = 1.0, fps: int = 25) -> Pixels:
    """Saturated red of each level (0 to 320) for ``seconds``."""
    rows = []
    for level in levels:
        colour = np.zeros((H, W, 3), np.uint8)
        colour[..., 0] = srgb(np.array(level / 320))
        rows += [colour] * int(seconds * fps)
    return np.stack(rows)


def test_red_that_comes_and_goes_slowly_makes_no_transition() -> None:
    """Steps of 14 that lie a second apart never add up to 20; a fifth of one apart they do."""
    swing = [80.0, 94.0, 108.0, 122.0, 108.0, 94.0] * 2
    assert transitions(reds(swing)) == 0
    assert transitions(reds(swing, 0.2)) >= 2


def transitions(pixels: Pixels) -> int:
    found = judge(pixels, 25)["flash"]
    assert found.score <= 0.5
    most: int = found.detail["transitions_per_second"]["red"]
    return most


def test_extended_flash() -> None:
    found = judge(clip(lambda t: np.float64(0.2 + 0.5 * wave(2.5, t)), 8))
    assert found["flash"].score == 0.9
    assert found["flash"].detail["verdict"] == "extended"
    assert judge(clip(lambda t: np.float64(0.2 + 0.5 * wave(2.5, t)), 3))["flash"].score <= 0.5


def test_a_flashing_area_that_wanders_is_seen() -> None:
    def paint(t: float) -> np.ndarray:
        place = int(t * 10) // 2 % 3
        return np.where(place == (X * 3 // W), 0.05 + 0.2 * wave(5, t), 0.05)

    found = judge(clip(paint))
    assert found["flash"].score < 0.5
    assert found["flash_local"].score == 1.0


def test_segments_name_the_flashing_seconds() -> None:
    def paint(t: float) -> np.ndarray:
        return np.float64(0.2 + 0.5 * (wave(5, t) if 4 <= t < 6 else 0))

    (segment,) = judge(clip(paint, 9))["flash"].segments
    assert segment.start == pytest.approx(4, abs=0.6)
    assert segment.end == pytest.approx(6.6, abs=0.5)


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([4.0, 5.0, 6.0, 10.0]),
    fps=st.sampled_from([24, 25, 30, 60]),
    start=st.floats(0, 1e4),
    batch=st.integers(1, 20),
    low=st.floats(0, 0.5),
    step=st.floats(0.13, 0.5),
)
def test_every_strong_fast_flash_fails(
    rate: float, fps: int, start: float, batch: int, low: float, step: float
) -> None:
    pixels = clip(lambda t: np.float64(low + step * wave(rate, t)), 1.7, fps)
    assert judge(pixels, fps, start, batch)["flash"].score == 1.0


@pytest.mark.parametrize("paint", [lambda t: np.float64(0.2 + 0.5 * wave(5, t)), half(5)])
def test_repaired_clip_passes_and_the_rest_is_untouched(paint: Callable) -> None:
    calm = clip(lambda t: np.float64(0.3), 3)
    pixels = np.concatenate([calm, clip(paint, 3), calm])
    found = judge(pixels)
    repair = FlashRepair(found["flash"].segments + found["flash_local"].segments)
    out = [
        repair.apply(Frames(pixels[k : k + 9], np.arange(k, k + 9) / FPS, k)).pixels
        for k in range(0, len(pixels), 9)
    ]
    repaired = np.concatenate(out)
    assert all(s.score <= 0.5 for s in judge(repaired).values())
    assert (repaired[:36] == pixels[:36]).all()
    assert (repaired[-36:] == pixels[-36:]).all()
