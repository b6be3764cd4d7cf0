"""Queries over the log: what indexes find is never less than what fits, and what is counted is
what a plain loop counts."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import policies
from guarded_gen.audit import AuditLog, Event, Query
from guarded_gen.errors import InvalidInput
from guarded_gen.governance.explore import POINTS, Asked, Bounds, Exploration, explore
from guarded_gen.governance.log_query import ENTRIES, LogQuery, values_of
from guarded_gen.governance.rule_draft import drafted, with_rule
from guarded_gen.server import app
from guarded_gen.settings import Settings
from guarded_gen.store import open_store

FREE = Bounds(10_000, 600)
CATEGORY = ("violence", "hate", "sexual")
DAY = 86_400_000


def decision(n: int) -> Event:
    category = CATEGORY[n % 3]
    return Event(
        ("prompt", "output", "scan")[n % 3] + ".decision",
        tenant=f"t{n % 4}",
        subject=f"s{n % 5}" if n % 7 else None,
        decision={
            "stage": ("prompt", "output", "upload")[n % 3],
            "action": ("allow", "review", "block")[n % 3],
            "rule_id": f"R.{n % 5}" if n % 6 else None,
            "reason": "harm",
            "policy_digest": f"{n % 2}" * 64,
            "scores": {category: n / 60},
            "trace": [{"rule_id": f"R.{n % 5}", "category": category, "action": "block"}],
            "missing": [{"category": "gore", "reason": "no_check"}] if n % 2 else [],
            "context": {"jurisdiction": ("DE", "FR", "")[n % 3], "strikes": n % 3},
        },
    )


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditLog]:
    where = Settings(home=tmp_path_factory.mktemp("home"))
    store = open_store(where)
    made = AuditLog.open(store, where.keys_folder, "example.com/log")
    made.write(lambda tx: [tx.append(decision(n)) for n in range(60)])
    body = {"action": "block", "reason": "harm", "category": "hate"}
    made.write(lambda tx: [tx.append(Event("case.decided", "t1", body=body)) for _ in range(5)])
    yield made
    made.close()
    store.close()


def asked(text: str, everything: bool = True) -> Asked:
    now = time.time_ns() // 1_000_000
    return Asked(LogQuery.read(text), now - DAY, now + DAY, everything)


CONJUNCTS = st.sampled_from(
    (
        'tenant == "t1"', '"t2" == tenant', 'action == "block"', 'rule == "R.1"', 'rule == ""',
        'policy == "' + "0" * 64 + '"', 'kind == "prompt.decision"', 'kind == "case."',
        '"hate" in categories', '!("hate" in categories)', 'category == "hate"',
        'stage == "upload"',
        "strikes >= 1", "scores.violence > 0.3", 'tenant != "t1"', 'action in ["block", "allow"]',
        '(tenant == "t1" || tenant == "t3")', 'tenant == "t\\x31"', '"gore" in missing',
        'tenant == "t1" // && tenant == "t2"\n', 'subject == ""', 'jurisdiction == "DE"',
    )
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(CONJUNCTS, min_size=1, max_size=4),
    glue=st.sampled_from(["&&", "||"]),
    everything=st.booleans(),
)
def test_the_indexes_find_all_that_fits(log, parts, glue, everything) -> None:
    """Against a plain loop that asks CEL of every entry."""
    question = asked(f" {glue} ".join(parts), everything)
    plain = [
        entry
        for entry in log.entries(Query())
        if (everything or entry.kind.endswith(".decision")) and question.query.holds(entry) is True
    ]
    answer = explore(log, question, FREE)
    assert answer.found == len(plain)
    assert answer.actions == Counter(entry.action or "other" for entry in plain)
    assert sum(counts.total() for counts in answer.series.values()) == len(plain)
    assert answer.top["tenant"] == Counter(entry.tenant for entry in plain)


def test_every_name_has_a_value_or_none_for_every_entry(log) -> None:
    for entry in log.entries(Query(limit=20)):
        found = values_of(entry, frozenset(ENTRIES.types))
        assert ENTRIES.types.keys() - found.keys() <= {"duration", "faces"}
        ENTRIES.activation(found)


def test_no_text_of_a_query_reaches_the_database(log) -> None:
    from sqlalchemy import event

    seen: list[str] = []
    engine = log.store.engine

    def keep(connection, cursor, statement, *rest) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", keep)
    try:
        hostile = "t1'; DROP TABLE audit_entry; --"
        explore(log, asked(f'tenant == "{hostile}" && rule == "{hostile}"'), FREE)
    finally:
        event.remove(engine, "before_cursor_execute", keep)
    assert seen
    assert not any("DROP" in statement for statement in seen)


@pytest.mark.parametrize("text", ["", "tenant", "tenant == 1", "strikes.map(x, x)", "a" * 3000])
def test_what_is_no_condition_is_told(text: str) -> None:
    if not text:
        assert LogQuery.read(text).condition is None
        return
    with pytest.raises(InvalidInput) as caught:
        LogQuery.read(text)
    assert caught.value.remedy


@given(days=st.floats(min_value=0.001, max_value=40_000))
def test_a_series_has_few_points_however_long_the_period(days: float) -> None:
    now = time.time_ns() // 1_000_000
    answer = Exploration(Asked(LogQuery.read(""), max(0, now - int(days * DAY)), now))
    assert 1 <= len(answer.whole_series()) <= 4 * POINTS + 2


@settings(max_examples=40, deadline=None)
@given(parts=st.lists(CONJUNCTS, min_size=1, max_size=5))
@pytest.mark.parametrize("name", policies.library())
def test_a_draft_reads_back_in_every_policy(log, name: str, parts: list[str]) -> None:
    """Whatever is asked: the policy with the rule is one, and nothing else of it changed."""
    question = asked(" && ".join(parts))
    text = policies.loader.locate(name).read_text("utf-8")
    policy, _ = policies.loads(text)
    draft = drafted(question.query, explore(log, asked(""), FREE), policy)
    made = with_rule(text, draft)
    again, _ = policies.loads(made)
    assert [rule.id for rule in again.rules] == [*(r.id for r in policy.rules), draft.id]
    assert again.rules[:-1] == policy.rules
    kept = made.splitlines()
    assert [line for line in text.splitlines() if line not in kept] == []


@pytest.mark.parametrize(
    "text",
    [
        'policy: a\nversion: "1"\nextends: default',
        'policy: a\nversion: "1"\nextends: default\nrules: []\n',
        'policy: a\nversion: "1"\nextends: default\nrules:\n- {id: V-1, category: violence,'
        " stage: prompt, at_least: 0.5, action: block, reason: violence}\n# the end\n"
        "default: review\n",
    ],
)
def test_a_draft_fits_wherever_rules_stand(log, text: str) -> None:
    question = asked('scores["hate"] > 0.25 && "x" == tenant')
    policy, _ = policies.loads(text)
    draft = drafted(question.query, explore(log, question, FREE), policy)
    again, _ = policies.loads(with_rule(text, draft))
    assert (again.rules[-1].category, again.rules[-1].at_least) == ("hate", 0.25)
    assert again.rules[-1].when == '"x" == tenant'
    assert "# the end" in with_rule(text, draft) or "# the end" not in text


def test_the_command_asks_the_same(home: Path, tmp_path: Path) -> None:
    where = Settings(home=home)
    store = open_store(where)
    log = AuditLog.open(store, where.keys_folder)
    log.write(lambda tx: [tx.append(decision(n)) for n in range(30)])
    log.close()
    store.close()

    def run(*args: str) -> tuple[int, dict]:
        done = CliRunner().invoke(app, ["audit", "explore", *args, "--json"])
        return done.exit_code, json.loads(done.stdout)

    out = tmp_path / "found.csv"
    query = 'action == "block" && scores["sexual"] >= 0.2'
    code, answer = run(query, "--rule", "--out", str(out))
    expected = [n for n in range(30) if n % 3 == 2 and n / 60 >= 0.2]
    assert (code, answer["found"], answer["ended"]) == (0, len(expected), None)
    assert len(out.read_text().splitlines()) == len(expected) + 1
    assert answer["top"]["category"] == {"sexual": len(expected)}
    assert "category: sexual" in answer["rule"]["text"]
    assert answer["rule"]["left_out"] == ['action == "block"']
    for wrong in (["action = 1"], ["", "--since", "2999-01-01T00:00:00Z"], ["", "--out", "x.exe"]):
        code, answer = run(*wrong)
        assert (code, answer["error"]["code"]) == (2, "invalid_input"), wrong
    shown = CliRunner().invoke(app, ["audit", "explore", "--top", "2"]).stdout
    assert "30 of 30 entries read" in shown
