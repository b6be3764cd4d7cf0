"""A policy over recorded decisions: what would have been decided, and what changes.

:func:`actions` evaluates whole columns with NumPy; :func:`reference` makes one decision after
another with :func:`policies.evaluate`. They give the same answers, which a test proves over
generated policies and histories. Columns cost about 1 ms for each rule and million rows.
Conditions are asked over columns too (:mod:`policies.columns`); one that cannot be is asked once
for each distinct combination of what it reads (about 10 µs each).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policies import conditions
from policies.columns import plan
from policies.conditions import Condition, Variables
from policies.context import Context
from policies.decision import Action, Decision, Stage
from policies.document import NeededEvidence, Policy, Rule
from policies.engine import evaluate, in_scope, plain
from policies.history import ABSENT, FAILED, SCALE, SKIPPED, History, StageHistory
from policies.overlay import applies, effective
from policies.taxonomy import NEEDS_CALIBRATION

Mask = NDArray[np.bool_]
NO_RULE = -1


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a policy says of a block: ``severity`` is ``int8 [n]`` (see ``Action.severity``).

    ``rule`` is ``int32 [n]``, a number in ``rules``, or ``NO_RULE`` where a missing signal or
    nothing decided; None where it was not asked for.
    """

    severity: NDArray[np.int8]
    rule: NDArray[np.int32] | None
    rules: tuple[Rule, ...]


def actions(policy: Policy, history: History) -> dict[Stage, NDArray[np.int8]]:
    """The severity of every decision as ``policy`` would make it, by stage."""
    return {
        stage: verdicts(policy, stage, block, history.contexts).severity
        for stage, block in history.blocks.items()
    }


def reference(policy: Policy, history: History) -> dict[Stage, NDArray[np.int8]]:
    """The same, one decision after another; 30 µs each."""
    return {
        stage: np.array(
            [_anew(policy, history, stage, row).action.severity for row in range(len(block))],
            np.int8,
        )
        for stage, block in history.blocks.items()
    }


def anew(policy: Policy, history: History, stage: Stage, id: str) -> Decision:
    """What ``policy`` says of one recorded decision, with its reasons; raises ``KeyError``."""
    block = history.blocks[stage]
    rows = np.flatnonzero(block.ids == id)
    if not len(rows):
        raise KeyError(id)
    return _anew(policy, history, stage, int(rows[0]))


def _anew(policy: Policy, history: History, stage: Stage, row: int) -> Decision:
    block = history.blocks[stage]
    context = history.contexts[int(block.context[row])]
    return evaluate(policy, stage, block.signals(row), context)


def verdicts(
    policy: Policy,
    stage: Stage,
    block: StageHistory,
    contexts: tuple[Context, ...],
    attribute: bool = False,
) -> Verdicts:
    """Evaluate a block; with ``attribute`` also say which rule decided each row."""
    groups = _groups(policy, contexts)
    whole = [effective_of(policy, contexts, members) for members in groups]
    rules = tuple(dict.fromkeys(rule.id for one in whole for rule in one.rules))
    numbers = {rule_id: i for i, rule_id in enumerate(rules)}
    by_id = {rule.id: rule for one in whole for rule in one.rules}
    if len(groups) == 1:
        part = _Part(whole[0], stage, block, contexts, numbers, attribute)
        severity, rule = part.run()
    else:
        severity = np.zeros(len(block), np.int8)
        rule = np.full(len(block), NO_RULE, np.int32) if attribute else None
        group_of = np.zeros(len(contexts), np.int32)
        for i, members in enumerate(groups):
            group_of[members] = i
        of_row = group_of[block.context]
        for i, one in enumerate(whole):
            rows = np.flatnonzero(of_row == i)
            if len(rows):
                part = _Part(one, stage, block.take(rows), contexts, numbers, attribute)
                found, which = part.run()
                severity[rows] = found
                if rule is not None and which is not None:
                    rule[rows] = which
    return Verdicts(severity, rule, tuple(by_id[rule_id] for rule_id in rules))


def _groups(policy: Policy, contexts: tuple[Context, ...]) -> list[NDArray[np.int64]]:
    """Contexts for which the same overlays apply."""
    by_layers: dict[tuple[int, ...], list[int]] = {(): []}
    if not policy.overlays:
        return [np.arange(len(contexts))]
    by_layers.clear()
    for number, context in enumerate(contexts):
        layers = tuple(
            i
            for i, overlay in enumerate(policy.overlays)
            if applies(overlay, context.tenant, context.jurisdiction, context.age_mode)
        )
        by_layers.setdefault(layers, []).append(number)
    return [np.array(members) for members in by_layers.values()]


def effective_of(
    policy: Policy, contexts: tuple[Context, ...], members: NDArray[np.int64]
) -> Policy:
    """The effective policy of a group of contexts."""
    if not policy.overlays or not len(members):
        return policy
    context = contexts[int(members[0])]
    return effective(policy, context.tenant, context.jurisdiction, context.age_mode)


@dataclass(slots=True)
class _Part:
    """One effective policy over one block. Mirrors the steps of :func:`policies.evaluate`."""

    policy: Policy
    stage: Stage
    block: StageHistory
    contexts: tuple[Context, ...]
    numbers: dict[str, int]
    attribute: bool
    _scopes: dict[Any, Mask] = field(default_factory=dict)
    _answers: dict[str, NDArray[np.int8]] = field(default_factory=dict)

    def run(self) -> tuple[NDArray[np.int8], NDArray[np.int32] | None]:
        n = len(self.block)
        default = self.policy.default.severity
        rules = [rule for rule in self.policy.rules if self.stage in rule.stage]
        hits: list[tuple[int, int, Rule, Mask]] = []
        failed_condition = np.zeros(n, np.bool_)
        by_severity = {severity: np.zeros(n, np.bool_) for severity in (0, 1, 2)}
        for index, rule in enumerate(rules):
            matched = self._matches(rule, failed_condition)
            if matched is None:
                continue
            for severity, rows in self._capped(rule, matched):
                by_severity[severity] |= rows
                if self.attribute:
                    hits.append((severity, index, rule, rows))
        best = np.full(n, -1, np.int8)
        for severity in (0, 1, 2):
            best[by_severity[severity]] = severity
        needed = np.full(n, -1, np.int8)
        needed[failed_condition] = default
        self._evidence(rules, needed)
        final = np.maximum(np.maximum(best, needed), 0).astype(np.int8)
        if not self.attribute:
            return final, None
        decided = np.full(n, NO_RULE, np.int32)
        above = np.full(n, np.nan)
        for severity, _, rule, rows in sorted(hits, key=lambda hit: (-hit[0], hit[1])):
            first = rows & (decided == NO_RULE)
            decided[first] = self.numbers[rule.id]
            if not plain(rule, self.policy.floor):
                continue
            # a number for the rows that a plain rule decided, NaN for those that keep the first
            over = self._above(rule)
            above[first] = over[first]
            further = rows & (best == severity) & (over > above)
            decided[further] = self.numbers[rule.id]
            above[further] = over[further]
        decided[needed > best] = NO_RULE
        return final, decided

    def _above(self, rule: Rule) -> NDArray[np.float64]:
        """As :func:`policies.engine.margin`, of every row."""
        score: NDArray[np.float64] = self.block.scores[rule.category] / SCALE
        return (score - rule.low) / max(1.0 - rule.low, 1e-9)

    def _matches(self, rule: Rule, failed_condition: Mask) -> Mask | None:
        column = self.block.scores.get(rule.category)
        if column is None:
            return None
        matched: Mask = column >= max(round(rule.low * SCALE), 0)
        if rule.high <= 1:
            matched &= column < round(rule.high * SCALE)
        if rule.scoped:
            matched &= self._scope(rule)
        if rule.when is not None:
            answers = self._ask(conditions.compile(rule.when, None), matched)
            failed_condition |= matched & (answers == -1)
            matched &= answers == 1
        return matched

    def _capped(self, rule: Rule, matched: Mask) -> list[tuple[int, Mask]]:
        severity = rule.action.severity
        if severity < 2 or rule.category not in NEEDS_CALIBRATION:
            return [(severity, matched)]
        sure = self.block.calibrated.get(rule.category)
        if sure is None:
            return [(1, matched)]
        calibrated = matched & (sure >= round(rule.low * SCALE))
        return [(2, calibrated), (1, matched & ~calibrated)]

    def _scope(self, rule: Rule) -> Mask:
        key = (rule.tenants, rule.jurisdictions, rule.age_mode)
        if key not in self._scopes:
            known = np.array(
                [in_scope(rule, c.tenant, c.jurisdiction, c.age_mode) for c in self.contexts],
                np.bool_,
            )
            self._scopes[key] = known[self.block.context]
        return self._scopes[key]

    def _ask(self, condition: Condition, where: Mask) -> NDArray[np.int8]:
        """1, 0 or -1 (failed) for the rows in ``where``; the others are not asked."""
        made = self._answers.get(condition.text)
        if made is not None and made.shape == where.shape and not (where & (made == -2)).any():
            return made
        answers = np.full(len(self.block), -2, np.int8)
        rows = np.flatnonzero(where)
        part = plan(condition.text)
        if part is not None:
            answers[rows] = part.ask(_Asked(self, rows))
        else:
            self._ask_each(condition, rows, answers)
        self._answers[condition.text] = answers
        return answers

    def of_contexts(self, condition: Condition, rows: NDArray[np.int64]) -> NDArray[np.int8]:
        """Answers to a condition that reads no scores, one question for each context."""
        variables = Variables.of([condition])
        numbers = self.block.context[rows]
        known = np.zeros(len(self.contexts), np.int8)
        for number in np.unique(numbers).tolist():
            known[number] = self._one(condition, variables, {}, self.contexts[number])
        return known[numbers]

    def _ask_each(
        self, condition: Condition, rows: NDArray[np.int64], answers: NDArray[np.int8]
    ) -> None:
        """Ask once for each distinct combination of context and scores that it reads."""
        variables = Variables.of([condition])
        names = [
            c
            for c in (self.block.scores if variables.categories is None else variables.categories)
            if c in self.block.scores
        ]
        columns = [self.block.context[rows], *(self.block.scores[c][rows] for c in names)]
        table = np.stack(columns, axis=1)
        distinct, inverse = np.unique(table, axis=0, return_inverse=True)
        known = np.empty(len(distinct), np.int8)
        for i, row in enumerate(distinct.tolist()):
            scores = {
                c: value / SCALE for c, value in zip(names, row[1:], strict=True) if value > ABSENT
            }
            known[i] = self._one(condition, variables, scores, self.contexts[row[0]])
        answers[rows] = known[inverse.reshape(-1)]

    def _one(
        self, condition: Condition, variables: Variables, scores: dict[str, float], context: Context
    ) -> int:
        made = conditions.activation(self.stage, scores, context, variables)
        answer = condition.holds(made)
        return -1 if answer is None else int(answer)

    def _evidence(self, rules: list[Rule], needed: NDArray[np.int8]) -> None:
        """Raise ``needed`` to what missing evidence asks for."""
        block, n = self.block, len(self.block)
        default = self.policy.default.severity
        handled: dict[str, Mask] = {}
        requirements = self.policy.required.get(self.stage, ())
        for need in requirements:
            required = np.ones(n, np.bool_)
            if need.when is not None:
                required = self._ask(conditions.compile(need.when, None), required) != 0
            asks = max(default, need.missing.severity if need.missing else default)
            for category in need.categories:
                bad = self._gap(category, need.evidence)
                if need.when is None:
                    handled[category] = required
                else:
                    bad &= required
                    # Excused rows are handled too: the policy has spoken about them.
                    handled[category] = np.ones(n, np.bool_)
                np.maximum(needed, np.where(bad, asks, -1).astype(np.int8), out=needed)
        named: dict[str, Mask] = {}
        for rule in rules:
            scope = self._scope(rule) if rule.scoped else np.ones(1, np.bool_)
            named[rule.category] = named.get(rule.category, np.zeros(1, np.bool_)) | scope
        for category, scope in named.items():
            if category not in handled:
                bad = self._gap(category, NeededEvidence.NONE_FAILED) & scope
                needed[bad & (needed < default)] = default
        ran = np.zeros(n, np.bool_)
        for column in block.scores.values():
            ran |= column > ABSENT
        covered = np.zeros(1, np.bool_)
        for scope in named.values():
            covered = covered | scope
        nothing = ~ran if requirements else ~ran | ~covered
        needed[nothing & (needed < default)] = default

    def _gap(self, category: str, evidence: NeededEvidence) -> Mask:
        n = len(self.block)
        column = self.block.scores.get(category)
        absent: Mask = np.ones(n, np.bool_) if column is None else column == ABSENT
        gaps = self.block.gaps.get(category)
        if gaps is None or evidence is NeededEvidence.ANY_RAN:
            return absent
        bits = FAILED if evidence is NeededEvidence.NONE_FAILED else FAILED | SKIPPED
        return absent | ((gaps & bits) != 0)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Some rows of a part, as a condition over columns sees them."""

    part: _Part
    rows: NDArray[np.int64]

    def scores(self, category: str) -> NDArray[np.float64]:
        column = self.part.block.scores.get(category)
        if column is None:
            return np.full(len(self.rows), np.nan)
        values = column[self.rows]
        return np.where(values == ABSENT, np.nan, values / SCALE)

    def contexts(self, condition: Condition) -> NDArray[np.int8]:
        return self.part.of_contexts(condition, self.rows)


@dataclass(frozen=True, slots=True)
class Change:
    """Decisions of one kind that come out differently: how many, and some of their ids.

    ``rule`` and ``category`` are those of the rule that decides now, or, where none does, of
    the one that decided before; None where evidence was missing.
    """

    stage: Stage
    before: Action
    after: Action
    rule: str | None
    category: str | None
    tenant: str
    count: int
    samples: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage.value,
            "before": self.before.value,
            "after": self.after.value,
            "rule": self.rule,
            "category": self.category,
            "tenant": self.tenant,
            "count": self.count,
            "samples": list(self.samples),
        }


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a policy changes. ``before`` and ``after`` count decisions by action."""

    decisions: int
    changed: int
    before: dict[str, int]
    after: dict[str, int]
    changes: tuple[Change, ...]

    def by(self, key: str) -> dict[str, dict[str, int]]:
        """Changes by ``stage``, ``category``, ``rule`` or ``tenant``: counts of "a → b"."""
        table: dict[str, dict[str, int]] = {}
        for change in self.changes:
            name = str(getattr(change, key) or "missing signal")
            move = f"{change.before} → {change.after}"
            row = table.setdefault(name, {})
            row[move] = row.get(move, 0) + change.count
        return dict(sorted(table.items(), key=lambda item: -sum(item[1].values())))

    def to_json(self) -> dict[str, Any]:
        return {
            "decisions": self.decisions,
            "changed": self.changed,
            "before": self.before,
            "after": self.after,
            "by_category": self.by("category"),
            "by_tenant": self.by("tenant"),
            "by_stage": self.by("stage"),
            "changes": [change.to_json() for change in self.changes],
        }


ACTIONS = (Action.ALLOW, Action.REVIEW, Action.BLOCK)


def replay(
    new: Policy,
    history: History,
    against: Policy | None = None,
    samples: int = 5,
    progress: Callable[[int], None] = lambda rows: None,
) -> ReplayReport:
    """Compare ``new`` with the recorded decisions, or with what ``against`` says of them.

    ``samples`` ids are kept for each kind of change; ``progress`` is told the rows done.
    """
    changes: list[Change] = []
    before_counts, after_counts = np.zeros(3, np.int64), np.zeros(3, np.int64)
    done = 0
    for stage, block in history.blocks.items():
        after = verdicts(new, stage, block, history.contexts).severity
        if against is None:
            before = block.action.astype(np.int8)
        else:
            before = verdicts(against, stage, block, history.contexts).severity
        before_counts += np.bincount(before, minlength=3)
        after_counts += np.bincount(after, minlength=3)
        rows = np.flatnonzero(before != after)
        if len(rows):
            moved = block.take(rows)
            kind = before[rows].astype(np.int64) * 3 + after[rows]
            changes += _changes(stage, (new, against or new), history, moved, kind, samples)
        done += len(block)
        progress(done)
    return ReplayReport(
        len(history),
        sum(change.count for change in changes),
        {action.value: int(before_counts[action.severity]) for action in ACTIONS},
        {action.value: int(after_counts[action.severity]) for action in ACTIONS},
        tuple(sorted(changes, key=lambda change: (-change.count, change.stage, change.tenant))),
    )


def _changes(
    stage: Stage,
    compared: tuple[Policy, Policy],
    history: History,
    block: StageHistory,
    kind: NDArray[np.int64],
    samples: int,
) -> list[Change]:
    """The rows of ``block`` (all of which change), grouped.

    ``compared``: the new policy and the old one; ``kind``: three times the severity before, plus
    the severity after.
    """
    new, against = compared
    now = verdicts(new, stage, block, history.contexts, attribute=True)
    old = verdicts(against, stage, block, history.contexts, attribute=True)
    tenants = list(dict.fromkeys(context.tenant for context in history.contexts))
    of_context = np.array([tenants.index(context.tenant) for context in history.contexts])
    assert now.rule is not None and old.rule is not None
    offset = len(now.rules) + 1
    # Where nothing matches any more, the rule that used to decide is what the author changed.
    before_rule = np.where(old.rule == NO_RULE, NO_RULE, old.rule + offset)
    rule = np.where(now.rule == NO_RULE, before_rule, now.rule)
    width = offset + len(old.rules) + 1
    key = (kind * width + rule + 1) * len(tenants) + of_context[block.context]
    kinds, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    found = []
    for i, value in enumerate(kinds.tolist()):
        kind_of, t = divmod(value, len(tenants))
        moved, r = divmod(kind_of, width)
        (b, a), r = divmod(moved, 3), r - 1
        chosen = order[starts[i] : starts[i] + min(samples, int(counts[i]))]
        decided = None
        if r != NO_RULE:
            decided = now.rules[r] if r < offset else old.rules[r - offset]
        found.append(
            Change(
                stage,
                ACTIONS[b],
                ACTIONS[a],
                decided.id if decided else None,
                decided.category if decided else None,
                tenants[t],
                int(counts[i]),
                tuple(str(id) for id in block.ids[chosen]),
            )
        )
    return found
