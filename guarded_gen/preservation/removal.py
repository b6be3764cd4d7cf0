"""Requests of people who are shown: remove a video, and every copy that is tried later.

Nobody needs an account. A request opens a case for two people, with a clock (48 hours by default,
as the TAKE IT DOWN Act asks); what they decide is carried out by the jobs room. The words, the
name and the address of the one who asks stand sealed in the audit log, nowhere else; the picture
that was sent is kept until the decision and then removed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import InvalidInput, NotFound
from guarded_gen.preservation.errors import TooManyRequests
from guarded_gen.preservation.settings import RemovalSettings
from guarded_gen.review.cases import NewCase, now_ms, open_case
from guarded_gen.store.comparing import same_secret
from guarded_gen.store.tables.jobs import Job
from guarded_gen.store.tables.preservation import RemovalRequest

if TYPE_CHECKING:
    from guarded_gen.store.objects import Storage

KIND = "removal"
"""The kind of these requests' cases."""
HOUR_MS = 3_600_000
MAX_STATEMENT = 4000
MAX_LINE = 300
SHOWN = {
    "intimate": "ncii",
    "minor": "sexual_minors",
    "likeness": "likeness",
}
"""What a video shows, as it is asked, and the category of the case."""
OPEN, REMOVED, DECLINED = "open", "removed", "declined"
_VIDEO = re.compile(r"\b(?:video|image|img)_[0-9a-f]{8,40}\b")

Identify = Callable[[Path], str | None]
"""The id of the clip of ours that a file shows, None when it is none; may raise ``MediaError``."""


@dataclass(frozen=True, slots=True)
class RemovalForm:
    """What somebody filled in. ``file`` is a private copy of what was sent, None without one."""

    shows: str
    name: str
    contact: str
    statement: str
    where: str
    truthful: bool
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class RemovalStatus:
    """What the one who asked may know. Times are milliseconds since 1970."""

    id: str
    state: str
    created_at: int
    due_at: int
    decided_at: int | None
    found: bool
    """Whether the video was found here; one of another service can only be kept from returning."""


def removal_token(key: bytes, id: str) -> str:
    """The unguessable part of a request's page, 32 hex digits."""
    return hmac.new(key, b"removal\0" + id.encode(), hashlib.sha256).hexdigest()[:32]


class RemovalRequests:
    """Filing requests and telling what became of them. ``key`` signs the pages' addresses."""

    def __init__(
        self,
        log: AuditLog,
        storage: Storage,
        key: bytes,
        settings: RemovalSettings,
        identify: Identify,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.log = log
        self._storage = storage
        self._key = key
        self._settings = settings
        self._identify = identify
        self.clock = clock

    def token(self, id: str) -> str:
        return removal_token(self._key, id)

    def file(self, asked: RemovalForm) -> str:
        """Open a request and its case; returns the request's id.

        Raises :class:`InvalidInput` with the field, ``MediaError`` for a file that shows nothing,
        and :class:`TooManyRequests` when today's number is used up.
        """
        _require(asked)
        at = self.clock()
        self._require_room(at)
        item = self._identify(asked.file) if asked.file is not None else None
        named = _VIDEO.search(asked.where)
        if item is None and named is not None:
            item = named.group()
        id = f"rem_{uuid.uuid4().hex}"
        upload = None
        if asked.file is not None:
            upload = f"removals/{id}/shown{asked.file.suffix.lower()}"
            self._storage.put(upload, asked.file)
        self.log.write(lambda tx: self._open(tx, id, asked, item, upload, at))
        return id

    def _open(
        self,
        tx: Transaction,
        id: str,
        asked: RemovalForm,
        item: str | None,
        upload: str | None,
        at: int,
    ) -> None:
        job = tx.session.get(Job, item) if item is not None else None
        tenant = job.tenant if job is not None else "default"
        due = at + int(self._settings.hours * HOUR_MS)
        category = SHOWN[asked.shows]
        entry = tx.append(
            Event(
                kind="removal.asked",
                tenant=tenant,
                actor="user",
                body={
                    "request": id,
                    "category": category,
                    "item": job.id if job else "",
                    "due": due,
                },
                payload={
                    "statement": asked.statement.strip(),
                    "name": asked.name.strip(),
                    "contact": asked.contact.strip(),
                    "where": asked.where.strip(),
                },
            )
        )
        case = open_case(
            tx,
            NewCase(
                kind=KIND,
                item=job.id if job is not None else id,
                tenant=tenant,
                subject="",
                stage="published",
                decision=entry,
                category=category,
                rule=None,
                reason="removal_asked",
                policy_digest="",
                details={"statement": entry, "request": id, "due_at": due},
            ),
            self.clock,
        )
        tx.session.add(
            RemovalRequest(
                id=id,
                case=case,
                item=job.id if job is not None else None,
                upload=upload,
                state=OPEN,
                entry=entry,
                created_at=at,
                due_at=due,
                decided_at=None,
            )
        )

    def status(self, id: str, token: str) -> RemovalStatus:
        """Raises :class:`NotFound` unless the token belongs to the request."""
        if not same_secret(removal_token(self._key, id), token):
            raise NotFound("this address is not valid", "use the one that you were given")
        with self.log.store.read() as session:
            row = session.get(RemovalRequest, id)
        if row is None:
            raise NotFound("this address is not valid", "use the one that you were given")
        return RemovalStatus(
            row.id, row.state, row.created_at, row.due_at, row.decided_at, row.item is not None
        )

    def overdue(self) -> int:
        """How many requests wait longer than the clock allows."""
        with self.log.store.read() as session:
            return int(
                session.scalar(
                    select(func.count()).where(
                        RemovalRequest.state == OPEN, RemovalRequest.due_at < self.clock()
                    )
                )
                or 0
            )

    def _require_room(self, at: int) -> None:
        with self.log.store.read() as session:
            today = session.scalar(
                select(func.count()).where(RemovalRequest.created_at > at - 24 * HOUR_MS)
            )
        if (today or 0) >= self._settings.max_per_day:
            raise TooManyRequests(
                "more requests came today than can be looked at",
                "come back tomorrow, or write to the address in this service's terms",
            )


def _require(asked: RemovalForm) -> None:
    """Raise :class:`InvalidInput` at the first field that is missing."""
    if asked.shows not in SHOWN:
        raise InvalidInput("say what the video shows", "choose one of the list", "shows")
    for field, value, most in (
        ("name", asked.name, MAX_LINE),
        ("contact", asked.contact, MAX_LINE),
        ("statement", asked.statement, MAX_STATEMENT),
    ):
        if not value.strip() or len(value) > most:
            raise InvalidInput(f"{field} has 1 to {most} characters", "fill it in", field)
    if len(asked.where) > MAX_STATEMENT:
        raise InvalidInput(f"where has at most {MAX_STATEMENT} characters", None, "where")
    if asked.file is not None and asked.shows == "minor":
        raise InvalidInput(
            "such a picture must not be sent to us",
            "give the address only; nothing was kept",
            "file",
        )
    if asked.file is None and not asked.where.strip():
        raise InvalidInput("say where the video is, or send it", "one of the two", "where")
    if not asked.truthful:
        raise InvalidInput(
            "a request counts when you say that it is true", "tick the box", "truthful"
        )
