"""Who may decide what, when: on a real store and a real log."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_gen.audit import AuditLog, Event
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.review.appeals import Appeals, answer, appeal_token
from guarded_gen.review.cases import CaseQueue, Filters, NewCase, open_case
from guarded_gen.review.decide import Decisions
from guarded_gen.review.errors import FloorRule, LeaseLost, NotAllowed, StaleCase
from guarded_gen.review.limits import ReviewLimits
from guarded_gen.review.people import Member, add_person, authenticate, set_roles
from guarded_gen.review.priority import rank
from guarded_gen.review.quality import cohen_kappa, quality
from guarded_gen.review.roles import Role
from guarded_gen.settings import load
from guarded_gen.store import Store, open_store
from guarded_gen.store.tables.review import Appeal, ReviewCase, ReviewVerdict


class Room:
    """The review room with a clock of its own and a list of what took effect."""

    def __init__(self, store: Store, log: AuditLog) -> None:
        self.store, self.log = store, log
        self.at = 1_700_000_000_000
        self.settled: list[tuple[str, str]] = []
        limits = ReviewLimits(lease=60, undo=10)
        self.queue = CaseQueue(store, log, limits, self.clock)
        self.decisions = Decisions(store, log, self._effect, limits, self.clock)
        self.people = {
            name: add_person(log, "test", name, {role})[0]
            for name, role in (
                ("ann", Role.REVIEWER),
                ("bob", Role.REVIEWER),
                ("lea", Role.LEAD),
                ("odd", Role.AUDITOR),
            )
        }

    def clock(self) -> int:
        return self.at

    def _effect(self, tx, case: ReviewCase) -> None:
        self.settled.append((case.id, case.action))
        answer(tx, case, self.at)

    def open(self, **fields) -> str:
        defaults = {
            "item": "video_1", "tenant": "default", "subject": "s", "stage": "prompt",
            "decision": self.log.append(
                Event(kind="prompt.decision", decision={"action": "review", "stage": "prompt"})
            ),
            "category": "violence", "rule": "VIO-2", "reason": "violence",
            "policy_digest": "0" * 64,
        }  # fmt: skip
        return self.log.write(
            lambda tx: open_case(tx, NewCase(**{**defaults, **fields}), self.clock)
        )

    def case(self, id: str) -> ReviewCase:
        return self.queue.get(self.people["lea"], id)

    def decide(self, name: str, id: str, action: str = "block", reason: str = "violence"):
        who: Member = self.people[name]
        case = self.queue.take(who, id)
        return self.decisions.decide(who, id, action, reason, version=case.version)


@pytest.fixture
def room(home: Path) -> Iterator[Room]:
    settings = load()
    store = open_store(settings)
    log = AuditLog.open(store, settings.keys_folder)
    yield Room(store, log)
    log.close()
    store.close()


def test_a_decision_takes_effect_after_its_undo_window(room: Room) -> None:
    case = room.open()
    assert room.decide("ann", case).waits_for_second is False
    assert room.decisions.settle() == 0
    room.at += 10_000
    assert room.decisions.settle() == 1
    assert room.settled == [(case, "block")]
    assert room.case(case).state == "closed"
    assert room.decisions.settle() == 0


def test_an_undone_decision_never_takes_effect(room: Room) -> None:
    case = room.open()
    room.decide("ann", case)
    room.at += 9_000
    room.decisions.undo(room.people["ann"], case)
    room.at += 60_000
    assert room.decisions.settle() == 0
    assert room.case(case).state == "open"
    kinds = [entry.kind for entry in room.log.entries()]
    assert {"case.decided", "case.undone"} <= set(kinds)


def test_undo_is_over_when_the_window_closed(room: Room) -> None:
    case = room.open()
    room.decide("ann", case)
    room.at += 10_000
    with pytest.raises(StaleCase):
        room.decisions.undo(room.people["ann"], case)


def test_two_people_never_hold_one_case(room: Room) -> None:
    case = room.open()
    room.queue.take(room.people["ann"], case)
    with pytest.raises(LeaseLost):
        room.queue.take(room.people["bob"], case)
    assert room.queue.next(room.people["bob"]) is None
    room.at += 61_000
    assert room.queue.take(room.people["bob"], case).holder == room.people["bob"].id
    with pytest.raises(LeaseLost):
        room.decisions.decide(room.people["ann"], case, "block", "violence", version=1)


def test_many_people_at_once_get_different_cases(room: Room) -> None:
    cases = {room.open() for _ in range(6)}
    people = [add_person(room.log, "t", f"p{n}", {Role.REVIEWER})[0] for n in range(6)]
    got: list[str] = []

    def work(who: Member) -> None:
        case = room.queue.next(who)
        if case is not None:
            got.append(case.id)

    threads = [threading.Thread(target=work, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got))
    assert set(got) <= cases
    assert got


def test_the_same_form_sent_twice_decides_once(room: Room) -> None:
    case = room.open()
    ann = room.people["ann"]
    version = room.queue.take(ann, case).version
    room.decisions.decide(ann, case, "block", "violence", version=version)
    with pytest.raises(StaleCase):
        room.decisions.decide(ann, case, "allow", "no_violation", version=version)
    room.at += 10_000
    assert room.decisions.settle() == 1
    assert room.settled == [(case, "block")]


def test_a_floor_rule_cannot_be_relaxed_and_needs_two(room: Room) -> None:
    case = room.open(category="violence", rule="VIO-9", floor=True)
    with pytest.raises(FloorRule):
        room.decide("ann", case, "allow", "no_violation")
    assert room.decide("ann", case).waits_for_second is True
    with pytest.raises(NotAllowed):
        room.queue.take(room.people["ann"], case)
    assert room.decide("bob", case).waits_for_second is False
    room.at += 10_000
    room.decisions.settle()
    assert room.settled == [(case, "block")]


def test_who_asks_for_a_second_reviewer_is_not_the_second(room: Room) -> None:
    case = room.open()
    room.queue.take(room.people["ann"], case)
    room.decisions.ask_second(room.people["ann"], case)
    with pytest.raises(NotAllowed):
        room.queue.take(room.people["ann"], case)
    room.decide("bob", case)


def test_escalated_cases_are_for_leads(room: Room) -> None:
    case = room.open()
    room.queue.take(room.people["ann"], case)
    room.decisions.ask_second(room.people["ann"], case, escalate=True)
    assert room.queue.next(room.people["bob"]) is None
    assert room.queue.next(room.people["lea"]).id == case


def test_an_auditor_decides_nothing(room: Room) -> None:
    case = room.open()
    with pytest.raises(NotAllowed):
        room.queue.take(room.people["odd"], case)
    with pytest.raises(NotAllowed):
        room.decisions.revealed(room.people["odd"], case, 3)


def test_people_of_another_tenant_do_not_see_the_case(room: Room) -> None:
    case = room.open(tenant="acme")
    other = add_person(room.log, "t", "zoe", {Role.LEAD}, {"other"})[0]
    with pytest.raises(NotFound):
        room.queue.get(other, case)
    assert room.queue.page(other, Filters()) == []


def test_severe_and_old_cases_come_first(room: Room) -> None:
    mild = room.open(category="privacy")
    severe = room.open(category="gore")
    assert [c.id for c in room.queue.page(room.people["ann"], Filters())] == [severe, mild]
    room.at += 24 * 3_600_000
    late = room.open(category="gore")
    order = [c.id for c in room.queue.page(room.people["ann"], Filters())]
    assert order == [severe, mild, late]


@given(st.floats(0.01, 1), st.integers(0, 10**6), st.integers(0, 2**41), st.integers(1, 10**9))
def test_rank_grows_with_severity_reach_and_age(
    weight: float, reach: int, at: int, wait: int
) -> None:
    assert rank(weight, reach, at) > rank(weight, reach, at + 60_000 * wait)
    assert rank(weight, reach + 1, at) >= rank(weight, reach, at)
    assert rank(min(1, weight * 1.5), reach, at) >= rank(weight, reach, at)


def test_an_appeal_goes_to_another_person_and_is_answered(room: Room) -> None:
    case = room.open()
    decision = room.case(case).decision
    room.decide("ann", case)
    room.at += 10_000
    room.decisions.settle()
    appeals = Appeals(room.store, room.log, b"k" * 32, room.clock)
    appeals.check(decision, appeal_token(b"k" * 32, decision))
    with pytest.raises(NotFound):
        appeals.check(decision, "0" * 32)
    appeals.file(decision, "this was a film about history")
    with pytest.raises(Conflict):
        appeals.file(decision, "again")
    with room.store.read() as session:
        appeal = session.query(Appeal).one()
    with pytest.raises(NotAllowed):
        room.queue.take(room.people["ann"], appeal.case)
    room.decide("bob", appeal.case, "allow", "context_changes_meaning")
    room.at += 10_000
    room.decisions.settle()
    status = appeals.status(decision)
    assert status.state == "overturned"
    assert status.statement_of_reasons == {
        "outcome": "overturned",
        "reason": "context_changes_meaning",
    }
    with room.store.read() as session:
        figures = quality(session, 0, room.at + 1)
    assert figures.overturn_rate == 1.0
    ann = next(p for p in figures.people if p.person == room.people["ann"].id)
    assert ann.overturned == 1


def test_what_a_person_has_still_to_decide_cannot_be_appealed_yet(room: Room) -> None:
    """The link is handed out while the clip is held; using it must not use up the appeal."""
    case = room.open()
    decision = room.case(case).decision
    appeals = Appeals(room.store, room.log, b"k" * 32, room.clock)
    with pytest.raises(Conflict, match="still to decide"):
        appeals.file(decision, "too early")
    room.decide("ann", case)
    with pytest.raises(Conflict, match="still to decide"):
        appeals.file(decision, "her decision can still be undone")
    room.at += 10_000
    room.decisions.settle()
    assert appeals.file(decision, "now it stands")


def test_what_a_person_allowed_cannot_be_appealed(room: Room) -> None:
    case = room.open()
    room.decide("ann", case, "allow", "no_violation")
    room.at += 10_000
    room.decisions.settle()
    appeals = Appeals(room.store, room.log, b"k" * 32, room.clock)
    with pytest.raises(Conflict, match="refused nothing"):
        appeals.file(room.case(case).decision, "but")


def test_whoever_decided_after_the_appeal_was_filed_is_barred_too(room: Room) -> None:
    case = room.open()
    decision = room.case(case).decision
    room.decide("ann", case)
    room.at += 10_000
    room.decisions.settle()
    appeals = Appeals(room.store, room.log, b"k" * 32, room.clock)
    appeals.file(decision, "this was a film about history")
    with room.store.read() as session:
        appeal = session.query(Appeal).one().case
    held = room.queue.take(room.people["bob"], appeal)
    with room.store.write() as session:  # bob's own verdict comes in while he holds the appeal
        session.add(
            ReviewVerdict(
                id="ver_late", case=case, person=room.people["bob"].id, action="block",
                reason="violence", entry="rev_x", undone=False, seconds=1.0, exposure=0.0,
                created_at=room.at,
            )
        )  # fmt: skip
    with pytest.raises(NotAllowed):
        room.decisions.decide(room.people["bob"], appeal, "block", "violence", version=held.version)
    room.at += 61_000
    with pytest.raises(NotAllowed):
        room.queue.take(room.people["bob"], appeal)
    assert room.queue.next(room.people["bob"]) is None


def test_the_last_admin_stays_one(room: Room) -> None:
    first, _ = add_person(room.log, "test", "root", {Role.ADMIN})
    for roles, active in (({Role.REVIEWER}, True), ({Role.ADMIN}, False)):
        with pytest.raises(Conflict, match="last admin"):
            set_roles(room.log, "test", first.id, roles, active)
    add_person(room.log, "test", "second", {Role.ADMIN})
    set_roles(room.log, "test", first.id, {Role.REVIEWER})


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0])
def test_what_is_no_length_of_time_is_refused(room: Room, seconds: float) -> None:
    case = room.open()
    who = room.people["ann"]
    version = room.queue.take(who, case).version
    with pytest.raises(InvalidInput):
        room.decisions.decide(who, case, "block", "violence", version=version, seconds=seconds)
    with pytest.raises(InvalidInput):
        room.decisions.revealed(who, case, seconds)


def test_what_was_seen_is_counted_and_logged(room: Room) -> None:
    case = room.open()
    room.decisions.revealed(room.people["ann"], case, 4.0)
    room.decisions.revealed(room.people["ann"], case, 2.5)
    room.decide("ann", case)
    with room.store.read() as session:
        figures = quality(session, 0, room.at + 1)
    assert figures.people[0].exposure_seconds == 6.5
    views = [entry for entry in room.log.entries() if entry.kind == "case.media_viewed"]
    assert [view.actor for view in views] == [room.people["ann"].id] * 2


def test_only_the_right_token_signs_in(room: Room) -> None:
    _, token = add_person(room.log, "t", "max", {Role.REVIEWER})
    with room.store.read() as session:
        assert authenticate(session, "max", token).name == "max"
        assert authenticate(session, "max", token + "x") is None
        assert authenticate(session, "nobody", token) is None


def test_kappa_of_known_tables() -> None:
    assert cohen_kappa([]) is None
    assert cohen_kappa([("a", "a")] * 5) is None
    assert cohen_kappa([("a", "a"), ("b", "b")]) == 1
    # Cohen's textbook table: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: kappa 0.4
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)
