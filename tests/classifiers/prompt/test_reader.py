"""A disguised sentence is read whole: a piece of it says less, and every piece is one more draw."""

from __future__ import annotations

import pytest

from classifiers.prompt import spans, windows
from classifiers.prompt.disguises import DISGUISES
from classifiers.prompt.language import LanguageDetector
from classifiers.prompt.lexicon import LexiconScorer
from classifiers.prompt.normalise import Normaliser, Vocabulary
from classifiers.prompt.reader import Reader

SENTENCES = (
    "a tall woman in a green coat crosses the old bridge with her dog",
    "several motorcycles are parked next to each other",
    "a group of men standing inside of a bus",
)


@pytest.fixture(scope="module")
def reader(words: Vocabulary) -> Reader:
    return Reader(Normaliser(words, LexiconScorer().words), LanguageDetector(words))


def _tokens(text: str) -> list[tuple[int, int]]:
    return [(0, 0)] * len(text.split())


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize(
    "name",
    ["spaced", "spaced_evenly", "dotted", "dashes", "hyphenated", "starred", "leet_signs",
     "upside_down", "one_word_a_line", "json_list", "json_values", "emoji_between"],
)  # fmt: skip
def test_a_sentence_in_disguise_is_one_stretch(reader: Reader, name: str, text: str) -> None:
    read = reader.read(DISGUISES[name](text))
    assert not read.unread
    made = windows.stretches(read.pieces, _tokens, 62)
    wanted = [word for word in text.split() if len(word) > 2]
    best = max(sum(word in piece.text.split() for word in wanted) for piece in made)
    assert best >= 0.7 * len(wanted)
    assert len(made) <= 3


def test_only_keys_that_count_are_left_out() -> None:
    assert spans.canonical('"part2": "A red kite') == "red kite"
    assert spans.canonical('"line 14": "kites') == "kites"
    assert spans.canonical('"kite2": "red') == "kite2: red"
    assert spans.canonical('"style": "noir') == "style: noir"


def test_few_single_words_stay_apart() -> None:
    pieces = [windows.Piece(word, "en", n, n + 1) for n, word in enumerate(("door", "river"))]
    assert [p.text for p in windows.stretches(pieces, _tokens, 62)][:2] == ["door", "river"]


@pytest.mark.parametrize(
    ("text", "read"),
    [("A mass shooting star shower", "mass meteor shower"), ("two killer whales", "two orcas"),
     ("the  blood   moon rises", "lunar eclipse rises"), ("a killer", "killer"),
     ("a gunman shooting star players", "gunman shooting star players"),
     ("he is shooting stars on stage", "he is shooting stars on stage")],
)  # fmt: skip
def test_a_harmless_thing_is_read_by_another_name(text: str, read: str) -> None:
    assert spans.canonical(text) == read
