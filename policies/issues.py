"""One mistake in a policy, with its place, and how it is shown to its author."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

MAX_LINE = 120
"""Longer source lines are cut around the mistake."""


@dataclass(frozen=True, slots=True, order=True)
class SourceSpan:
    """A stretch of text; lines and columns count characters from 0, the end is exclusive.

    Without an end the stretch is one character, or the rest of its line where it covers a
    whole block.
    """

    line: int
    column: int
    end_line: int | None = None
    end_column: int | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """A mistake: stable ``code``, what is wrong, where, and what to do about it.

    ``file`` and ``excerpt`` (the source line) are filled in by :meth:`located`.
    ``warning`` marks what is allowed but probably not meant.
    """

    code: str
    message: str
    span: SourceSpan
    remedy: str
    file: str = ""
    excerpt: str = ""
    warning: bool = False

    def located(self, file: str, lines: list[str]) -> Issue:
        """The same with its file and source line."""
        line = lines[self.span.line] if self.span.line < len(lines) else ""
        return replace(self, file=self.file or file, excerpt=self.excerpt or line)

    def render(self) -> str:
        """Four lines: place and message, the source line, a caret below it, the remedy."""
        kind = "warning" if self.warning else "error"
        number = str(self.span.line + 1)
        head = f"{self.file}:{number}:{self.span.column + 1}: {kind}: {self.message}"
        lines = [head]
        if self.excerpt.strip():
            excerpt, column, width = self._window()
            gutter = " " * len(number)
            lines.append(f"  {number} | {excerpt}")
            lines.append(f"  {gutter} | {' ' * column}{'^' * width}")
        lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; ``line`` and ``column`` count from 1."""
        return {
            "code": self.code,
            "severity": "warning" if self.warning else "error",
            "message": self.message,
            "file": self.file,
            "line": self.span.line + 1,
            "column": self.span.column + 1,
            "text": self._offending(),
            "remedy": self.remedy,
        }

    def _width(self) -> int:
        span = self.span
        rest = len(self.excerpt.rstrip()) - span.column
        if span.end_column is not None and span.end_line in (None, span.line):
            return max(1, min(span.end_column - span.column, rest))
        return max(1, rest)

    def _offending(self) -> str:
        return self.excerpt[self.span.column : self.span.column + self._width()]

    def _window(self) -> tuple[str, int, int]:
        text, column, width = self.excerpt.rstrip().replace("\t", " "), self.span.column, 0
        width = self._width()
        if len(text) <= MAX_LINE:
            return text, column, width
        start = max(0, min(column - MAX_LINE // 4, len(text) - MAX_LINE))
        end = start + MAX_LINE
        shown = ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
        return shown, column - start + (1 if start else 0), min(width, end - column)


def render(issues: Iterable[Issue]) -> str:
    """All issues in the order of their places, with an empty line between two."""
    return "\n\n".join(issue.render() for issue in ordered(issues))


def ordered(issues: Iterable[Issue]) -> list[Issue]:
    """Sorted by file, place and code."""
    return sorted(issues, key=lambda i: (i.file, i.span.line, i.span.column, i.code))
