"""What the server offers to the workbench's editor."""

from __future__ import annotations

import html
import json
import re

import policies
from guarded_gen.console.completing import words
from policies.document import PolicySource
from policies.taxonomy import CATEGORIES, REASONS
from tests.guarded_gen.console.test_workbench import TEXT


def offered(text: str) -> dict[str, list[str]]:
    try:
        policy, _ = policies.loads(text)
    except policies.PolicyInvalid:
        policy = None
    found = words(text, policy)
    return {key: all.split() for keys, all in found.items() for key in keys.split()}


def test_a_sound_text_is_offered_its_own_words_and_those_that_it_extends() -> None:
    there = offered(TEXT)
    assert there["category"][0] == "betting"
    assert set(CATEGORIES) < set(there["category"])
    assert {"betting", *REASONS} <= set(there["reason"])
    base = policies.load("default")
    assert set(there["tighten{"]) == {"BET-1", *(rule.id for rule in base.rules)}
    assert there["extends"] == list(policies.library())
    assert there["default"] == ["review", "block"]


def test_a_text_with_a_mistake_is_offered_the_same() -> None:
    whole, broken = offered(TEXT), offered(TEXT + "tighten:\n  SE")
    for key in whole.keys() - {"reason", "reason[", "reasons["}:
        assert set(broken[key]) == set(whole[key]), key
    assert offered("")["tighten{"] == []
    assert offered("extends: /etc/passwd\n  - id: X-1")["floor["] == ["X-1"]


def test_every_word_fits_where_it_is_offered() -> None:
    there = offered(TEXT)
    rule = {"id": "A-1", "category": "gore", "stage": "prompt", "at_least": 0.5,
            "action": "block", "reason": "violence"}  # fmt: skip
    for key in ("category", "stage", "action", "reason", "age_mode"):
        for word in set(there[key]) - {"betting"}:
            PolicySource.model_validate(
                {"policy": "p", "version": "1", "rules": [{**rule, key: word}]}
            )
    tighten = {id: {"at_least": 0.01} for id in there["tighten{"]}
    required = {
        stage: [{"categories": ["gore"], "evidence": evidence}]
        for stage in there["required{"]
        for evidence in there["evidence"]
    }
    PolicySource.model_validate(
        {"policy": "p", "version": "1", "tighten": tighten, "required": required}
    )


def test_the_page_gives_words_to_whoever_may_write(site) -> None:
    page = site.browser("pia").get("/console/policy").text
    given = json.loads(html.unescape(re.search(r"data-words='([^']*)'", page)[1]))
    assert "violence" in given["category categories[ missing[ scores{ scores."].split()
    assert "completion.js" in page
    assert "data-words" not in site.browser("aud").get("/console/policy").text
