"""The codec is a transform with an inverse; what it drops is measured."""

import os
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.dit.backend import WEIGHTS
from generator.dit.codec import Codec, blocks, fit, unblocks, unjoined
from generator.dit.data import Clips


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))
def test_blocks_come_back(groups: int, rows: int, columns: int) -> None:
    video = torch.rand(2, 1 + 4 * (groups - 1), rows * 16, columns * 16, 3)
    cut = blocks(video)
    assert cut.shape == (2, groups, rows, columns, 3072)
    assert torch.allclose(unblocks(cut), video, atol=1e-6)


def test_the_shipped_codec_keeps_unseen_clips() -> None:
    codec = Codec.load(WEIGHTS / "codec.safetensors")
    rng = random.Random(991)
    clips = torch.stack([Clips().draw(rng, 0.25, 0.2, 0.3)[1] for _ in range(12)])
    latents = codec.encode(clips)
    assert latents.shape == (12, 5, 4, 4, 384)
    back = (codec.decode(latents).clamp(-1, 1) + 1) * 127.5
    error = (back - clips).square().mean()
    assert 10 * torch.log10(255**2 / error) > 34.5
    again = codec.encode(back)
    assert (again - latents).abs().mean() < 0.12


def test_a_small_step_between_groups_is_spread_and_a_large_one_stays() -> None:
    small, large = torch.zeros(1, 9, 2, 2, 3), torch.zeros(1, 9, 2, 2, 3)
    small[:, 5:], large[:, 5:] = 0.04, 1.5
    smooth = unjoined(small)
    steps = (smooth[:, 1:] - smooth[:, :-1]).abs()
    assert float(steps.max()) < 0.012
    assert torch.allclose(smooth[:, 8], small[:, 8], atol=0.01)
    assert torch.allclose(unjoined(large), large, atol=1e-3)
    even = torch.linspace(-1, 1, 9)[None, :, None, None, None].expand(1, 9, 2, 2, 3)
    assert torch.allclose(unjoined(even), even, atol=1e-5)


@pytest.mark.skipif(not os.environ.get("GUARDED_GEN_SLOW"), reason="half a minute")
def test_fitting_finds_an_orthonormal_basis(tmp_path: Path) -> None:
    source = Clips(16, 16)
    drawn = [source.draw(random.Random(k), 0, 0, 0) for k in range(6)]
    codec = fit(((clip, source.usual(caption)) for caption, clip in drawn), 8)
    assert torch.allclose(codec.basis.T @ codec.basis, torch.eye(8), atol=1e-4)
    codec.save(tmp_path / "codec.safetensors")
    loaded = Codec.load(tmp_path / "codec.safetensors")
    assert torch.allclose(loaded.scale, codec.scale, rtol=2e-3)
