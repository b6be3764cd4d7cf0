"""Golden cases and double reviews: mixed in unseen, counted, without effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from guarded_gen.audit import AuditLog, Event
from guarded_gen.errors import Conflict
from guarded_gen.review.cases import CaseQueue, Filters, NewCase, open_case
from guarded_gen.review.decide import Decisions, drawn
from guarded_gen.review.errors import FloorRule, NotAllowed
from guarded_gen.review.golden import GoldenCases
from guarded_gen.review.limits import ReviewLimits
from guarded_gen.review.people import Member, add_person
from guarded_gen.review.quality import quality
from guarded_gen.review.roles import Role
from guarded_gen.settings import load
from guarded_gen.store import Store, open_store
from guarded_gen.store.tables.review import ReviewCase


class Room:
    def __init__(self, store: Store, log: AuditLog, folder: Path) -> None:
        self.store, self.log, self.at = store, log, 1_700_000_000_000
        self.settled: list[str] = []
        self.golden = GoldenCases(store, log, folder, 1.0, lambda: 0.0, self.clock)
        self.queue = CaseQueue(store, log, ReviewLimits(), self.clock, self.golden.mix)
        self.people: dict[str, Member] = {
            name: add_person(log, "test", name, {role})[0]
            for name, role in (
                ("ann", Role.REVIEWER), ("bob", Role.REVIEWER), ("lea", Role.LEAD),
            )
        }  # fmt: skip

    def clock(self) -> int:
        return self.at

    def decisions(self, **limits: float) -> Decisions:
        effect = lambda tx, case: self.settled.append(case.id)  # noqa: E731
        return Decisions(self.store, self.log, effect, ReviewLimits(undo=0, **limits), self.clock)

    def open(self, **fields) -> str:
        gate = {"action": "review", "stage": "prompt"}
        decision = self.log.append(Event(kind="prompt.decision", decision=gate))
        new = {
            "item": "video_1", "tenant": "default", "subject": "s", "stage": "prompt",
            "decision": decision, "category": "violence", "rule": "VIO-2", "reason": "violence",
            "policy_digest": "0" * 64, "cluster": "words",
        }  # fmt: skip
        self.at += 1
        made = NewCase(**{**new, **fields})
        return self.log.write(lambda tx: open_case(tx, made, self.clock))

    def case(self, id: str) -> ReviewCase:
        with self.store.read() as session:
            found = session.get(ReviewCase, id)
        assert found is not None
        return found

    def decide(self, name: str, case: ReviewCase, action: str, **limits: float):
        reason = "violence" if action == "block" else "no_violation"
        return self.decisions(**limits).decide(
            self.people[name], case.id, action, reason, version=case.version
        )


@pytest.fixture
def room(home: Path) -> Iterator[Room]:
    settings = load()
    store = open_store(settings)
    log = AuditLog.open(store, settings.keys_folder)
    yield Room(store, log, home / "golden")
    log.close()
    store.close()


def test_a_golden_case_tests_everybody_once_and_nothing_takes_effect(
    room: Room, tmp_path: Path
) -> None:
    draft = tmp_path / "draft.mp4"
    draft.write_bytes(b"clip")
    second = tmp_path / "second.png"
    second.write_bytes(b"picture")
    source = room.open()
    golden = room.golden.make(room.people["lea"], source, "block", (draft, second))
    draft.unlink()
    met = room.queue.next(room.people["ann"])
    assert met is not None
    assert met.kind == "golden"
    original = room.case(source)
    for name in ("item", "subject", "stage", "decision", "category", "rule", "reason", "details"):
        assert getattr(met, name) == getattr(original, name)
    assert met.cluster is None, "it must not be decided in bulk with its original"
    kept = [path.read_bytes() for path in room.golden.media(met)]
    assert kept == [b"clip", b"picture"], "what the first reviewer saw, all of it"
    assert met.id not in {c.id for c in room.queue.page(room.people["bob"], Filters())}
    assert room.queue.counts(room.people["ann"]) == {"open": 1}
    room.decide("ann", met, "allow")
    following = room.queue.next(room.people["ann"])
    assert following is not None
    assert following.id == source, "nobody meets the same golden case twice"
    other = room.queue.next(room.people["bob"])
    assert other is not None
    room.decide("bob", other, "block")
    lead = room.queue.next(room.people["lea"])
    assert lead is None or lead.kind == "review", "who made it is not tested by it"
    from guarded_gen.jobs.settled import HeldJobs

    room.decisions().settle()
    assert set(room.settled) == {met.id, other.id}
    HeldJobs(None)(None, room.case(met.id))  # would fail if it touched job or log
    with room.store.read() as session:
        figures = quality(session, 0, room.at + 1)
    by_name = {p.person: (p.golden_right, p.golden_seen) for p in figures.people}
    assert by_name == {room.people["ann"].id: (0, 1), room.people["bob"].id: (1, 1)}
    assert figures.kappa is None, "golden cases are no double reviews"
    [row] = room.golden.figures(room.people["lea"])
    assert (row.seen, row.right) == (2, 1)
    room.golden.retire(room.people["lea"], golden)
    assert list((tmp_path / "home" / "golden").glob("*")) == []


@pytest.mark.parametrize("escalate", [False, True])
def test_a_golden_copy_that_is_handed_on_ends_by_itself(room: Room, escalate: bool) -> None:
    """Nobody else can ever take it: it must not wait for ever, and it counts for nobody."""
    source = room.open()
    room.golden.make(room.people["lea"], source, "block")
    ann, decisions = room.people["ann"], room.decisions()
    copy = room.queue.next(ann)
    assert copy is not None and copy.kind == "golden"
    decisions.ask_second(ann, copy.id, "not sure", escalate=escalate)
    assert room.case(copy.id).state == ("escalated" if escalate else "second")
    assert decisions.settle() == 0, "it looks like any other case meanwhile"
    room.at += 3_600_000
    assert decisions.settle() == 1
    assert (room.case(copy.id).state, room.case(copy.id).action) == ("closed", "block")
    assert [g.seen for g in room.golden.figures(room.people["lea"])] == [0]


def test_what_cannot_become_golden(room: Room) -> None:
    lea, ann = room.people["lea"], room.people["ann"]
    source = room.open()
    with pytest.raises(NotAllowed):
        room.golden.make(ann, source, "allow")
    room.golden.make(lea, source, "allow")
    with pytest.raises(Conflict):
        room.golden.make(lea, source, "block")
    with pytest.raises(FloorRule):
        room.golden.make(lea, room.open(floor=True), "allow")
    with pytest.raises(Conflict):
        room.golden.make(lea, room.open(kind="appeal"), "allow")


def test_a_golden_case_fits_what_was_asked_for(room: Room) -> None:
    room.golden.make(room.people["lea"], room.open(stage="output"), "block")
    room.open(stage="prompt", cluster=None)
    first = room.queue.next(room.people["ann"], Filters(stage="prompt"))
    assert first is not None
    assert first.kind == "review"


def test_a_sampled_case_is_decided_by_two_and_gives_agreement(room: Room) -> None:
    for action in ("block", "allow"):
        case = room.queue.take(room.people["ann"], room.open())
        assert room.decide("ann", case, action, double_rate=1).waits_for_second
        case = room.queue.take(room.people["bob"], case.id)
        assert not room.decide("bob", case, action, double_rate=1).waits_for_second
    room.decisions().settle()
    assert len(room.settled) == 2
    with room.store.read() as session:
        figures = quality(session, 0, room.at + 1)
    assert figures.double_reviewed == 2
    assert figures.kappa == 1


def test_nobody_waits_for_a_second_person_who_is_not_there(room: Room) -> None:
    from guarded_gen.review.people import set_roles

    for name in ("bob", "lea"):
        set_roles(room.log, "test", room.people[name].id, {Role.REVIEWER}, active=False)
    case = room.queue.take(room.people["ann"], room.open())
    assert not room.decide("ann", case, "block", double_rate=1).waits_for_second


def test_the_sample_is_as_large_as_its_rate_and_always_the_same(room: Room) -> None:
    cases = [ReviewCase(id=f"case_{n}") for n in range(4000)]
    share = [drawn(case, 0.1) for case in cases]
    assert 0.08 < sum(share) / len(share) < 0.12
    assert share == [drawn(case, 0.1) for case in cases]
    assert all(drawn(c, 0.2) for c, was in zip(cases, share, strict=True) if was)


def test_pages_of_the_queue_show_every_case_once_in_order(room: Room) -> None:
    ids = {room.open(cluster=None) for _ in range(9)}
    room.at -= 9  # equal ranks are ordered too
    ids |= {room.open(cluster=None) for _ in range(9)}
    queue = CaseQueue(room.store, room.log, ReviewLimits(page=4), room.clock)
    ann, seen, after = room.people["ann"], [], None
    while page := queue.page(ann, Filters(category="violence"), after):
        seen += page
        after = page[-1].id
    assert len(seen) == len(ids)
    assert {case.id for case in seen} == ids
    assert [c.rank for c in seen] == sorted((c.rank for c in seen), reverse=True)
    assert queue.values(ann, ReviewCase.rule) == ["VIO-2"]
    first = queue.next(ann)
    assert first is not None
    queue.give_back(ann, first.id)
    skipped_to = queue.next(ann, after=first.id)
    assert skipped_to is not None
    assert skipped_to.id == seen[1].id
