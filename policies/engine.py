"""Policy, signals and context in, decision out: a pure function.

How a decision is made (:func:`evaluate`):

1. The overlays for tenant, place and age are laid over the policy.
2. The score of a category is the worst of all signals that ran.
3. Every rule of the stage whose scope fits and whose range holds the score of its category
   is asked for its condition; a condition that fails counts as a failed check.
4. Every category that is required here, or that a rule in scope names, must have been
   assessed: one without a score is missing, also where no check exists that could have
   scored it (``no_check``). What is missing asks for the policy's default action, which is
   never ``allow``. Only a requirement whose condition is plainly false excuses a category,
   by name; the decision then lists it under ``not_assessed``.
5. The most severe action wins; among equals the first rule, and a rule before a missing
   signal. Where that first rule plainly names a harm (:func:`plain`), the one of its kind and
   action with the largest :func:`margin` gives the reason: what stands out most was meant.

Nothing is allowed on no evidence: without any signal that ran, or where the policy has
neither rules nor requirements for a stage, the default action is the outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from policies import conditions, jurisdictions
from policies.conditions import Condition, JoinedConditions, Variables
from policies.context import AgeMode, Context
from policies.decision import Action, CheckStatus, Decision, Match, Missing, Signal, Stage
from policies.document import NeededEvidence, Policy, Requirement, Rule
from policies.overlay import effective
from policies.taxonomy import CATEGORIES, NEEDS_CALIBRATION, Kind

MAX_TABLES = 1_024
"""Compiled tables kept per policy: one for each (stage, tenant, place, age) in use."""

EVALUATION = 3
"""The version of these rules; an entry of the log records it. Raised whenever the same policy,
signals and context give another decision than before (tests/policies/test_evaluation.py tells)."""

NO_CHECK = "no_check"
"""The reason of a missing signal of which no check spoke at all."""

ANY_HARM = "unsafe"
"""The category that sums up all harm: it gives the reason only where nothing named does."""

CONDITION_FAILED = "condition_failed"
"""The reason of a missing signal that is a condition whose evaluation failed."""

_ACTIONS = (Action.ALLOW, Action.REVIEW, Action.BLOCK)
_match = partial(tuple.__new__, Match)
"""A match from its fields at a third of the usual cost: a decision can have dozens."""
_FAILED = CheckStatus.FAILED


class Row(NamedTuple):
    """What is needed of a rule once its score matches."""

    rule_id: str
    action: Action
    severity: int
    below: float | None
    floor: bool
    condition: Condition | None
    rule: Rule
    plain: bool


@dataclass(frozen=True, slots=True)
class Need:
    """A requirement, ready to be checked."""

    requirement: Requirement
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Table:
    """What one policy says at one stage under one scope.

    ``named`` are the categories of the rules, in their order; ``expected`` those and what is
    required whatever the circumstances: where all have a score nothing is missing. ``needs``
    are all requirements; ``limited`` says whether one has a condition.
    """

    policy: Policy
    digest: str
    rows: tuple[tuple[str, float, float, Row], ...]
    needs: tuple[Need, ...]
    limited: bool
    thresholds: dict[str, float]
    named: tuple[str, ...]
    expected: frozenset[str]
    variables: Variables
    batch: JoinedConditions | None


def table(policy: Policy, stage: Stage, tenant: str, jurisdiction: str, age: AgeMode) -> Table:
    """The compiled rules for a stage and a scope; kept with the policy."""
    tables: dict[Any, Table] = policy.compiled
    key = (stage._value_, tenant, jurisdiction, age._value_)  # an enum's own hash is slow
    found = tables.get(key)
    if found is not None:
        return found
    whole = effective(policy, tenant, jurisdiction, age)
    floor = set(whole.floor)
    rows = []
    for rule in whole.rules:
        if stage in rule.stage and in_scope(rule, tenant, jurisdiction, age):
            row = Row(
                rule.id,
                rule.action,
                rule.action.severity,
                None if rule.high > 1 else rule.high,
                rule.id in floor,
                conditions.compile(rule.when, None) if rule.when else None,
                rule,
                plain(rule, floor),
            )
            rows.append((rule.category, rule.low, rule.high, row))
    needs = tuple(
        Need(r, conditions.compile(r.when, None) if r.when else None)
        for r in whole.required.get(stage, ())
    )
    asked = [row[3].condition for row in rows] + [need.condition for need in needs]
    used = [condition for condition in asked if condition]
    texts = tuple(dict.fromkeys(condition.text for condition in used))
    made = Table(
        whole,
        whole.digest,
        tuple(rows),
        needs,
        any(need.condition for need in needs),
        {row[3].rule_id: row[1] for row in rows},
        tuple(dict.fromkeys(row[0] for row in rows)),
        frozenset(row[0] for row in rows).union(
            *(need.requirement.categories for need in needs if need.condition is None)
        ),
        Variables.of(used),
        conditions.batch(texts),
    )
    if len(tables) >= MAX_TABLES:
        tables.clear()
    tables[key] = made
    return made


def known_text(policy: Policy, digest: str) -> bytes | None:
    """The canonical JSON with this digest: of ``policy``, or of one of its effective policies
    that has decided something; None for any other."""
    if policy.digest == digest:
        return policy.canonical
    for made in list(policy.compiled.values()):
        if made.digest == digest:
            return bytes(made.policy.canonical)
    return None


def plain(rule: Rule, floor: Collection[str]) -> bool:
    """Whether a rule names one harm of the taxonomy, without a condition.

    Not so a rule of the floor, the sum of all harm, subjects that harm nobody alone, technical
    findings and categories of a policy's own: beside these the order of the file says what comes
    first.
    """
    category = CATEGORIES.get(rule.category)
    return (
        rule.when is None
        and rule.id not in floor
        and category is not None
        and category.kind is Kind.HARM
        and not category.harmless_alone
        and category.id != ANY_HARM
    )


def margin(score: float, low: float) -> float:
    """How far a score lies above the start of a rule, as a share of the way to 1."""
    return (score - low) / max(1.0 - low, 1e-9)


def in_scope(rule: Rule, tenant: str, jurisdiction: str, age: AgeMode) -> bool:
    """Whether a rule is for these circumstances."""
    return (
        (not rule.tenants or tenant in rule.tenants)
        and (not rule.age_mode or age in rule.age_mode)
        and (
            not rule.jurisdictions
            or any(jurisdictions.covers(code, jurisdiction) for code in rule.jurisdictions)
        )
    )


class _Conditions:
    """Conditions of one evaluation: the activation is made once, every text runs once."""

    __slots__ = ("_activation", "_batch", "_known", "_of")

    def __init__(
        self, made: Table, stage: Stage, scores: Mapping[str, float], context: Context
    ) -> None:
        self._of = (stage, scores, context, made.variables)
        self._batch = made.batch
        self._activation: Any = None
        self._known: dict[str, bool | None] = {}

    def holds(self, condition: Condition) -> bool | None:
        text = condition.text
        if self._activation is None:
            self._activation = conditions.activation(*self._of)
            if self._batch is not None:
                self._known = self._batch.answers(self._activation)
        if text in self._known:
            return self._known[text]
        answer = self._known[text] = condition.holds(self._activation)
        return answer


def evaluate(policy: Policy, stage: Stage, signals: Sequence[Signal], context: Context) -> Decision:
    """Decide one stage. Pure: the same arguments always give an equal decision.

    ``signals`` are all signals of the checks of this stage, in any order. Never raises
    because of them. Cost: about 20 µs for 40 rules, 2 µs more for every condition that is
    reached (`benchmarks/policy.py`).
    """
    made = table(policy, stage, context.tenant, context.jurisdiction, context.age_mode)
    worst: dict[str, Signal] = {}
    scores: dict[str, float] = {}
    not_run: list[Signal] = []
    for signal in signals:
        score = signal.score
        if score is None:
            not_run.append(signal)
            continue
        category = signal.category
        if category not in scores or score > scores[category]:
            scores[category] = score
            worst[category] = signal

    asked = _Conditions(made, stage, scores, context)
    default = made.policy.default.severity
    missing: list[Missing] = []
    trace: list[Match] = []
    best, decided, floor = -1, None, False
    # how far above its threshold the deciding rule lies; None where the first rule stands
    above: float | None = None
    known = scores.get
    for category, low, high, row in made.rows:
        score = known(category)
        if score is None or score < low or score >= high:
            continue
        rule_id, action, severity, below, is_floor, condition, rule, named = row
        if condition is not None:
            answer = asked.holds(condition)
            if answer is None:
                missing.append(Missing(category, CONDITION_FAILED, f"when:{rule_id}"))
            if not answer:
                continue
        capped = None
        if severity == 2:
            if category in NEEDS_CALIBRATION and not _calibrated(rule, signals):
                severity, action, capped = 1, Action.REVIEW, "uncalibrated"
            elif is_floor:
                floor = True
        check = worst[category].check
        trace.append(
            _match((rule_id, category, action, score, low, below, check, is_floor, capped))
        )
        if severity > best:
            best, decided = severity, rule
            above = margin(score, low) if named else None
        elif severity == best and named and above is not None and margin(score, low) > above:
            decided, above = rule, margin(score, low)
    needed = default if missing else -1
    not_assessed: list[Missing] = []
    if not_run or made.limited or not scores.keys() >= made.expected:
        needed = max(needed, _evidence(made, scores, not_run, asked, missing, not_assessed))

    by: str | None = None
    reason = "no_rule_matched"
    if not (made.rows or made.needs):
        needed, because = default, "stage_not_covered"
    elif not scores:
        needed, because = max(needed, default), "missing_signal" if signals else "empty"
    elif missing and all(item.reason == CONDITION_FAILED for item in missing):
        because = CONDITION_FAILED
    else:
        because = "missing_signal"
    if needed > best:
        best, reason = needed, because
    elif decided is not None:
        by, reason = decided.id, decided.reason
    return Decision(
        stage,
        _ACTIONS[max(best, 0)],
        by,
        reason,
        made.policy.id,
        made.policy.version,
        made.digest,
        scores,
        made.thresholds.copy(),
        tuple(trace),
        tuple(missing),
        tuple(not_assessed),
        floor,
        context,
    )


def _calibrated(rule: Rule, signals: Sequence[Signal]) -> bool:
    """Whether a calibrated signal alone would have matched."""
    return any(
        s.calibrated and s.category == rule.category and rule.low <= s.score < rule.high
        for s in signals
        if s.score is not None
    )


def _evidence(
    made: Table,
    scores: Mapping[str, float],
    not_run: Sequence[Signal],
    asked: _Conditions,
    missing: list[Missing],
    not_assessed: list[Missing],
) -> int:
    """Fill in what is missing and what was not assessed; returns the severity asked for."""
    failed: dict[str, list[Signal]] = {}
    skipped: dict[str, list[Signal]] = {}
    for signal in not_run:
        kind = failed if signal.status is _FAILED else skipped
        kind.setdefault(signal.category, []).append(signal)
    default = made.policy.default.severity
    needed = -1
    required: set[str] = set()
    excused: dict[str, str] = {}
    for need in made.needs:
        requirement = need.requirement
        # A condition that fails cannot excuse anything: only a plain False does.
        if need.condition is not None and asked.holds(need.condition) is False:
            for category in requirement.categories:
                excused.setdefault(category, requirement.otherwise or "not_required")
            continue
        for category in requirement.categories:
            required.add(category)
            if category in scores and not not_run:
                continue
            bad = _gaps(requirement.evidence, category, scores, failed, skipped)
            if bad:
                missing.extend(item for item in bad if item not in missing)
                asks = requirement.missing.severity if requirement.missing else default
                needed = max(needed, default, asks)
    for category in made.named:
        if category in required or category in excused:
            continue
        required.add(category)
        if bad := _gaps(NeededEvidence.NONE_FAILED, category, scores, failed, skipped):
            missing.extend(bad)
            needed = max(needed, default)
    for signal in not_run:
        category = signal.category
        if category not in required and category not in scores:
            excused.setdefault(category, signal.reason or "skipped")
    checks = {signal.category: signal.check for signal in reversed(not_run)}
    not_assessed.extend(
        Missing(category, reason, checks.get(category))
        for category, reason in excused.items()
        if category not in required and category not in scores
    )
    return needed


def _gaps(
    evidence: NeededEvidence,
    category: str,
    scores: Mapping[str, float],
    failed: Mapping[str, Sequence[Signal]],
    skipped: Mapping[str, Sequence[Signal]],
) -> list[Missing]:
    """What lacks of the evidence that a required category needs."""
    ran = category in scores
    bad: list[Signal] = []
    if not ran or evidence is not NeededEvidence.ANY_RAN:
        bad.extend(failed.get(category, ()))
    if not ran or evidence is NeededEvidence.ALL_RAN:
        bad.extend(skipped.get(category, ()))
    if not ran and not bad:
        return [Missing(category, NO_CHECK)]
    return [Missing(category, signal.reason or "failed", signal.check) for signal in bad]
