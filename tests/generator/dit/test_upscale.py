"""Enlargement: the same in tiles as whole, better than bicubic, exact in size."""

import random
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as fn

from generator.dit.backend import WEIGHTS, load_model
from generator.dit.codec import Codec
from generator.dit.finish import enlarge
from generator.dit.train_upscale import Pairs, psnr, train
from generator.dit.upscale import Upscaler, load
from generator.errors import WeightsMismatch


@pytest.fixture(scope="module")
def shipped() -> Upscaler:
    return load(WEIGHTS / "upscale.safetensors")


@given(h=st.integers(1, 40), w=st.integers(1, 40), tile=st.integers(1, 24))
@settings(max_examples=30, deadline=None)
def test_tiles_give_the_same_picture(shipped: Upscaler, h: int, w: int, tile: int) -> None:
    picture = torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(h * w)) * 2 - 1
    whole = shipped(picture)
    assert whole.shape == (1, 3, 4 * h, 4 * w)
    assert torch.allclose(shipped(picture, tile), whole, atol=1e-5)


def test_the_shipped_weights_beat_bicubic_on_unseen_pictures(shipped: Upscaler) -> None:
    model = load_model(WEIGHTS / "dit.safetensors")
    pairs = Pairs(model, Codec.load(WEIGHTS / "codec.safetensors"), random.Random("test"))
    gains = []
    for small, large in (pairs.batch() for _ in range(16)):
        plain = fn.interpolate(small, scale_factor=4, mode="bicubic")
        gains.append(psnr(shipped(small), large) - psnr(plain, large))
    assert sum(gains) / len(gains) > 0.3


@pytest.mark.parametrize(
    ("width", "height"), [(64, 64), (33, 20), (100, 100), (512, 512), (1280, 720), (200, 1000)]
)
def test_every_size_is_exact(shipped: Upscaler, width: int, height: int) -> None:
    for rows, columns in ((64, 64), (64, 112), (112, 64)):
        out = enlarge(torch.rand(1, rows, columns, 3) * 2 - 1, width, height, shipped)
        assert out.shape == (1, height, width, 3)
        assert out.abs().max() <= 1


def test_a_training_run_writes_what_is_loaded(tmp_path: Path) -> None:
    codec = Codec.load(WEIGHTS / "codec.safetensors")
    scores = train(
        load_model(WEIGHTS / "dit.safetensors"), codec, tmp_path / "up.safetensors", steps=3
    )
    assert scores["steps"] == 3
    assert load(tmp_path / "up.safetensors")(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 32, 32)


def test_another_file_is_refused() -> None:
    with pytest.raises(WeightsMismatch):
        load(WEIGHTS / "codec.safetensors")
