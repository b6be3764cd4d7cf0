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
ROW = 3
"""Single words in a row from which they are read as one sentence alone."""
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


@dataclass(frozen=True, slots=True)
class Cut:
    """One text as the models read it.

    ``first`` covers all of it: windows of neighbouring spans, and spans that stand in none.
    ``inside`` holds, for each of them, the spans that a window joins, to be read alone as well.
    """

    first: tuple[Piece, ...]
    inside: tuple[tuple[Piece, ...], ...]


def cut(pieces: Sequence[Piece], tokens: Tokens, window: int) -> Cut:
    """Windows of at most ``window`` tokens, each with its spans; every piece is covered.

    A window holds neighbours in one language and shares its last span with the next. In a text
    with more than :data:`MAX_SINGLE` spans no window lists its spans: they are not read alone.
    """
    sized = [part for piece in _sentences(pieces) for part in _fitting(piece, tokens, window)]
    many = len(sized) > MAX_SINGLE
    found: dict[tuple[str, str], tuple[Piece, tuple[Piece, ...]]] = {}

    def add(group: Sequence[tuple[Piece, int]]) -> None:
        if group:
            parts = tuple(part for part, _ in group)
            whole = _joined(parts)
            inside = parts if len(parts) > 1 and not many else ()
            # what is said twice is one draw, not two
            found.setdefault((whole.text, whole.code), (whole, inside))

    group: list[tuple[Piece, int]] = []
    shared = False
    for part in sized:
        if group and not _fits(group, part, window):
            # a span that only the window before shares with nobody has been read in that one
            if len(group) > 1 or not shared:
                add(group)
            shared = len(group) > 1 and _fits(group[-1:], part, window)
            group = group[-1:] if shared else []
        group.append(part)
    if len(group) > 1 or not shared:
        add(group)
    return Cut(tuple(w for w, _ in found.values()), tuple(inside for _, inside in found.values()))


def stretches(pieces: Sequence[Piece], tokens: Tokens, window: int) -> list[Piece]:
    """All that the models may read of one text: every window, and every span alone."""
    made = cut(pieces, tokens, window)
    both = [*(part for parts in made.inside for part in parts), *made.first]
    return list({(p.text, p.code): p for p in both}.values())


def _sentences(pieces: Sequence[Piece]) -> list[Piece]:
    """``pieces`` with single words that stand in a row joined to what they say together.

    A sentence that is spread over lines or values is one draw, not as many as it has words.
    """
    found: list[Piece] = []
    row: list[Piece] = []
    for piece in (*pieces, None):
        if piece and " " not in piece.text and (not row or row[0].code == piece.code):
            row.append(piece)
            continue
        if len(row) >= ROW:
            text = " ".join(part.text for part in row)
            found.append(Piece(text, row[0].code, row[0].start, row[-1].end))
        else:
            found += row
        row = []
        if piece and " " not in piece.text:
            row.append(piece)
        elif piece:
            found.append(piece)
    return found


def _fits(group: Sequence[tuple[Piece, int]], more: tuple[Piece, int], window: int) -> bool:
    # one token more for the sign that stands between two spans
    size = sum(count + 1 for _, count in group) + more[1]
    return group[0][0].code == more[0].code and size <= window


def _joined(parts: Sequence[Piece]) -> Piece:
    text = parts[0].text
    for before, part in pairwise(parts):
        # a sentence that is spread over lines or values is one sentence
        text += (" " if _word(before) and _word(part) else ". ") + part.text
    return Piece(text, parts[0].code, parts[0].start, parts[-1].end)


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
