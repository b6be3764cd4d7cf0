"""Finding entries: every field of a query against a plain filter over everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from guarded_gen.audit import AuditLog, Event, LogEntry, Query
from guarded_gen.audit.dsa import DSA_CATEGORIES, EEA, OTHER, Statement, batches, statements
from guarded_gen.errors import InvalidInput
from policies.taxonomy import CATEGORIES

CATEGORY = ("violence", "hate", "sexual")


def decision(n: int) -> Event:
    category = CATEGORY[n % 3]
    return Event(
        "prompt.decision" if n % 2 else "output.decision",
        tenant=f"t{n % 3}",
        subject=f"s{n % 7}",
        decision={
            "stage": "prompt" if n % 2 else "output",
            "action": ("allow", "review", "block")[n % 3],
            "rule_id": f"rule.{n % 5}",
            "reason": "harm",
            "policy_id": "default",
            "policy_version": "1",
            "policy_digest": f"{n % 2}" * 64,
            "scores": {category: n / 100, "advice": 0.01},
            "trace": [{"rule_id": f"rule.{n % 5}", "category": category}],
        },
        payload=f"a {('cat', 'Dog', 'bird')[n % 3]} number {n}",
    )


@pytest.fixture
def filled(any_log: AuditLog) -> AuditLog:
    def work(tx) -> list[str]:
        ids = [tx.append(decision(n)) for n in range(100)]
        ids += [
            tx.append(Event("review.verdict", actor=f"rev{n % 2}", related=ids[n], body={"n": n}))
            for n in range(10)
        ]
        return ids

    any_log.write(work)
    return any_log


def matched(entry: LogEntry, category: str) -> bool:
    return any(m["category"] == category for m in (entry.decision or {}).get("trace", ()))


def scores(entry: LogEntry) -> dict[str, float]:
    found: dict[str, float] = (entry.decision or {}).get("scores", {})
    return found


CASES: dict[str, tuple[Query, Callable[[LogEntry], bool]]] = {
    "everything": (Query(), lambda e: True),
    "tenant": (Query(tenant="t1"), lambda e: e.tenant == "t1"),
    "kind": (Query(kind="prompt.decision"), lambda e: e.kind == "prompt.decision"),
    "kinds": (Query(kind="review."), lambda e: e.kind.startswith("review.")),
    "action": (Query(action="block"), lambda e: e.action == "block"),
    "category": (Query(category="hate"), lambda e: matched(e, "hate")),
    "rule": (Query(rule="rule.2"), lambda e: (e.decision or {}).get("rule_id") == "rule.2"),
    "policy": (
        Query(policy="1" * 64), lambda e: (e.decision or {}).get("policy_digest") == "1" * 64,
    ),
    "reviewer": (Query(kind="review.", actor="rev1"), lambda e: e.actor == "rev1"),
    "actor": (Query(actor="rev0"), lambda e: e.actor == "rev0"),
    "score": (
        Query(category="hate", min_score=0.3, max_score=0.6),
        lambda e: 0.3 <= scores(e).get("hate", -1) <= 0.6,
    ),
    "low score": (
        Query(category="hate", max_score=0.3),
        lambda e: scores(e).get("hate", 1) <= 0.3,
    ),
    "score of a tenant": (
        Query(tenant="t1", rule="rule.2", min_score=0.2, max_score=0.85),
        lambda e: e.tenant == "t1" and any(0.2 <= s <= 0.85 for s in scores(e).values())
        and (e.decision or {}).get("rule_id") == "rule.2",
    ),
    "any score": (Query(min_score=0.5), lambda e: any(s >= 0.5 for s in scores(e).values())),
    "rule and tenant": (
        Query(rule="rule.1", tenant="t0", category="violence"),
        lambda e: (e.decision or {}).get("rule_id") == "rule.1" and e.tenant == "t0",
    ),
}  # fmt: skip


def test_every_query_finds_what_a_plain_filter_finds(filled: AuditLog) -> None:
    for query, fits in CASES.values():
        for oldest_first in (False, True):
            check(filled, query, fits, oldest_first)


def check(
    filled: AuditLog, query: Query, fits: Callable[[LogEntry], bool], oldest_first: bool
) -> None:
    everything = list(filled.entries(Query(oldest_first=oldest_first)))
    wanted = [entry.index for entry in everything if fits(entry)]
    assert wanted
    query = replace(query, oldest_first=oldest_first)
    assert [entry.index for entry in filled.entries(query)] == wanted
    pages: list[int] = []
    while page := list(
        filled.entries(replace(query, limit=7, before=pages[-1] if pages else None))
    ):
        pages += [entry.index for entry in page]
    assert pages == wanted


def test_by_subject_time_and_relation(filled: AuditLog) -> None:
    mine = list(filled.entries(Query(tenant="t1", subject="s1")))
    assert {entry.index % 7 for entry in mine} == {1}
    assert mine
    entries = list(filled.entries(Query(oldest_first=True)))
    first, last = entries[0], entries[-1]
    assert list(filled.entries(Query(since=last.time + 1))) == []
    assert list(filled.entries(Query(until=first.time))) == []
    assert len(list(filled.entries(Query(since=first.time, until=last.time + 1)))) == 110
    [answer] = filled.entries(Query(related=entries[3].id))
    assert answer.body == {"n": 3}
    with pytest.raises(InvalidInput):
        list(filled.entries(Query(related="nonsense")))


def test_payloads_are_searched_with_a_reason_on_record(filled: AuditLog) -> None:
    found = list(filled.entries_with("dog", Query(tenant="t1"), "ops", "appeal 9"))
    assert {entry.index % 3 for entry in found} == {1}
    assert len(found) == 33
    newest = next(filled.entries())
    assert (newest.kind, newest.body) == ("payload.searched", {"reason": "appeal 9"})
    assert b"dog" not in newest.data
    with pytest.raises(InvalidInput):
        list(filled.entries_with("dog", Query(), "ops", " "))
    assert filled.verify().ok


def test_a_deleted_tag_is_found_by_verify(filled: AuditLog) -> None:
    from sqlalchemy import text

    with filled.store.write() as session:
        session.execute(text("DELETE FROM audit_tag WHERE tag = 'rule:rule.2' AND idx = 7"))
    report = filled.verify()
    assert [(p.what, p.where) for p in report.problems] == [("tag", "audit_tag rule:rule.2")]


def test_statements_of_reasons(filled: AuditLog) -> None:
    blocked = next(filled.entries(Query(action="block", oldest_first=True)))
    for kind, body in (
        ("case.decided", {"action": "block"}),  # can be undone until it takes effect
        ("case.closed", {"action": "block", "kind": "appeal"}),
        ("case.closed", {"action": "block", "kind": "report"}),
        ("case.closed", {"action": "block", "kind": "golden"}),
    ):
        filled.append(Event(kind, actor="per_1", related=blocked.id, body=body))
    verdict = filled.append(
        Event("case.closed", actor="per_1", related=blocked.id, body={"action": "block"})
    )
    made = list(statements(filled.entries(Query(action="block", oldest_first=True)), filled.entry))
    assert len(made) == 34
    first, last = made[0], made[-1]
    assert first["puid"] == blocked.id
    assert first["category"] == CATEGORIES["sexual"].dsa == OTHER
    assert first["category_specification"] == ["KEYWORD_ADULT_SEXUAL_MATERIAL"]
    assert "incompatible_content_illegal" not in first, "nobody said so"
    assert all(Statement(**statement) for statement in made)
    assert [len(body["statements"]) for body in batches(made * 4)] == [100, 36]
    with pytest.raises(InvalidInput, match="US"):
        list(statements(filled.entries(Query(action="block")), filled.entry, ["DE", "US"]))
    assert first["decision_visibility"] == ["DECISION_VISIBILITY_CONTENT_DISABLED"]
    assert first["automated_decision"] == "AUTOMATED_DECISION_FULLY"
    assert first["territorial_scope"] == list(EEA)
    assert "rule.2" in first["incompatible_content_ground"]
    assert (last["puid"], last["automated_decision"]) == (verdict, "AUTOMATED_DECISION_PARTIALLY")
    assert last["category"] == first["category"]


def test_every_category_has_a_heading_that_the_database_takes() -> None:
    headings = {entry.dsa for entry in CATEGORIES.values() if entry.dsa is not None}
    assert headings <= set(DSA_CATEGORIES)


def test_a_person_who_called_it_illegal_is_quoted(filled: AuditLog) -> None:
    blocked = next(filled.entries(Query(action="block", oldest_first=True)))
    filled.append(
        Event(
            "case.closed", actor="per_1", related=blocked.id,
            body={"action": "block", "illegal": True},
        )
    )  # fmt: skip
    made = list(statements(filled.entries(Query(action="block", oldest_first=True)), filled.entry))
    assert made[-1]["incompatible_content_illegal"] == "Yes"
