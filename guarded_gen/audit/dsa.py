"""Statements of reasons for the EU's DSA Transparency Database (Articles 17 and 24(5)).

Field names, codes and lengths are those of the database's API as of the schema of 1 July 2025
(https://transparency.dsa.ec.europa.eu/page/api-documentation), written down in
:class:`Statement`, which checks every statement that is made. What only the operator can know (the
language of the content, an illegal-content ground) is left out rather than guessed. Nothing is sent
anywhere: the operator submits the files, at most 100 statements each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from guarded_gen.audit.event import LogEntry
from guarded_gen.audit.ids import iso
from guarded_gen.errors import InvalidInput
from policies.taxonomy import CATEGORIES, OwnCategory

OTHER = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
DSA_CATEGORIES = (
    "STATEMENT_CATEGORY_ANIMAL_WELFARE",
    "STATEMENT_CATEGORY_CONSUMER_INFORMATION",
    "STATEMENT_CATEGORY_CYBER_VIOLENCE",
    "STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN",
    "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
    "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
    "STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS",
    "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
    "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE",
    OTHER,
    "STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
    "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY",
    "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
    "STATEMENT_CATEGORY_SELF_HARM",
    "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS",
    "STATEMENT_CATEGORY_VIOLENCE",
)
EEA = (
    "AT",
    "BE",
    "BG",
    "CY",
    "CZ",
    "DE",
    "DK",
    "EE",
    "ES",
    "FI",
    "FR",
    "GR",
    "HR",
    "HU",
    "IE",
    "IS",
    "IT",
    "LI",
    "LT",
    "LU",
    "LV",
    "MT",
    "NL",
    "NO",
    "PL",
    "PT",
    "RO",
    "SE",
    "SI",
    "SK",
)
RESTRICTING = "block"
MOST_AT_ONCE = 100
"""Statements that one call of the database's API takes."""
_SHORT, _LONG, _FACTS = 500, 2_000, 5_000
Short = Annotated[str, Field(min_length=1, max_length=_SHORT)]
Country = Literal[EEA]  # type: ignore[valid-type]


class Statement(BaseModel):
    """One statement of reasons as the database takes it. Absent fields are left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision_visibility: Annotated[
        tuple[
            Literal[
                "DECISION_VISIBILITY_CONTENT_REMOVED",
                "DECISION_VISIBILITY_CONTENT_DISABLED",
                "DECISION_VISIBILITY_OTHER",
            ],
            ...,
        ],
        Field(min_length=1),
    ]
    decision_visibility_other: Short | None = None
    decision_ground: Literal["DECISION_GROUND_INCOMPATIBLE_CONTENT"]
    incompatible_content_ground: Short
    incompatible_content_explanation: Annotated[str, Field(min_length=1, max_length=_LONG)]
    incompatible_content_illegal: Literal["Yes", "No"] | None = None
    """Only where a person said so."""
    category: Literal[DSA_CATEGORIES]  # type: ignore[valid-type]
    category_specification: tuple[Annotated[str, Field(pattern=r"^KEYWORD_[A-Z_]+$")], ...] = ()
    content_type: Annotated[
        tuple[
            Literal[
                "CONTENT_TYPE_TEXT",
                "CONTENT_TYPE_IMAGE",
                "CONTENT_TYPE_VIDEO",
                "CONTENT_TYPE_AUDIO",
                "CONTENT_TYPE_SYNTHETIC_MEDIA",
            ],
            ...,
        ],
        Field(min_length=1),
    ]
    content_date: Annotated[date, Field(ge=date(2000, 1, 1))]
    application_date: Annotated[date, Field(ge=date(2020, 1, 1))]
    territorial_scope: Annotated[tuple[Country, ...], Field(min_length=1)]
    decision_facts: Annotated[str, Field(min_length=1, max_length=_FACTS)]
    source_type: Literal["SOURCE_VOLUNTARY"]
    automated_detection: Literal["Yes", "No"]
    automated_decision: Literal["AUTOMATED_DECISION_FULLY", "AUTOMATED_DECISION_PARTIALLY"]
    puid: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,500}$")]

    @model_validator(mode="after")
    def _other_is_explained(self) -> Statement:
        other = "DECISION_VISIBILITY_OTHER" in self.decision_visibility
        if other and self.decision_visibility_other is None:
            raise ValueError("decision_visibility_other is required with DECISION_VISIBILITY_OTHER")
        return self


def statements(
    entries: Iterable[LogEntry],
    lookup: Callable[[str], LogEntry],
    territory: Sequence[str] = EEA,
) -> Iterator[dict[str, Any]]:
    """One statement for every entry that restricted somebody; other entries are passed over.

    A reviewer's verdict counts when it takes effect (``case.closed``): until then it can be undone,
    or a second opinion can differ. It is explained by the gate's decision that it refers to, which
    ``lookup`` finds by its id. ``territory``: where the restriction holds, codes of countries of
    the EEA; raises :class:`InvalidInput` for any other.
    """
    strange = [code for code in territory if code not in EEA]
    if strange or not territory:
        raise InvalidInput(f"no country of the EEA: {', '.join(strange)[:80]}", "write AT,DE,…")
    for entry in entries:
        if entry.action != RESTRICTING or not _takes_effect(entry):
            continue
        decided = entry
        if entry.decision is None and entry.related is not None:
            decided = lookup(entry.related)
        if decided.decision is not None:
            yield statement(entry, decided, territory)


def batches(made: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Bodies for the database's call for several statements, at most 100 in each."""
    rest = iter(made)
    while part := list(islice(rest, MOST_AT_ONCE)):
        yield {"statements": part}


def _takes_effect(entry: LogEntry) -> bool:
    """Whether an entry restricts somebody who was not restricted before.

    An appeal that fails, the report of what was refused and a copy that tests reviewers do not.
    """
    if entry.decision is not None:
        return True
    return entry.kind == "case.closed" and entry.body.get("kind", "review") == "review"


def _own(entry: LogEntry, category: str | None) -> OwnCategory | None:
    """A category of the policy's own, as the entry of the decision describes it."""
    for told in (entry.body or {}).get("categories", ()):
        if told["id"] == category:
            return OwnCategory.model_validate(told)
    return None


def statement(entry: LogEntry, decided: LogEntry, territory: Sequence[str] = EEA) -> dict[str, Any]:
    """The statement of reasons of one restriction, explained by the gate's decision."""
    decision = decided.decision or {}
    category = _category(decision)
    known = CATEGORIES.get(category or "") or _own(decided, category)
    by_person = entry.kind.startswith(("review.", "appeal.", "case."))
    rule = decision.get("rule_id") or "none"
    ground = (
        f"rule {rule} of policy {decision.get('policy_id', '?')}"
        f" version {decision.get('policy_version', '?')}"
        f" (SHA-256 {decision.get('policy_digest', '?')})"
    )
    score = decision.get("scores", {}).get(category or "")
    said = (entry.body or {}).get("illegal") if by_person else None
    reason = decision.get("reason", "unknown")
    facts = f"Reason code {reason}"
    if score is not None:
        facts += f"; the score of category {category} was {score}"
    facts += ". A reviewer decided." if by_person else ". No person was involved."
    try:
        made = Statement(
            **_restriction(decision.get("stage")),
            decision_ground="DECISION_GROUND_INCOMPATIBLE_CONTENT",
            incompatible_content_ground=ground[:_SHORT],
            incompatible_content_explanation=(
                known.definition if known else f"reason code {reason}"
            )[:_LONG],
            incompatible_content_illegal=None if said is None else ("Yes" if said else "No"),
            category=(known.dsa if known else None) or OTHER,
            category_specification=known.dsa_keywords if known else (),
            content_date=iso(entry.time)[:10],
            application_date=iso(entry.time)[:10],
            territorial_scope=tuple(territory),
            decision_facts=facts[:_FACTS],
            source_type="SOURCE_VOLUNTARY",
            automated_detection="Yes",
            automated_decision="AUTOMATED_DECISION_PARTIALLY"
            if by_person
            else "AUTOMATED_DECISION_FULLY",
            puid=entry.id,
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{entry.id}: {where}: {first['msg']}", None, where) from error
    record: dict[str, Any] = made.model_dump(mode="json", exclude_none=True)
    if not made.category_specification:
        del record["category_specification"]
    return record


def _restriction(stage: Any) -> dict[str, Any]:
    if stage == "prompt":
        return {
            "decision_visibility": ["DECISION_VISIBILITY_OTHER"],
            "decision_visibility_other": "the requested video was not generated",
            "content_type": ["CONTENT_TYPE_TEXT"],
        }
    return {
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_DISABLED"],
        "content_type": ["CONTENT_TYPE_VIDEO", "CONTENT_TYPE_SYNTHETIC_MEDIA"],
    }


def _category(decision: Mapping[str, Any]) -> str | None:
    """The category of the rule that decided."""
    for match in decision.get("trace", ()):
        if match.get("rule_id") == decision.get("rule_id"):
            return str(match.get("category"))
    return None
