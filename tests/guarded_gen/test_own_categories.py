"""A category of a policy's own: from its word list to decision, API, console and statement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.testclient import TestClient
from typer.testing import CliRunner

import policies
from classifiers.prompt.own_words import signals
from guarded_gen.audit.dsa import statement, statements
from guarded_gen.audit.search import Query
from guarded_gen.cli import app as cli
from guarded_gen.composition.services import Services
from guarded_gen.review.decide import reasons_of
from guarded_gen.server import create_app
from guarded_gen.settings import load
from guarded_gen.store.tables.review import ReviewCase
from policies.errors import PolicyInvalid
from policies.taxonomy import OwnCategory
from tests.guarded_gen.console.conftest import Site

TODAY = datetime.now(UTC).date()
PROMPT = "a roulette wheel turns slowly on a wooden table"
TEXT = """
policy: house
version: "1"
extends: default
categories:
  - id: games_of_chance
    title: Games of chance
    definition: Advertising for games of chance.
    severity: 0.7
    dsa: STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS
    reasons: [games_of_chance]
    words: [roulette, "slot machine", "\u8ced\u5834"]
    from: {since}
    until: {until}
rules:
  - id: OWN-1
    category: games_of_chance
    stage: prompt
    at_least: 0.5
    action: {action}
    reason: games_of_chance
"""


def policy(action: str = "block", since: int = -10, until: int = 10) -> policies.Policy:
    days = {"since": TODAY + timedelta(since), "until": TODAY + timedelta(until)}
    return policies.loads(TEXT.format(action=action, **days))[0]


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    made = Services(load())
    yield made
    made.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    app = create_app(services, worker=False)
    yield TestClient(app, base_url="http://127.0.0.1")
    app.state.api.jobs.close()


def test_a_word_of_the_list_refuses_with_the_policys_own_reason(
    services: Services, client: TestClient
) -> None:
    services.pinned_policy = policy()
    answer = client.post("/v1/videos", json={"prompt": PROMPT, "seconds": 1})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "moderation_blocked"
    assert "games_of_chance" in answer.text
    judged = client.post("/v1/moderations", json={"input": PROMPT}).json()["results"][0]
    assert judged["categories"]["games_of_chance"] is True
    assert judged["reason_code"] == "games_of_chance"
    assert judged["category_scores"]["games_of_chance"] == 1.0
    fine = client.post("/v1/moderations", json={"input": "a red ball on grass"}).json()["results"][
        0
    ]
    assert fine["category_scores"]["games_of_chance"] == 0.0
    [entry] = services.log.entries(Query(kind="prompt.decision"))
    assert [told["id"] for told in entry.body["categories"]] == ["games_of_chance"]
    told = statement(entry, entry)
    assert told["category"] == "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS"
    assert told["incompatible_content_explanation"] == "Advertising for games of chance."


def test_a_held_prompt_is_a_case_with_the_categorys_severity_and_reasons(
    services: Services, client: TestClient
) -> None:
    services.pinned_policy = policy("review")
    assert client.post("/v1/videos", json={"prompt": PROMPT, "seconds": 1}).status_code == 200
    with services.store.read() as session:
        [case] = session.scalars(select(ReviewCase))
    assert case.category == "games_of_chance"
    assert reasons_of(case)[0] == "games_of_chance"
    assert case.details["categories"][0]["severity"] == 0.7


@pytest.mark.parametrize(("since", "until"), [(1, 10), (-10, 0)])
def test_outside_of_its_days_a_list_counts_for_nothing(
    services: Services, client: TestClient, since: int, until: int
) -> None:
    services.pinned_policy = policy(since=since, until=until)
    judged = client.post("/v1/moderations", json={"input": PROMPT}).json()["results"][0]
    assert judged["categories"]["games_of_chance"] is False


CATEGORY = OwnCategory(
    id="own", title="t", definition="d", words=("roulette", "slot machine", "\u8ced\u5834")
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A ROULETTE wheel", True),
        ("the slot machine's light", True),
        ("\u5728\u8ced\u5834\u88e1\u7684\u4eba", True),
        ("rou\u200blette at night", True),
        ("r\u043eulette at night", True),
        ("the slot of a machine", False),
        ("a rouletteer", False),
        ("", False),
    ],
)
def test_words_are_whole_and_disguised_characters_are_undone(text: str, found: bool) -> None:
    [signal] = signals([CATEGORY], text, TODAY)
    assert signal.score == float(found)
    if found:
        start, end = signal.detail["span"]
        assert text[start:end].strip()


@given(st.text(max_size=200), st.dates())
def test_any_text_on_any_day_gives_one_score(text: str, at: date) -> None:
    [signal] = signals([CATEGORY], text, at)
    assert signal.score in (0.0, 1.0)


def test_lists_and_dates_are_in_the_digest_and_come_back_from_it() -> None:
    one = policy()
    assert policies.Policy.from_canonical(one.canonical).digest == one.digest
    assert one.digest != policy(until=11).digest
    words = TEXT.replace("roulette", "baccarat").format(
        action="block", since=TODAY, until="2999-01-01"
    )
    assert policies.loads(words)[0].digest != one.digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("category: games_of_chance", "category: games_of_chanse", "did you mean"),
        ("id: games_of_chance", "id: violence", "is a category already"),
        ("    title:", "    titel:", "unknown key"),
        ("until: {until}", "until: {since}", "not after"),
    ],
)
def test_mistakes_are_told_with_their_place(old: str, new: str, message: str) -> None:
    text = TEXT.replace(old, new).format(action="block", since=TODAY, until=TODAY + timedelta(9))
    with pytest.raises(PolicyInvalid) as caught:
        policies.loads(text)
    assert message in str(caught.value)


def test_without_words_a_named_category_asks_a_person(services: Services) -> None:
    text = TEXT.replace('    words: [roulette, "slot machine", "\u8ced\u5834"]\n', "")
    made = policies.loads(text.format(action="block", since=TODAY, until=TODAY + timedelta(9)))[0]
    from guarded_gen.gates.gate import judge_prompts
    from policies import Context

    [result] = judge_prompts(made, services.prompt_classifiers, ["a red ball"], Context())
    missing = {item.category: item.reason for item in result.decision.missing}
    assert missing == {"games_of_chance": "no_check"}
    assert result.decision.action.value == "review"


GAMBLING = """
policy: house
version: "1"
extends: default
categories:
  - id: gambling
    title: Gambling and betting
    definition: Advertising for gambling and betting.
    severity: 0.9
    dsa: STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS
    dsa_keywords: [KEYWORD_REGULATED_GOODS_SERVICES]
    reasons: [gambling_ad]
    words: [roulette]
rules:
  - {id: BET-1, category: gambling, stage: prompt, at_least: 0.5, action: review, reason: bets}
"""


def test_gambling_from_the_prompt_to_the_console_and_the_statement_of_a_persons_refusal(
    tmp_path: Path,
) -> None:
    (tmp_path / "policy.yaml").write_text(GAMBLING)
    services = Services(
        load(
            home=tmp_path / "home",
            policy=str(tmp_path / "policy.yaml"),
            review={"undo": 0, "double_rate": 0},
        )
    )
    site = Site(services)
    try:
        client = TestClient(site.app, base_url="http://127.0.0.1")
        assert client.post("/v1/videos", json={"prompt": PROMPT, "seconds": 1}).status_code == 200
        with services.store.read() as session:
            [case] = session.scalars(select(ReviewCase))
        ann = site.browser("ann")
        title = '<span title="gambling">Gambling and betting</span>'
        assert title in ann.get("/console/queue").text
        form = ann.take(case.id)
        page = ann.get(f"/console/cases/{case.id}").text
        assert page.count(title) >= 2, "the heading and the rule in words"
        assert 'value="gambling_ad"' in page and 'value="bets"' in page
        answer = {"action": "block", "reason": "gambling_ad"}
        assert ann.press(f"/console/cases/{case.id}/decide", **form, **answer).status_code == 303
        assert site.console.decisions.settle() == 1
        log = services.log
        made = list(statements(log.entries(Query(action="block")), log.entry))
        assert [one["category"] for one in made] == [
            "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS"
        ]
        assert made[0]["category_specification"] == ["KEYWORD_REGULATED_GOODS_SERVICES"]
        told = made[0]["incompatible_content_explanation"]
        assert told == "Advertising for gambling and betting."
        assert made[0]["automated_decision"] == "AUTOMATED_DECISION_PARTIALLY"
    finally:
        site.app.state.api.jobs.close()
        services.close()


def test_a_case_file_names_the_categories_of_the_policy_that_it_is_for(
    home: Path, tmp_path: Path
) -> None:
    policy, file = tmp_path / "policy.yaml", tmp_path / "cases.yaml"
    policy.write_text(GAMBLING)
    file.write_text(
        "cases:\n"
        "  - {name: high, scores: {gambling: 0.9}, expect: review, rule: BET-1}\n"
        "  - {name: low, scores: {gambling: 0.1}, expect: allow}\n"
        "  - {name: words, prompt: a roulette wheel, expect: review, rule: BET-1}\n"
        "  - {name: no check, scores: {}, missing: [gambling], expect: review}\n"
    )
    runner = CliRunner()
    asked = ["policy", "test", str(policy), "--cases", str(file), "--json"]
    done = runner.invoke(cli, asked)
    found = {c["name"]: c["status"] for c in json.loads(done.stdout)[0]["cases"]}
    assert {name: found[name] for name in ("high", "low", "words", "no check")} == dict.fromkeys(
        ("high", "low", "words", "no check"), "passed"
    )
    other = runner.invoke(cli, ["policy", "test", "default", "--cases", str(file)])
    assert other.exit_code == 2
    assert "gambling" in other.output
