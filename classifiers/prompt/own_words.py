"""The word lists of a policy's own categories: which of them a text names.

The characters of the text are undone first (invisible ones, look-alikes, accents), then words are
compared whole, in any case; in scripts without spaces anywhere. Nothing is guessed: a list says
what it says, and a person who wrote it can tell what it finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from classifiers.prompt.entities.matcher import fold, stands_alone
from classifiers.prompt.normalise import characters
from classifiers.prompt.normalise.traced import Traced
from policies.decision import Signal
from policies.taxonomy import OwnCategory

CHECK = "policy_words"


def signals(categories: Sequence[OwnCategory], text: str, at: date) -> list[Signal]:
    """One signal for each category with words: its score where the text has one of them on a day
    on which they count, else 0. The detail holds the place of the first, never the word.

    Linear in the text; a list is made ready once.
    """
    listed = [entry for entry in categories if entry.words]
    if not listed:
        return []
    plain = _plain(text)
    return [_signal(entry, plain, at) for entry in listed]


def _signal(entry: OwnCategory, plain: Traced, at: date) -> Signal:
    if not entry.holds(at):
        return Signal.ran(CHECK, entry.id, 0.0, detail={"dormant": True})
    folded = fold(plain.text)
    for last, length in _automaton(entry.words).iter(folded):
        start, end = last - length + 1, last + 1
        if stands_alone(folded, start, end):
            return Signal.ran(
                CHECK, entry.id, entry.score, detail={"span": list(plain.span(start, end))}
            )
    return Signal.ran(CHECK, entry.id, 0.0)


def _plain(text: str) -> Traced:
    traced = Traced.of(text)
    if text.isascii():
        return traced
    traced, _ = characters.drop_invisible(traced)
    traced, _ = characters.drop_marks(traced)
    traced, _ = characters.undo_confusables(traced)
    return traced


@lru_cache(maxsize=256)
def _automaton(words: tuple[str, ...]) -> Any:
    import ahocorasick

    made = ahocorasick.Automaton()
    for word in words:
        key = fold(" ".join(word.split()))
        made.add_word(key, len(key))
    made.make_automaton()
    return made
