"""Statements of reasons for the EU's DSA Transparency Database (Articles 17 and 24(5)).

Field names and codes are those of the database's API. What only the operator can know (the
language of the content, an illegal-content ground) is left out rather than guessed. Nothing is
sent anywhere: the operator submits the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from guarded_gen.audit.event import LogEntry
from guarded_gen.audit.ids import iso
from policies.taxonomy import CATEGORIES

OTHER = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
EEA = (
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
    "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
)  # fmt: skip
RESTRICTING = "block"


def statements(
    entries: Iterable[LogEntry], lookup: Callable[[str], LogEntry]
) -> Iterator[dict[str, Any]]:
    """One statement for every entry that restricted somebody; other entries are passed over.

    A reviewer's verdict is explained by the gate's decision that it refers to, which ``lookup``
    finds by its id.
    """
    for entry in entries:
        if entry.action != RESTRICTING:
            continue
        decision = entry.decision
        if decision is None and entry.related is not None:
            decision = lookup(entry.related).decision
        if decision is not None:
            yield statement(entry, decision)


def statement(entry: LogEntry, decision: Mapping[str, Any]) -> dict[str, Any]:
    """The statement of reasons of one restriction, explained by this decision."""
    category = _category(decision)
    known = CATEGORIES.get(category or "")
    by_person = entry.kind.startswith(("review.", "appeal.", "case."))
    rule = decision.get("rule_id") or "none"
    policy = (
        f"rule {rule} of policy {decision.get('policy_id', '?')}"
        f" version {decision.get('policy_version', '?')}"
        f" (SHA-256 {decision.get('policy_digest', '?')})"
    )
    score = decision.get("scores", {}).get(category or "")
    return {
        **_restriction(decision.get("stage")),
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": policy,
        "incompatible_content_explanation": known.definition
        if known
        else f"reason code {decision.get('reason', 'unknown')}",
        "incompatible_content_illegal": "No",
        "category": (known.dsa if known else None) or OTHER,
        "content_date": iso(entry.time)[:10],
        "application_date": iso(entry.time)[:10],
        "territorial_scope": list(EEA),
        "decision_facts": (
            f"Reason code {decision.get('reason', 'unknown')}"
            + (f"; the score of category {category} was {score}" if score is not None else "")
            + ". A reviewer decided." * by_person
        ),
        "source_type": "SOURCE_VOLUNTARY",
        "automated_detection": "Yes",
        "automated_decision": "AUTOMATED_DECISION_PARTIALLY"
        if by_person
        else "AUTOMATED_DECISION_FULLY",
        "puid": entry.id,
    }


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
