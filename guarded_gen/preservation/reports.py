"""Reports to hotlines: prepared by one person, let go by another one of the legal role.

NCMEC is told by this service (:mod:`guarded_gen.preservation.hotline`); other hotlines by a person
who fills in their form from a sheet (:mod:`guarded_gen.preservation.by_hand`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.preservation import by_hand
from guarded_gen.preservation.cybertip import (
    CLASSIFICATIONS,
    CyberTipReport,
    FileDetails,
    ReportedPerson,
    Reporter,
)
from guarded_gen.preservation.errors import HotlineAway, HotlineOff, HotlineRefused
from guarded_gen.preservation.evidence import ACTOR, Files
from guarded_gen.preservation.hotline import Hotline
from guarded_gen.preservation.settings import NCMEC, PreservationSettings
from guarded_gen.review.cases import now_ms, visible
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.preservation import HotlineReport
from guarded_gen.store.tables.review import Exposure, ReviewCase

FIRST_WAIT_MS = 5_000
LONGEST_WAIT_MS = 3_600_000
LONGEST_NUMBER = 64
"""Letters of a hotline's own number of a report."""


class Reports:
    """One report a case, to one of the hotlines of the settings."""

    def __init__(
        self,
        log: AuditLog,
        settings: PreservationSettings,
        files: Files,
        hotline: Callable[[], Hotline] | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.log = log
        self.settings = settings
        self._files = files
        self._hotline = hotline or (lambda: Hotline(settings.hotline))
        self.clock = clock

    def problems(self) -> list[str]:
        """What keeps reports from being made; empty when nothing does."""
        if self.settings.hotline.ready or self.settings.hotlines:
            return []
        return ["no hotline is configured: reports cannot be sent"]

    @property
    def hotlines(self) -> tuple[str, ...]:
        """Names of the hotlines that can be chosen; NCMEC first, also while it is not set up."""
        by_people = tuple(one.name for one in self.settings.hotlines)
        return by_people if by_people and not self.settings.hotline.ready else (NCMEC, *by_people)

    def ask(self, who: Member, case_id: str, fields: dict[str, str]) -> None:
        """Prepare a report. ``fields``: ``incident_type``, ``classification`` (may be empty),
        ``additional``, ``high_priority``, ``hotline`` (the first one when it is not said). Refused
        here, with the field's name, when incomplete."""
        who.require(Permission.SEE_RESTRICTED)
        if fields.get("classification", "") not in ("", *CLASSIFICATIONS):
            raise InvalidInput("no such classification", None, "classification")
        to = fields.get("hotline") or self.hotlines[0]
        if to not in self.hotlines:
            raise InvalidInput("no such hotline", "one of: " + ", ".join(self.hotlines), "hotline")
        words = {k: str(v)[:10_000] for k, v in fields.items() if k != "hotline"}

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, case_id)
            if not (case.state == "closed" and case.action == "block"):
                raise Conflict("two people must have confirmed the case", "decide it first")
            if tx.session.get(HotlineReport, case_id) is not None:
                raise Conflict("this case has a report already", "look at its state")
            if to == NCMEC:
                self._report(case, fields).check(self._now())
            else:
                by_hand.check(words)
            tx.session.add(
                HotlineReport(
                    case=case_id,
                    hotline=to,
                    state="asked",
                    fields=words,
                    asked_by=who.id,
                    agreed_by=None,
                    report=None,
                    files={},
                    tries=0,
                    next_at=0,
                    error=None,
                )
            )
            self._note(tx, case, who.id, "report.asked", {"hotline": to})

        self.log.write(work)

    def agree(self, who: Member, case_id: str) -> None:
        """Another person, of the legal role, lets the report go. NCMEC is told by a chore; for
        another hotline there is now a :meth:`sheet`."""
        who.require(Permission.REPORT)

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, case_id)
            row = tx.session.get(HotlineReport, case_id)
            if row is None or row.state not in ("asked", "refused"):
                raise Conflict("there is no report that waits for you", "look at its state")
            if row.hotline == NCMEC and not self.settings.hotline.ready:
                raise HotlineOff(
                    "no hotline is configured: nothing can be sent", "set preservation.hotline"
                )
            if row.asked_by == who.id:
                raise NotAllowed("another person must agree to the report", "ask a colleague")
            row.state = "due" if row.hotline == NCMEC else by_hand.READY
            row.agreed_by, row.next_at = who.id, 0
            row.tries, row.error = 0, None
            self._note(tx, case, who.id, "report.agreed", {"hotline": row.hotline})

        self.log.write(work)

    def sheet(self, who: Member, case_id: str) -> dict[str, Any]:
        """What a person enters into a hotline's form, once two people let it go. No media."""
        who.require(Permission.REPORT)
        with self.log.store.read() as session:
            case = visible(session, who, case_id)
            row = session.get(HotlineReport, case_id)
        if row is None or row.state != by_hand.READY:
            raise NotFound("there is no sheet for this case", "a second person must agree first")
        line = next((one for one in self.settings.hotlines if one.name == row.hotline), None)
        if line is None:
            raise HotlineOff(f"the hotline {row.hotline} is no longer in the settings", None)
        return by_hand.sheet(line, self.settings.hotline, case, row.fields, self._files(case))

    def sent_by_hand(self, who: Member, case_id: str, number: str) -> None:
        """The hotline has it: note the number that it gave. The words are dropped then."""
        who.require(Permission.REPORT)
        number = number.strip()
        if not number or len(number) > LONGEST_NUMBER or not number.isprintable():
            raise InvalidInput(
                "the hotline's number of the report is missing",
                f"enter what its form answered, at most {LONGEST_NUMBER} letters",
                "number",
            )

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, case_id)
            row = tx.session.get(HotlineReport, case_id)
            if row is None or row.state != by_hand.READY:
                raise Conflict("no report of this case waits for a number", "look at its state")
            row.state, row.report, row.fields = "finished", number, {}
            body = {"report": number, "hotline": row.hotline, "by_hand": True}
            self._note(tx, case, who.id, "report.finished", body)

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
