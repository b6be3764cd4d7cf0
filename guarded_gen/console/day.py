"""The last day as the log tells it: what Home counts, from one reading of the newest entries."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from guarded_gen.audit import LogEntry, Query
from guarded_gen.audit.tiles import newest_cosigned
from guarded_gen.console.context import Console
from guarded_gen.review.knowing import knows_of
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.audit import AuditScrub

WINDOW_MS = 24 * 3_600_000
SAMPLE = 2_000
"""Entries read; the page says so when there were more."""
LISTED = 12
ALERTS = 5
LOOKS = ("payload.read", "payload.searched", "audit.searched", "audit.explored", "log.exported")
"""Kinds of entries that say that somebody looked at the log or took something out."""


@dataclass(slots=True)
class Day:
    """Counts of the newest entries of 24 hours that a person may know of."""

    read: int = 0
    decisions: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    unassessed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rules: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """By the rule that decided, or (False) by the reason where none did."""
    matched: set[str] = field(default_factory=set)
    failed: int = 0
    """Decisions of which a condition could not be evaluated."""
    trials: dict[str, Counter[str]] = field(default_factory=dict)
    """Of each policy that was tried beside the active one, what it would have changed."""
    kinds: Counter[str] = field(default_factory=Counter)
    alerts: list[LogEntry] = field(default_factory=list)
    verified: LogEntry | None = None

    @property
    def capped(self) -> bool:
        return self.read >= SAMPLE

    def count(self, entry: LogEntry) -> None:
        self.kinds[entry.kind] += 1
        if entry.kind == "witness.alert" and len(self.alerts) < ALERTS:
            self.alerts.append(entry)
        if entry.kind == "audit.verified" and self.verified is None:
            self.verified = entry
        taken = entry.decision
        if taken is None:
            return
        self.decisions += 1
        self.actions[str(taken.get("action"))] += 1
        by_rule = taken.get("rule_id") is not None
        self.rules[str(taken["rule_id"] if by_rule else taken.get("reason")), by_rule] += 1
        self.failed += taken.get("reason") == "condition_failed"
        for match in taken.get("trace", ()):
            self.categories[str(match.get("category"))] += 1
            self.matched.add(str(match.get("rule_id")))
        for missing in (*taken.get("missing", ()), *taken.get("not_assessed", ())):
            stage = str(taken.get("stage"))
            self.unassessed[stage, missing["category"], missing["reason"]] += 1
        for shadow in entry.body.get("shadows", ()):
            name = (
                f"{shadow.get('policy_id')} {shadow.get('policy_version')} ({shadow.get('state')})"
            )
            same = shadow.get("action") == taken.get("action")
            change = "" if same else f"{taken.get('action')} → {shadow.get('action')}"
            self.trials.setdefault(name, Counter())[change] += 1


def day_of(console: Console, who: Member) -> Day:
    """Read the last day."""
    day = Day()
    since = time.time_ns() // 1_000_000 - WINDOW_MS
    with console.store.read() as session:
        knows = knows_of(session, who)
    for entry in console.log.entries(Query(since=since, limit=SAMPLE)):
        day.read += 1
        if knows(entry) or (entry.tenant == "-" and who.may(Permission.SEE_AUDIT)):
            day.count(entry)
    return day


def effects(console: Console, who: Member, day: Day) -> dict[str, Any] | None:
    """Of whoever writes policies: what the active one does, and what those on trial would do."""
    if not who.may(Permission.EDIT_POLICY):
        return None
    rules = [rule.id for rule in console.services.policy.rules]
    trials = []
    for name, changes in sorted(day.trials.items()):
        changed = Counter({what: n for what, n in changes.items() if what})
        trials.append((name, changes.total(), changed.total(), changed.most_common()))
    return {
        "rules": day.rules.most_common(LISTED),
        "quiet": [id for id in rules if id not in day.matched],
        "all": len(rules),
        "failed": day.failed,
        "trials": trials,
    }


def log_health(console: Console, who: Member, day: Day) -> dict[str, Any] | None:
    """Of whoever audits: whether the log is witnessed, verified and free of alerts."""
    if not who.may(Permission.SEE_AUDIT):
        return None
    log = console.log
    with console.store.read() as session:
        cosigned = newest_cosigned(session.connection(), policy=log.witness_policy)
        pending = session.scalar(select(func.count()).select_from(AuditScrub)) or 0
    return {
        "origin": log.keys.signer.name,
        "size": log.snapshot().size,
        "cosigned": None if cosigned is None else cosigned.size,
        "quorum": log.witness_policy is not None,
        "verified": day.verified,
        "alerts": day.alerts,
        "pending": pending,
        "looks": [(kind, day.kinds[kind]) for kind in LOOKS if day.kinds[kind]],
    }
