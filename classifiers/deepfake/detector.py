"""Published detectors of generated and manipulated footage.

A detector that we would train ourselves on what we can render is worse than chance on real
generators, so none is shipped. Adapters load published ones (Community Forensics ViT, GenD,
a UniversalFakeDetect head on CLIP); each speaks only with its calibration on the operator's
own labelled footage. Without weights, or without a calibration of exactly these weights, the
check says ``not_assessed``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classifiers.calibration import Isotonic, Platt, reliability
from classifiers.errors import ClassifierError, NotCalibrated

if TYPE_CHECKING:
    from classifiers.registry import WeightsRegistry

MIN_EACH = 30
"""Fewest clips of each kind: below, no error rate can be told apart from chance."""

MIN_AUC = 0.6
"""A detector that orders the operator's footage worse than this has nothing to say."""

MAX_FPR = 0.05
"""The threshold in a calibration keeps false alarms on real footage at or below this."""


class CalibrationRecord(BaseModel):
    """How one category of one model was measured. Rates are of the half that was not fitted.

    ``false_positive_rate`` and ``true_positive_rate`` hold at ``threshold``, a probability.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    category: str
    weights: tuple[str, ...] = Field(
        description="SHA-256 of the model's files, and of how its outputs become the category"
    )
    method: Literal["temperature", "isotonic"]
    platt: Platt | None = None
    isotonic: Isotonic | None = None
    positives: int
    negatives: int
    auc: float
    ece: float
    threshold: float
    false_positive_rate: float
    true_positive_rate: float
    made: str

    def probability(self, score: float) -> float:
        """The calibrated probability of a raw clip score in [0, 1]."""
        value = np.array([score])
        if self.platt is not None:
            return float(self.platt(_logit(value))[0])
        if self.isotonic is not None:
            return float(self.isotonic(value)[0])
        raise NotCalibrated(f"{self.model}: the record has no map", "calibrate again")

    def facts(self) -> dict[str, Any]:
        return {
            "calibration": {
                "n": self.positives + self.negatives,
                "auc": round(self.auc, 4),
                "ece": round(self.ece, 4),
                "threshold": round(self.threshold, 4),
                "false_positive_rate": round(self.false_positive_rate, 4),
                "true_positive_rate": round(self.true_positive_rate, 4),
            }
        }


def fit(
    model: str,
    category: str,
    weights: tuple[str, ...],
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    method: Literal["temperature", "isotonic"] = "temperature",
    seed: int = 0,
) -> CalibrationRecord:
    """Fit on one half of the clips and measure on the other.

    ``scores`` are raw clip scores ``[N]`` in [0, 1], ``labels`` are 1 for generated or faked.
    Raises :class:`NotCalibrated` for too few clips or a model that cannot tell them apart.
    """
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    if min(positives, negatives) < MIN_EACH:
        raise NotCalibrated(
            f"{positives} generated and {negatives} real clips; at least {MIN_EACH} of each",
            "collect more labelled footage",
        )
    order = np.random.default_rng(seed).permutation(len(scores))
    fitted = np.zeros(len(scores), dtype=bool)
    for label in (0, 1):
        members = order[labels[order] == label]
        fitted[members[: len(members) // 2]] = True
    area = auc(scores[~fitted], labels[~fitted])
    if area < MIN_AUC:
        raise NotCalibrated(
            f"{model} orders this footage with an AUC of {area:.2f}, below {MIN_AUC}",
            "this detector has nothing to say about your footage: do not use it",
        )
    platt, isotonic = None, None
    if method == "temperature":
        platt = Platt.fit(_logit(scores[fitted]), labels[fitted].astype(np.float64))
        probability = platt(_logit(scores))
    else:
        isotonic = Isotonic.fit(scores[fitted], labels[fitted].astype(np.float64))
        probability = isotonic(scores)
    held, truth = probability[~fitted], labels[~fitted]
    real = np.sort(held[truth == 0])
    allowed = int(MAX_FPR * len(real))
    threshold = float(np.nextafter(real[len(real) - 1 - allowed], 2.0))
    return CalibrationRecord(
        model=model,
        category=category,
        weights=weights,
        method=method,
        platt=platt,
        isotonic=isotonic,
        positives=positives,
        negatives=negatives,
        auc=area,
        ece=reliability(held, truth.astype(np.float64))[1],
        threshold=min(threshold, 1.0),
        false_positive_rate=float((held[truth == 0] >= threshold).mean()),
        true_positive_rate=float((held[truth == 1] >= threshold).mean()),
        made=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def auc(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Area under the ROC curve: how often a positive outranks a negative, ties half."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    above = (positive[:, None] > negative[None]).mean()
    return float(above + 0.5 * (positive[:, None] == negative[None]).mean())


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))


def record_file(registry: WeightsRegistry, model: str, category: str) -> Path:
    """Where a model's calibration of one category lies."""
    return registry.folder / "calibration" / f"{model}.{category}.json"


def read_record(
    registry: WeightsRegistry, model: str, category: str, weights: tuple[str, ...]
) -> CalibrationRecord:
    """The calibration of exactly these weights; raises :class:`NotCalibrated`."""
    file = record_file(registry, model, category)
    remedy = f"guarded-gen models calibrate {model} FOLDER"
    try:
        record = CalibrationRecord.model_validate_json(file.read_text("utf-8"))
    except OSError as error:
        raise NotCalibrated(f"{model}: no calibration for {category}", remedy) from error
    except (ValidationError, ValueError) as error:
        raise NotCalibrated(f"{model}: its calibration is unreadable", remedy) from error
    if (record.model, record.category, record.weights) != (model, category, weights):
        raise NotCalibrated(f"{model}: its calibration is of other weights or words", remedy)
    return record


def write_record(registry: WeightsRegistry, record: CalibrationRecord) -> Path:
    """Keep a calibration beside the weights; raises ``ClassifierError`` when it cannot."""
    file = record_file(registry, record.model, record.category)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(record.model_dump_json(indent=2, exclude_none=True) + "\n", "utf-8")
        part.replace(file)
    except OSError as error:
        raise ClassifierError(f"{file} cannot be written", "check the weights folder") from error
    return file
