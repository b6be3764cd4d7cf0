"""The policy document: what a trust-and-safety team writes, as frozen models.

Two shapes share their parts. :class:`PolicySource` is one file as written, which may extend
another. :class:`Policy` is the whole of it: nothing left to look up, with a digest that
every decision carries.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from policies import jurisdictions
from policies.context import AgeMode
from policies.decision import SCORE_DIGITS, Action, Stage
from policies.taxonomy import OwnCategory, besides, known_ids

RULE_ID = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"
REASON = r"^[a-z][a-z0-9_]{1,63}$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


def _known_category(value: str) -> str:
    if value not in (known := known_ids()):
        near = get_close_matches(value, known, n=1, cutoff=0.5)
        raise PydanticCustomError(
            "unknown_category",
            "unknown category {given}",
            {"given": f'"{value}"', "near": near[0] if near else ""},
        )
    return value


def _known_jurisdiction(value: str) -> str:
    if not jurisdictions.known(value):
        raise PydanticCustomError(
            "unknown_jurisdiction", "unknown jurisdiction {given}", {"given": f'"{value}"'}
        )
    return value


def _score_digits(value: float) -> float:
    if round(value, SCORE_DIGITS) != value:
        raise PydanticCustomError("too_precise", "more than six digits after the point", {})
    return value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Category = Annotated[str, AfterValidator(_known_category)]
Jurisdiction = Annotated[str, AfterValidator(_known_jurisdiction)]
Score = Annotated[
    float,
    Field(strict=True, ge=0, le=1, allow_inf_nan=False),
    AfterValidator(_score_digits),
]
RuleId = Annotated[str, Field(pattern=RULE_ID)]
Name = Annotated[str, Field(pattern=NAME)]
Stages = Annotated[tuple[Stage, ...], BeforeValidator(_as_list), Field(min_length=1)]
AgeModes = Annotated[tuple[AgeMode, ...], BeforeValidator(_as_list)]
Jurisdictions = Annotated[tuple[Jurisdiction, ...], BeforeValidator(_as_list)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list)]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class CaseContext(Model):
    """The circumstances of an example; what is left out has the usual value."""

    tenant: Name = "default"
    jurisdiction: Jurisdiction | None = None
    age_mode: AgeMode = AgeMode.ADULT
    strikes: Annotated[int, Field(strict=True, ge=0)] = 0
    backend: str = ""
    capabilities: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    has_reference: Annotated[bool, Field(strict=True)] = False
    duration: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)] | None = None
    faces: Annotated[int, Field(strict=True, ge=0)] | None = None
    entities: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()


class Example(Model):
    """A case beside a rule: what goes in, and the action that must come out.

    Exactly one of ``score`` (of the rule's own category), ``scores`` and ``prompt`` is given.
    Categories that the policy requires or a rule names and the example does not count as
    assessed with score 0, except those in ``missing``, whose check failed. With ``or_stricter``
    a severer action is right too: so do the examples of a policy hold for those that extend it.
    An example of a rule that is for some people only runs as one of them. ``at`` is the day on
    which a prompt is asked for, since words of a policy's own categories can count on some days
    only; without it the example is tried on the present day.
    """

    expect: Action
    or_stricter: Annotated[bool, Field(strict=True)] = False
    score: Score | None = None
    scores: dict[Category, Score] | None = None
    prompt: Text | None = None
    at: date | None = None
    missing: Annotated[tuple[Category, ...], BeforeValidator(_as_list)] = ()
    uncalibrated: Annotated[bool, Field(strict=True)] = False
    stage: Stage | None = None
    context: CaseContext = CaseContext()
    why: Text | None = None

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        given = [name for name in ("score", "scores", "prompt") if getattr(self, name) is not None]
        if len(given) > 1 or (not given and not self.missing):
            raise PydanticCustomError("example_input", "an example needs exactly one input", {})
        if self.at is not None and self.prompt is None:
            raise PydanticCustomError("example_day", "`at` is for an example with a prompt", {})
        return self


class NamedCase(Example):
    """An example in a file of its own: it has a name, and may say which rule must decide."""

    name: Text
    rule: RuleId | None = None


class CaseFile(Model):
    """A case file."""

    cases: Annotated[tuple[NamedCase, ...], Field(min_length=1)]


class Rule(Model):
    """One rule: where the score of ``category`` is high enough, ``action`` is asked for.

    ``at_least`` matches scores ≥ its value; ``between: [low, high]`` matches low ≤ score <
    high, where a high of 1 includes 1. Empty ``age_mode``, ``jurisdictions`` and ``tenants``
    mean everyone.
    """

    id: RuleId
    category: Category
    stage: Stages
    action: Action
    reason: Annotated[str, Field(pattern=REASON)]
    at_least: Score | None = None
    between: tuple[Score, Score] | None = None
    when: Text | None = None
    age_mode: AgeModes = ()
    jurisdictions: Jurisdictions = ()
    tenants: Names = ()
    description: Text | None = None
    examples: tuple[Example, ...] = ()

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if (self.at_least is None) == (self.between is None):
            raise PydanticCustomError(
                "threshold_choice", "a rule needs either at_least or between", {}
            )
        if self.between is not None and self.between[0] >= self.between[1]:
            raise PydanticCustomError(
                "between_order", "the lower end of between is not below the upper end", {}
            )
        return self

    @property
    def low(self) -> float:
        """The lowest score that matches."""
        return self.between[0] if self.between else self.at_least or 0.0

    @property
    def high(self) -> float:
        """The score from which the rule matches no longer; above 1 where there is none."""
        return self.between[1] if self.between and self.between[1] < 1 else 2.0

    @property
    def scoped(self) -> bool:
        """Whether the rule is for some ages, places or tenants only."""
        return bool(self.age_mode or self.jurisdictions or self.tenants)


class NeededEvidence(StrEnum):
    """How much of the evidence for a required category must be there."""

    NONE_FAILED = "none_failed"
    ANY_RAN = "any_ran"
    ALL_RAN = "all_ran"


class Requirement(Model):
    """Categories that must have been assessed at a stage before anything is allowed.

    Every category that a rule of the stage names is required as it is, without being listed
    here. A requirement adds categories without a rule, asks for more evidence or a severer
    action, or says by name what need not be assessed under which circumstances.

    ``evidence``: ``none_failed`` (a check ran and none failed), ``any_ran`` (one check is
    enough) or ``all_ran`` (no check was skipped either). ``when`` limits the requirement;
    where it is false, ``otherwise`` is the reason code that the record gives for a category
    that was not assessed. ``missing`` overrides the policy's default action, upwards only.
    """

    categories: Annotated[tuple[Category, ...], BeforeValidator(_as_list), Field(min_length=1)]
    evidence: NeededEvidence = NeededEvidence.NONE_FAILED
    when: Text | None = None
    otherwise: Annotated[str, Field(pattern=REASON)] | None = None
    missing: Action | None = None

    @model_validator(mode="after")
    def _otherwise_needs_when(self) -> Self:
        if (self.when is None) != (self.otherwise is None):
            raise PydanticCustomError(
                "otherwise_missing", "`when` and `otherwise` belong together", {}
            )
        return self


class Tightening(Model):
    """A stricter threshold, a more severe action, or both, for a rule that exists.

    ``examples`` stand for the rule as it is changed here.
    """

    at_least: Score | None = None
    between: tuple[Score, Score] | None = None
    action: Action | None = None
    examples: tuple[Example, ...] = ()


class Applies(Model):
    """Whom an overlay is for. Every list that is given must match; one must be given."""

    tenants: Names = ()
    jurisdictions: Jurisdictions = ()
    age_mode: AgeModes = ()

    @model_validator(mode="after")
    def _someone(self) -> Self:
        if not (self.tenants or self.jurisdictions or self.age_mode):
            raise PydanticCustomError("applies_to_nobody", "the overlay applies to nobody", {})
        return self


class LabelDemand(Model):
    """A visible label that every clip under this policy carries; what is left out is as usual.

    ``size`` is the height of its capitals as a share of the short side, ``duration`` is in
    seconds or ``whole``, ``variant`` the icon before the text. Layers add up: the largest size
    and the longest duration count.
    """

    text: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    variant: Literal["generated", "modified", "deepfake"] | None = None
    corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] | None = None
    size: Annotated[float, Field(ge=0.04, le=0.25, allow_inf_nan=False)] | None = None
    duration: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["whole"] | None = None


Required = dict[Stage, tuple[Requirement, ...]]
Tighten = dict[RuleId, Tightening]


class Overlay(Model):
    """A layer for a tenant, a place or an age: it may tighten and add, never relax."""

    overlay: Name
    applies_to: Applies
    description: Text | None = None
    default: Action | None = None
    label: LabelDemand | None = None
    required: Required = {}
    tighten: Tighten = {}
    rules: tuple[Rule, ...] = ()


class PolicySource(Model):
    """One policy file as it is written."""

    policy: Name
    version: Annotated[str, Field(min_length=1, max_length=64)]
    description: Text | None = None
    extends: Text | None = None
    default: Action | None = None
    categories: tuple[OwnCategory, ...] = ()
    label: LabelDemand | None = None
    required: Required = {}
    tighten: Tighten = {}
    rules: tuple[Rule, ...] = ()
    floor: tuple[RuleId, ...] = ()
    overlays: tuple[Overlay, ...] = ()


class Policy(Model):
    """A whole policy. Made by :func:`policies.load`, which checks it; evaluated by
    :func:`policies.evaluate`."""

    id: Name
    version: str
    description: str | None = None
    lineage: tuple[str, ...] = ()
    default: Action = Action.REVIEW
    categories: tuple[OwnCategory, ...] = ()
    labels: tuple[LabelDemand, ...] = ()
    required: Required = {}
    rules: tuple[Rule, ...]
    floor: tuple[RuleId, ...]
    overlays: tuple[Overlay, ...] = ()

    @cached_property
    def canonical(self) -> bytes:
        """Canonical JSON (RFC 8785) of the whole policy, without empty parts."""
        return rfc8785.dumps(self.model_dump(mode="json", exclude_defaults=True))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of :attr:`canonical`."""
        return hashlib.sha256(self.canonical).hexdigest()

    @cached_property
    def compiled(self) -> dict[Any, Any]:
        """Where the engine keeps what it made of this policy; no part of its value."""
        return {}

    @classmethod
    def from_canonical(cls, text: str | bytes) -> Policy:
        """The policy whose canonical JSON this is; raises pydantic's ``ValidationError``.

        Meant for texts that this program wrote and keeps by digest; a policy that somebody
        wrote goes through :func:`policies.load`.
        """
        own = json.loads(text).get("categories", ())
        with besides(str(entry["id"]) for entry in own):
            return cls.model_validate_json(text)

    def own_category(self, id: str | None) -> OwnCategory | None:
        """The category of this policy's own with this id; None for one of the taxonomy."""
        return next((entry for entry in self.categories if entry.id == id), None)

    def rule(self, rule_id: str) -> Rule:
        """The rule with this id; ``KeyError`` when there is none."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)
