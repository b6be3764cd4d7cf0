"""Evidence of the gravest cases: sealed as they come, released by two people."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from guarded_gen.audit import AuditLog, Event, LogEntry, Query, Transaction
from guarded_gen.errors import GuardedGenError, NotFound
from guarded_gen.preservation.sealing import Sealed, fingerprint, recipient, seal
from guarded_gen.preservation.settings import PreservationSettings
from guarded_gen.review.cases import now_ms, visible
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.preservation import SealedEvidence
from guarded_gen.store.tables.review import ReviewCase

_log = logging.getLogger(__name__)
ACTOR = "preservation"

Files = Callable[[ReviewCase], Sequence[Path]]
"""The files of a case that exist on this machine: draft or references."""


class EvidenceRoom:
    """Seals the files and the record of each restricted case below ``folder``."""

    def __init__(
        self,
        log: AuditLog,
        settings: PreservationSettings,
        folder: Path,
        files: Files,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.log = log
        self.settings = settings
        self.folder = folder
        self._files = files
        self.clock = clock

    def problems(self) -> list[str]:
        """What keeps evidence from being sealed or opened, each with its remedy."""
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
        return found

    def seal_new(self) -> None:
        """Seal every restricted case that is not sealed yet.

        Without a certificate of the legal role nothing is sealed: :meth:`problems` says so, and the
        hold keeps the originals until there is one.
        """
        for case in self._unsealed():
            try:
                self._seal(case, recipient(self.settings.recipient))
            except (GuardedGenError, OSError) as error:  # the others go on
                _log.warning("evidence of a case is not sealed: %s", error)

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


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
