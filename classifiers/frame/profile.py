"""The full profile: the models of the settings as checks."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from classifiers.aggregation import AggregationSettings
from classifiers.base import FrameCheck
from classifiers.deepfake.detector import CalibrationRecord, read_record
from classifiers.errors import NotCalibrated
from classifiers.frame.clip_heads import ClipHeads
from classifiers.frame.judge import VisionJudge
from classifiers.frame.models import (
    ImageClassifier,
    ModelKind,
    ModelSpec,
    folder_of,
    sha256_of_model,
)
from classifiers.frame.onnx_classifier import OnnxClassifier, onnx_file
from classifiers.frame.scored import Calibrated, FrameScorer, ScoredCheck
from classifiers.frame.second_order import SecondOrderCheck
from policies.taxonomy import NEEDS_CALIBRATION

if TYPE_CHECKING:
    from classifiers.registry import WeightsRegistry


def model_check(
    spec: ModelSpec, registry: WeightsRegistry, aggregation: AggregationSettings | None = None
) -> FrameCheck:
    """One model as a check. What is missing (weights, a calibration that it needs, a library)
    makes it ``not_assessed``; what is wrong makes it ``failed``."""
    measured: dict[str, CalibrationRecord] = {}
    lacking: dict[str, NotCalibrated] = {}
    for category in spec.categories:
        try:
            measured[category] = read_record(
                registry, spec.name, category, calibrated_with(spec, registry, category)
            )
        except NotCalibrated as error:
            if needs_calibration(spec, category):
                lacking[category] = error

    def load() -> FrameScorer:
        if lacking.keys() == set(spec.categories):
            folder_of(registry, spec.name)
            raise next(iter(lacking.values()))
        return load_model(spec, registry)

    if spec.kind is ModelKind.TEMPORAL:

        def encoder() -> ClipHeads:
            folder_of(registry, spec.name)
            if lacking:
                raise next(iter(lacking.values()))
            return _encoder(spec, registry)

        return SecondOrderCheck(
            spec.name, encoder, weights=lambda: weights_of(spec, registry), measured=measured
        )
    return ScoredCheck(
        spec.name,
        spec.categories,
        load,
        weights=lambda: weights_of(spec, registry),
        calibrated=Calibrated(measured, frozenset(lacking)),
        aggregation=aggregation,
        batch=1 if spec.kind is ModelKind.JUDGE else 8,
    )


def needs_calibration(spec: ModelSpec, category: str) -> bool:
    """Whether a score of this category means nothing until it was measured: that of a detector, of
    words that somebody wrote (where harmless pictures lie depends on the words), and claims of
    generated or faked footage."""
    return (
        spec.kind is ModelKind.DETECTOR
        or category in spec.zero_shot
        or category in NEEDS_CALIBRATION
    )


def calibrated_with(spec: ModelSpec, registry: WeightsRegistry, category: str) -> tuple[str, ...]:
    """SHA-256 (hex) of all that a calibration of this category belongs to: the model's files, and
    how its outputs become the category (labels, words, question)."""
    words = spec.zero_shot.get(category)
    reading = {
        "labels": sorted(label for label, meant in spec.labels.items() if meant == category),
        "words": words.model_dump(mode="json") if words else None,
        "heads": [head.model_dump() for head in spec.heads if head.category == category],
        "question": [spec.policies[category], spec.yes, spec.no]
        if category in spec.policies
        else None,
    }
    canonical = json.dumps(reading, sort_keys=True, ensure_ascii=True).encode()
    return (*weights_of(spec, registry), hashlib.sha256(canonical).hexdigest())


def raw_check(
    spec: ModelSpec, registry: WeightsRegistry, aggregation: AggregationSettings | None = None
) -> ScoredCheck | SecondOrderCheck:
    """The same without calibration, to be measured. Never for a gate."""
    if spec.kind is ModelKind.TEMPORAL:
        return SecondOrderCheck(
            spec.name,
            lambda: _encoder(spec, registry),
            weights=lambda: weights_of(spec, registry),
        )
    return ScoredCheck(
        spec.name,
        spec.categories,
        lambda: load_model(spec, registry),
        weights=lambda: weights_of(spec, registry),
        aggregation=aggregation,
    )


def load_model(spec: ModelSpec, registry: WeightsRegistry) -> FrameScorer:
    """The model itself, from its verified folder."""
    path = folder_of(registry, spec.name)
    if spec.kind is ModelKind.CLIP or spec.heads or spec.zero_shot:
        return ClipHeads(path, spec, registry.path)
    if spec.kind is ModelKind.JUDGE:
        return VisionJudge(path, spec)
    if onnx_file(path) is not None:
        return OnnxClassifier(path, spec.labels)
    return ImageClassifier(path, spec.labels)


def _encoder(spec: ModelSpec, registry: WeightsRegistry) -> ClipHeads:
    return ClipHeads(folder_of(registry, spec.name), spec, registry.path)


def weights_of(spec: ModelSpec, registry: WeightsRegistry) -> tuple[str, ...]:
    """SHA-256 (hex) of all files of a model and of its heads."""
    heads = tuple(
        registry.pin(head.weights).sha256 for head in spec.heads if head.weights in registry.names()
    )
    return sha256_of_model(registry, spec.name) + heads
