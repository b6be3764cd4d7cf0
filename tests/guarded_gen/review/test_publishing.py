"""Two people publish a policy; steps back need one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import policies
from guarded_gen.composition.services import Services
from guarded_gen.errors import Conflict, InvalidInput
from guarded_gen.review.errors import NotAllowed, StaleCase
from guarded_gen.review.people import Member, add_person
from guarded_gen.review.publishing import Publishing
from guarded_gen.review.roles import Role
from guarded_gen.settings import load
from policies import Policy
from policies.errors import RolloutRefused
from policies.rollout import RolloutState

TEXT = """\
policy: acme
version: "1"
extends: default
tighten:
  SEX-2: {at_least: 0.25}
"""


class Office:
    def __init__(self, services: Services) -> None:
        self.services = services
        self.publishing = Publishing(services.store, services.log, services.rollout)
        self.people: dict[str, Member] = {
            name: add_person(services.log, "test", name, {role})[0]
            for name, role in (
                ("pia", Role.POLICY_AUTHOR),
                ("pat", Role.POLICY_AUTHOR),
                ("ann", Role.REVIEWER),
            )
        }
        self.policy: Policy = policies.loads(TEXT)[0]

    def move(self, name: str, to: RolloutState, percent: float | None = None):
        return self.publishing.move(
            self.people[name], self.policy.digest, to, "looks right", percent
        )

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.services.log.entries()]


@pytest.fixture
def office(home: Path) -> Iterator[Office]:
    services = Services(load())
    office = Office(services)
    office.publishing.propose(office.people["pia"], office.policy, "mascot")
    yield office
    services.close()


def test_from_draft_to_active_with_a_second_person(office: Office) -> None:
    assert office.move("pia", RolloutState.SHADOW) is None
    ask = office.move("pia", RolloutState.CANARY, 5)
    assert ask is not None
    plan = office.services.rollout.plan()
    assert plan.canary is None, "nothing decides before the second person agrees"
    with pytest.raises(NotAllowed):
        office.publishing.answer(office.people["pia"], ask.id, True)
    office.publishing.answer(office.people["pat"], ask.id, True, "seen")
    assert office.services.rollout.plan().canary == (office.policy, 5)
    ask = office.move("pat", RolloutState.ACTIVE)
    assert ask is not None
    office.publishing.answer(office.people["pia"], ask.id, True)
    assert office.services.rollout.plan().active.digest == office.policy.digest
    assert office.publishing.waiting() == []
    [standing] = office.services.rollout.standings()
    assert standing.author == "pat"
    assert "agreed by pia" in standing.reason
    kinds = office.kinds()
    assert kinds.count("policy.publish_asked") == kinds.count("policy.publish_approved") == 2
    assert office.move("pia", RolloutState.RETIRED) is None, "a way out is one person's step"


def test_a_declined_or_stale_request_changes_nothing(office: Office) -> None:
    office.move("pia", RolloutState.SHADOW)
    ask = office.move("pia", RolloutState.CANARY, 5)
    assert ask is not None
    with pytest.raises(Conflict):
        office.move("pat", RolloutState.CANARY, 50)
    office.publishing.answer(office.people["pia"], ask.id, False)
    with pytest.raises(StaleCase):
        office.publishing.answer(office.people["pat"], ask.id, True)
    ask = office.move("pia", RolloutState.CANARY, 5)
    assert ask is not None
    office.move("pat", RolloutState.DRAFT)
    office.move("pat", RolloutState.SHADOW)
    with pytest.raises(StaleCase):
        office.publishing.answer(office.people["pat"], ask.id, True)
    assert office.services.rollout.plan().canary is None


def test_what_cannot_be_done_is_said_at_once(office: Office) -> None:
    with pytest.raises(RolloutRefused):
        office.move("pia", RolloutState.ACTIVE)
    with pytest.raises(NotAllowed):
        office.move("ann", RolloutState.SHADOW)
    with pytest.raises(InvalidInput):
        office.publishing.move(
            office.people["pia"], office.policy.digest, RolloutState.SHADOW, "  "
        )
    assert office.publishing.waiting() == []
