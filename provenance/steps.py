"""The state of one verification, filled step by step; see :mod:`provenance.examination`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provenance import history
from provenance.containers import Container
from provenance.jumbf import ManifestStore
from provenance.limits import ProvenanceLimits
from provenance.trust import TrustList
from provenance.verdicts import (
    Finding,
    IngredientReport,
    Severity,
    Signer,
    Step,
    Timestamp,
    Verdict,
    clean,
)

STEPS = (
    "Bounds", "Kind", "Container", "Store", "Structure", "Validation", "Hard binding", "Claim",
    "Time", "Signer", "History", "Uncovered bytes",
)  # fmt: skip


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
    steps: list[Step] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    file: dict[str, Any] = field(default_factory=dict)
    container: Container = field(default_factory=Container)
    store_bytes: bytes = b""
    store: ManifestStore | None = None
    read: dict[str, Any] = field(default_factory=dict)
    cr: Mapping[str, Any] | None = None
    signer: Signer | None = None
    timestamp: Timestamp | None = None
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))
    ingredients: tuple[IngredientReport, ...] = ()

    @property
    def active(self) -> str:
        return str(self.read.get("active_manifest", ""))

    @property
    def results(self) -> Mapping[str, Any]:
        found = self.read.get("validation_results")
        return found if isinstance(found, Mapping) else {}

    def codes(self, bucket: str) -> list[str]:
        return history.codes_of(self.results.get("activeManifest"), bucket)

    def passed(self, number: int, detail: str = "", outcome: str = "passed") -> None:
        self.steps.append(Step(number, STEPS[number - 1], outcome, detail))

    def note(self, code: str, severity: Severity, message: str, where: str = "") -> None:
        most = self.limits.max_text_chars
        self.findings.append(Finding(code, severity, clean(message, most), clean(where, 400)))

    def fail(self, number: int, code: str, message: str, where: str = "") -> None:
        self.passed(number, clean(message, 400), "failed")
        self.note(code, Severity.FAILURE, message, where)
