"""What reviewers are told of a refused prompt, and the safer wording that a caller may confirm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guarded_gen.composition.lines import make_clip, prompt_gate
from guarded_gen.composition.services import Services
from guarded_gen.gates.gate import judge_prompts
from guarded_gen.production.outcome import ClipState
from guarded_gen.production.request import ClipRequest
from guarded_gen.settings import load
from policies import Context

OFFENDING = "a naked woman walks along the beach at sunset"
ONCE_MORE = "a woman walks along the beach at sunset"


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    made = Services(load())
    yield made
    made.close()


def test_reviewers_see_the_words_and_the_caller_does_not(
    services: Services, tmp_path: Path
) -> None:
    outcome = make_clip(services, ClipRequest(prompt=OFFENDING), tmp_path / "clip.mp4")
    decision, gate = outcome.last
    assert outcome.state is not ClipState.PUBLISHED
    assert "explanation" not in json.dumps(outcome.to_json())
    assert gate.offer is None, "nothing is proposed unless the settings say so"
    entry = services.log.entry(decision)
    assert "naked" not in json.dumps(entry.to_json())
    told = json.loads(services.log.payload(decision))
    assert told["prompt"] == OFFENDING
    first = told["explanation"][0]
    assert first["word"] == "naked" and first["effect"] > 0.2
    assert OFFENDING[first["start"] : first["end"]] == "naked"


def test_a_safer_wording_is_confirmed_and_both_stay_on_record(
    cli: Callable, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARDED_GEN_PROMPTS__REWRITE", "true")
    path = tmp_path / "clip.mp4"
    args = ("-o", path, "--seconds", "1", "--size", "128x128", "--backend", "world", "--json")
    refused = cli("generate", OFFENDING, *args)
    assert refused.code in (3, 4) and not path.exists(), "nobody agreed"
    done = cli("generate", OFFENDING, *args, "--accept-rewrite")
    assert done.code == 0, done.err
    assert path.exists()
    made = Services(load())
    try:
        after = made.log.entry(done.json["decisions"][0]["id"])
        before = made.log.entry(str(after.related))
        assert after.body["rewrite_of"] == before.id and before.action != "allow"
        told = json.loads(made.log.payload(before.id))
        assert told["prompt"] == OFFENDING
        assert told["rewrite"] == {"prompt": ONCE_MORE, "removed": ["naked"]}
        assert json.loads(made.log.payload(after.id))["prompt"] == ONCE_MORE
    finally:
        made.close()


def test_a_policy_may_ask_who_is_named(services: Services) -> None:
    [named] = judge_prompts(
        services.policy, services.prompt_classifiers, ["Donald Trump eats an apple"], Context()
    )
    assert named.context is not None
    assert {"donald-trump", "public_figure", "politician"} <= named.context.entities
    matches = [s for s in named.signals if s.check == "prompt_entities" and s.detail]
    assert matches[0].detail["entities"][0]["class"] == "public_figure"


def test_the_record_names_the_rule_and_the_span_that_decided(
    services: Services, tmp_path: Path
) -> None:
    scene = "An old gardener waters the roses behind the house."
    text = f"{scene} A naked couple having explicit sex in bed. {scene}"
    outcome = make_clip(services, ClipRequest(prompt=text), tmp_path / "clip.mp4")
    decision, gate = outcome.last
    told = json.loads(services.log.payload(decision))["decided_by"]
    assert told["rule_id"] == gate.decision.rule_id
    (span, *_) = told["spans"]
    assert "naked" in span["text"]
    assert text[span["start"] : span["end"]] == span["text"]


def test_what_is_unwanted_is_judged_as_denied(services: Services, tmp_path: Path) -> None:
    def action(negative: str) -> str:
        request = ClipRequest(prompt="a farmer milks a cow", negative_prompt=negative)
        return prompt_gate(services).judge(request).decision.action.value

    assert action("") == "allow"
    assert action("nude, gore, blood; deformed hands. watermark") == "allow"
    assert action("blur, a naked couple having explicit sex in bed") != "allow"
