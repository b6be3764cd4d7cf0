"""Long texts as overlapping windows, so that harm at the end counts like harm at the start."""

from __future__ import annotations

import re

WORDS = 44
"""Words in a window: about 60 tokens of English."""
STEP = 32
MAX_WINDOWS = 12
"""Windows that the encoder reads; of more, those that the cheap scorers rank highest."""
MAX_CHARS = 20_000
"""Longest text that is judged at all; a longer one ends as ``failed: text_too_long``."""
MAX_WORD = 200
"""Longest run without a space inside a window, in characters."""
_WORD = re.compile(r"\S+")


def split(text: str) -> list[str]:
    """Windows of :data:`WORDS` words that overlap by a quarter; the text itself when short."""
    spans = []
    for found in _WORD.finditer(text):
        start, end = found.span()
        spans += [(at, min(at + MAX_WORD, end)) for at in range(start, end, MAX_WORD)]
    if len(spans) <= WORDS:
        return [text]
    windows = []
    for first in range(0, len(spans), STEP):
        last = min(first + WORDS, len(spans))
        windows.append(text[spans[first][0] : spans[last - 1][1]])
        if last == len(spans):
            break
    return windows
