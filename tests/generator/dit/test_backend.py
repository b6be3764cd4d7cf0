"""The embedded model behind the door: every mode, exact counts, cancel, seeds, bad input."""

from __future__ import annotations

import hashlib
import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import generator
from generator import Cancelled, GenerationSpec, Mode, Step, UnsupportedSpec
from generator.dit.backend import WEIGHTS, DiTGenerator
from generator.errors import OutOfMemory, WeightsMismatch, WeightsMissing
from media.encode import encode
from media.errors import MediaError

PROMPT = "a big red circle moves left, over the sea"


@pytest.fixture(scope="module")
def dit() -> DiTGenerator:
    backend = generator.create("dit", {"steps": 2})
    assert isinstance(backend, DiTGenerator)
    return backend


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    paths = []
    for name, prompt in (("a", PROMPT), ("b", "a big red circle stays still, over the sea")):
        path = tmp_path_factory.mktemp("clips") / f"{name}.mp4"
        spec = GenerationSpec(prompt, 2.0, 128, 128, Fraction(24))
        frames = generator.create("world").generate(spec, lambda s: None, lambda: False)
        encode(path, frames, spec.fps)
        paths.append(path)
    return paths[0], paths[1]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "odd.png"
    pixels = np.random.default_rng(0).integers(0, 255, (37, 91, 4), np.uint8)
    Image.fromarray(pixels, "RGBA").save(path)
    return path


def spec(**more: Any) -> GenerationSpec:
    values = {"seconds": 1.0, "width": 64, "height": 64, "fps": Fraction(24), "seed": 1} | more
    return GenerationSpec(PROMPT, **values)


def run(backend: Any, what: GenerationSpec, on_step: Any = lambda step: None) -> np.ndarray:
    return np.concatenate(list(backend.generate(what, on_step, lambda: False)))


def test_it_says_what_it_is(dit: DiTGenerator) -> None:
    can = dit.capabilities()
    assert can.neural
    assert can.digital_source_type == generator.TRAINED_ALGORITHMIC_MEDIA
    assert can.modes == set(Mode)
    pins = json.loads((WEIGHTS / "pins.json").read_text())
    assert can.weights == {name: pin["sha256"] for name, pin in pins.items()}
    assert sum(p.stat().st_size for p in WEIGHTS.iterdir()) < 40_000_000


@pytest.mark.parametrize(
    ("seconds", "fps", "size", "frames"),
    [
        (1.0, 24, (64, 64), 24),
        (0.01, 24, (64, 64), 1),
        (4.3, 10, (96, 54), 43),
        (2, 8, (32, 32), 16),
    ],
)
def test_text_to_video_counts_exactly(
    dit: DiTGenerator, seconds: float, fps: int, size: tuple[int, int], frames: int
) -> None:
    what = spec(seconds=seconds, fps=Fraction(fps), width=size[0], height=size[1])
    out = run(dit, what)
    assert out.shape == (frames, size[1], size[0], 3)
    assert out.dtype == np.uint8


def test_same_seed_same_frames(dit: DiTGenerator) -> None:
    digests = [hashlib.sha256(run(dit, spec(seed=s)).tobytes()).hexdigest() for s in (4, 4, 5)]
    assert digests[0] == digests[1] != digests[2]


def test_every_mode_counts_exactly(
    dit: DiTGenerator, clips: tuple[Path, Path], picture: Path
) -> None:
    one, two = clips
    for mode, references in {
        Mode.IMAGE_TO_VIDEO: (picture,),
        Mode.EXTEND: (one,),
        Mode.EXTEND_BACK: (one,),
        Mode.EDIT: (one,),
        Mode.BLEND: (one, two),
    }.items():
        steps: list[Step] = []
        out = run(dit, spec(mode=mode, references=references, seconds=1.7), steps.append)
        assert out.shape == (41, 64, 64, 3), mode
        assert [s.index for s in steps] == list(range(1, len(steps) + 1)), mode
        assert steps[-1].index == steps[-1].total, mode
    assert run(dit, spec(mode=Mode.IMAGE, width=256, height=128)).shape == (1, 128, 256, 3)


def test_the_given_frame_is_the_first(dit: DiTGenerator, clips: tuple[Path, Path]) -> None:
    from generator.dit.references import image
    from media.limits import MediaLimits

    first, _ = image(clips[0], MediaLimits())
    out = run(dit, spec(mode=Mode.IMAGE_TO_VIDEO, references=(clips[0],)))
    given = ((first + 1) * 127.5).round().numpy()
    error = np.square(out[0] - given).mean()
    assert error == 0 or 10 * np.log10(255**2 / error) > 40


def test_an_extension_begins_where_the_clip_ends(
    dit: DiTGenerator, clips: tuple[Path, Path]
) -> None:
    from media.decode import decode

    last = list(decode(clips[0]))[-1].pixels[-1]
    small = np.asarray(Image.fromarray(last).resize((64, 64), Image.Resampling.BOX), float)
    out = run(dit, spec(mode=Mode.EXTEND, references=(clips[0],)))
    assert np.abs(out[0] - small).mean() < 14


@pytest.mark.parametrize(
    ("asked", "native"),
    [((64, 64), (64, 64)), ((192, 108), (112, 64)), ((108, 192), (64, 112))],
)
def test_previews_show_the_window(
    dit: DiTGenerator, asked: tuple[int, int], native: tuple[int, int]
) -> None:
    previews = []
    what = spec(width=asked[0], height=asked[1])
    run(dit, what, lambda step: previews.append(step.preview()))
    assert all(p.shape == (17, *native[::-1], 3) and p.dtype == np.uint8 for p in previews)


def test_cancel_stops_within_one_step(dit: DiTGenerator) -> None:
    seen: list[int] = []
    stream = dit.generate(spec(steps=9), lambda s: seen.append(s.index), lambda: len(seen) >= 3)
    with pytest.raises(Cancelled, match="step 3 of 9"):
        list(stream)
    assert seen == [1, 2, 3]


def test_an_error_of_the_gate_comes_through(dit: DiTGenerator) -> None:
    class Stopped(Exception):
        pass

    def gate(step: Step) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        run(dit, spec(), gate)


def test_out_of_memory_is_typed(dit: DiTGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise torch.OutOfMemoryError("no more")

    monkeypatch.setattr(dit._model, "forward", full)
    with pytest.raises(OutOfMemory) as caught:
        run(dit, spec())
    assert caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x00" * 5000, b"not media"])
def test_corrupt_references_are_the_media_rooms_errors(
    dit: DiTGenerator, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    for mode in (Mode.IMAGE_TO_VIDEO, Mode.EXTEND, Mode.EDIT):
        with pytest.raises(MediaError):
            run(dit, spec(mode=mode, references=(path,)))


def test_an_animated_reference_gives_its_first_frame(dit: DiTGenerator, tmp_path: Path) -> None:
    path = tmp_path / "two.gif"
    frames = [Image.new("RGB", (40, 40), c) for c in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    out = run(dit, spec(mode=Mode.IMAGE_TO_VIDEO, references=(path,)))
    assert out[0, 32, 32, 0] > 200
    assert out[0, 32, 32, 2] < 60


def test_what_contradicts_itself_is_refused_before_work(
    dit: DiTGenerator, clips: tuple[Path, Path]
) -> None:
    for what in (
        spec(mode=Mode.EXTEND),
        spec(mode=Mode.BLEND, references=(clips[0],)),
        spec(references=(clips[0],)),
        spec(seconds=30_000.0),
        spec(width=4096),
        spec(steps=5000),
        spec(strength=0.0),
    ):
        with pytest.raises(UnsupportedSpec) as caught:
            dit.generate(what, lambda step: None, lambda: False)
        assert caught.value.remedy


def test_weights_are_checked_before_they_are_loaded(tmp_path: Path) -> None:
    folder = shutil.copytree(WEIGHTS, tmp_path / "weights")
    assert generator.create("dit", {"folder": str(folder)})
    file = folder / "dit.safetensors"
    bytes_ = bytearray(file.read_bytes())
    bytes_[-1] ^= 1
    file.write_bytes(bytes(bytes_))
    with pytest.raises(WeightsMismatch, match="SHA-256"):
        DiTGenerator(str(folder))
    file.unlink()
    with pytest.raises(WeightsMissing):
        DiTGenerator(str(folder))
    with pytest.raises(WeightsMissing):
        DiTGenerator(str(tmp_path / "nowhere"))
    pins = folder / "pins.json"
    listed = json.loads(pins.read_text())
    pins.write_text(json.dumps({"dit.pkl": listed["dit.safetensors"]}))
    with pytest.raises(WeightsMismatch, match="no safetensors"):
        DiTGenerator(str(folder))
    pins.write_text("[")
    with pytest.raises(WeightsMismatch):
        DiTGenerator(str(folder))
