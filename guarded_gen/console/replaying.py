"""A policy over what was decided before, for the workbench: read once, asked many times."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from guarded_gen.audit import AuditLog
from guarded_gen.console.wording import Wording
from guarded_gen.errors import InvalidInput
from guarded_gen.governance.recorded import RecordedDecisions, read_recorded
from guarded_gen.review.people import Member
from policies import Policy
from policies.decision import Stage
from policies.document import Rule
from policies.history import History
from policies.replay import ReplayReport, actions, replay

MOST = 10_000
"""Decisions read of each stage, the newest first."""
FRESH_SECONDS = 120.0
DAY_MS = 86_400_000
DAYS = (1, 7, 30)
CURVE = tuple(n / 20 for n in range(21))


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule's threshold over the past. ``curve`` holds (threshold, decisions that change)."""

    rule: str
    threshold: float
    report: ReplayReport
    curve: tuple[tuple[float, int], ...]
    past: RecordedDecisions
    days: int


@dataclass(slots=True)
class Replays:
    """Keeps what was read for two minutes, so that a slider can ask again and again."""

    log: AuditLog
    _kept: dict[tuple[int, frozenset[str]], tuple[float, RecordedDecisions]] = field(
        default_factory=dict
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def past(self, who: Member, days: int) -> RecordedDecisions:
        """The newest decisions of the tenants that this person may see."""
        key = (days, who.tenants)
        with self._lock:
            found = self._kept.get(key)
            if found is not None and time.monotonic() - found[0] < FRESH_SECONDS:
                return found[1]
            self._kept.clear()  # one history is megabytes; people look at one period at a time
            since = time.time_ns() // 1_000_000 - days * DAY_MS
            past = read_recorded(self.log, since=since, most=MOST, sees=who.sees)
            self._kept[key] = (time.monotonic(), past)
            return past

    def try_(
        self,
        who: Member,
        policy: Policy,
        rule_id: str,
        threshold: float,
        days: int,
        against: Policy | None = None,
    ) -> Tried:
        """What ``policy`` would decide with this threshold in one rule, compared with what was
        recorded or with what ``against`` says. Changes nothing."""
        past = self.past(who, days)
        rule = rule_of(policy, rule_id)
        report = replay(at(policy, rule, threshold), past.history, against, samples=3)
        before = {
            stage: block.action.astype(np.int8) for stage, block in past.history.blocks.items()
        }
        if against is not None:
            before = actions(against, past.history)
        curve = tuple((x, changed(at(policy, rule, x), past.history, before)) for x in CURVE)
        return Tried(rule_id, threshold, report, curve, past, days)

    def over(self, who: Member, policy: Policy, days: int, against: Policy) -> ReplayReport:
        """What ``policy`` as it stands would have decided in ``days``, beside ``against``."""
        return replay(policy, self.past(who, days).history, against, samples=3)


def rule_of(policy: Policy, rule_id: str) -> Rule:
    """The rule with this id; raises :class:`InvalidInput`."""
    for rule in policy.rules:
        if rule.id == rule_id:
            return rule
    raise InvalidInput(f"the policy has no rule {rule_id[:80]}", "choose one of the list", "rule")


def at(policy: Policy, rule: Rule, threshold: float) -> Policy:
    """The policy with another threshold in one rule; below the top of a ``between``."""
    if rule.between is not None:
        top = rule.between[1]
        moved = rule.model_copy(update={"between": (min(threshold, top - 1e-6), top)})
    else:
        moved = rule.model_copy(update={"at_least": threshold})
    fields = {name: getattr(policy, name) for name in type(policy).model_fields}
    fields["rules"] = tuple(moved if one.id == rule.id else one for one in policy.rules)
    # not a copy: that would carry the compiled tables and the digest of the old one along
    return type(policy).model_construct(**fields)


def changed(policy: Policy, history: History, before: dict[Stage, NDArray[np.int8]]) -> int:
    """How many decisions come out differently than ``before``, severities by stage."""
    return sum(
        int((severity != before[stage]).sum())
        for stage, severity in actions(policy, history).items()
    )


def differences(policy: Policy, active: Policy, words: Wording) -> list[str]:
    """What changes against the active policy, rule by rule, in words."""
    say = words.language.gettext
    before = {rule.id: told(rule, words) for rule in active.rules}
    after = {rule.id: told(rule, words) for rule in policy.rules}
    lines = [
        say("%(rule)s: new, %(text)s", rule=id, text=after[id]) for id in after if id not in before
    ]
    lines += [
        say("%(rule)s: gone, it was %(text)s", rule=id, text=before[id])
        for id in before
        if id not in after
    ]
    for id in after:
        if id in before and after[id] != before[id]:
            lines.append(f"{id}: {before[id]} → {after[id]}")
    if policy.default != active.default:
        default = f"{words.plain(active.default.value)} → {words.plain(policy.default.value)}"
        lines.append(say("default: %(change)s", change=default))
    if policy.required != active.required:
        lines.append(say("what must have been assessed changes"))
    if policy.overlays != active.overlays:
        lines.append(say("the overlays change"))
    return lines


def told(rule: Rule, words: Wording) -> str:
    """A rule in a line."""
    say, number = words.language.gettext, words.language.number
    span = (
        say("%(low)s to %(high)s", low=number(rule.between[0]), high=number(rule.between[1]))
        if rule.between
        else say("from %(low)s", low=number(rule.at_least))
    )
    text = say(
        "%(action)s %(category)s %(span)s (%(stages)s)",
        action=words.plain(rule.action.value),
        category=rule.category,
        span=span,
        stages=", ".join(words.plain(stage.value) for stage in rule.stage),
    )
    only = [*(age.value for age in rule.age_mode), *rule.jurisdictions, *rule.tenants]
    if only:
        text += " " + say("for %(name)s", name=", ".join(only))
    return text + (" " + say("when %(condition)s", condition=rule.when) if rule.when else "")
