"""Models that an operator brings along: tiny ones with the layout of the real ones."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from classifiers.base import StreamInfo
from classifiers.errors import UnsafeWeightsFormat, WeightsMismatch
from classifiers.frame import FrameGate, ModelKind, ModelSpec
from classifiers.frame.models import Head, ZeroShot
from classifiers.frame.profile import model_check
from classifiers.registry import WeightsRegistry
from media.clip import Frames
from policies.decision import CheckStatus, Signal

_spec = importlib.util.spec_from_file_location("tiny", Path(__file__).with_name("tiny.py"))
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

LABELS = {"nsfw": "sexual", "sfw": ""}
BROUGHT = {"licence": "MIT", "source": "https://example.org/model"}


def look(registry: WeightsRegistry, spec: ModelSpec) -> dict[str, Signal]:
    gate = FrameGate((model_check(spec, registry),), StreamInfo(64, 48, 24.0, 12), seed=1)
    pixels = np.random.default_rng(0).integers(0, 255, (12, 48, 64, 3), dtype=np.uint8)
    gate.push(Frames(pixels, np.arange(12) / 24))
    return {s.category: s for s in gate.close().signals if s.category != "undecodable"}


@pytest.fixture
def registry(tmp_path: Path) -> WeightsRegistry:
    return WeightsRegistry(tmp_path / "weights")


def test_an_image_classifier_of_transformers(registry: WeightsRegistry, tmp_path: Path) -> None:
    pins = registry.add("nsfw-vit", tiny.vit(tmp_path / "model"), **BROUGHT)
    found = look(registry, ModelSpec(name="nsfw-vit", labels=LABELS))["sexual"]
    assert found.status is CheckStatus.RAN
    assert 0 < found.score < 1
    assert not found.calibrated
    assert found.weights in {pin.sha256 for pin in pins if pin.name.endswith(".safetensors")}
    again = WeightsRegistry(registry.folder)
    assert look(again, ModelSpec(name="nsfw-vit", labels=LABELS))["sexual"] == found


def test_a_model_that_is_not_there_was_not_assessed(registry: WeightsRegistry) -> None:
    found = look(registry, ModelSpec(name="none", labels=LABELS))["sexual"]
    assert (found.status, found.reason) == (CheckStatus.SKIPPED, "not_assessed")


def test_an_unmapped_label_fails(registry: WeightsRegistry, tmp_path: Path) -> None:
    registry.add("m", tiny.vit(tmp_path / "model", ("nsfw", "sfw", "gore")), **BROUGHT)
    assert look(registry, ModelSpec(name="m", labels=LABELS))["sexual"].status is CheckStatus.FAILED


def test_missing_parameters_are_not_made_up(registry: WeightsRegistry, tmp_path: Path) -> None:
    folder = tiny.vit(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    del tensors["classifier.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    registry.add("m", folder, **BROUGHT)
    found = look(registry, ModelSpec(name="m", labels=LABELS))["sexual"]
    assert (found.status, found.reason) == (CheckStatus.FAILED, "random_weights")


def test_weights_that_are_no_numbers_fail(registry: WeightsRegistry, tmp_path: Path) -> None:
    folder = tiny.vit(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.weight"].fill_(torch.nan)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    registry.add("m", folder, **BROUGHT)
    assert look(registry, ModelSpec(name="m", labels=LABELS))["sexual"].status is CheckStatus.FAILED


def test_a_changed_or_added_file_fails(registry: WeightsRegistry, tmp_path: Path) -> None:
    registry.add("m", tiny.vit(tmp_path / "model"), **BROUGHT)
    place = registry.folder / "own" / "m"
    (place / "modeling.json").write_text("{}")
    spec = ModelSpec(name="m", labels=LABELS)
    assert look(registry, spec)["sexual"].reason == "weights_mismatch"
    (place / "modeling.json").unlink()
    (place / "config.json").write_text((place / "config.json").read_text() + " ")
    assert look(registry, spec)["sexual"].reason == "weights_mismatch"


def test_pickles_and_taken_names_are_refused(registry: WeightsRegistry, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UnsafeWeightsFormat):
        registry.add("m", tmp_path / "pytorch_model.bin", **BROUGHT)
    registry.add("m", tiny.vit(tmp_path / "model"), **BROUGHT)
    for name in ("m", "open_nsfw", "../x", ""):
        with pytest.raises(WeightsMismatch):
            registry.add(name, tmp_path / "model", **BROUGHT)


def test_one_clip_pass_with_many_heads(registry: WeightsRegistry, tmp_path: Path) -> None:
    registry.add("clip", tiny.clip(tmp_path / "model"), **BROUGHT)
    rng = np.random.default_rng(0)
    np.save(tmp_path / "violence.npy", rng.normal(size=9).astype(np.float32))
    np.save(tmp_path / "q16.npy", rng.normal(size=(2, 8)).astype(np.float32))
    heads = {"weight": torch.randn(1, 8), "bias": torch.zeros(1)}
    save_file(heads, tmp_path / "mark.safetensors")
    for head in ("violence.npy", "q16.npy", "mark.safetensors"):
        registry.add(head.split(".")[0], tmp_path / head, **BROUGHT)
    spec = ModelSpec(
        name="clip",
        kind=ModelKind.CLIP,
        zero_shot={"gore": ZeroShot(shows=("a photo of blood",), instead=("a flower",))},
        heads=(
            Head(category="violence", weights="violence"),
            Head(category="hate", weights="q16"),
            Head(category="privacy", weights="mark", normalise=False),
        ),
    )
    found = look(registry, spec)
    assert set(found) == {"gore", "violence", "hate", "privacy"}
    words = found.pop("gore")
    assert words.detail == {"cause": "not_calibrated"}
    assert all(s.status is CheckStatus.RAN and 0 <= s.score <= 1 for s in found.values())
    np.save(tmp_path / "wrong.npy", np.zeros(5, np.float32))
    registry.add("wrong", tmp_path / "wrong.npy", **BROUGHT)
    spec = ModelSpec(name="clip", kind="clip", heads=(Head(category="hate", weights="wrong"),))
    assert look(registry, spec)["hate"].status is CheckStatus.FAILED


def test_a_judge_answers_a_policy(registry: WeightsRegistry, tmp_path: Path) -> None:
    registry.add("judge", tiny.llava(tmp_path / "model"), **BROUGHT)
    spec = ModelSpec(name="judge", kind=ModelKind.JUDGE, policies={"gore": "does this show blood"})
    found = look(registry, spec)["gore"]
    assert found.status is CheckStatus.RAN, found
    assert 0 < found.score < 1


@pytest.mark.parametrize("category", ["synthetic", "deepfake"])
def test_a_detector_without_calibration_was_not_assessed(
    registry: WeightsRegistry, tmp_path: Path, category: str
) -> None:
    registry.add("d", tiny.vit(tmp_path / "model", ("fake", "real")), **BROUGHT)
    spec = ModelSpec(name="d", kind="detector", labels={"fake": category, "real": ""})
    found = look(registry, spec)[category]
    assert (found.status, found.reason) == (CheckStatus.SKIPPED, "not_assessed")
    assert found.detail == {"cause": "not_calibrated"}
