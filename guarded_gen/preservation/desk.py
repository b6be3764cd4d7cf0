"""The desk of the gravest cases: seal at once, report by two people, release by two people."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from guarded_gen.audit import AuditLog, Event, LogEntry, Query, Transaction
from guarded_gen.errors import Conflict, GuardedGenError, InvalidInput, NotFound
from guarded_gen.preservation.cybertip import (
    CLASSIFICATIONS,
    CyberTipReport,
    FileDetails,
    ReportedPerson,
    Reporter,
)
from guarded_gen.preservation.errors import HotlineAway, HotlineOff, HotlineRefused
from guarded_gen.preservation.hotline import Hotline
from guarded_gen.preservation.sealing import Sealed, fingerprint, recipient, seal
from guarded_gen.preservation.settings import PreservationSettings
from guarded_gen.review.cases import now_ms, visible
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.preservation import HotlineReport, SealedEvidence
from guarded_gen.store.tables.review import Exposure, ReviewCase

_log = logging.getLogger(__name__)
ACTOR = "preservation"
FIRST_WAIT_MS = 5_000
LONGEST_WAIT_MS = 3_600_000
NCMEC = "ncmec"

Files = Callable[[ReviewCase], Sequence[Path]]
"""The files of a case that exist on this machine: draft or references."""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case as the desk lists it; no words and no media."""

    case: ReviewCase
    evidence: SealedEvidence | None
    report: HotlineReport | None


class Desk:
    """Reading and acting on preserved cases. Every call but :meth:`sweep` asks who is there."""

    def __init__(
        self,
        log: AuditLog,
        settings: PreservationSettings,
        folder: Path,
        files: Files,
        hotline: Callable[[], Hotline] | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.log = log
        self.settings = settings
        self.folder = folder
        self._files = files
        self._hotline = hotline or (lambda: Hotline(settings.hotline))
        self.clock = clock

    # --- reading ----------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What keeps the desk from its work, each with its remedy; empty when nothing does."""
        found: list[str] = []
        try:
            now = fingerprint(recipient(self.settings.recipient))
        except GuardedGenError as error:
            found.append(f"{error}: {error.remedy}")
            now = None
        with self.log.store.read() as session:
            sealed = set(session.scalars(select(SealedEvidence.recipient).distinct()))
        if now and sealed - {now}:
            found.append("some evidence is sealed to an earlier key: keep that key as well")
        if not self.settings.hotline.ready:
            found.append("no hotline is configured: reports cannot be sent")
        return found

    def page(self, who: Member, most: int = 200) -> list[CaseLine]:
        """The restricted cases that this person may know of, newest first."""
        who.require(Permission.SEE_RESTRICTED)
        query = select(ReviewCase).where(ReviewCase.restricted, ReviewCase.kind != "golden")
        if who.tenants:
            query = query.where(ReviewCase.tenant.in_(sorted(who.tenants)))
        with self.log.store.read() as session:
            cases = list(session.scalars(query.order_by(ReviewCase.opened_at.desc()).limit(most)))
            ids = [case.id for case in cases]
            kept = {
                e.case: e
                for e in session.scalars(select(SealedEvidence).where(SealedEvidence.case.in_(ids)))
            }
            reports = session.scalars(select(HotlineReport).where(HotlineReport.case.in_(ids)))
            sent = {r.case: r for r in reports}
        return [CaseLine(case, kept.get(case.id), sent.get(case.id)) for case in cases]

    # --- sealing ----------------------------------------------------------------------------

    def sweep(self) -> int:
        """Seal every restricted case that is not sealed yet, then send what is due; a chore.

        Without a certificate of the legal role nothing is sealed: :meth:`problems` says so, and the
        hold keeps the originals until there is one.
        """
        for case in self._unsealed():
            try:
                self._seal(case, recipient(self.settings.recipient))
            except (GuardedGenError, OSError) as error:  # the others, and the reports, go on
                _log.warning("evidence of a case is not sealed: %s", error)
        return self.send_due()

    def _unsealed(self) -> list[ReviewCase]:
        done = select(SealedEvidence.case)
        with self.log.store.read() as session:
            query = select(ReviewCase).where(
                ReviewCase.restricted,
                ReviewCase.kind.in_(("review", "report")),
                ReviewCase.id.not_in(done),
            )
            return list(session.scalars(query.order_by(ReviewCase.opened_at).limit(100)))

    def _seal(self, case: ReviewCase, to: Any) -> Sealed:
        id = f"evi_{uuid.uuid4().hex}"
        files: list[tuple[str, bytes | Path]] = []
        for entry in self._chain(case.decision):
            files.append((f"record/{entry.index}.json", entry.data))
            files.append(
                (f"record/{entry.index}.tlog-proof", self.log.proof(entry.id).encode().encode())
            )
            if entry.commit is not None:
                try:
                    words = self.log.reveal(entry.id, ACTOR, f"sealed as evidence of {case.id}")
                    files.append((f"record/{entry.index}.payload.json", words))
                except GuardedGenError:
                    files.append(
                        (f"record/{entry.index}.payload.missing", b"erased before the hold")
                    )
        files += [(f"media/{n}{path.suffix}", path) for n, path in enumerate(self._files(case))]
        facts = {
            "case": case.id,
            "tenant": case.tenant,
            "subject": case.subject,
            "item": case.item,
            "category": case.category,
            "rule": case.rule,
            "stage": case.stage,
            "opened_at": _iso(case.opened_at),
            "sealed_at": _iso(self.clock()),
        }
        limit = self.settings.max_file_bytes
        sealed = seal(self.folder / id, files, facts, to, limit)

        def work(tx: Transaction) -> None:
            tx.session.add(
                SealedEvidence(
                    id=id,
                    case=case.id,
                    folder=str(sealed.folder),
                    digest=sealed.digest,
                    recipient=sealed.recipient,
                    made_at=self.clock(),
                    asked_by=None,
                    released_by=None,
                )
            )
            tx.append(
                Event(
                    kind="evidence.sealed",
                    tenant=case.tenant,
                    actor=ACTOR,
                    related=case.decision,
                    body={
                        "evidence": id,
                        "case": case.id,
                        "sha256": sealed.digest,
                        "recipient": sealed.recipient,
                        "files": len(files),
                    },
                )
            )

        self.log.write(work)
        return sealed

    def _chain(self, decision: str) -> list[LogEntry]:
        found: list[LogEntry] = []
        id: str | None = decision
        while id is not None and len(found) < 10:
            entry = self.log.entry(id)
            found.append(entry)
            id = entry.related
        return found

    # --- release ----------------------------------------------------------------------------

    def release(self, who: Member, case_id: str) -> Path | None:
        """Ask for a bundle, or agree to what another person asked for; the folder once two did.

        The folder holds the sealed files and ``custody.json``: who touched the case, from the log.
        """
        who.require(Permission.REPORT)

        def work(tx: Transaction) -> bool:
            case = visible(tx.session, who, case_id)
            kept = tx.session.scalar(select(SealedEvidence).where(SealedEvidence.case == case_id))
            if kept is None:
                raise NotFound("nothing is sealed of this case", "; ".join(self.problems()) or None)
            if kept.released_by is not None:
                return True
            if kept.asked_by is None:
                kept.asked_by, kind = who.id, "evidence.release_asked"
            elif kept.asked_by == who.id:
                raise NotAllowed("another person must agree to the release", "ask a colleague")
            else:
                kept.released_by, kind = who.id, "evidence.released"
            tx.append(
                Event(
                    kind=kind,
                    tenant=case.tenant,
                    actor=who.id,
                    related=case.decision,
                    body={"evidence": kept.id, "case": case_id},
                )
            )
            return kept.released_by is not None

        if not self.log.write(work):
            return None
        with self.log.store.read() as session:
            kept = session.scalar(select(SealedEvidence).where(SealedEvidence.case == case_id))
            case = session.get(ReviewCase, case_id)
        assert kept is not None and case is not None
        folder = Path(kept.folder)
        (folder / "custody.json").write_text(json.dumps(self._custody(case), indent=1))
        return folder

    def _custody(self, case: ReviewCase) -> list[dict[str, Any]]:
        """Who touched a case: entries that name it, oldest first."""
        query = Query(tenant=case.tenant, since=case.opened_at - 1_000)
        entries = [e for e in self.log.entries(query) if e.body.get("case") == case.id]
        return [
            {"index": e.index, "time": _iso(e.time), "kind": e.kind, "actor": e.actor}
            for e in sorted(entries, key=lambda e: e.index)
        ]

    # --- reporting --------------------------------------------------------------------------

    def ask_report(self, who: Member, case_id: str, fields: dict[str, str]) -> None:
        """Prepare a report. ``fields``: ``incident_type``, ``classification`` (may be empty),
        ``additional``, ``high_priority``. Refused here, with the field's name, when incomplete."""
        who.require(Permission.SEE_RESTRICTED)
        if fields.get("classification", "") not in ("", *CLASSIFICATIONS):
            raise InvalidInput("no such classification", None, "classification")

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, case_id)
            if not (case.state == "closed" and case.action == "block"):
                raise Conflict("two people must have confirmed the case", "decide it first")
            if tx.session.get(HotlineReport, case_id) is not None:
                raise Conflict("this case has a report already", "look at its state")
            self._report(case, fields).check(self._now())
            tx.session.add(
                HotlineReport(
                    case=case_id,
                    hotline=NCMEC,
                    state="asked",
                    fields={k: str(v)[:10_000] for k, v in fields.items()},
                    asked_by=who.id,
                    agreed_by=None,
                    report=None,
                    files={},
                    tries=0,
                    next_at=0,
                    error=None,
                )
            )
            self._note(tx, case, who.id, "report.asked", {})

        self.log.write(work)

    def agree_report(self, who: Member, case_id: str) -> None:
        """Another person, of the legal role, lets the report go. Sending is a chore."""
        who.require(Permission.REPORT)
        if not self.settings.hotline.ready:
            raise HotlineOff(
                "no hotline is configured: nothing can be sent", "set preservation.hotline"
            )

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, case_id)
            row = tx.session.get(HotlineReport, case_id)
            if row is None or row.state not in ("asked", "refused"):
                raise Conflict("there is no report that waits for you", "look at its state")
            if row.asked_by == who.id:
                raise NotAllowed("another person must agree to the report", "ask a colleague")
            row.state, row.agreed_by, row.next_at = "due", who.id, 0
            row.tries, row.error = 0, None
            self._note(tx, case, who.id, "report.agreed", {})

        self.log.write(work)

    def send_due(self) -> int:
        """Bring every report that is due one way further, as far as the hotline lets it; returns
        how many were finished."""
        if not self.settings.hotline.ready:
            return 0
        with self.log.store.read() as session:
            due = list(
                session.scalars(
                    select(HotlineReport.case).where(
                        HotlineReport.state.in_(("due", "open")),
                        HotlineReport.next_at <= self.clock(),
                    )
                )
            )
        if not due:
            return 0
        line = self._hotline()
        try:
            return sum(self._send(line, case) for case in due)
        finally:
            line.close()

    def _send(self, line: Hotline, case_id: str) -> bool:
        with self.log.store.read() as session:
            case = session.get(ReviewCase, case_id)
            row = session.get(HotlineReport, case_id)
        assert case is not None and row is not None
        try:
            self._deliver(line, case, row)
        except HotlineAway as error:
            wait = min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** min(row.tries, 12))
            lost = row.tries + 1 >= self.settings.hotline.max_tries
            self._put(case, "report.failed" if lost else None, {"why": str(error)},
                      tries=row.tries + 1, next_at=self.clock() + wait, error=str(error),
                      **({"state": "refused"} if lost else {}))  # fmt: skip
            return False
        except HotlineRefused as error:
            self._put(
                case, "report.refused", {"why": str(error)}, state="refused", error=str(error)
            )
            return False
        return True

    def _deliver(self, line: Hotline, case: ReviewCase, row: HotlineReport) -> None:
        number, files = row.report, dict(row.files)
        if number is None:
            number = line.submit(self._report(case, row.fields).xml())
            # Noted before anything hangs on it: whoever goes on continues this one.
            self._put(case, "report.submitted", {"report": number}, report=number, state="open")
        viewed = self._viewed(case.id)
        for path in self._files(case):
            if path.name in files:
                continue
            content = path.read_bytes()
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            sent = line.upload(number, path.name, content, md5)
            details = FileDetails(
                path.name,
                viewed,
                row.fields.get("classification", ""),
                hashes={"MD5": md5, "SHA-256": hashlib.sha256(content).hexdigest()},
            )
            line.describe(details.xml(number, sent))
            files[path.name] = sent
            self._put(case, None, {}, files=files)
        line.finish(number)
        # The words have served: the sealed evidence and the hotline have them.
        self._put(
            case, "report.finished", {"report": number}, state="finished", fields={}, error=None
        )

    def _viewed(self, case_id: str) -> bool:
        with self.log.store.read() as session:
            found = session.scalar(select(Exposure.id).where(Exposure.case == case_id).limit(1))
        return found is not None

    def _report(self, case: ReviewCase, fields: dict[str, str]) -> CyberTipReport:
        ours = self.settings.hotline
        return CyberTipReport(
            incident_type=fields.get("incident_type", ""),
            at=datetime.fromtimestamp(case.opened_at / 1000, UTC),
            reporter=Reporter(ours.first_name, ours.last_name, ours.email, ours.company),
            person=ReportedPerson(case.subject, ours.service),
            additional=fields.get("additional", ""),
            high_priority=fields.get("high_priority", ""),
        )

    def _put(self, case: ReviewCase, kind: str | None, body: dict[str, Any], **values: Any) -> None:
        def work(tx: Transaction) -> None:
            row = tx.session.get(HotlineReport, case.id)
            assert row is not None
            for name, value in values.items():
                setattr(row, name, value)
            if kind is not None:
                self._note(tx, case, ACTOR, kind, body)

        self.log.write(work)

    def _note(
        self, tx: Transaction, case: ReviewCase, actor: str, kind: str, body: dict[str, Any]
    ) -> None:
        tx.append(
            Event(
                kind=kind,
                tenant=case.tenant,
                actor=actor,
                related=case.decision,
                body={"case": case.id, "hotline": NCMEC, **body},
            )
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock() / 1000, UTC)


def as_json(line: CaseLine) -> dict[str, Any]:
    """A line of the desk for machines."""
    report, kept = line.report, line.evidence
    return {
        "case": line.case.id,
        "category": line.case.category,
        "state": line.case.state,
        "evidence": kept
        and {"id": kept.id, "sha256": kept.digest, "released": bool(kept.released_by)},
        "report": report
        and {"state": report.state, "number": report.report, "error": report.error},
    }


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
