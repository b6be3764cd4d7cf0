"""What the log says, counted: over time, by action, and the foremost of each dimension.

Entries are read from the newest back, each compared with the signed tree, until the period, the
number of entries or the time is used up; which of them ended it is part of the answer.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guarded_gen.audit import AuditLog, Event, LogEntry, Query
from guarded_gen.audit.export import ExportFormat, write_entries
from guarded_gen.governance.log_query import LogQuery, category_of

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
STEPS = (HOUR_MS, DAY_MS, 7 * DAY_MS, 28 * DAY_MS)
POINTS = 92
"""Points of a series at most; past them it is counted by the next longer step."""
SHOWN = 20
"""Entries that an answer holds, the newest."""
OTHER = "other"
"""The action of an entry without one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where reading ends: after so many entries, or so many seconds."""

    entries: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A query over the entries from ``since`` to ``until`` (milliseconds since 1970); of gates'
    decisions only, or with ``everything`` of all entries."""

    query: LogQuery
    since: int
    until: int
    everything: bool = False


@dataclass(slots=True)
class Exploration:
    """The answer. ``failed``: entries of which the query cannot be answered; ``ended``: why the
    reading ended before the period did (``entries``, ``seconds``), else None; ``reaches``: the
    time of the oldest entry that was read."""

    asked: Asked
    read: int = 0
    found: int = 0
    failed: int = 0
    ended: str | None = None
    reaches: int | None = None
    actions: Counter[str] = field(default_factory=Counter)
    series: dict[int, Counter[str]] = field(default_factory=dict)
    top: dict[str, Counter[str]] = field(default_factory=dict)
    newest: list[LogEntry] = field(default_factory=list)

    @property
    def step(self) -> int:
        """Milliseconds that one point of the series stands for."""
        long = self.asked.until - self.asked.since
        return next((step for step in STEPS if long <= POINTS * step), STEPS[-1])

    def whole_series(self) -> list[tuple[int, Counter[str]]]:
        """The series with its empty points, from the first time that was read to the end."""
        begin = max(self.asked.since, self.asked.until - 4 * POINTS * self.step)
        if self.ended is not None and self.reaches is not None:
            begin = max(begin, self.reaches)
        points = range(begin - begin % self.step, self.asked.until, self.step)
        return [(at, self.series.get(at, Counter())) for at in points]

    def to_json(self, most: int) -> dict[str, Any]:
        """Counts and ids as JSON; ``most`` names of each dimension."""
        return {
            "query": self.asked.query.text,
            "since": self.asked.since,
            "until": self.asked.until,
            "everything": self.asked.everything,
            "read": self.read,
            "found": self.found,
            "failed": self.failed,
            "ended": self.ended,
            "reaches": self.reaches,
            "step_ms": self.step,
            "actions": dict(self.actions.most_common()),
            "series": [{"at": at, **counts} for at, counts in self.whole_series()],
            "top": {name: dict(counts.most_common(most)) for name, counts in self.top.items()},
            "newest": [entry.id for entry in self.newest],
        }


def _named(of: str) -> Callable[[LogEntry], list[str]]:
    return lambda entry: [str(value)] if (value := (entry.decision or {}).get(of)) else []


def _context(of: str) -> Callable[[LogEntry], list[str]]:
    def read(entry: LogEntry) -> list[str]:
        context = (entry.decision or {}).get("context") or {}
        return [str(context[of])] if context.get(of) else []

    return read


def _unassessed(entry: LogEntry) -> list[str]:
    decision = entry.decision or {}
    stage = decision.get("stage", "")
    return [
        f"{stage}: {item.get('category')} ({item.get('reason')})"
        for item in (*decision.get("missing", ()), *decision.get("not_assessed", ()))
    ]


DIMENSIONS: Mapping[str, Callable[[LogEntry], list[str]]] = {
    "rule": _named("rule_id"),
    "category": lambda entry: [name] if (name := category_of(entry)) else [],
    "reason": _named("reason"),
    "tenant": lambda entry: [entry.tenant],
    "subject": lambda entry: [entry.subject] if entry.subject else [],
    "jurisdiction": _context("jurisdiction"),
    "stage": _named("stage"),
    "not_assessed": _unassessed,
    "kind": lambda entry: [entry.kind],
}
"""What is counted. ``not_assessed``: stage, category and reason of each check that did not run."""


def explore(
    log: AuditLog,
    asked: Asked,
    bounds: Bounds,
    sees: Callable[[LogEntry], bool] = lambda entry: True,
) -> Exploration:
    """Count the entries that fit and for which ``sees`` holds."""
    answer = Exploration(asked, top={name: Counter() for name in DIMENSIONS})
    for entry in matches(log, asked, bounds, answer, sees):
        action = entry.action or OTHER
        answer.actions[action] += 1
        at = entry.time - entry.time % answer.step
        answer.series.setdefault(at, Counter())[action] += 1
        for name, read in DIMENSIONS.items():
            answer.top[name].update(read(entry))
        if len(answer.newest) < SHOWN:
            answer.newest.append(entry)
    return answer


def matches(
    log: AuditLog,
    asked: Asked,
    bounds: Bounds,
    answer: Exploration,
    sees: Callable[[LogEntry], bool] = lambda entry: True,
) -> Iterator[LogEntry]:
    """The entries that fit, the newest first; ``answer`` is told how many were read and found."""
    query = asked.query.narrowed(
        Query(
            since=asked.since,
            until=asked.until,
            acted=not asked.everything,
            limit=bounds.entries + 1,
        )
    )
    deadline = time.monotonic() + bounds.seconds
    for entry in log.entries(query):
        if answer.read == bounds.entries or time.monotonic() > deadline:
            answer.ended = "entries" if answer.read == bounds.entries else "seconds"
            return
        answer.read += 1
        answer.reaches = entry.time
        if not asked.everything and not entry.kind.endswith(".decision"):
            continue
        if not sees(entry):
            continue
        fits = asked.query.holds(entry)
        answer.failed += fits is None
        if fits:
            answer.found += 1
            yield entry


def recorded(log: AuditLog, asked: Asked, actor: str) -> None:
    """Put on record that somebody asks."""
    body = {"query": asked.query.text, "since": asked.since, "until": asked.until}
    log.append(Event("audit.explored", "-", actor=actor, body=body))


def take_out(
    log: AuditLog,
    asked: Asked,
    bounds: Bounds,
    sees: Callable[[LogEntry], bool],
    form: ExportFormat,
    target: Path,
    actor: str,
) -> Exploration:
    """Write the entries that fit into the file ``target`` and put on record that this was done."""
    answer = Exploration(asked)
    write_entries(form, target, matches(log, asked, bounds, answer, sees))
    body = {"format": form.value, "query": asked.query.text, "entries": answer.found}
    body |= {"since": asked.since, "until": asked.until}
    log.append(Event("log.exported", "-", actor=actor, body=body))
    return answer
