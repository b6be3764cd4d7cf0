"""The state of one verification, filled step by step; see :mod:`provenance.examination`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provenance import history
from provenance.claims import ManifestCheck
from provenance.codes import Meaning, meaning
from provenance.containers import Container, Uncovered
from provenance.jumbf import ManifestStore
from provenance.limits import ProvenanceLimits
from provenance.ranges import Range
from provenance.trust import TrustList
from provenance.verdicts import (
    IdentityReport,
    IngredientReport,
    Severity,
    SignerReport,
    Timestamp,
    Verdict,
    VerificationFinding,
    VerificationStep,
    clean,
    strictest,
)

STEPS = (
    "Bounds",
    "Kind",
    "Container",
    "Store",
    "Structure",
    "Validation",
    "Hard binding",
    "Claim",
    "Time",
    "SignerReport",
    "History",
    "Uncovered bytes",
)


_WEIGHTS: Mapping[Meaning, Verdict | None] = {
    Meaning.CHANGED: Verdict.TAMPERED,
    Meaning.MALFORMED: Verdict.MALFORMED,
    Meaning.NOT_JUDGED: Verdict.NOT_JUDGED,
    # judged by steps of their own
    Meaning.SIGNER: None,
    Meaning.TIME: None,
    Meaning.IDENTITY: None,
}
_WORDS = {
    Verdict.TAMPERED: "something is not as it was signed",
    Verdict.MALFORMED: "the credentials do not fit the specification",
    Verdict.NOT_JUDGED: "the C2PA library objects with a code that is not known here",
}


class Stop(Exception):
    """The verdict is settled before the last step."""

    def __init__(self, verdict: Verdict, code: str, message: str) -> None:
        super().__init__(message)
        self.verdict = verdict
        self.code = code


@dataclass
class Run:
    """The state of one verification, filled step by step."""

    path: Path
    trust: TrustList
    at: datetime | None
    limits: ProvenanceLimits
    sidecar: Path | None
    crjson: bool
    steps: list[VerificationStep] = field(default_factory=list)
    findings: list[VerificationFinding] = field(default_factory=list)
    file: dict[str, Any] = field(default_factory=dict)
    container: Container = field(default_factory=Container)
    store_bytes: bytes = b""
    store: ManifestStore | None = None
    checks: Mapping[str, ManifestCheck] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)
    library_failed: bool = False
    cr: Mapping[str, Any] | None = None
    signer: SignerReport | None = None
    timestamp: Timestamp | None = None
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))
    ingredients: tuple[IngredientReport, ...] = ()
    identities: tuple[IdentityReport, ...] = ()
    excluded: tuple[Range, ...] = ()
    uncovered: tuple[Uncovered, ...] = ()
    verdict: Verdict = Verdict.TRUSTED

    @property
    def active(self) -> str:
        return str(self.read.get("active_manifest", ""))

    @property
    def results(self) -> Mapping[str, Any]:
        found = self.read.get("validation_results")
        return found if isinstance(found, Mapping) else {}

    def codes(self, bucket: str) -> list[str]:
        return history.codes_of(self.results.get("activeManifest"), bucket)

    def worsen(self, verdict: Verdict) -> None:
        """The verdict is at least as strict as ``verdict`` from now on."""
        self.verdict = strictest(self.verdict, verdict)

    def judge(self, code: str, message: str, where: str = "") -> None:
        """Put a failure on record, and let it weigh what its code proves."""
        weight = _WEIGHTS[meaning(code, where)]
        if weight is None:
            return
        self.worsen(weight)
        loud = weight in (Verdict.TAMPERED, Verdict.MALFORMED)
        severity = Severity.FAILURE if loud else Severity.WARNING
        shown = clean(code, 100)
        if not any(f.code == shown and f.where == clean(where, 400) for f in self.findings):
            self.note(shown, severity, message or _WORDS[weight], where)

    def passed(self, number: int, detail: str = "", outcome: str = "passed") -> None:
        self.steps.append(VerificationStep(number, STEPS[number - 1], outcome, detail))

    def note(self, code: str, severity: Severity, message: str, where: str = "") -> None:
        most = self.limits.max_text_chars
        self.findings.append(
            VerificationFinding(code, severity, clean(message, most), clean(where, 400))
        )

    def fail(self, number: int, code: str, message: str, where: str = "") -> None:
        self.passed(number, clean(message, 400), "failed")
        self.note(code, Severity.FAILURE, message, where)
