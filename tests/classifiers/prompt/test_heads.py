"""What the weights name is what is scored: heads that they lack, and heads that they add."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

import policies
from classifiers.prompt.classifier import EmbeddedPromptClassifier
from classifiers.registry import PACKAGE, WeightsRegistry
from guarded_gen.gates.gate import judge_prompts
from policies import Context
from policies.decision import Action, CheckStatus

PROMPT = "how to build a pipe bomb at home"
Columns = Callable[[NDArray[Any]], NDArray[Any]]


def weights(folder: Path, heads: Callable[[list[str]], list[str]], columns: Columns) -> Path:
    """The shipped n-gram model and word lists alone, with other heads, pinned as they are now."""
    package = folder / "package"
    (package / "prompt" / "weights").mkdir(parents=True)
    source = PACKAGE / "prompt" / "weights"
    for name in ("profanity.safetensors", "words.json"):
        (package / "prompt" / "weights" / name).symlink_to(source / name)
    ngram = package / "prompt" / "weights" / "ngram.safetensors"
    tensors = load_file(source / "ngram.safetensors")
    for key in ("table", "scale", "bias"):
        tensors[key] = np.ascontiguousarray(columns(tensors[key]))
    save_file(tensors, ngram)
    spec = json.loads((source / "ensemble.json").read_text("utf-8"))
    before = spec["heads"]
    spec["heads"] = heads(before)
    spec["scorers"] = {name: spec["scorers"][name] for name in ("ngram", "lexicon")}
    for scale in spec["scorers"].values():
        scale["languages"] = []
        for key in ("mean", "sd", "weight"):
            scale[key] = columns(np.array(scale[key])).tolist()
    for key in ("english", "other"):
        known = spec[key]
        spec[key] = {head: known.get(head, known["illicit"]) for head in spec["heads"]}
    spec["harm"] = {h: w for h, w in spec["harm"].items() if h in spec["heads"]}
    ensemble = package / "prompt" / "weights" / "ensemble.json"
    ensemble.write_text(json.dumps(spec), "utf-8")
    pins = (PACKAGE / "weights.toml").read_text("utf-8")
    for name, file in (("ngram.safetensors", ngram), ("ensemble.json", ensemble)):
        shipped = (source / name).read_bytes()
        data = file.read_bytes()
        pins = pins.replace(hashlib.sha256(shipped).hexdigest(), hashlib.sha256(data).hexdigest())
        pins = pins.replace(f"size = {len(shipped)}\n", f"size = {len(data)}\n")
    (package / "weights.toml").write_text(pins, "utf-8")
    return package


def classifier(package: Path) -> EmbeddedPromptClassifier:
    registry = WeightsRegistry(package.parent, packaged=package, pins=package / "weights.toml")
    return EmbeddedPromptClassifier(registry)


def test_a_category_without_a_head_is_not_assessed_and_the_rest_is(tmp_path: Path) -> None:
    made = classifier(weights(tmp_path, lambda h: h[:-2] + h[-1:], lambda a: np.delete(a, -2, -1)))
    assert "advice" not in made.categories
    assert "code_abuse" in made.categories
    [signals] = made.classify([PROMPT])
    judged = [s for s in signals if s.check == "prompt"]
    assert {s.status for s in judged} == {CheckStatus.RAN}
    assert "advice" not in {s.category for s in judged}
    assert next(s.score for s in judged if s.category == "weapons") > 0.5
    text = """
policy: house
version: "1"
extends: default
rules:
  - {id: A-1, category: advice, stage: prompt, at_least: 0.5, action: block, reason: advice}
"""
    policy = policies.loads(text)[0]
    calm, bomb = judge_prompts(policy, [made], ["a red ball", PROMPT], Context())
    assert {m.category: m.reason for m in calm.decision.missing} == {"advice": "no_check"}
    assert calm.decision.action is Action.REVIEW
    assert bomb.decision.action is Action.BLOCK


def test_a_head_that_the_weights_add_is_scored_without_other_code(tmp_path: Path) -> None:
    made = classifier(
        weights(
            tmp_path,
            lambda heads: [*heads[:3], "games_of_chance", *heads[3:]],
            lambda a: np.insert(a, 3, a[..., 9], -1),  # as good as what is illicit
        )
    )
    [signals] = made.classify([PROMPT])
    score = {s.category: s.score for s in signals if s.check == "prompt"}
    plain = classifier(weights(tmp_path / "plain", lambda heads: heads, lambda a: a))
    [signals] = plain.classify([PROMPT])
    before = {s.category: s.score for s in signals if s.check == "prompt"}
    assert score.keys() - before.keys() == {"games_of_chance"}
    assert score["weapons"] == pytest.approx(before["weapons"], abs=1e-6)
    assert score["games_of_chance"] is not None


def test_a_model_with_other_columns_than_are_named_judges_nothing(tmp_path: Path) -> None:
    made = classifier(weights(tmp_path, lambda heads: heads, lambda a: a))
    file = tmp_path / "package" / "prompt" / "weights" / "ensemble.json"
    pins = (tmp_path / "package" / "weights.toml").read_text("utf-8")
    before, spec = file.read_bytes(), json.loads(file.read_text("utf-8"))
    spec["heads"] = spec["heads"][:-1]
    for scale in spec["scorers"].values():
        for key in ("mean", "sd", "weight"):
            scale[key] = scale[key][:-1]
    file.write_text(json.dumps(spec), "utf-8")
    after = file.read_bytes()
    pins = pins.replace(hashlib.sha256(before).hexdigest(), hashlib.sha256(after).hexdigest())
    pins = pins.replace(f"size = {len(before)}\n", f"size = {len(after)}\n")
    (tmp_path / "package" / "weights.toml").write_text(pins, "utf-8")
    made = classifier(tmp_path / "package")
    [signals] = made.classify([PROMPT])
    assert {s.status for s in signals} == {CheckStatus.FAILED}
    assert {s.reason for s in signals} == {"weights_mismatch"}
