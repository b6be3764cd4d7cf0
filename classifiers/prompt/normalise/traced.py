"""Text that remembers where its characters came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traced:
    """``origin[i]`` is the index in the original of the character that ``text[i]`` stands for."""

    text: str
    origin: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Traced:
        return cls(text, tuple(range(len(text))))

    @classmethod
    def join(cls, parts: Sequence[tuple[str, Sequence[int]]]) -> Traced:
        origin: list[int] = []
        for _, indices in parts:
            origin.extend(indices)
        return cls("".join(text for text, _ in parts), tuple(origin))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original behind ``text[start:end]``; (0, 0) when it is empty."""
        covered = self.origin[start:end]
        return (min(covered), max(covered) + 1) if covered else (0, 0)

    def replace(self, pattern: re.Pattern[str], with_: Callable[[re.Match[str]], str]) -> Traced:
        """Replace matches; every new character points evenly into what it replaces."""
        parts: list[tuple[str, Sequence[int]]] = []
        last, changed = 0, False
        for match in pattern.finditer(self.text):
            new, (start, end) = with_(match), match.span()
            if new == match.group():
                continue
            changed = True
            parts.append((self.text[last:start], self.origin[last:start]))
            parts.append((new, spread(self.origin[start:end], len(new))))
            last = end
        if not changed:
            return self
        parts.append((self.text[last:], self.origin[last:]))
        return Traced.join(parts)

    def mapped(self, change: Callable[[str], str]) -> Traced:
        """Replace character by character; a character may become none or several."""
        text: list[str] = []
        origin: list[int] = []
        for char, at in zip(self.text, self.origin, strict=True):
            new = change(char)
            text.append(new)
            origin.extend([at] * len(new))
        return Traced("".join(text), tuple(origin))

    def reversed(self) -> Traced:
        return Traced(self.text[::-1], self.origin[::-1])


def spread(origin: Sequence[int], length: int) -> list[int]:
    """``length`` indices, evenly over ``origin``."""
    if not origin:
        return []
    return [origin[i * len(origin) // length] for i in range(length)]
