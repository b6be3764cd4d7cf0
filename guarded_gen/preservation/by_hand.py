"""Hotlines that are told by a person: what each needs, and the sheet to fill in its form from.

They have forms and portals, and no interface that was open to us. What they ask for was read in
November 2026: INHOPE, "How to report" (inhope.org: the address of the content goes into the form
of the hotline of your country; files are never sent by mail); the Online Safety (CSEA Content
Reporting by Regulated User-to-User Service Providers) Regulations 2026, SI 2026/268, in force since
7 April 2026 (legislation.gov.uk; its title and definitions only).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from guarded_gen.preservation.errors import ReportIncomplete
from guarded_gen.preservation.settings import FormHotline, HotlineKind, HotlineSettings
from guarded_gen.store.tables.review import ReviewCase

READY = "ready"
"""The state of a report that a person has now to enter into the hotline's form."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a kind of hotline asks for, beside what the sheet holds anyway."""

    takes_files: bool
    by_you: tuple[str, ...]
    """What only the operator knows."""
    remarks: tuple[str, ...]


NEEDS: dict[HotlineKind, Needs] = {
    HotlineKind.INHOPE: Needs(
        takes_files=False,
        by_you=("the address at which the content can be seen, if it was published",),
        remarks=(
            "use the form of the hotline of your country, once",
            "never send the files by mail",
        ),
    ),
    HotlineKind.NCA: Needs(
        takes_files=True,
        by_you=(
            "the account of your authorised person at the NCA's portal",
            "what you know of the user: account, addresses, IP address and port with times",
            "how urgent it is",
        ),
        remarks=(
            "for providers that the Online Safety Act 2023, section 66, obliges",
            "who reports to a comparable body abroad, NCMEC for one, may be exempt: ask a lawyer",
        ),
    ),
    HotlineKind.FORM: Needs(
        takes_files=False,
        by_you=("whatever else the form asks for",),
        remarks=("send files only if the hotline asks for them, and in the way that it names",),
    ),
}


def check(fields: Mapping[str, str]) -> None:
    """Raise :class:`ReportIncomplete` naming the first field that is missing."""
    if not fields.get("incident_type", "").strip():
        raise ReportIncomplete(
            "incident_type is missing", "fill it in, then ask again", "incident_type"
        )


def sheet(
    line: FormHotline,
    reporter: HotlineSettings,
    case: ReviewCase,
    fields: Mapping[str, str],
    files: Sequence[Path],
) -> dict[str, Any]:
    """What a person enters into the form. ``files`` are named by their hashes only."""
    needs = NEEDS[line.kind]
    return {
        "hotline": line.name,
        "where": line.where,
        "incident": {
            "type": fields.get("incident_type", ""),
            "at": datetime.fromtimestamp(case.opened_at / 1000, UTC).isoformat(),
            "classification": fields.get("classification", ""),
            "immediate_danger": fields.get("high_priority", ""),
            "words": fields.get("additional", ""),
            "made_by": "a generative model",
        },
        "reported_user": {"identifier": case.subject, "service": reporter.service},
        "reporter": {
            "name": f"{reporter.first_name} {reporter.last_name}".strip(),
            "email": reporter.email,
            "company": reporter.company,
        },
        "files": [_hashes(path) for path in files],
        "our_reference": {"case": case.id, "log_entry": case.decision},
        "takes_files": needs.takes_files,
        "by_you": list(needs.by_you),
        "remarks": list(needs.remarks),
    }


def _hashes(path: Path) -> dict[str, Any]:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            md5.update(chunk)
            sha256.update(chunk)
    return {"md5": md5.hexdigest(), "sha256": sha256.hexdigest(), "bytes": path.stat().st_size}
