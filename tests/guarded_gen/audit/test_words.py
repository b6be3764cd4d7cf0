"""Words of sealed payloads: found by the index exactly where reading everything finds them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from guarded_gen.audit import AuditLog, Event, Query, words
from guarded_gen.audit.erasure import erase
from guarded_gen.audit.words import bring_up_to_date, says, words_of
from guarded_gen.errors import InvalidInput

SMALL = 8
VOCABULARY = ("red", "car", "Straße", "猫", "犬", "हिन्दी", "naïve", "42", "don't")


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "SEGMENT", SMALL)
    monkeypatch.setattr(words, "_LOOKED_UP", 3)


def fill(log: AuditLog, prompts: list[str]) -> None:
    log.write(
        lambda tx: [
            tx.append(Event("prompt.decision", subject=f"s{n % 3}", payload={"prompt": prompt}))
            for n, prompt in enumerate(prompts)
        ]
    )


def found(log: AuditLog, said: str, query: Query | None = None) -> list[int]:
    return [e.index for e in log.entries_with(said, query or Query(), "ops", "appeal")]


def indexed(log: AuditLog) -> set[int]:
    with log.store.read() as session:
        return {
            id // words.BUCKETS for (id,) in session.execute(text("SELECT id FROM audit_words"))
        }


prompts = st.lists(
    st.lists(st.sampled_from(VOCABULARY), max_size=4).map(" ".join), min_size=1, max_size=40
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompts, st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=2).map(" ".join))
def test_the_index_finds_what_reading_everything_finds(
    log: AuditLog, given_prompts: list[str], said: str
) -> None:
    fill(log, given_prompts)
    wanted = words_of(said)
    everything = list(log.entries(Query(kind="prompt.decision", oldest_first=True)))
    fitting = [e.index for e in everything if says(log.payload(e.index), wanted)]
    assert found(log, said, Query(oldest_first=True)) == fitting
    assert found(log, said) == fitting[::-1]
    pages: list[int] = []
    while page := found(log, said, Query(limit=3, before=pages[-1] if pages else None)):
        pages += page
    assert pages == fitting[::-1]
    mine = [i for i in fitting if log.entry(i).subject == log.keys.pseudonym("default", "s1")]
    assert found(log, said, Query(subject="s1", oldest_first=True)) == mine
    assert log.verify().ok


@pytest.mark.parametrize(
    ("said", "wanted", "there"),
    [
        ("A RED car.", "red Car", True),
        ("a red, blue car", "red car", False),
        ("the scar", "car", False),
        ("die Strasse", "STRAßE", True),
        ("ｆｕｌｌ width", "full", True),
        ("三毛猫の絵", "猫の", True),
        ("हिन्दी में", "हिन्दी", True),
        ("हिन्दी", "हन्द", False),
        ("line\nbreak", "line break", True),
        ('say "red"', "red", True),
    ],
)
def test_what_counts_as_a_word(said: str, wanted: str, there: bool) -> None:
    assert says(json.dumps({"prompt": said}).encode(), words_of(wanted)) is there
    assert says(said.encode(), words_of(wanted)) is there


def test_names_of_fields_are_no_words(any_log: AuditLog) -> None:
    fill(any_log, ["red"] * 20)
    assert found(any_log, "prompt") == []
    assert found(any_log, "red") == list(range(19, -1, -1))
    assert indexed(any_log) == {0, 1}
    with pytest.raises(InvalidInput, match="no word"):
        found(any_log, "?!")
    parts = list(any_log.entries_with("RO", Query(), "ops", "asked", anywhere=True))
    assert parts == []
    seen: list[int] = []
    parts = list(
        any_log.entries_with(
            "ED", Query(limit=5), "ops", "asked",
            anywhere=True, progress=lambda done, size: seen.append(done),
        )
    )  # fmt: skip
    assert (len(parts), bool(seen)) == (5, True)


def test_the_words_of_an_erased_person_leave_the_index(any_log: AuditLog) -> None:
    fill(any_log, ["a secret" if n in (3, 12) else "plain" for n in range(24)])
    assert found(any_log, "secret") == [12, 3]
    assert indexed(any_log) == {0, 1, 2}
    erase(any_log, "s0", "default", "ops", "asked")
    assert indexed(any_log) == set(), "the subject stands in every segment"
    assert found(any_log, "secret") == []
    assert found(any_log, "plain") == [n for n in range(23, -1, -1) if n % 3]
    assert {0, 1, 2} <= indexed(any_log)
    assert any_log.verify().ok


def test_only_what_has_no_index_is_opened(
    any_log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(any_log, ["red car"] * (3 * SMALL))
    bring_up_to_date(any_log)
    real, starts = words.opened, []

    def counted(connection, sealer, start: int, end: int):
        starts.append(start)
        return real(connection, sealer, start, end)

    monkeypatch.setattr(words, "opened", counted)
    assert len(found(any_log, "car")) == 3 * SMALL
    assert set(starts) == {3 * SMALL}, "the segment of the search itself"


def test_an_erasure_while_the_index_is_made_is_not_undone(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(log, ["a secret"] * SMALL)
    real, made = log.alone, []

    def alone(work):
        if not made:
            made.append(1)
            erase(log, "s0", "default", "ops", "asked")
        return real(work)

    monkeypatch.setattr(log, "alone", alone)
    assert bring_up_to_date(log) == 0
    assert indexed(log) == set()
    assert bring_up_to_date(log) == 1


def test_a_damaged_or_missing_bucket_hides_nothing(log: AuditLog) -> None:
    fill(log, ["red car"] * 16)
    assert len(found(log, "red")) == 16
    token = words.WordKeys(log.keys.seal).token("red")
    bucket = words.bucket_of(token)
    with log.store.write() as session:
        session.execute(
            text("UPDATE audit_words SET sealed = substr(sealed, 2) WHERE id = :i"), {"i": bucket}
        )
        session.execute(
            text("DELETE FROM audit_words WHERE id = :i"), {"i": words.BUCKETS + bucket}
        )
    assert len(found(log, "red")) == 16


def test_the_database_alone_shows_no_token(log: AuditLog, tmp_path: Path) -> None:
    fill(log, ["unmistakable"] * 16)
    assert len(found(log, "unmistakable")) == 16
    token = words.WordKeys(log.keys.seal).token("unmistakable")
    data = b"".join(path.read_bytes() for path in tmp_path.glob("guarded-gen.db*"))
    assert token not in data
    assert b"unmistakable" not in data


def test_a_step_of_the_service_is_bounded(log: AuditLog) -> None:
    fill(log, ["red"] * (5 * SMALL))
    assert bring_up_to_date(log, most=2) == 2
    assert indexed(log) == {0, 1}
    assert bring_up_to_date(log) == 3
    assert bring_up_to_date(log) == 0
