"""All plausible readings of a prompt, and how disguised it is.

What only concerns characters is always undone: it changes no word of an honest text. What
guesses words gives *another reading*, kept only when it is clearly more readable than the
text as it stands. A judge that takes the worst of all readings flags nearly every harmless
disguised prompt, so the classifier scores only the readings returned here as ``judged``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from classifiers.prompt.normalise import characters, encodings, spelling
from classifiers.prompt.normalise.guesses import Guesses
from classifiers.prompt.normalise.traced import Traced
from classifiers.prompt.normalise.vocabulary import Vocabulary, skeleton, word_order

MAX_DEPTH = 3
"""Layers of encoding that are opened, one inside the other."""
MAX_READINGS = 4
MAX_GUESSED = 4_000
"""Characters of a text in which words are guessed; characters are undone everywhere."""
GAIN = 0.12
"""How much more readable a reading must be, as a share of its letters."""
CLEAR = 0.8
"""How readable a guess must be: guessing finds some English words in any language."""
SURE, LEAP = 0.65, 0.45
"""Enough too: a text that was hardly readable and mostly is."""
PLAUSIBLE = 0.55
"""How readable a guess must be where English function words show the language."""
BONES = 0.12
"""Share of function words that shows it; captions have about 0.2, other languages under 0.05."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WIDE_SIGN = re.compile(r"[\uff01-\uff5e](?<!\w)")
_LETTER = re.compile(r"[^\W\d_]")
_CODES = frozenset(("base64", "hex", "binary", "morse", "percent", "escape"))
_GUESSES = frozenset(("spelling", "stretch", "leet", "dotted", "solid", "reversed", "rot13"))
_COSTLY = ("solid", "spelling")
_WHOLE = _CODES | {"rot13", "reversed", "stretch"}
_MAPPED = _WHOLE | {"leet"}
"""Steps that put one letter for another throughout: function words do not arise by chance."""
_WORDS = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class Reading:
    """``text`` as read, ``origin`` of each character in the original, ``steps`` taken."""

    text: str
    origin: tuple[int, ...]
    steps: tuple[str, ...]
    readability: float


@dataclass(frozen=True, slots=True)
class Readings:
    """``plain`` is the text with its characters undone; ``others`` read it more clearly.

    ``disguise`` in [0, 1] is the share of words that had to be undone: 0 for an honest text.
    """

    plain: Reading
    others: tuple[Reading, ...]
    disguise: float

    @property
    def judged(self) -> tuple[Reading, ...]:
        """What a classifier should score: the clearer readings, else the plain one."""
        return self.others or (self.plain,)


def _odd(text: str) -> int:
    """Letters and symbols beyond ASCII, ordinary signs of CJK texts left out."""
    return sum(
        not (c.isascii() or unicodedata.category(c)[0] in "PZ" or _WIDE_SIGN.match(c)) for c in text
    )


class Normaliser:
    """Finds readings with a vocabulary; pure and thread-safe but for its caches.

    Time is bounded: linear in the length for characters and encodings, and words are guessed
    in the first :data:`MAX_GUESSED` characters only. An honest English caption costs about
    0.1 ms.
    """

    def __init__(self, words: Vocabulary, hidden: Iterable[str] = ()) -> None:
        self._words = words
        self._guesses = Guesses(words, hidden)

    def read(self, text: str) -> Readings:
        """Never raises, whatever the text: lone surrogates count as invisible."""
        plain, steps, undone = self._plain(Traced.of(text))
        readability = self._words.readability(plain.text[:MAX_GUESSED])
        base = Reading(plain.text, plain.origin, steps, readability)
        found: dict[str, tuple[Reading, int]] = {}
        for trial, taken, count in self._trials(plain):
            if trial.text == plain.text or trial.text in found:
                continue
            clear = self._words.readability(trial.text[:MAX_GUESSED])
            kept = set(taken)
            small = bool(kept & {"spaced", "leet"}) and clear >= readability
            if (
                kept & _CODES
                or small
                or (clear >= readability + GAIN and self._plausible(plain, trial, kept, clear))
            ):
                reading = Reading(trial.text, trial.origin, (*steps, *taken), clear)
                found[trial.text] = (reading, count)
        ranked = sorted(found.values(), key=lambda item: -item[0].readability)
        best = [item for item in ranked if item[0].readability >= ranked[0][0].readability - 0.1]
        others = tuple(reading for reading, _ in best[:MAX_READINGS])
        words = max(1, len((others or (base,))[0].text.split()))
        undone += max((count for _, count in best[:MAX_READINGS]), default=0)
        if others and _WHOLE & set(others[0].steps):
            undone = words
        return Readings(base, others, min(1.0, undone / words))

    def _plausible(self, plain: Traced, trial: Traced, kept: set[str], clear: float) -> bool:
        """Whether a guess is English, and not a text in another language bent into it."""
        if not kept <= _GUESSES or clear >= CLEAR:
            return True
        before = self._words.readability(plain.text[:MAX_GUESSED])
        if clear >= SURE and clear >= before + LEAP:
            return True
        shown = trial if kept & _MAPPED else plain
        return clear >= PLAUSIBLE and skeleton(shown.text) >= BONES

    def _plain(self, text: Traced) -> tuple[Traced, tuple[str, ...], int]:
        if text.text.isascii() and not _CONTROL.search(text.text):
            return text, (), 0
        steps, undone = [], 0
        text, spelt = characters.spell_hidden(text)
        if spelt:
            steps.append("hidden")
            undone += spelt
        text, turned = characters.turn_over(text)
        if turned:
            steps.append("turned")
            undone += turned
        shown = characters.squared_letters(text)
        if shown.text != text.text:
            steps.append("letters")
            undone += len(shown.text.split())
            text = shown
        text, emoji = characters.emoji_words(text)
        text, hidden = characters.drop_invisible(text)
        if hidden:
            steps.append("invisible")
            undone += min(hidden, len(text.text.split()))
        text, marks = characters.drop_marks(text)
        if marks:
            steps.append("marks")
            undone += min(marks, len(text.text.split()))
        composed = characters.compose(text)
        if composed.text != text.text:
            # signs do not count: full-width commas are how Chinese and Japanese are written
            fancy = _odd(text.text) - _odd(composed.text)
            if fancy > 2:
                steps.append("compatibility")
                undone += min(fancy // 3, len(composed.text.split()))
            text = composed
        text, mixed = characters.undo_confusables(text)
        if not text.text.isascii():
            text, changed = characters.undo_foreign_letters(text, self._words.known)
            mixed += changed
        if mixed:
            steps.append("confusables")
            undone += mixed
        if emoji:
            steps.append("emoji")
        return text, tuple(dict.fromkeys(steps)), undone

    def _trials(self, plain: Traced) -> list[tuple[Traced, tuple[str, ...], int]]:
        """Candidate readings: ``(text, steps, words undone)``."""
        trials: list[tuple[Traced, tuple[str, ...], int]] = []
        inner, depth = plain, 0
        kinds: tuple[str, ...] = ()
        while depth < MAX_DEPTH:
            decoded, found = encodings.decode_spans(inner)
            if not found:
                break
            decoded = self._plain(decoded)[0]
            inner, kinds, depth = decoded, (*kinds, *found), depth + 1
        if kinds:
            trials.append((inner, kinds, len(kinds) + 1))
        if len(inner.text) > MAX_GUESSED:
            return trials
        clear = self._words.readability(inner.text)
        turned = self._turned(inner, clear) if clear < 0.75 else []
        trials += [(text, (*kinds, name), len(_WORDS.findall(text.text))) for name, text in turned]
        if not turned:
            guessed, steps, count = self._guess(inner)
            if steps:
                trials.append((guessed, (*kinds, *steps), count))
        return trials

    def _turned(self, text: Traced, clear: float) -> list[tuple[str, Traced]]:
        """The text turned round, word by word or as a whole, or by rot13, if that reads well."""
        if len(_LETTER.findall(text.text)) < 4:
            return []
        turns = [("rot13", encodings.rot13(text))]
        order = word_order(text.text[::-1])
        if order >= 0:
            turns.append(("reversed", text.reversed()))
        if order <= 0:
            turns.append(("reversed", text.replace(_WORDS, lambda m: m.group()[::-1])))
        return [
            (name, turned)
            for name, turned in turns
            if (now := self._words.readability(turned.text)) >= clear + GAIN
            and self._plausible(text, turned, {name}, now)
        ]

    def _guess(self, text: Traced) -> tuple[Traced, tuple[str, ...], int]:
        steps, total = [], 0
        for name, undo in (
            ("spaced", spelling.join_letters),
            ("leet", spelling.undo_leet),
            ("dotted", spelling.join_dotted),
            ("stretch", spelling.undo_stretch),
            ("solid", spelling.split_solid),
            ("spelling", spelling.undo_spelling),
        ):
            if name in _COSTLY and self._words.readability(text.text) > 1 - GAIN:
                # no guess could gain enough: an honest text ends here
                continue
            if name == "spelling":
                # bold guesses only where the text is English as it stands
                edits = skeleton(text.text) >= BONES
                text, count = spelling.undo_spelling(text, self._guesses, edits)
            else:
                text, count = undo(text, self._guesses)
            if count:
                steps.append(name)
                total += count
        return text, tuple(steps), total
