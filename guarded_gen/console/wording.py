"""Codes in words, for people who read pages. The code stays at hand as a title."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from guarded_gen.console.language import ENGLISH, N_, PageLanguage
from guarded_gen.review.roles import Permission, Role
from policies.cases import CaseStatus
from policies.decision import Stage
from policies.rollout import RolloutState
from policies.taxonomy import CATEGORIES
from policies.taxonomy import REASONS as REASON_CODES
from provenance.evidence import Evidence, State
from provenance.law import Owes, Stand
from provenance.verdicts import Verdict

STATES = {
    "open": N_("open"),
    "second": N_("second opinion"),
    "escalated": N_("escalated to a lead"),
    "deciding": N_("decided, can still be undone"),
    "closed": N_("closed"),
}
KINDS = {
    "review": N_("held by a gate"),
    "appeal": N_("appeal"),
    "sample": N_("second look for quality"),
    "report": N_("reported by somebody"),
    "removal": N_("asked by somebody who is shown"),
}
NOTES = {
    "verdict": N_("with the decision"),
    "question": N_("question to a second person"),
    "escalation": N_("to the lead"),
    "remark": N_("remark"),
}
ACTIONS = {"allow": N_("allowed"), "block": N_("blocked"), "review": N_("held for a person")}
REASONS = {
    "no_violation": N_("no violation"),
    "context_changes_meaning": N_("the context changes the meaning"),
    "no_check": N_("nothing is installed that checks it"),
    "no_signal": N_("no check said anything"),
    "no_rule_matched": N_("no rule applies"),
    "missing_signal": N_("a required check did not run"),
    "condition_failed": N_("a condition of the policy could not be evaluated"),
    "removal_asked": N_("somebody who is shown asks for removal"),
    "technical": N_("technical fault of the clip"),
}
GATES = {
    "prompt": N_("Prompt gate"),
    "reference": N_("Reference gate"),
    "output": N_("Output gate"),
    "upload": N_("Upload gate"),
}
FIELDS = {
    "tenant": N_("Tenant"),
    "kind": N_("Kind"),
    "action": N_("Action"),
    "subject": N_("Subject"),
    "category": N_("Category"),
    "rule": N_("Rule"),
    "actor": N_("Actor"),
    "state": N_("State"),
    "stage": N_("Stage"),
    "queue": N_("Queue"),
}
"""Names of fields of forms."""
KEYS = {
    "n": N_("Next case, or take this one"),
    "v": N_("Hold to look"),
    "j": N_("Hold to play"),
    "r": N_("Reason"),
    "t": N_("Note"),
    "a": N_("Allow"),
    "b": N_("Block"),
    "2": N_("Second opinion"),
    "e": N_("Escalate"),
    "s": N_("Skip"),
    "h": N_("Put aside"),
    "u": N_("Undo"),
    "k": N_("Keep the case longer"),
    "?": N_("Show the keys"),
}
"""What single keys do, by the key that each has until a person chooses another."""
HIGH, MIDDLE = 0.7, 0.5
"""From here up a severity is shown in the colour of the gravest, of the middle ones."""
_UNASSESSED = (
    *("no_frames", "no_bank", "not_assessed", "text_too_long", "unsupported_language"),
    *("unknown_weights", "unsafe_weights_format", "not_calibrated", "runtime_missing"),
    *("random_weights", "too_little_sound", "trailing_bytes", "closed_vocabulary", "plain_frames"),
)
"""Why a check did not assess something."""
_CODES: tuple[Iterable[str], ...] = (
    _UNASSESSED,
    *(Stage, Role, Permission, RolloutState, CaseStatus, Verdict, Evidence, State, Owes, Stand),
    REASON_CODES,
    ("allow", "review", "block", "sample", "report", "removal", "golden", "removal request"),
    ("queued", "in_progress", "completed", "failed", "asked", "open", "refused", "finished"),
    (
        "ready",
        "present",
        "absent",
        "weights_missing",
        "weights_mismatch",
        "declined",
        "agreed",
        "withdrawn",
    ),
    (
        "proposed",
        "rollout",
        "requested",
        "answered",
        "rolled_back",
        "skipped",
        "new",
        "other",
        "approved",
    ),
    ("the same words", "the same picture", "policy", "assignee", "policy digest"),
    ("publish asked", "publish approved", "publish declined"),
)


def codes() -> list[str]:
    """The words of every code that pages show and that is not said otherwise: for the catalogue."""
    return list(dict.fromkeys(str(code).replace("_", " ") for some in _CODES for code in some))


@dataclass(frozen=True, slots=True)
class Wording:
    """Codes in the words of one language."""

    language: PageLanguage

    def table(self, words: Mapping[str, str]) -> dict[str, str]:
        """One of the tables above, translated."""
        return {code: self.language.gettext(text) for code, text in words.items()}

    def plain(self, code: object) -> str:
        """A code as words: known ones as they are said, others without their underscores."""
        text = str(code if code is not None else "")
        said = REASONS.get(text) or STATES.get(text) or text.replace("_", " ")
        told = self.language.gettext(said)
        if told == said and text in CATEGORIES and self.language.code != ENGLISH:
            return self.title(text)  # a reason that is a category's id
        return told

    def change(self, codes: str) -> str:
        """Codes with arrows between them, such as ``allow → block``."""
        return " → ".join(self.plain(code) for code in codes.split(" → "))

    def value(self, dimension: str, value: str) -> str:
        """A value of a dimension of the log: a word of ours in words, a name as it is."""
        if dimension in ("category", "not_assessed"):
            return self.title(value)
        return self.plain(value) if dimension in ("reason", "stage", "action") else value

    def category(self, id: object, own: Any = ()) -> Markup:
        """The title of a category of the taxonomy, or of the policy's own (``own``: the entries
        that a case keeps of them); its id as a title."""
        if not id:
            return escape(self.language.gettext(N_("unclear")))
        return Markup('<span title="{}">{}</span>').format(id, self.title(id, own))

    def title(self, id: object, own: Any = ()) -> str:
        """The title alone."""
        known = CATEGORIES.get(str(id))
        if known is not None:
            return self.language.gettext(known.title)
        found = (e.get("title") for e in own if isinstance(e, Mapping) and e.get("id") == id)
        return next((t for t in found if t), None) or str(id).replace("_", " ")


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
