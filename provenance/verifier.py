"""The verifier's front door: :func:`verify` runs the twelve steps in a guarded child process.

The steps are in :mod:`provenance.examination`, numbered in its docstring and its code; the
child is in :mod:`provenance.isolation`.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from provenance.examination import SIDECAR_SUFFIX, examine, library_settings
from provenance.isolation import Sandbox
from provenance.limits import ProvenanceLimits
from provenance.remote import fetch_store
from provenance.steps import STEPS
from provenance.trust import TrustList
from provenance.verdicts import (
    Severity,
    Verdict,
    VerificationFinding,
    VerificationReport,
    VerificationStep,
    clean,
)
from provenance.view import SUMMARIES

__all__ = ["SIDECAR_SUFFIX", "STEPS", "examine", "library_settings", "verify"]


def verify(
    path: Path,
    trust: TrustList,
    limits: ProvenanceLimits | None = None,
    *,
    at: datetime | None = None,
    sidecar: Path | None = None,
    crjson: bool = False,
    sandbox: Sandbox | None = None,
    allowed_hosts: frozenset[str] = frozenset(),
) -> VerificationReport:
    """Verify a file as a stranger would: the twelve steps in a guarded child process.

    ``at`` asks what held at that moment. A service passes its own ``sandbox``, whose children
    stay warm; without one a child is started for this call (about a third of a second).
    Credentials on a server are fetched only from hosts in ``allowed_hosts``, by HTTPS, without
    redirects, within the limits; by default none is asked.

    Never raises for what is in the file: a file that exhausts its time or memory is
    ``unreadable``. Raises :class:`VerifierUnavailable` when no child can be started.
    """
    chosen = limits or ProvenanceLimits()
    if sandbox is None:
        with Sandbox(memory_bytes=chosen.verify_memory_bytes) as own:
            return verify(
                path,
                trust,
                chosen,
                at=at,
                sidecar=sidecar,
                crjson=crjson,
                sandbox=own,
                allowed_hosts=allowed_hosts,
            )
    report = _ask(sandbox, path, trust, chosen, at, sidecar, crjson)
    if report.verdict is not Verdict.REMOTE_ONLY or not allowed_hosts:
        return report
    fetched = fetch_store(report.remote_url or "", allowed_hosts, chosen)
    if fetched.store is None:
        note = VerificationFinding("remote.not_fetched", Severity.NOTE, clean(fetched.reason, 400))
        return replace(report, findings=(*report.findings, note))
    with tempfile.NamedTemporaryFile(suffix=SIDECAR_SUFFIX) as file:
        file.write(fetched.store)
        file.flush()
        return _ask(sandbox, path, trust, chosen, at, Path(file.name), crjson)


def _ask(
    sandbox: Sandbox,
    path: Path,
    trust: TrustList,
    limits: ProvenanceLimits,
    at: datetime | None,
    sidecar: Path | None,
    crjson: bool,
) -> VerificationReport:
    request = {
        "path": str(Path(path).absolute()),
        "trust": trust.to_json(),
        "limits": limits.model_dump(),
        "at": at.isoformat() if at else None,
        "sidecar": str(sidecar.absolute()) if sidecar else None,
        "crjson": crjson,
    }
    hashing = _hashing_seconds(path, limits)
    outcome = sandbox.call(
        request, limits.verify_seconds + hashing, limits.verify_cpu_seconds + hashing
    )
    if outcome.answer is not None:
        return VerificationReport.from_json(outcome.answer)
    return VerificationReport(
        Verdict.UNREADABLE,
        SUMMARIES[Verdict.UNREADABLE],
        (VerificationFinding(outcome.code, Severity.FAILURE, outcome.message),),
        tuple(VerificationStep(i + 1, name, "not_reached") for i, name in enumerate(STEPS)),
        {"name": clean(Path(path).name, 255)},
        trust_list=clean(trust.name, 200),
    )


def _hashing_seconds(path: Path, limits: ProvenanceLimits) -> float:
    """What hashing the file may take at the slowest rate we accept."""
    try:
        size = Path(path).stat().st_size
    except OSError:
        size = 0
    return size / limits.verify_bytes_per_second
