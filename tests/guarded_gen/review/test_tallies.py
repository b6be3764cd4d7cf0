"""Counting over the indexes against a plain loop, on both databases, for people who may see more
or less."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from guarded_gen.audit import AuditLog
from guarded_gen.review import routing, tallies
from guarded_gen.review.cases import WAITING, NewCase, open_case, seen_by
from guarded_gen.review.people import add_person, member
from guarded_gen.review.roles import Role
from guarded_gen.settings import Settings
from guarded_gen.store import open_store
from guarded_gen.store.tables.review import Person, ReviewCase


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_tallies_are_what_a_loop_counts(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = "" if database == "sqlite" else request.getfixturevalue("postgres_url")
    settings = Settings(home=tmp_path, database_url=url)
    store = open_store(settings)
    log = AuditLog.open(store, settings.keys_folder, "example.com/log")
    choose = random.Random(5)
    people = [
        add_person(log, "test", name, roles, tenants)[0]
        for name, roles, tenants in (
            ("ann", {Role.REVIEWER}, set()), ("ten", {Role.REVIEWER}, {"t1", "t2"}),
            ("tess", {Role.RESTRICTED}, set()), ("lea", {Role.LEAD}, set()),
        )
    ]  # fmt: skip
    routing.save(log, people[3], "shut", "Shut", 'tenant == "t1"', 0, {people[2].id})

    def fill(tx) -> None:
        for n in range(120):
            category = choose.choice(("violence", "ncii", "hate", ""))
            id = open_case(
                tx,
                NewCase(
                    item=f"i{n}", tenant=f"t{n % 4}", subject="s", stage="prompt",
                    decision=f"dec_{n}", category=category or None, rule=f"R-{n % 7}",
                    reason="x", policy_digest="0" * 64,
                ),
            )  # fmt: skip
            case = tx.session.get(ReviewCase, id)
            case.state = choose.choice((*WAITING, "closed"))
            case.kind = choose.choice(("review", "golden", "appeal"))

    log.write(fill)
    with store.read() as session:
        for who in [member(person) for person in session.query(Person)]:
            rows = session.query(ReviewCase).where(ReviewCase.state.in_(WAITING), *seen_by(who))
            cases = rows.all()
            assert cases
            counted: dict[str, int] = {}
            for case in cases:
                if case.kind != "golden":
                    counted[case.state] = counted.get(case.state, 0) + 1
            connection = session.connection()
            assert tallies.waiting(connection, who, WAITING) == counted, who.name
            for column in tallies.COLUMNS:
                found = set(tallies.distinct(connection, who, column, WAITING, 100))
                assert found == {v for c in cases if (v := getattr(c, column))}, column
    log.close()
    store.close()
