"""Sampling: the promised rate, a steady phase that nobody foresees, each scene's first frame."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from media.clip import Frames
from media.sampling import Sampler, SamplingSettings, SceneCuts, View, shrink, steady_seed

RULES = SamplingSettings()


@settings(deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from([1.0, 4.0, 12.5, 24.0, 60.0]),
    st.integers(1, 300),
    st.floats(0, 5),
)
def test_no_gap_is_larger_than_promised(seed: int, fps: float, frames: int, start: float) -> None:
    times = start + np.arange(frames) / fps
    due = Sampler(RULES, seed).due(times, np.zeros(frames, dtype=np.bool_))
    chosen = times[due]
    assert chosen[0] == times[0]
    assert np.diff(np.append(chosen, times[-1])).max(initial=0) <= 1 / RULES.rate + 1 / fps + 1e-9


@given(st.integers(0, 2**31), st.lists(st.booleans(), min_size=1, max_size=60))
def test_first_frame_of_each_scene_is_chosen(seed: int, cuts: list[bool]) -> None:
    marks = np.array(cuts)
    due = Sampler(RULES, seed).due(np.arange(len(cuts)) / 24, marks)
    assert (due | ~marks).all()


def test_the_phase_depends_on_the_seed() -> None:
    times, none = np.arange(240) / 24, np.zeros(240, dtype=np.bool_)
    chosen = {Sampler(RULES, seed).due(times, none).tobytes() for seed in range(40)}
    assert len(chosen) >= 4


def test_the_seed_is_steady_and_needs_the_secret() -> None:
    keyed = SamplingSettings(secret="one")  # type: ignore[arg-type]
    other = SamplingSettings(secret="two")  # type: ignore[arg-type]
    seeds = {
        steady_seed(content, rules) for rules in (RULES, keyed, other) for content in (b"a", b"b")
    }
    assert len(seeds) == 6
    assert steady_seed(b"a", keyed) == steady_seed(b"a", SamplingSettings(secret="one"))  # type: ignore[arg-type]
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_cuts_are_found_and_motion_is_none() -> None:
    rng = np.random.default_rng(1)
    scenes = [rng.integers(0, 255, (9, 16, 3), dtype=np.uint8) for _ in range(3)]
    big = [np.kron(s, np.ones((20, 20, 1), np.uint8)) for s in scenes]
    # Each scene pans by two pixels a frame.
    clip = np.stack([np.roll(big[k // 24], 2 * k, axis=1) for k in range(72)])
    view = View(Frames(clip, np.arange(72) / 24))
    assert np.flatnonzero(SceneCuts(RULES).mark(view)).tolist() == [0, 24, 48]


def test_shrink_keeps_means() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (2, 640, 960, 3), dtype=np.uint8)
    small = shrink(pixels, 160)
    assert small.shape == (2, 160, 240, 3)
    exact = pixels.reshape(2, 160, 4, 240, 4, 3).mean((2, 4))
    assert np.abs(small - exact).max() <= 1
