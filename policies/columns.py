"""Conditions over whole columns, for replay.

A condition is taken apart at its `&&`, `||`, `!` and brackets. Parts that look at circumstances
only are asked once for each distinct context, by CEL itself. Parts that compare scores are
compared as columns. Whatever does not fit (loops, arithmetic on scores, `? :`) is left to CEL,
row by row; :func:`plan` then gives None. Outcomes are CEL's three: true, false, failed, where a
failed operand is absorbed by `false &&` and `true ||`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from policies.conditions import TOKEN, Condition, ConditionInvalid, compile

Answers = NDArray[np.int8]
"""1 true, 0 false, -1 failed."""

_SCORE = r"""scores(?:\.([a-z_]+)|\[\s*["']([a-z_]+)["']\s*\])"""
_NUMBER = r"([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)"
_OPERAND = rf"(?:{_SCORE}|{_NUMBER})"
_COMPARE = re.compile(rf"\s*{_OPERAND}\s*(>=|<=|==|!=|>|<)\s*{_OPERAND}\s*")
_PRESENT = re.compile(rf"""\s*(?:["']([a-z_]+)["']\s+in\s+scores|has\(\s*{_SCORE}\s*\))\s*""")
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


class Rows(Protocol):
    """The rows that a condition is asked for."""

    def scores(self, category: str) -> NDArray[np.float64]:
        """The scores of a category, NaN where it was not assessed."""
        ...

    def contexts(self, condition: Condition) -> Answers:
        """The answers to a condition that reads no scores."""
        ...


class Term(Protocol):
    """A piece of a condition."""

    def ask(self, rows: Rows) -> Answers: ...


@dataclass(frozen=True, slots=True)
class _Circumstances:
    condition: Condition

    def ask(self, rows: Rows) -> Answers:
        return rows.contexts(self.condition)


@dataclass(frozen=True, slots=True)
class _Compare:
    left: str | float
    compare: Callable[[Any, Any], Any]
    right: str | float

    def ask(self, rows: Rows) -> Answers:
        left = rows.scores(self.left) if isinstance(self.left, str) else self.left
        right = rows.scores(self.right) if isinstance(self.right, str) else self.right
        answers: Answers = np.asarray(self.compare(left, right)).astype(np.int8)
        answers[np.isnan(left) | np.isnan(right)] = -1
        return answers


@dataclass(frozen=True, slots=True)
class _Present:
    category: str

    def ask(self, rows: Rows) -> Answers:
        return (~np.isnan(rows.scores(self.category))).astype(np.int8)


@dataclass(frozen=True, slots=True)
class _Not:
    part: Term

    def ask(self, rows: Rows) -> Answers:
        answers = self.part.ask(rows)
        return np.where(answers < 0, answers, 1 - answers).astype(np.int8)


@dataclass(frozen=True, slots=True)
class _Joined:
    parts: tuple[Term, ...]
    absorbing: int
    """The answer that settles the matter: 0 for `&&`, 1 for `||`."""

    def ask(self, rows: Rows) -> Answers:
        answers = [part.ask(rows) for part in self.parts]
        settled = np.any([a == self.absorbing for a in answers], axis=0)
        failed = np.any([a < 0 for a in answers], axis=0)
        made = np.where(failed, -1, 1 - self.absorbing)
        return np.where(settled, self.absorbing, made).astype(np.int8)


@lru_cache(maxsize=1_024)
def plan(text: str) -> Term | None:
    """How to ask a (valid) condition over columns; None where only CEL itself can."""
    tokens = [m for m in TOKEN.finditer(text) if m.lastgroup != "space"]
    if any(token.group() == "?" for token in tokens):
        return None
    try:
        return _Parser(text, tokens).whole()
    except (_NoPlan, ConditionInvalid):
        return None


class _NoPlan(Exception):
    pass


class _Parser:
    def __init__(self, text: str, tokens: list[re.Match[str]]) -> None:
        self.text = text
        self.tokens = tokens
        self.at = 0

    def whole(self) -> Term:
        part = self._or()
        if self.at != len(self.tokens):
            raise _NoPlan
        return part

    def _or(self) -> Term:
        return self._joined("||", self._and, 1)

    def _and(self) -> Term:
        return self._joined("&&", self._not, 0)

    def _joined(self, mark: str, inner: Callable[[], Term], absorbing: int) -> Term:
        parts = [inner()]
        while self._peek() == mark:
            self.at += 1
            parts.append(inner())
        return parts[0] if len(parts) == 1 else _Joined(tuple(parts), absorbing)

    def _not(self) -> Term:
        if self._peek() == "!":
            self.at += 1
            return _Not(self._not())
        if self._peek() == "(":
            close = self._closing(self.at)
            after = self.tokens[close + 1].group() if close + 1 < len(self.tokens) else ""
            if after in ("", "&&", "||", ")"):
                self.at += 1
                part = self._or()
                if self.at != close:
                    raise _NoPlan
                self.at += 1
                return part
        return self._atom()

    def _atom(self) -> Term:
        first = self.at
        while self.at < len(self.tokens) and self._peek() not in ("&&", "||", ")"):
            self.at = (self._closing(self.at) if self._peek() in "([{" else self.at) + 1
        if first == self.at:
            raise _NoPlan
        text = self.text[self.tokens[first].start() : self.tokens[self.at - 1].end()]
        if not any(token.group() == "scores" for token in self.tokens[first : self.at]):
            return _Circumstances(compile(text, None))
        compared = _COMPARE.fullmatch(text)
        if compared:
            left = compared[1] or compared[2] or float(compared[3])
            right = compared[5] or compared[6] or float(compared[7])
            if isinstance(left, str) or isinstance(right, str):
                return _Compare(left, _OPERATORS[compared[4]], right)
        present = _PRESENT.fullmatch(text)
        if present:
            return _Present(present[1] or present[2] or present[3])
        raise _NoPlan

    def _peek(self) -> str:
        return self.tokens[self.at].group() if self.at < len(self.tokens) else ""

    def _closing(self, start: int) -> int:
        depth = 0
        for i in range(start, len(self.tokens)):
            mark = self.tokens[i].group()
            depth += (mark in ("(", "[", "{")) - (mark in (")", "]", "}"))
            if depth == 0:
                return i
        raise _NoPlan
