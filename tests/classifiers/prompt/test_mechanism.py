"""What is decided by rules around the models, whatever the models score."""

from __future__ import annotations

import pytest

from classifiers.base import PromptClassifier
from classifiers.prompt import EmbeddedPromptClassifier, windows
from classifiers.prompt.windows import Piece
from classifiers.registry import WeightsRegistry

SCENE = "an old gardener waters the roses behind the stone house"


def score(classifier: PromptClassifier, text: str, category: str, check: str = "prompt") -> float:
    (signals,) = classifier.classify([text])
    return max(s.score or 0.0 for s in signals if s.category == category and s.check == check)


@pytest.mark.parametrize("name", ["goku", "mickey mouse", "elon musk"])
def test_a_name_is_no_harm(classifier: PromptClassifier, name: str) -> None:
    text = f"{name} waters the roses behind the stone house"
    named = max(
        score(classifier, text, category, "prompt_entities")
        for category in ("likeness", "intellectual_property")
    )
    assert named >= 0.5
    assert score(classifier, text, "unsafe") < 0.5


@pytest.mark.parametrize(
    "text",
    ["镜头一：厨师在切菜，灯光柔和；画面：蒸汽升起，特写（慢动作），4K！",
     "カット１：料理人が野菜を切る（クローズアップ）、湯気が立つ！　光はやわらかい。"],
)  # fmt: skip
def test_the_signs_of_chinese_and_japanese_are_no_disguise(
    classifier: PromptClassifier, text: str
) -> None:
    assert score(classifier, text, "disguise") < 0.5


def test_letters_in_full_width_are_a_disguise(classifier: PromptClassifier) -> None:
    hidden = "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in SCENE)
    assert score(classifier, hidden, "disguise") >= 0.5


def _words(text: str) -> list[tuple[int, int]]:
    found, at = [], 0
    for word in text.split():
        start = text.index(word, at)
        at = start + len(word)
        found.append((start, at))
    return found


@pytest.mark.parametrize("size", [1, 7, 20, 61])
def test_windows_alone_cover_every_span(size: int) -> None:
    pieces = [
        Piece(" ".join(f"w{n}x{i}" for i in range(size)), "de" if n % 7 == 3 else "en", n, n + 1)
        for n in range(30)
    ]
    made = windows.cut(pieces, _words, 62)
    text = " ".join(w.text for w in made.first)
    assert all(word in text for piece in pieces for word in piece.text.split())
    for whole, inside in zip(made.first, made.inside, strict=True):
        assert len(_words(whole.text)) <= 62
        assert all(part.text in whole.text for part in inside)


def test_spans_are_read_alone_only_where_a_window_raises_doubt(registry: WeightsRegistry) -> None:
    judge = EmbeddedPromptClassifier(registry).ready()[1]
    calm = ". ".join(f"{SCENE} on day {n}" for n in range(3))
    harm = "a man stabs another man to death with a knife"
    (quiet,), (loud,) = judge.judge([calm]), judge.judge([f"{calm}. {harm}"])
    assert quiet.stretches < loud.stretches
    assert loud.heads is not None
    (alone,) = judge.judge([harm])
    assert alone.heads is not None
    at = judge.ensemble.spec.heads.index("unsafe")
    assert loud.heads[at] >= 0.8 * alone.heads[at]


def test_a_thing_alone_is_no_wish_but_what_is_wanted_is(classifier: PromptClassifier) -> None:
    things = [max(score(classifier, word, c) for c in ("gore", "weapons")) for word in THINGS]
    assert max(things) < 0.5
    assert min(score(classifier, word, "sexual") for word in ("porn", "nudes")) >= 0.45


THINGS = ("blood", "bomb", "skull", "grenade")
