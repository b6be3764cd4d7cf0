"""Codes in words, for people who read pages. The code stays at hand as a title."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from policies.taxonomy import CATEGORIES

STATES = {
    "open": "open",
    "second": "second opinion",
    "escalated": "escalated to a lead",
    "deciding": "decided, can still be undone",
    "closed": "closed",
}
KINDS = {
    "review": "held by a gate",
    "appeal": "appeal",
    "sample": "second look for quality",
    "report": "reported by somebody",
    "removal": "asked by somebody who is shown",
}
NOTES = {
    "verdict": "with the decision",
    "question": "question to a second person",
    "escalation": "to the lead",
    "remark": "remark",
}
ACTIONS = {"allow": "allowed", "block": "blocked", "review": "held for a person"}
REASONS = {
    "no_violation": "no violation",
    "context_changes_meaning": "the context changes the meaning",
    "no_check": "nothing is installed that checks it",
    "no_signal": "no check said anything",
    "no_rule_matched": "no rule applies",
    "missing_signal": "a required check did not run",
    "removal_asked": "somebody who is shown asks for removal",
    "technical": "technical fault of the clip",
}
KEYS = {
    "n": "Next case, or take this one",
    "v": "Hold to look",
    "j": "Hold to play",
    "r": "Reason",
    "t": "Note",
    "a": "Allow",
    "b": "Block",
    "2": "Second opinion",
    "e": "Escalate",
    "s": "Skip",
    "h": "Put aside",
    "u": "Undo",
    "k": "Keep the case longer",
    "?": "Show the keys",
}
"""What single keys do, by the key that each has until a person chooses another."""
HIGH, MIDDLE = 0.7, 0.5
"""From here up a severity is shown in the colour of the gravest, of the middle ones."""


def plain(code: object) -> str:
    """A code as words: known ones as they are said, others without their underscores."""
    text = str(code if code is not None else "")
    return REASONS.get(text) or STATES.get(text) or text.replace("_", " ")


def category(id: object, own: Any = ()) -> Markup:
    """The title of a category of the taxonomy, or of the policy's own (``own``: the entries that
    a case keeps of them); its id as a title."""
    if not id:
        return Markup("unclear")
    known = CATEGORIES.get(str(id))
    title = known.title if known is not None else None
    if title is None:
        found = (e.get("title") for e in own if isinstance(e, Mapping) and e.get("id") == id)
        title = next((t for t in found if t), None) or str(id).replace("_", " ")
    return Markup('<span title="{}">{}</span>').format(id, title)


def severity_of(id: object, own: Any = ()) -> float:
    """How grave a category is, in (0, 1]; 0 for one that nobody knows."""
    known = CATEGORIES.get(str(id))
    if known is not None:
        return known.severity
    found = (e.get("severity") for e in own if isinstance(e, Mapping) and e.get("id") == id)
    return float(next((s for s in found if s), 0.0))


def bar(value: float, severity: float, label: str) -> Markup:
    """A bar of [0, 1] whose colour says how grave it is: yellow, orange, red, and never green,
    since nothing that is measured here is good."""
    level = "high" if severity >= HIGH else "middle" if severity >= MIDDLE else "low"
    return Markup(
        '<svg class="bar-of {}" viewBox="0 0 100 10" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><rect class="all" width="100" height="10"/>'
        '<rect class="part" width="{}" height="10"/></svg>'
    ).format(level, label, round(100 * min(max(value, 0.0), 1.0), 1))
