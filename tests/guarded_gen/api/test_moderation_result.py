"""One gate's outcome in the SDK's shape: what is flagged is what the policy acts on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import policies
from guarded_gen.api.moderations import result
from guarded_gen.gates.gate import judge
from policies import Context, Signal, Stage
from policies.taxonomy import CATEGORIES, HARM

DEFAULT = policies.load("default")
millionths = st.integers(0, 1_000_000).map(lambda n: n / 1_000_000)


def told(**scores: float) -> dict:
    named = dict.fromkeys((*HARM, "disguise"), 0.0) | scores
    signals = [Signal.ran("prompt", c, s, calibrated=True) for c, s in named.items()]
    return result(judge(DEFAULT, Stage.PROMPT, signals, Context()), {})


def test_children_playing_are_not_flagged() -> None:
    answer = told(minors=0.99, likeness=0.6)
    assert (answer["action"], answer["flagged"]) == ("allow", False)
    assert not any(answer["categories"].values())


def test_what_the_policy_acts_on_below_one_half_is_flagged() -> None:
    answer = told(sexual=0.46)
    assert (answer["action"], answer["flagged"]) == ("review", True)
    assert answer["categories"]["sexual"]


@given(st.dictionaries(st.sampled_from(HARM), millionths))
def test_flagged_is_the_action_and_what_is_harmless_alone_never_is(scores: dict) -> None:
    answer = told(**scores)
    assert answer["flagged"] is (answer["action"] != "allow")
    assert answer["flagged"] or not any(answer["categories"].values())
    alone = [c.id for c in CATEGORIES.values() if c.harmless_alone]
    assert not any(answer["categories"].get(name) for name in alone)
