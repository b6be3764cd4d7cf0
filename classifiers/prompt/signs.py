"""Two signs before an accusation: what a model says counts only beside a sign of another kind.

A model lets a category rise with its subject: ``sexual_minors`` with any child or any sexual
content, ``likeness`` with any king, ``hate`` with any rat. A refusal for such a reason accuses
somebody, so the heads named here need a second, independent sign in the same prompt (outside of
what it denies), or count at most as :data:`ALONE`, below every rule of the shipped policies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt.heads import INDEX
from classifiers.prompt.language import OURS
from classifiers.prompt.lexicon import HARMFUL, LexiconScorer
from classifiers.prompt.windows import Piece

ALONE = 0.25
"""Most that a head counts without its second sign."""
SUPPORTING = 0.45
"""Probability of ``sexual`` or ``minors`` from which the head itself is a sign to another."""
PLAINLY, MOSTLY = 2.5, 1.8
"""What a word of the third and of the second grade counts on the word list when it stands alone:
hardly ever harmless, mostly harmful."""
SHORT = 2
"""Words up to which a prompt is a name of a thing, and no scene."""
PLAIN = Path(__file__).resolve().parent / "plain.txt"
"""Words of harmless captions; made by ``classifiers.prompt.training.list_plain``."""
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_SEXUAL = ("sexual", "sexual_minors", "ncii")
_PROPS = re.compile(
    r"\b(?:fake|faux|prop|artificial|imitation)\s+(?:blood|wounds?|scars?|snow|rain|fog|smoke|fur|"
    r"leather|flowers?|plants?|tree|grass|beards?|moustaches?|mustaches?|eyelashes|nails|hair|teeth|"
    r"tan|gold|pearls?|guns?|knife|knives|swords?|weapons?|money|food|fruit|candles?|fireplace)\b",
    re.I,
)
"""Things of the stage: they deceive nobody."""
_FAKED = re.compile(r"\b(?:fak(?:e[ds]?|ing)|faux|props?|artificial|imitation)\b", re.I)
NEVER_HARM = ("likeness", "intellectual_property", "elections", "minors")
"""Heads about subjects: they take no part in ``unsafe``."""


class Signs:
    """Applies the rule; ``heads`` are the columns of the probabilities."""

    def __init__(self, heads: tuple[str, ...], lexicon: LexiconScorer) -> None:
        self._at = {head: at for at, head in enumerate(heads)}
        self._lexicon = lexicon

    def required(
        self,
        heads: NDArray[np.float32],
        parts: Sequence[Piece],
        rows: NDArray[np.float32],
        named: dict[str, float],
    ) -> NDArray[np.float32]:
        """``heads`` float32 [heads] of one prompt, lowered where the second sign is missing.

        ``rows`` float32 [parts, heads] are the probabilities of its stretches, ``named`` the
        names found in it by category.
        """
        found = heads.copy()
        words = self._lexicon.score([part.text for part in parts])
        where = self._sexual(parts, rows, words)
        sexual = bool(where.any())
        young = self._young(parts, rows)
        if not (sexual and young):
            self._lower(found, "sexual_minors")
        if not young:
            # rules put this head beside a sexual one: without a sign of age it accuses adults
            self._lower(found, "minors")
        if not sexual:
            self._lower(found, "ncii")
            if young:
                self._lower(found, "sexual")
        elif "ncii" in self._at:
            # somebody's name in one shot and bare skin in another are no picture of that person
            self._lower(found, "ncii", max(ALONE, float(rows[where, self._at["ncii"]].max())))
        for head in ("likeness", "intellectual_property"):
            # the list and its context say how much: the model rises with any famous word
            self._lower(found, head, max(ALONE, named.get(head, 0.0)))
        votes = words[:, INDEX["elections"]] >= HARMFUL
        if not (named.get("elections") or votes.any() or any(p.code not in OURS for p in parts)):
            self._lower(found, "elections")
        if not named.get("misinformation") and self._only_props(parts):
            self._lower(found, "misinformation")
        if self._bare(parts, words):
            for head in self._at.keys() - set(NEVER_HARM):
                self._lower(found, head)
        return found

    def _lower(self, heads: NDArray[np.float32], head: str, most: float = ALONE) -> None:
        if head in self._at:
            heads[self._at[head]] = min(heads[self._at[head]], np.float32(most))

    def _sexual(
        self, parts: Sequence[Piece], rows: NDArray[np.float32], words: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Where a word says it, or the model on a text that is long enough to say it, [parts]."""
        found = np.zeros(len(parts), bool)
        for n, (part, row, listed) in enumerate(zip(parts, rows, words, strict=True)):
            said = part.code in OURS and max(listed[INDEX[h]] for h in _SEXUAL) >= HARMFUL
            found[n] = said or (row[self._at["sexual"]] >= SUPPORTING and _length(part) > SHORT)
        return found

    def _young(self, parts: Sequence[Piece], rows: NDArray[np.float32]) -> bool:
        """A word or number of English that says so; elsewhere the model's own head for age."""
        return any(
            self._lexicon.speaks_of_minors(part.text)
            if part.code in OURS
            else "minors" in self._at and row[self._at["minors"]] >= SUPPORTING
            for part, row in zip(parts, rows, strict=True)
        )

    @staticmethod
    def _only_props(parts: Sequence[Piece]) -> bool:
        """Whether all that is called fake is a thing of the stage."""
        faked = [part.text for part in parts if _FAKED.search(part.text)]
        return bool(faked) and not any(_FAKED.search(_PROPS.sub("", text)) for text in faked)

    @staticmethod
    def _plainly_harmful(words: NDArray[np.float32]) -> bool:
        """Whether one word alone asks for harm: "blood" and "bomb" name things, "porn" and "nudes"
        say what is wanted."""
        # a head without a list has no number
        sexual = max(np.nanmax(words[:, INDEX[head]]) for head in _SEXUAL)
        return bool(np.nanmax(words) >= PLAINLY or sexual >= MOSTLY)

    def _bare(self, parts: Sequence[Piece], words: NDArray[np.float32]) -> bool:
        """Whether all of a prompt is one word that no list calls harmful, or two that harmless
        captions are made of."""
        said = [word for part in parts for word in _WORD.findall(part.text.lower())]
        if not said or len(said) > SHORT or any(part.code not in OURS for part in parts):
            return False
        if len(said) == 1 and not self._plainly_harmful(words):
            return True
        return all(word in _plain() for word in said)


def _length(part: Piece) -> int:
    spaced = len(_WORD.findall(part.text))
    # scripts without spaces: two letters make about a word
    return spaced if part.code not in ("zh", "ja", "th") else max(spaced, len(part.text) // 2)


@cache
def _plain() -> frozenset[str]:
    return frozenset(PLAIN.read_text("utf-8").split())
