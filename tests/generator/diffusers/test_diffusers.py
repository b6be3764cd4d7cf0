"""The diffusers backend with tiny random pipelines, saved and loaded as real folders."""

from __future__ import annotations

import gc
import hashlib
import json
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import generator
from generator import (
    BackendFailed,
    Cancelled,
    GenerationSpec,
    Mode,
    OutOfMemory,
    Step,
    UnsupportedSpec,
)
from generator.errors import WeightsMismatch, WeightsMissing
from media.encode import encode
from media.soundtrack import RATE, Soundtrack

pytest.importorskip("diffusers")

# The tests' own folder is no package: load its helper by path.
from tests.generator.diffusers import tiny


@pytest.fixture(scope="module")
def wan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.wan(tmp_path_factory.mktemp("wan"))


@pytest.fixture(scope="module")
def wan_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.wan(tmp_path_factory.mktemp("wan-i2v"), image=True)


@pytest.fixture(scope="module")
def ltx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.ltx(tmp_path_factory.mktemp("ltx"))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ref") / "odd.png"
    pixels = np.random.default_rng(0).integers(0, 255, (37, 51, 4), np.uint8)
    Image.fromarray(pixels, "RGBA").save(path)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ref") / "clip.mp4"
    spec = GenerationSpec("a red circle moves left", 1.0, 80, 64, Fraction(12))
    frames = generator.create("world").generate(spec, lambda step: None, lambda: False)
    encode(path, frames, spec.fps)
    return path


def make(folder: Path, **settings: Any) -> Any:
    return generator.create("diffusers", {"model": str(folder), "steps": 3} | settings)


def spec(**more: Any) -> GenerationSpec:
    values = {"seconds": 0.5, "width": 32, "height": 32, "fps": Fraction(16), "seed": 1} | more
    return GenerationSpec("a red circle", **values)


def run(backend: Any, what: GenerationSpec, on_step: Any = lambda step: None) -> np.ndarray:
    return np.concatenate(list(backend.generate(what, on_step, lambda: False)))


def test_what_a_folder_can_do_is_read_off_it(wan: Path, wan_image: Path, ltx: Path) -> None:
    can = make(wan).capabilities()
    assert can.neural
    assert can.digital_source_type == generator.TRAINED_ALGORITHMIC_MEDIA
    assert can.modes == {Mode.TEXT_TO_VIDEO, Mode.IMAGE, Mode.EDIT}
    assert can.size_multiple == 16
    assert all(len(sha) == 64 for sha in can.weights.values())
    assert make(wan_image).capabilities().modes == {Mode.IMAGE_TO_VIDEO}
    assert Mode.EXTEND in make(ltx).capabilities().modes


def test_wan_text_to_video_counts_frames_exactly(wan: Path) -> None:
    steps: list[Step] = []
    out = run(make(wan), spec(), steps.append)
    assert out.shape == (8, 32, 32, 3)  # the pipeline itself would give 9 or 5
    assert [(s.index, s.total) for s in steps] == [(1, 3), (2, 3), (3, 3)]


def test_same_seed_same_frames(wan: Path) -> None:
    backend = make(wan)
    digests = [hashlib.sha256(run(backend, spec(seed=s)).tobytes()).hexdigest() for s in (4, 4, 5)]
    assert digests[0] == digests[1] != digests[2]


def test_every_step_offers_the_predicted_clip(wan: Path, ltx: Path) -> None:
    for folder in (wan, ltx):
        previews: list[np.ndarray | None] = []
        run(make(folder), spec(), lambda step, seen=previews: seen.append(step.preview()))
        assert len(previews) == 3
        for preview in previews:
            assert preview is not None
            assert preview.dtype == np.uint8
            assert preview.shape[1:] == (32, 32, 3)
        assert not np.array_equal(previews[0], previews[-1])  # type: ignore[arg-type]


def test_wan_stills_and_edits(wan: Path, clip: Path) -> None:
    backend = make(wan)
    assert run(backend, spec(mode=Mode.IMAGE)).shape == (1, 32, 32, 3)
    edit = spec(mode=Mode.EDIT, references=(clip,), strength=0.7)
    assert run(backend, edit).shape == (8, 32, 32, 3)


def test_wan_image_to_video(wan_image: Path, picture: Path) -> None:
    what = spec(mode=Mode.IMAGE_TO_VIDEO, references=(picture,))
    assert run(make(wan_image), what).shape == (8, 32, 32, 3)


def test_ltx_every_mode(ltx: Path, picture: Path, clip: Path) -> None:
    backend = make(ltx)
    assert run(backend, spec()).shape == (8, 32, 32, 3)
    animate = spec(mode=Mode.IMAGE_TO_VIDEO, references=(picture,))
    assert run(backend, animate).shape == (8, 32, 32, 3)
    extend = spec(mode=Mode.EXTEND, references=(clip,))
    assert run(backend, extend).shape == (8, 32, 32, 3)


def test_cancel_stops_within_one_step_and_decodes_nothing(
    wan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = make(wan)
    run(backend, spec())
    pipeline = next(iter(backend._loaded.values()))
    decoded: list[int] = []
    monkeypatch.setattr(pipeline.vae, "decode", lambda *a, **k: decoded.append(1))
    seen: list[int] = []
    with pytest.raises(Cancelled, match="step 2 of 9"):
        list(
            backend.generate(
                spec(steps=9), lambda step: seen.append(step.index), lambda: len(seen) >= 2
            )
        )
    assert seen == [1, 2]
    assert decoded == []
    monkeypatch.undo()
    assert len(run(backend, spec())) == 8  # and it still works


def held() -> int:
    """Bytes that live tensors hold, shared storage counted once."""
    gc.collect()
    storages = {
        storage.data_ptr(): storage.nbytes()
        for storage in (
            found.untyped_storage() for found in gc.get_objects() if torch.is_tensor(found)
        )
    }
    return sum(storages.values())


def test_a_cancelled_run_gives_its_memory_back(wan: Path) -> None:
    backend = make(wan)
    run(backend, spec(steps=2))  # loads the model, which stays
    before = held()
    during: list[int] = []

    def cancelled() -> str:
        try:
            list(
                backend.generate(
                    spec(steps=9, seconds=4.0),
                    lambda step: during.append(held()),
                    lambda: len(during) >= 3,
                )
            )
        except Cancelled as error:
            return str(error)
        return ""

    assert "step 3 of 9" in cancelled()
    assert min(during) > before + 50_000
    # The scheduler keeps its few numbers for nine steps instead of two.
    assert abs(held() - before) < 1_000


def test_an_error_of_the_gate_comes_through(wan: Path) -> None:
    class Stopped(Exception):
        pass

    def gate(step: Step) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        run(make(wan), spec(), gate)


def test_out_of_memory_fails_with_a_remedy_and_frees_the_model(wan: Path) -> None:
    backend = make(wan)
    run(backend, spec())
    pipeline = next(iter(backend._loaded.values()))

    def full(*args: Any, **kwargs: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    pipeline.transformer.forward = full
    del pipeline
    with pytest.raises(OutOfMemory) as caught:
        run(backend, spec())
    assert "offload" in (caught.value.remedy or "")
    assert backend._loaded == {}
    assert len(run(backend, spec())) == 8


def test_sizes_must_fit_the_model(wan: Path) -> None:
    with pytest.raises(UnsupportedSpec, match="divisible by 16"):
        make(wan).generate(spec(width=40), lambda step: None, lambda: False)
    with pytest.raises(UnsupportedSpec, match="no mode"):
        make(wan).generate(spec(mode=Mode.BLEND), lambda step: None, lambda: False)


def test_pins_are_kept(wan: Path) -> None:
    good = make(wan).capabilities().weights
    assert make(wan, sha256=good, require_pins=True).capabilities().weights == good
    name = next(iter(good))
    with pytest.raises(WeightsMismatch, match="not the file"):
        make(wan, sha256={name: "0" * 64})
    with pytest.raises(WeightsMismatch, match="no pinned"):
        make(wan, require_pins=True)
    with pytest.raises(WeightsMissing):
        make(wan, sha256={"other.safetensors": "0" * 64})


@pytest.mark.parametrize("name", ["vae/diffusion_pytorch_model.bin", "evil.pt", "pipeline.py"])
def test_pickles_and_code_are_refused(wan: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(wan, tmp_path / "copy")
    (folder / name).write_bytes(b"anything")
    with pytest.raises(WeightsMismatch):
        make(folder)


def test_folders_that_are_no_pipeline(wan: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        make(tmp_path / "nowhere")
    with pytest.raises(WeightsMismatch, match="no commit"):
        make(Path("some-owner/some-model"))
    folder = shutil.copytree(wan, tmp_path / "copy")
    index = folder / "model_index.json"
    index.write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    with pytest.raises(UnsupportedSpec, match="not known"):
        make(folder)
    index.write_text("{")
    with pytest.raises(BackendFailed):
        make(folder)
    cut = shutil.copytree(wan, tmp_path / "cut")
    shutil.rmtree(cut / "vae")
    with pytest.raises(BackendFailed, match="cannot be loaded"):
        run(make(cut), spec())


def test_without_the_library_the_remedy_is_said(wan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UnsupportedSpec) as caught:
        make(wan)
    assert "guarded-gen[diffusers]" in (caught.value.remedy or "")


def test_ltx2_makes_sound_with_its_frames(tmp_path: Path, picture: Path) -> None:
    backend = make(tiny.ltx2(tmp_path / "ltx2"), steps=2)
    assert backend.capabilities().modes == {Mode.TEXT_TO_VIDEO, Mode.IMAGE_TO_VIDEO}
    for more in ({}, {"mode": Mode.IMAGE_TO_VIDEO, "references": (picture,)}):
        previews: list[np.ndarray | None] = []
        sound, *frames = backend.generate(
            spec(**more), lambda step, seen=previews: seen.append(step.preview()), lambda: False
        )
        assert np.concatenate(frames).shape == (8, 32, 32, 3)
        assert isinstance(sound, Soundtrack)
        assert sound.samples.shape == (RATE // 2, 2), "as long as the clip, at our rate"
        assert sound.samples.any()
        assert len(previews) == 2, "the scheduler of the sound is none of ours"
