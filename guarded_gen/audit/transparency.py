"""The numbers that a regulator asks for once a year, counted from the log, each with its entries.

Every number names the entries of the log that it counts, by index, and the table carries the
log's signed checkpoint: whoever holds the log (or an export of it) counts again and compares.
"""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from guarded_gen.audit import Query
from guarded_gen.audit.ids import iso, now_ms
from guarded_gen.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from guarded_gen.audit import AuditLog, LogEntry

ALL = "*"
"""Every category, every country."""
UNSTATED = "-"
"""The request named no country, or no rule's category decided."""
COUNTS = (
    "requests",
    "clips_published",
    "refusals",
    "refusals_by_machine_alone",
    "held_for_review",
    "review_allowed",
    "review_refused",
    "appeals_filed",
    "appeals_upheld",
    "appeals_overturned",
)
RATES = {
    "refusal_rate": ("refusals", "requests"),
    "overturn_rate": ("appeals_overturned", "appeals_decided"),
    "error_rate_of_reviewed_holds": ("review_allowed", "reviewed"),
}
"""Rates and what they divide. A refusal that was overturned was a mistake; a hold that a person
allowed was one of the machine's."""
_MOST_INDEXES = 1_000
"""Indexes that one number lists; beyond, its first ones and the count."""

Key = tuple[str, str]
"""Category and country."""


@dataclass(slots=True)
class Numbers:
    """What was counted between two times (milliseconds, ``until`` not included).

    ``counted`` maps (category, country) to a number's name to the indexes of its entries.
    """

    since: int
    until: int
    origin: str
    checkpoint: str
    size: int
    counted: dict[Key, dict[str, list[int]]] = field(default_factory=dict)

    def add(self, category: str, country: str, name: str, index: int) -> None:
        for key in {(category, country), (ALL, country), (category, ALL), (ALL, ALL)}:
            self.counted.setdefault(key, {}).setdefault(name, []).append(index)

    def rows(self) -> list[dict[str, Any]]:
        """One row for each category and country, the totals first."""
        order = sorted(self.counted, key=lambda k: (k[0] != ALL, k[0], k[1] != ALL, k[1]))
        return [self._row(*key) for key in order]

    def _row(self, category: str, country: str) -> dict[str, Any]:
        found = self.counted[category, country]
        counts = {name: len(found.get(name, ())) for name in COUNTS}
        more = {
            **counts,
            "appeals_decided": counts["appeals_upheld"] + counts["appeals_overturned"],
            "reviewed": counts["review_allowed"] + counts["review_refused"],
        }
        rates = {
            rate: round(more[part] / more[whole], 4) if more[whole] else None
            for rate, (part, whole) in RATES.items()
        }
        return {"category": category, "country": country, **counts, **rates}

    def to_json(self) -> dict[str, Any]:
        return {
            "object": "transparency_numbers",
            "since": iso(self.since),
            "until": iso(self.until),
            "log": {"origin": self.origin, "size": self.size, "checkpoint": self.checkpoint},
            "rows": [
                {
                    **row,
                    "entries": {
                        name: indexes[:_MOST_INDEXES]
                        for name, indexes in self.counted[row["category"], row["country"]].items()
                    },
                }
                for row in self.rows()
            ],
        }

    def to_csv(self) -> str:
        """The rows; the checkpoint stands in lines that begin with ``#``."""
        out = io.StringIO()
        out.write(f"# from {iso(self.since)} until {iso(self.until)}\n")
        for line in self.checkpoint.strip().splitlines():
            out.write(f"# {line}\n")
        writer = csv.DictWriter(out, ["category", "country", *COUNTS, *RATES], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows())
        return out.getvalue()

    def to_html(self) -> str:
        """One self-contained page."""
        heads = ["category", "country", *COUNTS, *RATES]
        cells = "".join(f'<th scope="col">{name.replace("_", " ")}</th>' for name in heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{_shown(row[name])}</td>" for name in heads) + "</tr>"
            for row in self.rows()
        )
        return _PAGE.format(
            since=iso(self.since)[:10],
            until=iso(self.until)[:10],
            heads=cells,
            body=body,
            checkpoint=html.escape(self.checkpoint),
            size=self.size,
        )


def _shown(value: Any) -> str:
    if value is None:
        return "none decided"
    return f"{value:.2%}" if isinstance(value, float) else html.escape(str(value))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Transparency numbers {since} to {until}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem}}table{{border-collapse:collapse}}
th,td{{padding:.3rem .6rem;border-bottom:1px solid #ccc;text-align:left}}
pre{{background:#eee;padding:1rem}}
</style></head><body>
<h1>Transparency numbers, {since} to {until}</h1>
<p>Counted from the log of {size} entries whose signed checkpoint stands below. “*” is every
category or country, “-” one that was not stated. The JSON form names the entries behind each
number.</p>
<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>
<h2>Checkpoint</h2><pre>{checkpoint}</pre>
</body></html>
"""


def count(log: AuditLog, since: int, until: int, size: int | None = None) -> Numbers:
    """Count what the log holds between two times; every entry is compared with the signed tree.

    ``size`` leaves out entries from this index on: what the log did not hold at an earlier count.

    Raises :class:`InvalidInput` for times in the wrong order and :class:`LogCorrupt` for an
    altered entry. Reads each entry once and keeps indexes only.
    """
    if since >= until:
        raise InvalidInput("the period ends before it begins", "give --from before --until")
    snapshot = log.snapshot()
    note = snapshot.note
    numbers = Numbers(since, until, _origin(note), note, snapshot.size)
    places = _Places(log)
    for entry in log.entries(Query(since=since, until=until - 1, oldest_first=True)):
        if entry.index < min(snapshot.size, snapshot.size if size is None else size):
            for name in _names(entry):
                numbers.add(*places.of(entry), name, entry.index)
    return numbers


def recount(log: AuditLog, told: Mapping[str, Any]) -> list[str]:
    """What differs between numbers that were published (their JSON form) and the log now."""
    from guarded_gen.audit.ids import from_iso

    size = int(told["log"]["size"])
    numbers = count(log, from_iso(told["since"]), from_iso(told["until"]), size)
    mine = {(row["category"], row["country"]): row for row in numbers.to_json()["rows"]}
    theirs = {(row["category"], row["country"]): row for row in told["rows"]}
    wrong = [f"{c}/{p}: only in one of the two" for c, p in sorted(mine.keys() ^ theirs.keys())]
    for key in sorted(mine.keys() & theirs.keys()):
        wrong += [
            f"{key[0]}/{key[1]}: {name} is {mine[key][name]}, not {theirs[key].get(name)}"
            for name in (*COUNTS, *RATES, "entries")
            if mine[key][name] != theirs[key].get(name)
        ]
    return wrong


def _origin(checkpoint: str) -> str:
    return checkpoint.split("\n", 1)[0]


def _names(entry: LogEntry) -> Iterable[str]:
    """Which numbers an entry counts for."""
    action, kind = entry.action, entry.kind
    if kind == "prompt.decision":
        yield "requests"
    if kind in ("prompt.decision", "reference.decision", "output.decision"):
        if action == "block":
            yield "refusals"
            yield "refusals_by_machine_alone"
        elif action == "review":
            yield "held_for_review"
    elif kind == "clip.published":
        yield "clips_published"
    elif kind == "case.decided" and action == "allow":
        yield "review_allowed"
    elif kind == "case.decided" and action == "block":
        yield "review_refused"
        yield "refusals"
    elif kind == "appeal.filed":
        yield "appeals_filed"
    elif kind == "appeal.decided":
        outcome = entry.body.get("outcome")
        if outcome in ("upheld", "overturned"):
            yield f"appeals_{outcome}"


class _Places:
    """Category and country of an entry, which it has itself or by what it refers to."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._known: dict[str, Key] = {}
        self._countries: dict[str, str] = {}

    def of(self, entry: LogEntry) -> Key:
        clip = str(entry.body.get("clip", ""))
        if entry.decision is not None:
            place = (entry.body.get("context") or {}).get("jurisdiction") or ""
            country = place or self._countries.get(clip, UNSTATED)
            if clip:
                self._countries[clip] = country
            key = (_category(entry.decision), country)
        elif clip in self._countries and entry.related is None:
            key = (UNSTATED, self._countries[clip])
        else:
            key = self._related(entry, clip)
        self._known[entry.id] = key
        return key

    def _related(self, entry: LogEntry, clip: str) -> Key:
        """Of the decision that the entry goes back to; of what was published, no category."""
        related = str(entry.body.get("decision") or entry.related or "")
        key, seen = self._known.get(related), 0
        while key is None and related and seen < 8:
            seen += 1
            try:
                earlier = self._log.entry(related)
            except NotFound:
                break
            if earlier.decision is not None:
                place = (earlier.body.get("context") or {}).get("jurisdiction") or UNSTATED
                key = (_category(earlier.decision), place)
            related = str(earlier.body.get("decision") or earlier.related or "")
        country = self._countries.get(clip) or (key[1] if key else UNSTATED)
        if entry.kind.startswith("clip."):
            return UNSTATED, country
        return (key[0] if key else UNSTATED), country


def _category(decision: Mapping[str, Any]) -> str:
    """The category of the rule that decided; of an allowed one there is none."""
    if decision.get("action") == "allow":
        return UNSTATED
    for match in decision.get("trace", ()):
        if match.get("rule_id") == decision.get("rule_id"):
            return str(match.get("category") or UNSTATED)
    return UNSTATED


def period(year: int | None, since: str | None, until: str | None) -> tuple[int, int]:
    """Milliseconds of a calendar year (UTC), or of two days; raises :class:`InvalidInput`."""
    from datetime import UTC, date, datetime

    def start(day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)

    try:
        if year is not None:
            if since or until:
                raise InvalidInput("a year has its own first and last day", "leave one out", "year")
            return start(date(year, 1, 1)), start(date(year + 1, 1, 1))
        first = start(date.fromisoformat(since)) if since else 0
        return first, start(date.fromisoformat(until)) if until else now_ms() + 1
    except ValueError as error:
        raise InvalidInput(f"no day: {error}", "write it as 2026-12-02") from error


def written(numbers: Numbers, form: str) -> str:
    """The numbers as ``json``, ``csv`` or ``html``."""
    if form == "json":
        return json.dumps(numbers.to_json(), ensure_ascii=False, indent=1) + "\n"
    return numbers.to_csv() if form == "csv" else numbers.to_html()
