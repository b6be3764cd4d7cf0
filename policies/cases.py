"""Tests of a policy: the examples beside its rules, and case files of their own.

A case says what goes in (scores, or a prompt that a classifier scores) and which action must
come out. What could not be tried, because no classifier was given, has not passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pydantic import ValidationError

from policies import source
from policies.context import Context
from policies.decision import Action, Decision, Signal, Stage
from policies.document import Applies, CaseContext, CaseFile, Example, Policy, Rule
from policies.engine import evaluate, table
from policies.errors import PolicyInvalid, PolicyNotFound, PolicyTooLarge
from policies.problems import explain
from policies.source import Unreadable
from policies.taxonomy import besides

CHECK = "case"
"""The check that an example's signals name."""

Judge = Callable[[str, date | None], Sequence[Signal]]
"""Scores a prompt as of a day; None: the present one."""


class CaseStatus(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to try. ``origin`` is the rule or the file that it comes from; ``matches`` a
    rule that must have matched, ``decides`` one that must have decided."""

    name: str
    origin: str
    stage: Stage
    example: Example
    context: Context
    category: str | None = None
    matches: str | None = None
    decides: str | None = None


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What became of a case; ``message`` says what was wrong where it did not pass."""

    case: Case
    status: CaseStatus
    decision: Decision | None
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.case.name,
            "origin": self.case.origin,
            "stage": self.case.stage.value,
            "expect": self.case.example.expect.value,
            "got": self.decision.action.value if self.decision else None,
            "rule_id": self.decision.rule_id if self.decision else None,
            "status": self.status.value,
            "message": self.message,
        }


def of_policy(policy: Policy) -> Iterator[Case]:
    """The examples of all rules, those of overlays included."""
    for rule in policy.rules:
        yield from _of_rule(rule, None)
    by_id = {rule.id: rule for rule in policy.rules}
    for overlay in policy.overlays:
        for rule in overlay.rules:
            yield from _of_rule(rule, overlay.applies_to)
            by_id[rule.id] = rule
    for overlay in policy.overlays:
        for rule_id, change in overlay.tighten.items():
            rule = by_id[rule_id].model_copy(update={"examples": change.examples})
            if change.action is not None:
                rule = rule.model_copy(update={"action": change.action})
            for case in _of_rule(rule, overlay.applies_to):
                yield replace(case, origin=f"{rule_id} in {overlay.overlay}")


def _of_rule(rule: Rule, applies: Applies | None) -> Iterator[Case]:
    for number, example in enumerate(rule.examples, start=1):
        stages = (example.stage,) if example.stage else rule.stage
        for stage in stages:
            name = f"#{number}" if len(stages) == 1 else f"#{number} at {stage}"
            matches = None
            if example.expect is rule.action and not example.or_stricter and not example.missing:
                matches = rule.id
            yield Case(
                name,
                rule.id,
                stage,
                example,
                _context(example.context, rule, applies),
                rule.category,
                matches,
            )


def _context(given: CaseContext, rule: Rule | None, applies: Applies | None) -> Context:
    """The example's circumstances; where it is silent, somebody whom the rule is for."""
    values = {name: getattr(given, name) for name in CaseContext.model_fields}
    values["capabilities"] = frozenset(given.capabilities)
    values["entities"] = frozenset(given.entities)
    values["jurisdiction"] = given.jurisdiction or ""
    for scope in (applies, rule):
        if scope is None:
            continue
        for name, options in (
            ("tenant", scope.tenants),
            ("jurisdiction", scope.jurisdictions),
            ("age_mode", scope.age_mode),
        ):
            if options and name not in given.model_fields_set:
                values[name] = options[0]
    return Context(**values)


def of_file(path: Path, own: Iterable[str] = ()) -> list[Case]:
    """The cases of a file: ``cases:`` with a list.

    ``own``: categories of the policy's own that it may name besides those of the taxonomy.

    Raises :class:`PolicyInvalid` with every mistake, :class:`PolicyNotFound`,
    :class:`PolicyTooLarge`.
    """
    try:
        if path.stat().st_size > source.MAX_BYTES:
            raise PolicyTooLarge(
                f"{path} is larger than {source.MAX_BYTES} bytes", "split the cases over files"
            )
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise PolicyNotFound(
            f"{path} cannot be read: {error.strerror or error}", "check the path and its rights"
        ) from None
    lines = text.split("\n")
    try:
        node, issues = source.read(text)
        with besides(own):
            found = CaseFile.model_validate(node.plain())
    except Unreadable as error:
        raise PolicyInvalid([error.issue.located(str(path), lines)]) from None
    except ValidationError as error:
        issues = [explain(item, node) for item in error.errors(include_url=False)]
    if issues:
        raise PolicyInvalid([issue.located(str(path), lines) for issue in issues])
    return [
        Case(
            case.name,
            path.name,
            case.stage or Stage.PROMPT,
            case,
            _context(case.context, None, None),
            None,
            None,
            case.rule,
        )
        for case in found.cases
    ]


def run(policy: Policy, cases: Iterable[Case], judge: Judge | None = None) -> list[CaseOutcome]:
    """Try every case. ``judge`` scores prompts; without it cases with a prompt are not run."""
    return [_run(policy, case, judge) for case in cases]


def _run(policy: Policy, case: Case, judge: Judge | None) -> CaseOutcome:
    example = case.example
    if example.prompt is not None:
        if judge is None:
            return CaseOutcome(
                case, CaseStatus.NOT_RUN, None, "no prompt classifier to score the text"
            )
        signals = list(judge(example.prompt, example.at))
    else:
        signals = _signals(policy, case)
    decision = evaluate(policy, case.stage, signals, case.context)
    wrong = _wrong(case, decision)
    return CaseOutcome(case, CaseStatus.FAILED if wrong else CaseStatus.PASSED, decision, wrong)


def _signals(policy: Policy, case: Case) -> list[Signal]:
    example, context = case.example, case.context
    made = table(policy, case.stage, context.tenant, context.jurisdiction, context.age_mode)
    scores = dict.fromkeys(made.named, 0.0)
    scores |= {c: 0.0 for need in made.needs for c in need.requirement.categories}
    scores |= example.scores or {}
    if example.score is not None and case.category is not None:
        scores[case.category] = example.score
    calibrated = not example.uncalibrated
    return [
        Signal.failed(CHECK, category, "left_out")
        if category in example.missing
        else Signal.ran(CHECK, category, score, calibrated=calibrated)
        for category, score in (scores | dict.fromkeys(example.missing, 0.0)).items()
    ]


def _wrong(case: Case, decision: Decision) -> str:
    want, got = case.example.expect, decision.action
    by = decision.rule_id or decision.reason
    if got is not want and not (case.example.or_stricter and got.severity > want.severity):
        return f"expected {want}, got {got} by {by}"
    if case.matches and case.matches not in {match.rule_id for match in decision.trace}:
        return f"{got} as expected, but by {by}: rule {case.matches} did not match"
    if case.decides and decision.rule_id != case.decides:
        return f"{got} as expected, but by {by}, not by {case.decides}"
    return ""


def junit(suites: Iterable[tuple[str, Sequence[CaseOutcome]]]) -> bytes:
    """The outcomes as JUnit XML, one suite for each policy."""
    root = ElementTree.Element("testsuites")
    for name, outcomes in suites:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=name,
            tests=str(len(outcomes)),
            failures=str(sum(o.status is CaseStatus.FAILED for o in outcomes)),
            skipped=str(sum(o.status is CaseStatus.NOT_RUN for o in outcomes)),
        )
        for outcome in outcomes:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=f"{name}.{outcome.case.origin}",
                name=f"{outcome.case.name} ({outcome.case.stage})",
            )
            if outcome.status is CaseStatus.FAILED:
                ElementTree.SubElement(case, "failure", message=outcome.message)
            elif outcome.status is CaseStatus.NOT_RUN:
                ElementTree.SubElement(case, "skipped", message=outcome.message)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def without_example(policy: Policy) -> list[str]:
    """Rules without an example: nobody has said what they are for."""
    return [r.id for r in policy.rules if not r.examples and r.action is not Action.ALLOW]
