"""The desk of the gravest cases: what is held, sealed and reported, and until when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select

from guarded_gen.audit import AuditLog, Transaction
from guarded_gen.errors import InvalidInput
from guarded_gen.preservation.evidence import EvidenceRoom, Files
from guarded_gen.preservation.hotline import Hotline
from guarded_gen.preservation.reports import Reports
from guarded_gen.preservation.settings import PreservationSettings
from guarded_gen.review import holds
from guarded_gen.review.cases import now_ms, visible
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.preservation import HotlineReport, LegalHold, SealedEvidence
from guarded_gen.store.tables.review import ReviewCase


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case as the desk lists it; no words and no media."""

    case: ReviewCase
    evidence: SealedEvidence | None
    report: HotlineReport | None
    hold: LegalHold | None


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
        self.evidence = EvidenceRoom(log, settings, folder, files, clock)
        self.reports = Reports(log, settings, files, hotline, clock)
        self.clock = clock

    def problems(self) -> list[str]:
        """What keeps the desk from its work, each with its remedy; empty when nothing does."""
        return self.evidence.problems() + self.reports.problems()

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
            running = select(LegalHold).where(LegalHold.case.in_(ids), LegalHold.ended.is_(False))
            held = {h.case: h for h in session.scalars(running)}
        return [CaseLine(c, kept.get(c.id), sent.get(c.id), held.get(c.id)) for c in cases]

    def sweep(self) -> int:
        """Seal what is new, then send what is due; a chore. Gives how many were finished."""
        self.evidence.seal_new()
        return self.reports.send_due()

    def hold_until(self, who: Member, case_id: str, day: str) -> None:
        """Make the hold of a case longer, to the end of a day (UTC) such as ``2028-01-31``.

        For the legal role, as when an authority asks for it. It is never made shorter here.
        """
        who.require(Permission.REPORT)
        try:
            end = datetime.combine(date.fromisoformat(day), datetime.max.time(), UTC)
        except ValueError as error:
            raise InvalidInput("this is no date", "give it as 2028-01-31", "until") from error

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, case_id)
            holds.extend(tx, case, int(end.timestamp() * 1000), who.id, self.clock())

        self.log.write(work)
