"""Adaptations of a pipeline: pinned, named in what is told of the weights, and with an effect."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from generator import BackendFailed, GenerationSpec
from generator.diffusers import DiffusersGenerator, DiffusersSettings
from generator.errors import WeightsMismatch, WeightsMissing
from media.hashing import sha256_file
from tests.generator.diffusers import tiny


@pytest.fixture(scope="module")
def wan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.wan(tmp_path_factory.mktemp("wan"))


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rank 2, over the first block's attention, in the names that training scripts write."""
    generator = torch.Generator().manual_seed(5)
    state = {}
    for part in ("to_q", "to_v"):
        key = f"transformer.blocks.0.attn1.{part}"
        state[f"{key}.lora_A.weight"] = torch.randn(2, 24, generator=generator)
        state[f"{key}.lora_B.weight"] = torch.randn(24, 2, generator=generator)
    path = tmp_path_factory.mktemp("lora") / "inked.safetensors"
    save_file(state, path)
    return path


def make(folder: Path, *loras: dict[str, Any]) -> DiffusersGenerator:
    return DiffusersGenerator(DiffusersSettings(model=str(folder), steps=2, loras=loras))


def pinned(path: Path, **more: Any) -> dict[str, Any]:
    return {"file": path, "sha256": sha256_file(path), **more}


def run(backend: DiffusersGenerator) -> np.ndarray:
    spec = GenerationSpec("a red circle", 0.25, 32, 32, Fraction(20), seed=3)
    return np.concatenate(list(backend.generate(spec, lambda step: None, lambda: False)))


def test_it_changes_the_frames_by_its_scale_and_is_told(wan: Path, lora: Path) -> None:
    bare = run(make(wan)).astype(int)
    with_lora = make(wan, pinned(lora))
    assert with_lora.capabilities().weights["lora:inked"] == sha256_file(lora)
    assert np.abs(run(with_lora).astype(int) - bare).max() > 0
    assert np.array_equal(run(make(wan, pinned(lora, scale=0.0))), bare)


def test_what_is_not_pinned_or_does_not_fit_is_refused(
    wan: Path, lora: Path, tmp_path: Path
) -> None:
    with pytest.raises(WeightsMismatch, match="pinned"):
        make(wan, {"file": lora, "sha256": "0" * 64})
    with pytest.raises(WeightsMissing):
        make(wan, {"file": tmp_path / "gone.safetensors", "sha256": "0" * 64})
    pickle = tmp_path / "lora.bin"
    pickle.write_bytes(b"x")
    with pytest.raises(WeightsMismatch, match="safetensors"):
        make(wan, pinned(pickle))
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no such thing")
    with pytest.raises(BackendFailed, match="does not fit"):
        run(make(wan, pinned(broken)))
    for key in ("transformer.blocks.0.attn1.to_q", "text_model.layers.9.q_proj"):
        foreign = tmp_path / "foreign.safetensors"
        shapes = {f"{key}.lora_A.weight": (2, 7), f"{key}.lora_B.weight": (7, 2)}
        save_file({name: torch.ones(shape) for name, shape in shapes.items()}, foreign)
        with pytest.raises(BackendFailed, match="fit"):
            run(make(wan, pinned(foreign)))
