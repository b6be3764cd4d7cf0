"""What the models read at once: single spans, and windows of neighbouring ones.

A span alone shows harm that stands among harmless ones; a window shows what only several of
them say together, as a plot over three shots. Both follow the encoder's tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

MAX_CHARS = 20_000
"""Longest text that is judged at all; a longer one ends as ``failed: text_too_long``."""
MAX_SINGLE = 96
"""Spans that are read one by one; a text with more is read in windows, which cover all of it."""
WORDS = 2
"""Words of a span that says nothing alone: such neighbours are read as one sentence."""
OVERLAP = 4
"""A span that is longer than a window is read in windows that overlap by one part in four."""

Tokens = Callable[[str], list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Piece:
    """``text`` in the language ``code``, as it goes to the models.

    It stands for ``start:end`` of the prompt as it was sent.
    """

    text: str
    code: str
    start: int
    end: int


def stretches(pieces: Sequence[Piece], tokens: Tokens, window: int) -> list[Piece]:
    """All that the models read of one text, each stretch at most ``window`` tokens.

    Every piece is covered: alone, unless there are more than :data:`MAX_SINGLE`, and within a
    window of neighbours in its language, which shares its last span with the next window.
    """
    sized = [part for piece in pieces for part in _fitting(piece, tokens, window)]
    many = len(sized) > MAX_SINGLE
    found = [] if many else [part for part, _ in sized]
    group: list[tuple[Piece, int]] = []
    for part in sized:
        if group and not _fits(group, part, window):
            found += _joined(group, many)
            group = group[-1:] if _fits(group[-1:], part, window) else []
        group.append(part)
    found += _joined(group, many)
    # what is said twice is one draw, not two
    return list({(p.text, p.code): p for p in reversed(found)}.values())[::-1]


def _fits(group: Sequence[tuple[Piece, int]], more: tuple[Piece, int], window: int) -> bool:
    # one token more for the sign that stands between two spans
    size = sum(count + 1 for _, count in group) + more[1]
    return group[0][0].code == more[0].code and size <= window


def _joined(group: Sequence[tuple[Piece, int]], single: bool) -> list[Piece]:
    parts = [part for part, _ in group]
    if not parts or (len(parts) == 1 and not single):
        return []
    text = parts[0].text
    for before, part in pairwise(parts):
        # a sentence that is spread over lines or values is one sentence
        text += (" " if _word(before) and _word(part) else ". ") + part.text
    return [Piece(text, parts[0].code, parts[0].start, parts[-1].end)]


def _word(part: Piece) -> bool:
    return part.text.count(" ") < WORDS


def _fitting(piece: Piece, tokens: Tokens, window: int) -> list[tuple[Piece, int]]:
    """The piece with its number of tokens, or overlapping parts of it that fit a window."""
    spans = tokens(piece.text)
    if len(spans) <= window:
        return [(piece, len(spans))]
    parts = []
    for first in range(0, len(spans), window - window // OVERLAP):
        last = min(first + window, len(spans))
        # from one token's start to the next window's: no character stands between two parts
        start = spans[first][0] if first else 0
        end = spans[last - 1][1] if last < len(spans) else len(piece.text)
        text = piece.text[start:end].strip()
        parts.append((Piece(text, piece.code, piece.start, piece.end), last - first))
        if last == len(spans):
            break
    return parts
