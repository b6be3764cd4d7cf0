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
def test_a_score_is_the_mean_of_the_three_highest_of_the_worst_two_seconds(
    values: list[float],
) -> None:
    # At four frames a second two seconds hold eight frames.
    stretches = [values[max(0, k - 7) : k + 1] for k in range(min(2, len(values) - 1), len(values))]
    wanted = max(sum(sorted(s)[-3:]) / min(3, len(s)) for s in stretches)
    assert clip("violence", values).score == pytest.approx(wanted)
    assert clip("violence", values).score <= max(values)


@given(scores)
def test_a_single_frame_of_a_severe_category_leads_to_review_where_it_is_sure(
    values: list[float],
) -> None:
    found = clip("gore", values)
    if max(values) >= RULES.single_frame_level:
        assert found.score >= RULES.single_frame_cap
    else:
        assert found.score == clip("violence", values).score
    assert found.score <= max(found.sustained, RULES.single_frame_cap)


def test_one_doubtful_moment_holds_nothing_and_what_lasts_does() -> None:
    moment = [0.05] * 20 + [0.61] + [0.05] * 20
    assert clip("sexual", moment).score < 0.3
    assert clip("sexual", [0.05] * 20 + [0.6] * 4 + [0.05] * 20).score == pytest.approx(0.6)
    assert clip("sexual", [0.05] * 20 + [0.95] + [0.05] * 20).score == RULES.single_frame_cap
    # Cut up, so that every second frame shows something else: it lasts all the same.
    assert clip("sexual", [0.9, 0.0] * 10).score >= 0.85


def test_moments_that_lie_far_apart_never_add_up() -> None:
    values = [0.1] * 400
    for k in range(0, 400, 40):
        values[k] = 0.7
    assert clip("violence", values).score == pytest.approx(0.3)


@pytest.mark.parametrize("rate", [0.2, 1, 4, 60])
def test_what_every_frame_shows_is_the_score_at_any_rate(rate: float) -> None:
    found = ClipScore("violence", RULES)
    for k in range(20):
        found.add(k / rate, 0.9)
    assert found.score == pytest.approx(0.9)


@given(scores, st.floats(0, 1), st.sampled_from(["gore", "violence"]))
def test_a_further_frame_never_lowers_the_score(
    values: list[float], more: float, category: str
) -> None:
    if len(values) >= RULES.top:
        assert clip(category, [*values, more]).score >= clip(category, values).score - 1e-12


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
