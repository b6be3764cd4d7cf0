"""Raw scores of a detector over a folder of labelled footage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ClassifierError, NotCalibrated
from classifiers.frame.scan import scan
from classifiers.frame.scored import ScoredCheck
from classifiers.frame.second_order import TOO_FEW, SecondOrderCheck
from classifiers.frame.settings import FrameSettings
from media.errors import MediaError
from media.limits import MediaLimits

REAL = "real"
"""The folder of footage that is neither generated nor manipulated."""


def footage(folder: Path, category: str) -> list[tuple[Path, int]]:
    """Files of ``folder/real`` (label 0) and ``folder/<category>`` (label 1), in order of name.

    Raises :class:`NotCalibrated` when one of the two folders is missing.
    """
    found: list[tuple[Path, int]] = []
    for label, name in enumerate((REAL, category)):
        part = folder / name
        if not part.is_dir():
            raise NotCalibrated(
                f"{part} is not a folder", f"put clips into {folder}/{REAL} and {folder}/{category}"
            )
        found += [(file, label) for file in sorted(part.rglob("*")) if file.is_file()]
    return found


def raw_scores(
    check: ScoredCheck | SecondOrderCheck,
    category: str,
    files: Sequence[tuple[Path, int]],
    settings: FrameSettings,
    limits: MediaLimits,
    step: Callable[[], None] = lambda: None,
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scores ``[N]`` in [0, 1] and labels ``[N]``; files that are no media, or too short for what
    the check measures, are left out.

    Raises :class:`ClassifierError` when the check did not run on a readable file: a model
    that fails on some clips must not be measured on the others alone.
    """
    check.model()
    scores, labels = [], []
    for file, label in files:
        try:
            report = scan(file, (check,), settings, limits, seed=seed).report
        except MediaError:
            step()
            continue
        signal = next(s for s in report.signals if s.category == category)
        if signal.detail.get("cause") == TOO_FEW:
            step()
            continue
        if signal.score is None:
            raise ClassifierError(f"{check.name} failed on {file.name}: {signal.reason}")
        scores.append(signal.score)
        labels.append(label)
        step()
    return np.array(scores, np.float64), np.array(labels, np.int64)
