"""Which language a page is in, and what is said in it."""

from __future__ import annotations

import time

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from guarded_gen.console.language import chosen, language, wished
from guarded_gen.console.told import holes, read_back

NAMES = st.sampled_from(["id", "name", "most"])
LITERALS = st.text("ab :", max_size=5)


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("de", ["de"]),
        ("en;q=0.5, de-AT, de;q=0.9", ["de-AT", "de", "en"]),
        ("de;q=0, *;q=0.5", []),
        ("", []),
        ("de;q=7, \x00, ;;;,", []),
    ],
)
def test_an_accept_language_header_is_read(header: str, tags: list[str]) -> None:
    assert wished(header) == tags


def test_ones_own_choice_comes_before_the_browsers_and_english_is_last() -> None:
    assert chosen({}, ["xx", "tlh"]) == "en"
    assert chosen({"language": "en"}, ["de"]) == "en"
    assert chosen({"language": "xx"}, []) == "en"


@given(st.lists(st.tuples(LITERALS, NAMES)), LITERALS, st.dictionaries(NAMES, st.text("xyz ")))
def test_what_filled_a_message_fills_it_again(parts, end: str, values: dict[str, str]) -> None:
    message = "".join(f"{literal}{{{name}}}" for literal, name in parts) + end
    text = message.format(**{name: values.get(name, "") for name in holes(message)})
    found = read_back(message, text)
    if len(set(holes(message))) == len(holes(message)):  # of a name that comes twice the first
        assert found is not None
        assert message.format(**found) == text


def test_another_text_is_not_taken_for_a_message() -> None:
    assert read_back("there is no case {id}", "there is no queue x") is None
    assert read_back("ab{x}bc", "abc") is None
    assert read_back("{a}: {b}", "no colon") is None


def test_dates_numbers_and_lengths_of_time() -> None:
    english = language("en")
    now = time.time() * 1000
    assert english.moment(1764405000000).striptags() == "29 Nov 2025, 08:30 UTC"
    assert english.ago(int(now) - 3 * 3_600_000) == "3 hours ago"
    assert english.ago(int(now) - 47 * 3_600_000) == "1 day ago"
    assert english.lasting(None) == english.number(None) == english.percent(None) == "–"
    assert (english.number(12345), english.number(0.5, 2)) == ("12,345", "0.50")
    assert english.percent(0.1234, 1) == "12.3%"
    assert Locale.parse("ar").text_direction == "rtl" and english.direction == "ltr"
