"""How good a prompt classifier is on labelled rows: figures with intervals, and a table.

Average precision and the area under the ROC curve follow their step-wise definitions (ties
share a step); intervals are percentile bootstraps over rows (Efron, 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import reliability

BOOTSTRAPS = 200
FALSE_POSITIVE_RATES = (0.01, 0.05)
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One row of an evaluation file; ``category`` and ``style`` may be empty."""

    text: str
    unsafe: bool
    category: str = ""
    style: str = ""


def average_precision(score: Floats, label: Bools) -> float:
    """Area under precision-recall, in steps; NaN without positives."""
    if not label.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits, ranked = np.cumsum(label[order]), score[order]
    last = np.r_[np.flatnonzero(np.diff(ranked)), len(ranked) - 1]
    precision = hits[last] / (last + 1)
    recall = hits[last] / label.sum()
    return float((np.diff(np.r_[0.0, recall]) * precision).sum())


def roc_area(score: Floats, label: Bools) -> float:
    """Probability that a harmful row scores above a harmless one, ties half; NaN if one-sided."""
    positives, negatives = int(label.sum()), int((~label).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[label].sum() - positives * (positives + 1) / 2) / positives / negatives)


def recall_at(score: Floats, label: Bools, rate: float) -> float:
    """Recall at the lowest threshold that flags at most ``rate`` of the harmless rows."""
    if not label.any() or label.all():
        return float("nan")
    harmless = np.sort(score[~label])[::-1]
    allowed = int(np.floor(rate * len(harmless)))
    threshold = harmless[allowed] if allowed < len(harmless) else -np.inf
    return float((score[label] > threshold).mean())


def f1(score: Floats, label: Bools, threshold: float) -> float:
    flagged = score >= threshold
    hit = float((flagged & label).sum())
    total = float(flagged.sum() + label.sum())
    return 2 * hit / total if total else float("nan")


def interval(
    figure: Callable[[Floats, Bools], float], score: Floats, label: Bools, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile bootstrap of a figure over rows."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(BOOTSTRAPS):
        rows = rng.integers(0, len(score), len(score))
        found.append(figure(score[rows], label[rows]))
    kept = [x for x in found if np.isfinite(x)]
    if not kept:
        return float("nan"), float("nan")
    low, high = np.percentile(kept, [2.5, 97.5])
    return float(low), float(high)


def _share_at(score: Floats, threshold: float) -> float:
    return float((score >= threshold).mean()) if len(score) else float("nan")


def _figure(
    name: str, figure: Callable[[Floats, Bools], float], score: Floats, label: Bools
) -> dict[str, Any]:
    value = figure(score, label)
    low, high = interval(figure, score, label)
    return {name: {"value": _round(value), "low": _round(low), "high": _round(high)}}


def _round(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def report(rows: Sequence[Labelled], score: Floats, threshold: float) -> dict[str, Any]:
    """All figures over rows; ``score`` float64 [N] holds NaN where nothing was assessed."""
    label = np.array([row.unsafe for row in rows], bool)
    known = np.isfinite(score)
    s, y = score[known], label[known]
    figures: dict[str, Any] = {}
    figures |= _figure("auprc", average_precision, s, y)
    figures |= _figure("auroc", roc_area, s, y)
    figures |= _figure("f1", lambda a, b: f1(a, b, threshold), s, y)
    figures |= _figure("recall", lambda a, b: _share_at(a[b], threshold), s, y)
    for rate in FALSE_POSITIVE_RATES:
        name = f"recall_at_{100 * rate:.0f}_fpr"
        figures |= _figure(name, partial(recall_at, rate=rate), s, y)
    figures |= _figure("over_refusal", lambda a, b: _share_at(a[~b], threshold), s, y)
    bins, error = reliability(s, y) if len(s) else ((), float("nan"))
    return {
        "rows": len(rows),
        "harmful": int(label.sum()),
        "not_assessed": int((~known).sum()),
        "threshold": threshold,
        "figures": figures,
        "by_category": _groups(rows, score, threshold, lambda r: r.category),
        "by_style": _groups(rows, score, threshold, lambda r: r.style),
        "calibration": {"error": _round(error), "bins": [b.model_dump() for b in bins]},
    }


def _groups(
    rows: Sequence[Labelled], score: Floats, threshold: float, key: Callable[[Labelled], str]
) -> dict[str, Any]:
    label = np.array([row.unsafe for row in rows], bool)
    known = np.isfinite(score)
    names = sorted({key(row) for row in rows} - {""})
    found: dict[str, Any] = {}
    for name in names:
        inside = np.array([key(row) == name for row in rows]) & known
        bad, good = inside & label, inside & ~label
        against = good if good.any() else known & ~label
        both = bad | against
        found[name] = {
            "harmful": int(bad.sum()),
            "harmless": int(good.sum()),
            "recall": _round(float((score[bad] >= threshold).mean())) if bad.any() else None,
            "flagged": _round(float((score[good] >= threshold).mean())) if good.any() else None,
            "auroc": _round(roc_area(score[both], label[both])) if bad.any() else None,
        }
    return found


def robustness(
    rows: Sequence[Labelled],
    disguises: Mapping[str, Callable[[str], str]],
    judge: Callable[[list[str]], Floats],
    threshold: float,
    progress: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """One line a disguise: harmful and harmless rows flagged, and not assessed; plain first.

    What was not assessed counts as flagged for harmful rows (it is held for review) and is
    listed apart.
    """
    label = np.array([row.unsafe for row in rows], bool)
    lines = []
    for name, disguise in {"plain": lambda t: t, **disguises}.items():
        progress(name)
        score = judge([disguise(row.text) for row in rows])
        unknown = ~np.isfinite(score)
        flagged = np.nan_to_num(score, nan=-1.0) >= threshold
        lines.append(
            {
                "disguise": name,
                "harmful_flagged": _share(flagged[label]),
                "harmful_not_assessed": _share(unknown[label]),
                "harmless_flagged": _share(flagged[~label]),
                "harmless_not_assessed": _share(unknown[~label]),
            }
        )
    return lines


def _share(values: Bools) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None
