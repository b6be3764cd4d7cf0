from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.prompt.disguises import DISGUISES
from classifiers.prompt.normalise import MAX_DEPTH, MAX_READINGS, Normaliser, Vocabulary
from tests.classifiers.prompt.foreign import prompts
from tests.waiting import BOUND_S

HONEST = (
    "a woman dances on the beach at sunset",
    "4k video, 35mm film, 3d render of a cat at 7pm!!",
    "a café in São Paulo on a rainy evening",
    "J.R.R. Tolkien's U.S.A. map",
    "two children play football, slow-motion, wide-angle shot",
    "masterpiece, (best quality:1.3), artstation, octane render",
)


@pytest.fixture(scope="module")
def normaliser(words: Vocabulary) -> Normaliser:
    return Normaliser(words)


SPREAD = frozenset(
    ("json_list", "json_values", "one_word_a_line", "mixed_case", "underscores", "emoji_between")
)
"""Ways to put words beside each other: the reader and the windows see to them."""
UNREAD = frozenset(("vowels_dropped",))
"""Read as no language, and mostly held."""


@pytest.mark.parametrize("name", sorted(DISGUISES.keys() - SPREAD - UNREAD))
def test_a_disguise_is_read_through(normaliser: Normaliser, name: str) -> None:
    plain = "the woman dances with a neighbour near water"
    found = normaliser.read(DISGUISES[name](plain))
    words = set(plain.split())
    best = max(len(words & set(r.text.lower().split())) for r in found.judged)
    assert best >= len(words) - 1
    assert found.disguise >= 0.3


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_text_is_left_as_it_is(normaliser: Normaliser, text: str) -> None:
    found = normaliser.read(text)
    assert found.disguise == 0
    assert [r.text for r in found.judged] == [text]


@pytest.mark.parametrize(("code", "text"), prompts())
def test_other_languages_are_no_disguise(normaliser: Normaliser, code: str, text: str) -> None:
    assert not normaliser.read(text).others, code


def test_offsets_lead_back_to_the_original(normaliser: Normaliser) -> None:
    text = "look: n.a.k.e.d on the beach"
    (reading,) = normaliser.read(text).judged
    at = reading.text.index("naked")
    behind = [text[i] for i in reading.origin[at : at + 5]]
    assert behind[0] == "n" and set(behind) <= set("naked.")
    assert len(reading.origin) == len(reading.text)


def test_nested_encodings_are_opened_to_a_depth_and_no_further(normaliser: Normaliser) -> None:
    text = "a peaceful meadow with many flowers"
    for _ in range(MAX_DEPTH):
        text = base64.b64encode(text.encode()).decode()
    assert "meadow" in normaliser.read(text).judged[0].text
    for _ in range(12):
        text = base64.b64encode(text.encode()).decode()
    assert "meadow" not in normaliser.read(text).judged[0].text


def test_emoji_become_words(normaliser: Normaliser) -> None:
    assert "knife" in normaliser.read("a man with a 🔪").judged[0].text


@pytest.mark.parametrize(
    "text",
    ["", " ", "\0" * 50, "\ud800\udfff\ud800", "\u0301" * 10_000, "🔥" * 500, "a" * 50_000,
     "a " * 25_000, "=" * 20_000, "%41" * 9_000, ".-" * 20_000, "1" * 40_000, "*" * 5_000,
     "n4k3d" * 5_000, "\u202e" * 1_000],
)  # fmt: skip
def test_hostile_texts_are_read_in_bounded_time(normaliser: Normaliser, text: str) -> None:
    started = time.thread_time()
    found = normaliser.read(text)
    assert time.thread_time() - started < BOUND_S
    assert 1 <= len(found.judged) <= MAX_READINGS


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120))
def test_any_text_gives_readings_with_true_offsets(words: Vocabulary, text: str) -> None:
    found = Normaliser(words).read(text)
    assert 0 <= found.disguise <= 1
    for reading in (found.plain, *found.others):
        assert len(reading.text) == len(reading.origin)
        assert all(0 <= at < len(text) for at in reading.origin)
        assert 0 <= reading.readability <= 1


@pytest.mark.parametrize(
    "text",
    ["Một người phụ nữ nhảy múa trên bãi biển", "рот и нос, сосна растёт в роще, оса, сор",
     "A man walks home. Под сосной сидит сова и ест рис.", "вона пише в сараї про сома",
     "A poster with the word Москва"],
)  # fmt: skip
def test_words_of_other_languages_keep_their_letters(normaliser: Normaliser, text: str) -> None:
    assert normaliser.read(text).plain.text == text


@pytest.mark.parametrize("text", ["ѕех оn thе bеасh", "ḳịḷḷ the man", "СОАТ"])
def test_english_in_foreign_letters_is_read(normaliser: Normaliser, text: str) -> None:
    assert normaliser.read(text).plain.text.isascii()
