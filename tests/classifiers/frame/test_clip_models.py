"""CLIP models that an operator brings: open_clip's files, and heads by words that were measured."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from classifiers.base import StreamInfo
from classifiers.deepfake import fit, footage, raw_scores, write_record
from classifiers.errors import ClassifierError, RandomWeights
from classifiers.frame import FrameGate, FrameSettings, ModelKind, ModelSpec
from classifiers.frame import open_clip as files
from classifiers.frame.models import Preparation, ZeroShot
from classifiers.frame.profile import calibrated_with, model_check, raw_check
from classifiers.registry import WeightsRegistry
from media.clip import Frames
from media.limits import MediaLimits
from policies.decision import CheckStatus, Signal

_spec = importlib.util.spec_from_file_location("tiny", Path(__file__).with_name("tiny.py"))
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

MADE_BY_OPEN_CLIP = Path(__file__).with_name("open_clip_tiny")
BROUGHT = {"licence": "MIT", "source": "https://example.org/model"}
RED = ZeroShot(shows=("a photo of blood",), instead=("a photo of a flower",))


def look(registry: WeightsRegistry, spec: ModelSpec, pixels: np.ndarray) -> dict[str, Signal]:
    gate = FrameGate((model_check(spec, registry),), StreamInfo(48, 48, 24.0), seed=1)
    gate.push(Frames(pixels, np.arange(len(pixels)) / 24))
    return {s.category: s for s in gate.close().signals if s.category != "undecodable"}


@pytest.fixture
def registry(tmp_path: Path) -> WeightsRegistry:
    return WeightsRegistry(tmp_path / "weights")


def test_a_model_of_open_clip_says_what_open_clip_says() -> None:
    """The expected embeddings were computed by open_clip 3.3.0 itself from the same files."""
    expected = json.loads((MADE_BY_OPEN_CLIP / "expected.json").read_text())
    model = files.load(MADE_BY_OPEN_CLIP)
    ramp = (torch.arange(3 * 32 * 32).reshape(1, 3, 32, 32) % 97).float() / 48 - 1
    text = torch.tensor([[1, 5, 6, 7, 8, 30, 0, 0, 0, 0, 0, 0]])
    with torch.inference_mode():
        image = model.get_image_features(pixel_values=ramp)
        words = model.get_text_features(input_ids=text)
    image, words = (getattr(x, "pooler_output", x)[0] for x in (image, words))
    torch.testing.assert_close(image, torch.tensor(expected["image"]), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(words, torch.tensor(expected["text"]), atol=1e-4, rtol=1e-4)
    assert model.logit_scale.detach().exp().item() == pytest.approx(expected["scale"], rel=1e-3)


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(MADE_BY_OPEN_CLIP, folder))


def test_pictures_are_prepared_as_open_clip_prepares_them(tmp_path: Path) -> None:
    picture = np.full((1, 40, 80, 3), 255, np.uint8)
    made = Preparation(MADE_BY_OPEN_CLIP)(picture)
    assert made.shape == (1, 3, 32, 32)
    white = (1 - np.array(files._MEAN)) / np.array(files._DEVIATION)
    assert made[0, :, 16, 16] == pytest.approx(white, abs=1e-4)
    folder = copied(tmp_path / "m")
    told = json.loads((folder / files.CONFIG).read_text())
    told["preprocess_cfg"]["resize_mode"] = "longest"
    (folder / files.CONFIG).write_text(json.dumps(told))
    with pytest.raises(ClassifierError, match="longest"):
        Preparation(folder)


@pytest.mark.parametrize(
    ("part", "key"),
    [("vision_cfg", "timm_model_name"), ("text_cfg", "no_causal_mask"), (None, "init_logit_bias")],
)
def test_other_architectures_are_refused(tmp_path: Path, part: str | None, key: str) -> None:
    folder = copied(tmp_path / "m")
    told = json.loads((folder / files.CONFIG).read_text())
    (told["model_cfg"][part] if part else told["model_cfg"])[key] = 1
    (folder / files.CONFIG).write_text(json.dumps(told))
    with pytest.raises(ClassifierError, match=key):
        files.load(folder)


@pytest.mark.parametrize("wrong", ["missing", "shape", "extra"])
def test_parameters_that_do_not_fit_are_not_made_up(tmp_path: Path, wrong: str) -> None:
    folder = copied(tmp_path / "m")
    tensors = load_file(folder / files.WEIGHTS)
    if wrong == "missing":
        del tensors["visual.proj"]
    elif wrong == "shape":
        tensors["visual.proj"] = tensors["visual.proj"][:, :4].contiguous()
    else:
        tensors["visual.attn_pool.query"] = torch.zeros(2)
    save_file(tensors, folder / files.WEIGHTS)
    with pytest.raises(RandomWeights):
        files.load(folder)


def test_words_without_a_calibration_were_not_assessed(
    registry: WeightsRegistry, tmp_path: Path
) -> None:
    """A random model ranks captions somehow: its scores are no evidence of anything."""
    folder = copied(tmp_path / "m")
    tiny.tokenizer(folder, ["a", "photo", "of", "blood", "flower", "knife"])
    spec = ModelSpec(name="clip", kind=ModelKind.CLIP, zero_shot={"gore": RED})
    frames = np.zeros((6, 48, 48, 3), np.uint8)
    found = look(registry, spec, frames)["gore"]
    assert (found.status, found.detail["cause"]) == (CheckStatus.SKIPPED, "unknown_weights")
    registry.add("clip", folder, **BROUGHT)
    found = look(registry, spec, frames)["gore"]
    assert (found.status, found.reason) == (CheckStatus.SKIPPED, "not_assessed")
    assert found.detail == {"cause": "not_calibrated"}


def coloured(red: bool, rng: np.random.Generator) -> np.ndarray:
    """A disc before a noisy ground, red or green: ``uint8 [48, 48, 3]``."""
    y, x = np.mgrid[:48, :48]
    out = rng.integers(60, 180, (48, 48, 3))
    centre = rng.uniform(14, 34, 2)
    inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < rng.uniform(9, 18) ** 2
    out[inside] = (200, 30, 30) if red else (40, 170, 60)
    return np.clip(out + rng.integers(-20, 20, out.shape), 0, 255).astype(np.uint8)


def trained(folder: Path) -> Path:
    """A tiny CLIP that really learnt which caption belongs to which picture (2 s)."""
    from transformers import AutoTokenizer, CLIPModel

    tiny.clip(folder)
    model, prepare = CLIPModel.from_pretrained(folder).train(), Preparation(folder)
    words = AutoTokenizer.from_pretrained(folder)(
        [*RED.shows, *RED.instead], padding=True, return_tensors="pt"
    )
    given = {k: words[k] for k in ("input_ids", "attention_mask")}
    optimiser, rng = torch.optim.Adam(model.parameters(), 5e-3), np.random.default_rng(0)
    for _ in range(60):
        kinds = rng.integers(0, 2, 16)
        pixels = np.stack([coloured(kind == 0, rng) for kind in kinds])
        out = model(**given, pixel_values=torch.from_numpy(prepare(pixels)))
        loss = torch.nn.functional.cross_entropy(out.logits_per_image, torch.from_numpy(kinds))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.save_pretrained(folder)
    return folder


def test_words_that_were_measured_run_and_belong_to_their_words(
    registry: WeightsRegistry, tmp_path: Path
) -> None:
    registry.add("clip", trained(tmp_path / "model"), **BROUGHT)
    spec = ModelSpec(
        name="clip",
        kind=ModelKind.CLIP,
        zero_shot={"gore": RED, "weapons": ZeroShot(shows=("a knife",), instead=("a flower",))},
    )
    rng = np.random.default_rng(1)
    for kind, red in (("real", False), ("gore", True)):
        (tmp_path / "labelled" / kind).mkdir(parents=True)
        for k in range(30):
            Image.fromarray(coloured(red, rng)).save(tmp_path / "labelled" / kind / f"{k}.png")
    scores, labels = raw_scores(
        raw_check(spec, registry), "gore", footage(tmp_path / "labelled", "gore"),
        FrameSettings(), MediaLimits(),
    )  # fmt: skip
    record = fit("clip", "gore", calibrated_with(spec, registry, "gore"), scores, labels)
    assert record.auc > 0.9
    write_record(registry, record)

    blood = look(registry, spec, np.stack([coloured(True, rng)] * 6))
    assert blood["gore"].status is CheckStatus.RAN
    assert blood["gore"].calibrated
    assert blood["gore"].score > 0.7
    assert "false_positive_rate" in blood["gore"].detail["calibration"]
    # The other category of the same model was not measured, and says nothing.
    assert blood["weapons"].detail == {"cause": "not_calibrated"}
    calm = look(registry, spec, np.stack([coloured(False, rng)] * 6))
    assert calm["gore"].score < 0.3

    other = ZeroShot(shows=("a photo of a flower",), instead=("a photo of blood",))
    changed = spec.model_copy(update={"zero_shot": {"gore": other}})
    assert look(registry, changed, np.zeros((6, 48, 48, 3), np.uint8))["gore"].score is None
