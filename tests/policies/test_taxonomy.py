"""The taxonomy as one document: whoever needs a fact of a category asks the category."""

from __future__ import annotations

import pytest

from classifiers.aggregation import AggregationSettings
from classifiers.prompt.heads import HEADS
from guarded_gen.review import priority
from guarded_gen.review.decide import REASONS
from policies import taxonomy
from policies.taxonomy import CATEGORIES, MILD, Kind

ENTRY = """
- id: sirens
  kind: harm
  title: Sirens
  definition: Sirens of emergency services.
  openai: [{theirs}]
"""


def test_every_fact_of_a_category_stands_in_its_entry() -> None:
    minors = CATEGORIES["sexual_minors"]
    assert minors.restricted and minors.severe_frame
    assert CATEGORIES["ncii"].restricted and CATEGORIES["threats"].restricted
    assert priority.severity("sexual_minors") == minors.severity == 1.0
    assert priority.severity("no_such_category") == priority.severity(None) == MILD
    assert set(AggregationSettings().severe) == {
        c.id for c in CATEGORIES.values() if c.severe_frame
    }
    assert {r for c in CATEGORIES.values() for r in c.reasons} < set(REASONS)
    assert CATEGORIES["minors"].harmless_alone


def test_heads_are_those_of_the_weights_and_every_head_is_a_category_of_harm() -> None:
    assert {*HEADS} < {c.id for c in CATEGORIES.values() if c.kind is Kind.HARM}
    assert "threats" not in HEADS, "a category without a head must be possible"


def test_a_document_with_a_mistake_is_refused() -> None:
    assert taxonomy.read(ENTRY.format(theirs="hate"))[0].severity == MILD
    with pytest.raises(ValueError, match="no such category there"):
        taxonomy.read(ENTRY.format(theirs="sirens"))
    with pytest.raises(ValueError, match="stands twice"):
        taxonomy.read(ENTRY.format(theirs="hate") * 2)
