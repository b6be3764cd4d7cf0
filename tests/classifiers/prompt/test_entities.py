from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.prompt.entities import EntityClass, EntityClassifier, Matcher, load
from classifiers.prompt.entities.lists import EntityListInvalid
from classifiers.prompt.normalise import Vocabulary


@pytest.fixture(scope="module")
def matcher(words: Vocabulary) -> Matcher:
    return Matcher(load(), words)


def named(matcher: Matcher, text: str) -> set[str]:
    return {m.entity.id for m in matcher.find(text)}


def scores(matcher: Matcher, text: str) -> dict[str, float]:
    return EntityClassifier().score(text, matcher.find(text))


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("Barack Obama dances ballet", "barack-obama"),
        ("the 44th president plays golf", "barack-obama"),
        ("barak obamma gives a speech", "barack-obama"),
        ("特朗普在跳舞", "donald-trump"),
        ("путин танцует", "vladimir-putin"),
        ("Beyoncé on stage", "beyonce"),
        ("spiderman swings between towers", "spider-man"),
        ("a plumber with red hat and mustache", "plumber-in-a-red-cap"),
        ("Elsa from Frozen builds a castle", "elsa-frozen"),
        ("a can of coca cola", "coca-cola"),
    ],
)
def test_names_are_found(matcher: Matcher, text: str, entity: str) -> None:
    assert entity in named(matcher, text)


@pytest.mark.parametrize(
    "text",
    ["a snake with venom", "ice cube in a glass", "a rose by the window", "a sting of a bee",
     "the flash of a camera", "a big bird on a branch", "pink clouds", "a prince and a princess",
     "a marvel of engineering", "an apple on a table", "a jaguar in the jungle"],
)  # fmt: skip
def test_common_words_are_no_names(matcher: Matcher, text: str) -> None:
    assert named(matcher, text) == set()


@pytest.mark.parametrize("text", ["감정을 담은 얼굴, 감자 옆", "かんはんちいの みち"])
def test_words_of_other_scripts_keep_their_letters(matcher: Matcher, text: str) -> None:
    assert named(matcher, text) == set()
    assert named(matcher, "무대 위의 김정은") == {"kim-jong-un"}


def test_a_name_inside_a_word_does_not_count(matcher: Matcher) -> None:
    assert named(matcher, "the trumpets were loud") == set()
    assert named(matcher, "a trump card in bridge") == set()


def test_context_weighs_the_name(matcher: Matcher) -> None:
    shown = scores(matcher, "a video of Joe Biden eating ice cream")["likeness"]
    assert shown > 0.8
    assert scores(matcher, "Who is Joe Biden?")["likeness"] < 0.4
    assert scores(matcher, "a museum visit to a statue of Napoleon")["likeness"] < 0.2
    forged = scores(matcher, "leaked footage of Joe Biden announcing that the vote is cancelled")
    assert forged["elections"] > 0.7
    assert scores(matcher, "a quiet polling station at noon")["elections"] < 0.5


@pytest.mark.parametrize(
    "text",
    ["a desert battle, Ridley Scott scale", "a duel in the style of Ridley Scott",
     "a lonely street, inspired by David Fincher and Ridley Scott"],
)  # fmt: skip
def test_a_manner_of_filming_depicts_nobody(matcher: Matcher, text: str) -> None:
    assert 0 < scores(matcher, text)["likeness"] < 0.5


def test_a_look_after_a_work_shows_none_of_it(matcher: Matcher) -> None:
    text = "smooth animation inspired by MAPPA and Demon Slayer style"
    assert 0 < scores(matcher, text)["intellectual_property"] < 0.75
    assert scores(matcher, "Spider-Man drawn in anime style")["intellectual_property"] > 0.75


def test_a_person_who_is_drawn_in_a_style_is_still_depicted(matcher: Matcher) -> None:
    assert scores(matcher, "Elon Musk fights a robot in anime style")["likeness"] > 0.8
    assert scores(matcher, "leaked footage in the style of Joe Biden")["likeness"] > 0.8


def test_a_camera_is_no_advertisement(matcher: Matcher) -> None:
    shot = "shot on iPhone, a girl walks through a market. Later a commercial for soap plays."
    assert scores(matcher, shot)["intellectual_property"] < 0.75
    assert scores(matcher, "a commercial for Starbucks")["intellectual_property"] > 0.75


def test_operators_extend_override_and_remove(tmp_path: Path, words: Vocabulary) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        'remove = ["Shrek"]\n[[group]]\nclass = "public_figure"\nrole = "mayor"\n'
        'entries = "Zelmira Quandt = mayor quandt; Pepsi"\n'
    )
    found = Matcher(load([own]), words)
    assert named(found, "mayor Quandt opens a bridge") == {"zelmira-quandt"}
    assert named(found, "Shrek dances") == set()
    (pepsi,) = [m.entity for m in found.find("a glass of Pepsi")]
    assert pepsi.kind is EntityClass.PUBLIC_FIGURE


@pytest.mark.parametrize("text", ["[[group]]\nclass = 'hero'", "nonsense", "other = 1"])
def test_a_wrong_file_is_a_typed_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(EntityListInvalid):
        load([file])


def test_thousands_of_names_in_several_scripts() -> None:
    entities = load()
    aliases = [a for e in entities for a in e.aliases]
    assert len(entities) > 2_000
    assert len(aliases) > 3_000
    assert {e.kind for e in entities} == set(EntityClass)
    assert any(not a.isascii() for a in aliases)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_mentions_lie_inside_the_text(words: Vocabulary, text: str) -> None:
    for mention in Matcher(load()[:50], words).find(text):
        assert 0 <= mention.start < mention.end <= len(text)
