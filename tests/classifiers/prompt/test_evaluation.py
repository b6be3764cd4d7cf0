from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import average_precision_score, roc_auc_score

from classifiers.prompt.evaluation import (
    Labelled,
    average_precision,
    f1,
    recall_at,
    report,
    robustness,
    roc_area,
)
from classifiers.prompt.plot import SIZE, reliability_plot


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=60))
def test_figures_agree_with_scikit_learn(points: list[tuple[int, bool]]) -> None:
    score = np.array([s / 8 for s, _ in points])
    label = np.array([y for _, y in points])
    if not label.any() or label.all():
        return
    assert roc_area(score, label) == pytest.approx(roc_auc_score(label, score))
    assert average_precision(score, label) == pytest.approx(average_precision_score(label, score))


def test_recall_never_spends_more_false_positives_than_allowed() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.6, 0.95, 0.85, 0.75, 0.1])
    label = np.array([False] * 4 + [True] * 4)
    assert recall_at(score, label, 0.0) == 0.25
    assert recall_at(score, label, 0.25) == 0.5
    assert recall_at(score, label, 1.0) == 1.0
    assert f1(score, label, 0.5) == pytest.approx(2 * 3 / (7 + 4))


def test_what_was_not_assessed_is_counted_and_not_scored() -> None:
    rows = [Labelled("a", True, "gore"), Labelled("b", False), Labelled("c", False, "", "t2v")]
    found = report(rows, np.array([0.9, 0.1, np.nan]), 0.5)
    assert found["not_assessed"] == 1
    assert found["figures"]["recall"]["value"] == 1.0
    assert found["figures"]["over_refusal"]["value"] == 0.0
    assert found["by_category"]["gore"]["recall"] == 1.0


def test_the_robustness_table_lists_plain_first_and_every_disguise() -> None:
    rows = [Labelled("bad", True), Labelled("good", False)]

    def judge(texts: list[str]) -> np.ndarray:
        return np.array([1.0 if t == "bad" else 0.0 for t in texts])

    table = robustness(rows, {"upper": str.upper}, judge, 0.5)
    assert [line["disguise"] for line in table] == ["plain", "upper"]
    assert [line["harmful_flagged"] for line in table] == [1.0, 0.0]


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    score = np.linspace(0, 1, 200)
    rows = [Labelled("x", bool(s > 0.5)) for s in score]
    bins = report(rows, score, 0.5)["calibration"]["bins"]
    file = tmp_path / "plot.png"
    reliability_plot(bins, 0.1, "rows.jsonl", file)
    with Image.open(file) as image:
        assert image.size == SIZE
        assert len(image.getcolors(100_000) or []) > 4
