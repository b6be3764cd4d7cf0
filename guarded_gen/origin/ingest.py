"""What an uploaded file carries, as a platform has to tell it: one line for its viewers.

California (§ 22757.3.1), Utah, India (rule 4(1A)) and China (Measures, Article 6) ask who spreads
content to read its marks and to say so beside it. The line never says more than the file does: who
says that AI made it stands in it, and an unsigned label is called one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from provenance.labels import AIGC, says_ai
from provenance.report import Evidence, ProvenanceReport, State
from provenance.sentences import MADE, generator
from provenance.verdicts import Verdict, VerificationReport, clean

KEPT_LABEL = "org.guarded-gen.kept"
"""Assertion of a file that was transcoded here: what its source carried."""
NOTHING_FOUND = (
    "Nothing was found in this file that says how it was made. That does not mean that it is real."
)
_AI = frozenset({"trainedAlgorithmicMedia"})
_MADE_UP = frozenset({"algorithmicMedia", "virtualRecording", "dataDrivenMedia"})
"""Generated, though by no trained model."""
_PARTLY = frozenset(
    {"compositeWithTrainedAlgorithmicMedia", "compositeSynthetic", "algorithmicallyEnhanced"}
)
_CAMERA = frozenset({"digitalCapture", "computationalCapture", "compositeCapture"})
_MOST_NAME = 80


class Notice(StrEnum):
    """How sure it is that content is made with AI: the three grades of China's Article 6."""

    GENERATED = "generated"
    POSSIBLE = "possible"
    SUSPECTED = "suspected"
    NONE = "none"


def upload_label(
    report: ProvenanceReport,
    labels: Mapping[str, str],
    *,
    provider: str = "",
    declared: bool | None = None,
) -> dict[str, Any]:
    """The answer of ``POST /v1/uploads/label``.

    ``labels`` are the unsigned ones of the file's container, ``declared`` is what the uploader
    said, ``provider`` is our own name, for files that are ours by their mark.
    """
    verification = report.verification
    sources = [
        *_signed(verification),
        *_ours(report, provider),
        *_unsigned(labels),
        *_said(declared),
    ]
    first = next((one for one in sources if one["label"]), None)
    made = next((one["made_with_ai"] for one in sources if one["made_with_ai"] is not None), None)
    grades = [one["notice"] for one in sources]
    notice = next((grade for grade in Notice if grade.value in grades), Notice.NONE)
    contradicted = declared is False and any(
        one["made_with_ai"] for one in sources if one["by"] != "uploader"
    )
    return {
        "object": "upload_label",
        "label": first["label"] if first else None,
        "made_with_ai": made,
        "notice": notice.value,
        "sources": sources,
        "declared": declared,
        "contradicts_declaration": contradicted,
        "provenance_available": verification.verdict
        not in (Verdict.UNSIGNED, Verdict.UNREADABLE, Verdict.REMOTE_ONLY),
        "signed": verification.signer is not None,
        "system": generator(verification) if verification.intact else None,
        "verdict": verification.verdict.value,
        "summary": f"{report.headline} {report.explanation}" if sources else NOTHING_FOUND,
    }


def said_by(verification: VerificationReport) -> str:
    """Who signed, as a viewer may be told; says so where we do not know the signer."""
    signer = verification.signer
    if signer is None:
        return ""
    name = clean(signer.organisation or signer.common_name, _MOST_NAME)
    return name if signer.trusted else f"{name} (a signer that we do not know)"


def source_term(verification: VerificationReport) -> str:
    """The IPTC term by which the credentials say how the content was made; may be empty."""
    for action in verification.manifest.get("actions", ()):
        term = str(action.get("digitalSourceType") or "").rpartition("/")[2]
        if term in MADE:
            return term
    return ""


def _signed(verification: VerificationReport) -> list[dict[str, Any]]:
    if not verification.intact:
        return []
    kept = verification.manifest.get("assertions", {}).get(KEPT_LABEL)
    if isinstance(kept, Mapping) and verification.verdict is Verdict.TRUSTED:
        term, who = str(kept.get("sourceType") or ""), clean(str(kept.get("saidBy") or ""), 120)
        who = f"{who}, kept by {said_by(verification)}" if who else said_by(verification)
        if not kept.get("signed", True):
            return [_source("credentials", *_words(term, ""), unsigned=True, grade=_grade(term))]
        return [_source("credentials", *_words(term, who), grade=_grade(term))]
    term = source_term(verification)
    return [_source("credentials", *_words(term, said_by(verification)), grade=_grade(term))]


def _grade(term: str) -> Notice:
    return Notice.GENERATED if term in _AI | _PARTLY | _MADE_UP else Notice.NONE


def _words(term: str, who: str) -> tuple[str | None, bool | None]:
    """The line for a viewer, and whether AI made it; of an unknown term nothing is said."""
    says = f", says {who}" if who else ""
    if term in _AI:
        return f"Made with AI{says}", True
    if term in _PARTLY:
        return f"Made partly with AI{says}", True
    if term in _CAMERA:
        return f"Recorded with a camera{says}", False
    if term in MADE:
        return f"{MADE[term][0].upper()}{MADE[term][1:]}{says}", False
    return None, None


def _source(
    by: str,
    label: str | None,
    ai: bool | None,
    *,
    unsigned: bool = False,
    grade: Notice | None = None,
) -> dict[str, Any]:
    if unsigned and label:
        label = f"{label}, says a label that nobody signed"
    notice = grade or (Notice.GENERATED if ai else Notice.NONE)
    return {"by": by, "label": label, "made_with_ai": ai, "notice": notice.value}


def _ours(report: ProvenanceReport, provider: str) -> list[dict[str, Any]]:
    """By its invisible mark, or by likeness to what was published here."""
    states = {finding.kind: finding.state for finding in report.findings}
    who = provider or "this service"
    if states.get(Evidence.WATERMARK) is State.FOUND:
        return [_source("watermark", f"Made with AI, says {who} by an invisible mark", True)]
    if states.get(Evidence.FINGERPRINT) is State.FOUND:
        line = f"Looks like something that {who} made with AI"
        return [_source("likeness", line, None, grade=Notice.SUSPECTED)]
    return []


def _unsigned(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    if AIGC in labels:
        state = aigc_state(labels[AIGC])
        line, grade = {
            "1": ("Made with AI", Notice.GENERATED),
            "2": ("Possibly made with AI", Notice.POSSIBLE),
            "3": ("Suspected to be made with AI", Notice.SUSPECTED),
        }.get(state, ("Possibly made with AI", Notice.POSSIBLE))
        ai = True if grade is Notice.GENERATED else None
        return [_source("label", line, ai, unsigned=True, grade=grade)]
    if says_ai(labels):
        return [_source("label", "Made with AI", True, unsigned=True)]
    return []


def aigc_state(text: str) -> str:
    """``Label`` of an implicit label by GB 45438: 1 generated, 2 possibly, 3 suspected."""
    try:
        record = json.loads(text)
    except ValueError:
        return ""
    return str(record.get("Label", "")) if isinstance(record, Mapping) else ""


def _said(declared: bool | None) -> list[dict[str, Any]]:
    if not declared:
        return []
    line = "Made with AI, says the person who uploaded it"
    return [_source("uploader", line, True, grade=Notice.POSSIBLE)]
