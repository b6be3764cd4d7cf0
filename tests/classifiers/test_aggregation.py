"""From frames to a clip: one odd frame does not block, a severe one is never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.aggregation import MAX_SEGMENTS, AggregationSettings, ClipScore

RULES = AggregationSettings()
scores = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def clip(category: str, values: list[float]) -> ClipScore:
    found = ClipScore(category, RULES)
    for k, value in enumerate(values):
        found.add(k / 4, value)
    return found


@given(scores)
def test_mean_of_the_three_highest(values: list[float]) -> None:
    best = sorted(values)[-3:]
    assert clip("violence", values).score == pytest.approx(sum(best) / len(best))
    assert clip("violence", values).score <= max(values)


@given(scores)
def test_a_single_frame_of_a_severe_category_leads_to_review(values: list[float]) -> None:
    found = clip("gore", values)
    assert found.score >= min(max(values), RULES.single_frame_cap)
    assert found.score <= max(values)
    assert found.score <= max(found.top_mean, RULES.single_frame_cap)


@given(scores, st.floats(0, 1), st.sampled_from(["gore", "violence"]))
def test_a_further_high_frame_never_lowers_the_score(
    values: list[float], more: float, category: str
) -> None:
    if len(values) >= RULES.top:
        assert clip(category, [*values, more]).score >= clip(category, values).score - 1e-12


@given(st.permutations([0.1, 0.9, 0.3, 0.7, 0.7, 0.2]))
def test_order_does_not_matter(values: list[float]) -> None:
    assert clip("gore", values).score == pytest.approx((0.9 + 0.7 + 0.7) / 3)


def test_segments_join_neighbours_and_stay_bounded() -> None:
    found = clip("gore", [0, 0.6, 0.8, 0.7, 0, 0, 0, 0, 0.9])
    assert [(s.start, s.end, s.score) for s in found.segments] == [(0.25, 0.75, 0.8), (2, 2, 0.9)]
    many = ClipScore("gore", RULES)
    for k in range(1000):
        many.add(k * 10.0, 0.9)
    assert len(many.segments) == MAX_SEGMENTS
    assert many.segments[-1].end == 9990.0


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 1.1])
def test_no_number_is_no_score(score: float) -> None:
    with pytest.raises(ValueError):
        clip("gore", [0.1]).add(1.0, score)
    with pytest.raises(ValueError):
        _ = ClipScore("gore").score
