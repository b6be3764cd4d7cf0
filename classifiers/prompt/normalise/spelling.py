"""Words: spaced-out, leet, stretched, scrambled, reversed and run-together spellings undone."""

from __future__ import annotations

import re

from classifiers.prompt.normalise.guesses import LEET, Guesses
from classifiers.prompt.normalise.traced import Traced
from classifiers.prompt.spans import counted

_APART = re.compile(
    r"(?<![^\W_])(?<![@$!*%#])(?:[^\W_]|[@$!*%#])(?:[\s.,·•*_~|/\\+=-]{1,3}(?:[^\W_]|[@$!*%#])){2,}"
    r"(?![^\W_])(?![@$*%#])"
)
"""Single letters with signs or spaces between them, at least three."""
_SEPARATED = re.compile(r"\w[.,·•_~|/\\+=-]\w")
_WIDE = re.compile(r"\s{2,}|\s[/|]\s")
_DOTTED = re.compile(r"[^\W\d_]+(?:[.·•*_~|/\\+=-]+[^\W\d_]+)+")
_SIGNS = "".join(re.escape(c) for c in LEET if not c.isdigit() and c not in "?!*%&(|<^+")
_LEETY = re.compile(rf"[\w{_SIGNS}*%!|(<+&^]*[\d{_SIGNS}*%!|(<+&^][\w{_SIGNS}*%!|(<+&^]*")
_QUANTITY = re.compile(
    r"\d*1st|\d*2nd|\d*3rd|\d+(?:th|k|d|s|x|p|fps|mm|cm|m|km|h|am|pm|px)?|[\d!?.,:()+]+", re.I
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_SOLID = re.compile(r"[^\W\d_]{6,}")
_VOWELS = re.compile(r"([aeiou])\1*", re.I)
EVENLY = 0.95
"""Share of vowel runs that are stretched alike when a whole text is."""
MIN_RUNS = 4
_LONG_RUN = re.compile(r"([^\W\d_])\1\1")


def join_letters(text: Traced, words: Guesses) -> tuple[Traced, int]:
    """``n a k e d`` and ``d.a.n.c.e.r`` as words; with the number of runs joined."""
    count = 0

    def change(match: re.Match[str]) -> str:
        nonlocal count
        found = match.group()
        if _WIDE.search(found):
            parts = [re.sub(r"[\s.,·•*_~|/\\+=-]", "", p) for p in _WIDE.split(found)]
        elif len(blocks := found.split()) > 1 and any(_SEPARATED.search(b) for b in blocks):
            parts = [re.sub(r"[.,·•_~|/\\+=-]", "", b) for b in blocks]
        else:
            parts = [re.sub(r"[\s.,·•*_~|/\\+=-]", "", found)]
        said: list[str] = []
        for part in parts:
            if len(part) < 3 and len(parts) == 1:
                return found
            plain = part if part.isalpha() else words.unleet(part) or part
            if words.known(plain) or len(parts) > 2:
                said.append(plain)
                continue
            pieces = words.segment(plain)
            if pieces is None or (len(parts) == 1 and len(part) < 5):
                return found
            said.extend(pieces)
        if len(found) < 8 and not all(words.known(p) and len(p) > 2 for p in said):
            return found
        count += len(said)
        return " ".join(said)

    return text.replace(_APART, change), count


def join_dotted(text: Traced, words: Guesses) -> tuple[Traced, int]:
    """``na.ked``, ``vio-lence`` and ``b_omb`` as words, when that makes one.

    Where two words came out, the writer writes so: then ``hid-den``, of two words, is one too.
    """
    count, boldly = 0, False

    def change(match: re.Match[str]) -> str:
        nonlocal count
        found = match.group()
        parts = re.split(r"[.·•*_~|/\\+=-]+", found)
        if not boldly and all(words.known(p) and len(p) > 2 for p in parts):
            return found
        whole = "".join(parts)
        if not words.known(whole):
            return found
        count += 1
        return whole

    text = text.replace(_DOTTED, change)
    if count >= 2:
        boldly = True
        text = text.replace(_DOTTED, change)
    return text, count


def undo_leet(text: Traced, words: Guesses) -> tuple[Traced, int]:
    """``n4k3d`` and ``k*ll`` as words, where a known word comes out; with the number.

    Where two words came out, the writer writes so: then short words in digits alone and names
    are read too.
    """
    count = 0

    def change(match: re.Match[str]) -> str:
        nonlocal count
        found = match.group()
        if not any(c.isalpha() for c in found) and len(found) < 4:
            return found
        core = found.strip("!?.,;:()|&+")
        for trial in dict.fromkeys((found, core)):
            if len(trial) < 2 or trial.isalpha() or _QUANTITY.fullmatch(trial) or counted(trial):
                continue
            said = words.unleet(trial)
            if said is not None:
                count += 1
                return found.replace(trial, said, 1)
        return found

    def change_boldly(match: re.Match[str]) -> str:
        nonlocal count
        found = match.group()
        core = found.rstrip("!?.,;:()|&+") or found
        if counted(core):
            return found
        said = words.unleet(core)
        if not any(c.isalpha() for c in core):
            # a number stays one, unless it spells one of the commonest words
            if len(core) > 3 or said not in _SPELT_IN_DIGITS:
                return found
        elif said is None and not _QUANTITY.fullmatch(core) and "*" not in core:
            said = words.letters(core)
        if said is None:
            return found
        count += 1
        return found.replace(core, said, 1)

    text = text.replace(_LEETY, change)
    if count >= 2:
        text = text.replace(_LEETY, change_boldly)
    return text, count


_SPELT_IN_DIGITS = frozenset(("a", "as", "at", "is", "it", "to", "so", "i", "its"))


def undo_stretch(text: Traced, words: Guesses) -> tuple[Traced, int]:
    """A text whose vowels are all doubled, or all tripled …, with each back at its length."""
    runs = [len(m.group()) for m in _VOWELS.finditer(text.text) if not m.group().isupper()]
    if len(runs) < MIN_RUNS:
        return text, 0
    for times in (5, 4, 3, 2):
        if sum(run % times == 0 for run in runs) >= EVENLY * len(runs):
            short = text.replace(_VOWELS, lambda m: m.group()[: max(1, len(m.group()) // times)])  # noqa: B023
            return short, len(_WORD.findall(short.text))
    return text, 0


def undo_spelling(text: Traced, words: Guesses, edits: bool = False) -> tuple[Traced, int]:
    """Stretched, reversed and scrambled words, where the word as it stands is unknown."""
    count = 0

    def change(match: re.Match[str]) -> str:
        nonlocal count
        found = match.group()
        if len(found) > 40 or (words.known(found) and not _LONG_RUN.search(found)):
            return found
        said = words.respell(found, edits)
        if said is None:
            return found
        count += 1
        return said

    return text.replace(_WORD, change), count


def split_solid(text: Traced, words: Guesses) -> tuple[Traced, int]:
    """``nakedwomandancing`` as words, where nearly all of it can be split.

    Two or three words in one are an honest compound (artstation, wheelchair), and left alone
    unless longer ones stand beside them.
    """
    count, least = 0, 4

    def change(match: re.Match[str]) -> str:
        nonlocal count
        found = match.group()
        if words.known(found):
            return found
        pieces = words.segment(found)
        if pieces is None or not least <= len(pieces) <= max(2, len(found) / 2):
            return found
        if sum(len(p) for p in pieces if words.known(p)) < MOSTLY_WORDS * len(found):
            return found
        count += len(pieces)
        return " ".join(pieces)

    text = text.replace(_SOLID, change)
    if count:
        least = 2
        text = text.replace(_SOLID, change)
    return text, count


MOSTLY_WORDS = 0.75
"""Share of letters of run-together text that must come out as words."""
