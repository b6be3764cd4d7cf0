"""The yearly numbers: counted from the log, by category and country, and counted again."""

from __future__ import annotations

import copy
import csv
import io

import pytest

from guarded_gen.audit import AuditLog, Event
from guarded_gen.audit.ids import now_ms
from guarded_gen.audit.transparency import ALL, UNSTATED, count, period, recount, written
from guarded_gen.errors import InvalidInput


def decided(
    log: AuditLog, clip: str, action: str, country: str, category: str = "violence",
    stage: str = "prompt",
) -> str:  # fmt: skip
    decision = {
        "action": action,
        "stage": stage,
        "rule_id": "R-1",
        "trace": [{"rule_id": "R-1", "category": category}],
    }
    body = {"clip": clip, "context": {"jurisdiction": country}}
    return log.append(Event(f"{stage}.decision", decision=decision, body=body))


@pytest.fixture
def filled(log: AuditLog) -> AuditLog:
    refused = decided(log, "a", "block", "DE")
    decided(log, "b", "block", "DE", "hate")
    decided(log, "c", "allow", "FR")
    decided(log, "c", "allow", "FR", stage="output")
    published = log.append(Event("clip.published", body={"clip": "c"}, related=refused))
    held = decided(log, "d", "review", "")
    log.append(Event("case.decided", related=held, body={"action": "block"}, actor="person"))
    for outcome in ("overturned", "upheld"):
        filed = log.append(Event("appeal.filed", related=refused, body={"appeal": outcome}))
        log.append(
            Event(
                "appeal.decided",
                related=filed,
                body={"outcome": outcome, "decision": refused},
            )
        )
    assert published
    return log


def test_every_number_is_counted_by_category_and_country(filled: AuditLog) -> None:
    numbers = count(filled, 0, now_ms() + 1)
    rows = {(r["category"], r["country"]): r for r in numbers.rows()}
    total = rows[ALL, ALL]
    assert (total["requests"], total["clips_published"], total["refusals"]) == (4, 1, 3)
    assert (total["refusals_by_machine_alone"], total["held_for_review"]) == (2, 1)
    assert (total["review_refused"], total["review_allowed"]) == (1, 0)
    assert (total["appeals_filed"], total["overturn_rate"]) == (2, 0.5)
    german = rows["violence", "DE"]
    assert (german["refusals"], german["appeals_overturned"], german["requests"]) == (1, 1, 1)
    assert rows["hate", "DE"]["refusals"] == 1 and rows["hate", "DE"]["overturn_rate"] is None
    assert rows[UNSTATED, "FR"]["clips_published"] == 1
    assert rows["violence", UNSTATED]["review_refused"] == 1, "the country was not stated"
    assert rows[ALL, "DE"]["refusals"] == 2 == rows["violence", ALL]["refusals"]


def test_the_numbers_name_their_entries_and_are_counted_again(filled: AuditLog) -> None:
    until = now_ms() + 1
    told = count(filled, 0, until).to_json()
    assert told["log"]["checkpoint"] == filled.snapshot().note
    [total] = [r for r in told["rows"] if (r["category"], r["country"]) == (ALL, ALL)]
    for index in total["entries"]["refusals"]:
        assert filled.entry(index).action == "block"
    assert recount(filled, told) == []
    better = copy.deepcopy(told)
    better["rows"][0]["refusals"] -= 1
    assert any("refusals is 3, not 2" in line for line in recount(filled, better))


def test_the_three_forms_say_the_same(filled: AuditLog) -> None:
    numbers = count(filled, 0, now_ms() + 1)
    table = [line for line in written(numbers, "csv").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(io.StringIO("\n".join(table))))
    assert rows[0]["refusals"] == "3" and rows[0]["overturn_rate"] == "0.5"
    page = written(numbers, "html")
    assert "<td>50.00%</td>" in page and numbers.checkpoint.split("\n", 1)[0] in page
    assert "none decided" in page


def test_the_period_is_a_year_or_two_days(filled: AuditLog) -> None:
    since, until = period(2026, None, None)
    assert until - since == 365 * 86_400_000
    assert count(filled, 0, 1).rows() == []
    assert period(None, "2026-01-01", "2026-01-02") == (since, since + 86_400_000)
    for wrong in ((2026, "2026-01-01", None), (None, "yesterday", None)):
        with pytest.raises(InvalidInput):
            period(*wrong)
    with pytest.raises(InvalidInput, match="ends before"):
        count(filled, 2, 1)
