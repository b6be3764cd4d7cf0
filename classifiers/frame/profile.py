"""The full profile: the models of the settings as checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifiers.aggregation import AggregationSettings
from classifiers.base import FrameCheck
from classifiers.deepfake.detector import CalibrationRecord, read_record
from classifiers.errors import NotCalibrated
from classifiers.frame.clip_heads import ClipHeads
from classifiers.frame.judge import Judge
from classifiers.frame.models import (
    ImageClassifier,
    ModelKind,
    ModelSpec,
    folder_of,
    sha256_of_model,
)
from classifiers.frame.scored import FrameScorer, ScoredCheck
from policies.taxonomy import NEEDS_CALIBRATION

if TYPE_CHECKING:
    from classifiers.registry import WeightsRegistry


def model_check(
    spec: ModelSpec, registry: WeightsRegistry, aggregation: AggregationSettings | None = None
) -> FrameCheck:
    """One model as a check. What is missing (weights, a calibration that it needs, a library)
    makes it ``not_assessed``; what is wrong makes it ``failed``."""
    weights = weights_of(spec, registry)
    measured: dict[str, CalibrationRecord] = {}
    lacking: str | None = None
    for category in spec.categories:
        try:
            measured[category] = read_record(registry, spec.name, category, weights)
        except NotCalibrated as error:
            if spec.kind is ModelKind.DETECTOR or category in NEEDS_CALIBRATION:
                lacking = str(error)

    def load() -> FrameScorer:
        if lacking is not None:
            folder_of(registry, spec.name)
            raise NotCalibrated(lacking, f"guarded-gen models calibrate {spec.name} FOLDER")
        return load_model(spec, registry)

    return ScoredCheck(
        spec.name,
        spec.categories,
        load,
        weights=lambda: weights_of(spec, registry),
        measured=measured,
        aggregation=aggregation,
        batch=1 if spec.kind is ModelKind.JUDGE else 8,
    )


def raw_check(
    spec: ModelSpec, registry: WeightsRegistry, aggregation: AggregationSettings | None = None
) -> ScoredCheck:
    """The same without calibration, to be measured. Never for a gate."""
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
        return Judge(path, spec)
    return ImageClassifier(path, spec.labels)


def weights_of(spec: ModelSpec, registry: WeightsRegistry) -> tuple[str, ...]:
    """SHA-256 (hex) of all files of a model and of its heads."""
    heads = tuple(
        registry.pin(head.weights).sha256 for head in spec.heads if head.weights in registry.names()
    )
    return sha256_of_model(registry, spec.name) + heads
