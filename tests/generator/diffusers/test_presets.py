"""Presets say what a published pipeline needs, and every family that is tested runs by them."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import generator
from generator import Cancelled, GenerationSpec, Mode, UnsupportedSpec
from generator.errors import WeightsMismatch

pytest.importorskip("diffusers")
from generator.diffusers.families import family_of
from generator.diffusers.presets import presets
from tests.generator.diffusers import tiny, tiny_stills


@pytest.fixture(scope="module")
def wan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.wan(tmp_path_factory.mktemp("wan"))


def spec(**more: Any) -> GenerationSpec:
    values = {"seconds": 0.5, "width": 64, "height": 64, "fps": Fraction(16), "seed": 1} | more
    return GenerationSpec("a red circle", **values)


def run(backend: Any, what: GenerationSpec, on_step: Any = lambda step: None) -> np.ndarray:
    parts = backend.generate(what, on_step, lambda: False)
    return np.concatenate([part for part in parts if isinstance(part, np.ndarray)])


@pytest.mark.parametrize("name", presets())
def test_a_preset_names_a_pipeline_that_the_library_has(name: str) -> None:
    import diffusers

    facts = presets()[name]
    family = family_of(facts.pipeline)
    assert family is not None and hasattr(diffusers, facts.pipeline)
    width, height = (int(side) for side in facts.size.split("x"))
    multiple = max(family.multiple, facts.multiple)
    assert width % multiple == height % multiple == 0
    assert family.frames(facts.frames) == facts.frames
    assert (facts.rate is None) == (set(family.modes[facts.pipeline]) == {Mode.IMAGE})
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", facts.model) and facts.licence


def test_without_a_commit_of_the_operator_no_preset_is_fetched() -> None:
    with pytest.raises(WeightsMismatch, match="no commit"):
        generator.create("diffusers:wan2.2-5b")
    with pytest.raises(UnsupportedSpec, match=r"no preset 'wan9'.*"):
        generator.create("diffusers:wan9")
    with pytest.raises(generator.UnknownBackend):
        generator.create("world:wan2.2-5b")
    assert generator.known("diffusers:wan2.2-5b") and generator.known("world")
    assert not generator.known("diffusers:wan9") and not generator.known("world:wan2.2-5b")


def test_what_is_set_goes_before_the_preset(wan: Path) -> None:
    settings = {"model": str(wan), "steps": 2}
    backend = generator.create("diffusers:wan2.2-5b", settings)
    assert (backend.settings.steps, backend.settings.guidance) == (2, 5.0)
    assert (backend.settings.rate, backend.capabilities().size_multiple) == (24, 32)


def test_motion_has_the_right_speed_at_every_rate(wan: Path) -> None:
    """Frames are made at the native rate; each output frame shows the newest of its time."""
    backend = generator.create("diffusers:wan2.1-1.3b", {"model": str(wan), "steps": 1})
    native = run(backend, spec())
    assert native.shape == (8, 64, 64, 3)
    twice = run(backend, spec(fps=Fraction(32)))
    assert twice.shape == (16, 64, 64, 3)
    half = run(backend, spec(fps=Fraction(8), seconds=1.0))
    assert half.shape == (8, 64, 64, 3)
    assert all((twice[i] == twice[i + 1]).all() for i in range(0, 16, 2))
    assert not (twice[0] == twice[4]).all()


def test_a_pipeline_without_callback_is_cancelled_within_a_step(
    wan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import WanPipeline

    whole = WanPipeline.__call__

    def bare(self: Any, prompt: Any, height: Any, width: Any, num_frames: Any,
             num_inference_steps: Any, guidance_scale: Any, output_type: Any,
             generator: Any) -> Any:  # fmt: skip
        return whole(
            self, prompt=prompt, height=height, width=width, num_frames=num_frames,
            num_inference_steps=num_inference_steps, guidance_scale=guidance_scale,
            output_type=output_type, generator=generator,
        )  # fmt: skip

    monkeypatch.setattr(WanPipeline, "__call__", bare)
    backend = generator.create("diffusers", {"model": str(wan), "steps": 4})
    seen: list[int] = []
    with pytest.raises(Cancelled, match="after step 2 of 4"):
        list(backend.generate(spec(), lambda s: seen.append(s.index), lambda: len(seen) >= 2))
    assert seen == [1, 2]
    with pytest.raises(UnsupportedSpec, match="negative prompt"):
        run(backend, spec(negative_prompt="blur"))


@pytest.mark.parametrize(
    ("maker", "preset"),
    [("cogvideox", "cogvideox-2b"), ("mochi", "mochi-1"), ("hunyuan15", "hunyuanvideo-1.5")],
)
def test_more_families_make_clips_and_are_cancelled(
    maker: str, preset: str, tmp_path: Path
) -> None:
    folder = getattr(tiny, maker)(tmp_path)
    settings = {"model": str(folder), "steps": 2, "dtype": "float32"}
    backend = generator.create(f"diffusers:{preset}", settings)
    steps: list[int] = []
    out = run(backend, spec(fps=Fraction(8)), lambda s: steps.append(s.index))
    assert out.shape == (4, 64, 64, 3) and steps == [1, 2]
    with pytest.raises(Cancelled):
        list(backend.generate(spec(), lambda s: steps.append(s.index), lambda: len(steps) > 2))
    assert len(steps) == 3


@pytest.mark.parametrize(
    ("maker", "preset"),
    [("flux", "flux-schnell"), ("z_image", "z-image-turbo"), ("qwen_image", "qwen-image")],
)
def test_families_of_stills(maker: str, preset: str, tmp_path: Path) -> None:
    folder = getattr(tiny_stills, maker)(tmp_path)
    settings = {"model": str(folder), "dtype": "float32", "steps": 3}
    backend = generator.create(f"diffusers:{preset}", settings)
    steps: list[int] = []
    out = run(backend, spec(mode=Mode.IMAGE), lambda s: steps.append(s.index))
    assert out.shape == (1, 64, 64, 3) and steps == [1, 2, 3]
    with pytest.raises(UnsupportedSpec, match="no mode 't2v'"):
        run(backend, spec())
    with pytest.raises(Cancelled):
        list(backend.generate(spec(mode=Mode.IMAGE), lambda s: steps.append(s.index),
                              lambda: len(steps) > 3))  # fmt: skip
    assert len(steps) == 4
