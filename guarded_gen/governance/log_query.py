"""A question to the log in CEL: the conditions of policies, over what an entry says.

The names of a policy's condition mean the same here, so that a query can become a rule. What the
log knows besides (the action, the rule that decided, what was not assessed) are further names. No
part of a query's text reaches the database: what its indexes can find is handed over as values.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from guarded_gen.audit import LogEntry, Query
from guarded_gen.errors import InvalidInput
from policies.conditions import (
    TOKEN,
    VARIABLES,
    Condition,
    ConditionInvalid,
    ConditionNames,
    compile,
)

OF_THE_LOG: Mapping[str, str] = {
    "kind": "string",
    "action": "string",
    "rule": "string",
    "reason": "string",
    "category": "string",
    "categories": "list(string)",
    "missing": "list(string)",
    "not_assessed": "list(string)",
    "floor": "bool",
    "policy": "string",
    "subject": "string",
    "actor": "string",
    "day": "string",
    "hour": "int",
}
"""What an entry says besides the names of a policy's condition. ``category`` is that of the rule
that decided, ``categories`` are those of all rules that matched, ``missing`` and ``not_assessed``
categories without a score; ``policy`` is a digest, ``subject`` a pseudonym; ``day`` (2026-11-29)
and ``hour`` (0 to 23) are of the entry's time in UTC."""
ENTRIES = ConditionNames({**VARIABLES, **OF_THE_LOG})
_INDEXED: Mapping[str, str] = {
    **{name: name for name in ("tenant", "action", "rule", "policy", "kind")},
    # not that of ``category``: cases are not filed under theirs
    "categories": "category",
}
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True)
class LogQuery:
    """A checked query; the empty one holds for every entry."""

    text: str
    condition: Condition | None

    @classmethod
    def read(cls, text: str) -> LogQuery:
        """Raises :class:`InvalidInput` that says what is wrong and how to mend it."""
        text = text.strip()
        if not text:
            return cls("", None)
        try:
            return cls(text, compile(text, None, ENTRIES))
        except ConditionInvalid as error:
            first = error.mistakes[0]
            where = f"line {first.line + 1}, column {first.column + 1}: "
            raise InvalidInput(f"{where}{first.message}", first.remedy, "query") from None

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """What is joined by ``&&`` at the top; one part where the query says something else."""
        return tuple(_conjuncts(self.text)) if self.text else ()

    @cached_property
    def _names(self) -> frozenset[str]:
        return self.condition.variables if self.condition is not None else frozenset()

    def narrowed(self, query: Query) -> Query:
        """``query`` with what the log's indexes can find of this one; never less than fits."""
        found: dict[str, str] = {}
        for part in self.parts:
            for name, value in compared(part).items():
                if name in _INDEXED and value:
                    found.setdefault(_INDEXED[name], value)
        if found.get("kind", "").endswith("."):
            del found["kind"]  # the log would take it for all kinds below it
        return replace(query, **found)  # type: ignore[arg-type]

    def holds(self, entry: LogEntry) -> bool | None:
        """Whether the entry fits; None where that cannot be said, such as for a score that it
        does not have."""
        if self.condition is None:
            return True
        return self.condition.holds(ENTRIES.activation(values_of(entry, self._names)))


def values_of(entry: LogEntry, names: frozenset[str]) -> dict[str, Any]:
    """What an entry says under each of ``names``; what it does not know is left out."""
    decision = entry.decision or {}
    context = decision.get("context") or entry.body.get("context") or {}
    found: dict[str, Any] = {}
    for name in names:
        value = _READ[name](entry, decision, context)
        if value is not None:
            found[name] = value
    return found


def category_of(entry: LogEntry) -> str:
    """The category of the rule that decided, or of the case that an entry speaks of."""
    decision = entry.decision or {}
    rule = decision.get("rule_id")
    for match in decision.get("trace", ()):
        if rule is not None and match.get("rule_id") == rule:
            return str(match.get("category", ""))
    return str(entry.body.get("category") or "")


def _categories(of: str) -> Any:
    def read(entry: LogEntry, decision: Mapping[str, Any], context: Mapping[str, Any]) -> list[str]:
        named = (item.get("category") for item in decision.get(of, ()))
        return sorted({str(name) for name in named if name})

    return read


def _of_context(name: str, default: Any) -> Any:
    def read(entry: LogEntry, decision: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        value = context.get(name)
        return default if value is None else value

    return read


_READ: Mapping[str, Any] = {
    "scores": lambda e, d, c: {k: float(v) for k, v in (d.get("scores") or {}).items()},
    "stage": lambda e, d, c: str(d.get("stage") or ""),
    "tenant": lambda e, d, c: e.tenant,
    "jurisdiction": _of_context("jurisdiction", ""),
    "age_mode": _of_context("age_mode", ""),
    "strikes": _of_context("strikes", 0),
    "resembles_refused": _of_context("resembles_refused", False),
    "backend": _of_context("backend", ""),
    "capabilities": _of_context("capabilities", []),
    "has_reference": _of_context("has_reference", False),
    "entities": _of_context("entities", []),
    "duration": _of_context("duration", None),
    "faces": _of_context("faces", None),
    "kind": lambda e, d, c: e.kind,
    "action": lambda e, d, c: e.action or "",
    "rule": lambda e, d, c: str(d.get("rule_id") or ""),
    "reason": lambda e, d, c: str(d.get("reason") or e.body.get("reason") or ""),
    "category": lambda e, d, c: category_of(e),
    "categories": _categories("trace"),
    "missing": _categories("missing"),
    "not_assessed": _categories("not_assessed"),
    "floor": lambda e, d, c: bool(d.get("floor", False)),
    "policy": lambda e, d, c: str(d.get("policy_digest") or ""),
    "subject": lambda e, d, c: e.subject or "",
    "actor": lambda e, d, c: e.actor,
    "day": lambda e, d, c: time.strftime("%Y-%m-%d", time.gmtime(e.time / 1000)),
    "hour": lambda e, d, c: time.gmtime(e.time / 1000).tm_hour,
}


def compared(part: str) -> dict[str, str]:
    """``{name: text}`` of ``name == "text"`` or ``"text" in name``; empty for anything else."""
    tokens = [m for m in TOKEN.finditer(part) if m.lastgroup != "space"]
    if len(tokens) != 3:
        return {}
    left, middle, right = tokens
    if middle.group() not in ("==", "in"):
        return {}
    if middle.group() == "in" or left.lastgroup == "string":
        left, right = right, left
    plain = right.lastgroup == "string" and right.group()[0] in "\"'" and "\\" not in right.group()
    if left.lastgroup != "word" or not plain or right.group()[:3] in ('"""', "'''"):
        return {}
    return {left.group(): right.group()[1:-1]}


def _conjuncts(text: str) -> list[str]:
    tokens = [m for m in TOKEN.finditer(text) if m.lastgroup != "space"]
    depth, start, found = 0, tokens[0].start(), []
    for token in tokens:
        mark = token.group() if token.lastgroup == "mark" else ""
        depth += (mark in _OPENING) - (mark in _CLOSING)
        if depth == 0 and mark in ("||", "?"):
            return [text]
        if depth == 0 and mark == "&&":
            found.append(text[start : token.start()].strip())
            start = token.end()
    found.append(text[start:].strip())
    return found
