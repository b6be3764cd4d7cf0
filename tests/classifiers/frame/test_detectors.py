"""Detectors of generated footage that an operator brings: ONNX graphs, and the second order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from classifiers.base import StreamInfo
from classifiers.deepfake import fit, write_record
from classifiers.frame import FrameGate, FrameSettings, ModelSpec
from classifiers.frame.profile import calibrated_with, model_check, raw_check
from classifiers.registry import WeightsRegistry
from media.clip import Frames, Pixels
from policies.decision import CheckStatus, Signal

BROUGHT = {"licence": "MIT", "source": "https://example.org/model"}
ENCODER = Path(__file__).with_name("open_clip_tiny")


@pytest.fixture
def registry(tmp_path: Path) -> WeightsRegistry:
    return WeightsRegistry(tmp_path / "weights")


def judged(check: object, pixels: Pixels) -> Signal:
    """The check's signal of a stream of four frames a second, each of which it looks at."""
    gate = FrameGate((check,), StreamInfo(48, 48, 4.0), FrameSettings(workers=1), seed=1)
    gate.push(Frames(pixels, np.arange(len(pixels)) / 4))
    return next(s for s in gate.close().signals if s.category != "undecodable")


def graph(folder: Path, labels: list[str], apart: bool = False) -> Path:
    """Logits that grow with brightness for the first label and fall for the second."""
    folder.mkdir()
    weight = np.array([[2.0] * 3, [-2.0] * 3], np.float32)[: len(labels)]
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixel_values"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["logits"], transB=1),
    ]
    made = helper.make_model(
        helper.make_graph(
            nodes, "tiny",
            [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["T", 3, 32, 32])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["T", len(labels)])],
            [numpy_helper.from_array(weight, "w")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )  # fmt: skip
    made.ir_version = 8
    onnx.save(made, folder / "model.onnx", save_as_external_data=apart, location="tensors.json",
              size_threshold=0)  # fmt: skip
    (folder / "config.json").write_text(json.dumps({"id2label": dict(enumerate(labels))}))
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"size": 32, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    )
    return folder


def grey(level: float, frames: int = 3) -> Pixels:
    return np.full((frames, 48, 48, 3), level, np.uint8)


@pytest.mark.parametrize("labels", [["fake", "real"], ["fake"]])
def test_an_onnx_detector_speaks_only_when_it_was_measured(
    registry: WeightsRegistry, tmp_path: Path, labels: list[str]
) -> None:
    registry.add("d", graph(tmp_path / "m", labels), **BROUGHT)
    mapped = {"fake": "synthetic", "real": ""}
    spec = ModelSpec(name="d", kind="detector", labels={name: mapped[name] for name in labels})
    assert judged(model_check(spec, registry), grey(255)).detail == {"cause": "not_calibrated"}
    raw = raw_check(spec, registry)
    logit = 6.0 * (2 if len(labels) == 2 else 1)
    assert judged(raw, grey(255)).score == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)

    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 40)
    scores = np.array([judged(raw, grey(rng.normal((110, 150)[t], 15))).score for t in truth])
    weights = calibrated_with(spec, registry, "synthetic")
    write_record(registry, fit("d", "synthetic", weights, scores, truth))
    told = judged(model_check(spec, registry), grey(170))
    assert told.status is CheckStatus.RAN
    assert told.calibrated
    assert told.score > 0.8
    assert told.detail["calibration"]["false_positive_rate"] <= 0.05
    # Labels the other way round are another detector: the measurement is not its.
    turned = spec.model_copy(update={"labels": dict.fromkeys(labels, "synthetic") | {"x": ""}})
    if len(labels) == 2:
        assert judged(model_check(turned, registry), grey(170)).score is None


def test_an_onnx_graph_that_reads_further_files_is_refused(
    registry: WeightsRegistry, tmp_path: Path
) -> None:
    registry.add("d", graph(tmp_path / "m", ["nsfw", "sfw"], apart=True), **BROUGHT)
    spec = ModelSpec(name="d", labels={"nsfw": "sexual", "sfw": ""})
    assert judged(model_check(spec, registry), grey(255)).status is CheckStatus.FAILED


def test_an_unmapped_label_of_a_graph_fails(registry: WeightsRegistry, tmp_path: Path) -> None:
    registry.add("d", graph(tmp_path / "m", ["nsfw", "gore"]), **BROUGHT)
    spec = ModelSpec(name="d", labels={"nsfw": "sexual"})
    assert judged(model_check(spec, registry), grey(255)).status is CheckStatus.FAILED


def moving(rng: np.random.Generator, steady: bool, frames: int = 20) -> Pixels:
    """A window that glides over a picture, or jerks: ``uint8 [T, 48, 48, 3]``."""
    coarse = rng.integers(100, 156, (20, 40, 3)).astype(np.uint8)  # no cuts
    wide = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    lefts = np.cumsum(np.full(frames, 3.0) if steady else rng.choice([0, 18], frames))
    return np.stack([wide[50:98, int(left) : int(left) + 48] for left in lefts])


def test_the_second_order_of_a_steady_clip_is_small_and_needs_a_calibration(
    registry: WeightsRegistry,
) -> None:
    registry.add("d3", ENCODER, **BROUGHT)
    spec = ModelSpec(name="d3", kind="temporal")
    rng = np.random.default_rng(0)
    assert judged(model_check(spec, registry), moving(rng, True)).detail == {
        "cause": "not_calibrated"
    }
    raw, truth = raw_check(spec, registry), np.repeat([0, 1], 30)
    scores = np.array([judged(raw, moving(rng, bool(t))).score for t in truth])
    record = fit("d3", "synthetic", calibrated_with(spec, registry, "synthetic"), scores, truth)
    assert record.auc > 0.7
    write_record(registry, record)
    told = judged(model_check(spec, registry), moving(rng, True))
    assert told.calibrated
    assert told.detail["calibration"]["false_positive_rate"] <= 0.05
    assert told.detail["changes"] >= 6
    short = judged(model_check(spec, registry), moving(rng, True, 7))
    assert (short.status, short.detail["cause"]) == (CheckStatus.SKIPPED, "too_few_frames")


def test_a_cut_is_no_movement(registry: WeightsRegistry) -> None:
    registry.add("d3", ENCODER, **BROUGHT)
    raw = raw_check(ModelSpec(name="d3", kind="temporal"), registry)
    still = np.concatenate([grey(20, 9), grey(230, 9)])
    found = judged(raw, still)
    assert found.detail["spread"] == pytest.approx(0, abs=1e-6)
    assert found.score == pytest.approx(1)
