"""Refusals that stand are counted for the end user who asked, and the policy sees the count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from guarded_gen.composition.lines import judging_of
from guarded_gen.composition.services import Services
from guarded_gen.jobs.settled import HeldJobs
from guarded_gen.production.request import ClipRequest
from guarded_gen.review.decide import Decisions
from guarded_gen.review.strikes import DAY_MS, Strikes
from guarded_gen.server import create_app
from tests.waiting import until

from .live import settings_for

REPEATED = """\
  - id: REP
    category: unsafe
    stage: [prompt]
    at_least: 0.0
    when: strikes >= 2
    action: review
    reason: repeated_violations
    examples:
      - {score: 0.1, context: {strikes: 2}, expect: review}
      - {score: 0.1, expect: allow}
"""
VIOLENT = "a man kills another man with a knife, blood everywhere"
CALM = "a red ball rolls over green grass"
FOREIGN = "Punainen pallo vierii vihreällä nurmella"


class Place:
    def __init__(self, folder: Path) -> None:
        policy = folder / "policy.yaml"
        policy.write_text(Path(__file__).with_name("policy.yaml").read_text() + REPEATED)
        review: dict[str, Any] = {"undo": 0, "double_rate": 0}
        self.services = Services(
            settings_for(folder / "home", policy=str(policy), backend="world", review=review)
        )
        self.app = create_app(self.services, worker=False)
        self.http = TestClient(self.app)

    def ask(self, prompt: str, **fields: Any) -> dict[str, Any]:
        body = {"prompt": prompt, "size": "128x128", "seconds": "1", **fields}
        answer: dict[str, Any] = self.http.post("/v1/videos", json=body).json()
        return answer

    def refused(self, **fields: Any) -> str:
        return str(self.ask(VIOLENT, **fields)["error"]["decision_id"])

    def state(self, **fields: Any) -> str:
        return str(self.ask(CALM, **fields)["moderation"]["state"])

    def count(self, user: str) -> int:
        return self.services.strikes("default", user)

    def settle_case(self, kind: str, action: str, reason: str) -> None:
        """A person decides the one open case of this kind."""
        cases = self.http.get("/v1/reviews").json()["data"]
        [case] = [case for case in cases if case["kind"] == kind]
        body = {"action": action, "reason": reason}
        answer = self.http.post(f"/v1/reviews/{case['id']}/decision", json=body)
        assert answer.status_code == 200, answer.text
        book = self.app.state.api.jobs.book
        services = self.services
        decisions = Decisions(
            services.store, services.log, HeldJobs(book), services.settings.review
        )
        assert decisions.settle() == 1


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("strikes"))
    with made.http:
        yield made
    made.services.close()


def test_a_rule_about_repetition_acts_on_the_user_who_repeats(place: Place) -> None:
    place.refused(safety_identifier="mallory")
    assert place.state(safety_identifier="mallory") == "allowed_so_far"
    place.refused(user="mallory")
    held = place.ask(CALM, safety_identifier="mallory")
    assert held["moderation"]["state"] == "pending_review"
    assert held["moderation"]["reason_codes"] == ["repeated_violations"]

    [decision] = held["moderation"]["decision_ids"]
    entry = place.services.log.entry(decision)
    assert entry.body["context"]["strikes"] == 2
    assert place.state(safety_identifier="alice") == "allowed_so_far"
    assert place.services.strikes("another-tenant", "mallory") == 0

    moderated = {"input": CALM, "safety_identifier": "mallory"}
    [result] = place.http.post("/v1/moderations", json=moderated).json()["results"]
    assert (result["action"], result["rule_id"]) == ("review", "REP")
    [result] = place.http.post("/v1/moderations", json={"input": CALM}).json()["results"]
    assert result["action"] == "allow"

    request = ClipRequest(prompt=CALM, subject="mallory")
    assert judging_of(place.services).context(request).strikes == 2, "at the other gates too"
    place.settle_case("review", "allow", "no_violation")


def test_callers_that_name_nobody_are_no_offenders(place: Place) -> None:
    for _ in range(3):
        place.refused()
    assert place.state() == "allowed_so_far"


def test_an_overturned_appeal_takes_the_strike_back(place: Place) -> None:
    decisions = [place.refused(user="bob") for _ in range(2)]
    assert place.count("bob") == 2
    for decision, action, left in zip(decisions, ("block", "allow"), (2, 1), strict=True):
        filed = {"decision_id": decision, "reason": "it is a film"}
        assert place.http.post("/v1/appeals", json=filed).status_code == 200
        place.settle_case("appeal", action, "context_changes_meaning")
        assert place.count("bob") == left


@pytest.mark.parametrize(
    ("action", "reason", "counted"),
    [("block", "violence", 1), ("block", "technical", 0), ("allow", "no_violation", 0)],
)
def test_a_held_request_counts_when_a_person_refused_it(
    place: Place, action: str, reason: str, counted: int
) -> None:
    user = f"held-{action}-{reason}"
    assert place.ask(FOREIGN, user=user)["moderation"]["state"] == "pending_review"
    assert place.count(user) == 0
    place.settle_case("review", action, reason)
    assert place.count(user) == counted


def test_a_strike_is_forgotten_after_its_days(place: Place) -> None:
    place.refused(user="carol")
    now = Strikes.__dataclass_fields__["clock"].default()
    later = [
        Strikes(place.services.store, place.services.log.keys.pseudonym, 30.0, lambda at=at: at)
        for at in (now + 29 * DAY_MS, now + 31 * DAY_MS)
    ]
    assert [strikes.count("default", "carol") for strikes in later] == [1, 0]


def test_a_refused_prompt_is_known_again_whoever_asks(place: Place) -> None:
    def resembles(prompt: str) -> bool:
        request = ClipRequest(prompt=prompt, tenant="default")
        return judging_of(place.services).context(request).resembles_refused

    place.refused(user="ada")
    again = f"Cinematic: {VIOLENT.replace('man', 'mann')}."
    until(lambda: resembles(again), "the list of refusals is read again")
    assert not resembles(CALM)
    body = {"input": [VIOLENT + "!", CALM], "user": "eve"}
    answer = place.http.post("/v1/moderations", json=body)
    assert answer.status_code == 200, answer.text
