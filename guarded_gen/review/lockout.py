"""Wrong access tokens of one name: after some in a row the name is locked, each time for longer.

Names that nobody has are counted alike, so that a lock tells nothing about who exists. What is
kept is a hash of the name.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import delete

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import GuardedGenError
from guarded_gen.settings.sign_in import SignInSettings
from guarded_gen.store import Store
from guarded_gen.store.tables.review import SignInFailures

FORGET_MS = 24 * 3_600_000
"""Wrong tokens this long ago count no more."""


class LockedOut(GuardedGenError):
    """Too many wrong tokens were given for this name."""

    code = "locked_out"
    http_status = 429


def require_open(store: Store, name: str, at: int) -> None:
    """Raise :class:`LockedOut` while the name is locked; nothing is compared then."""
    with store.read() as session:
        row = session.get(SignInFailures, _key(name))
    if row is not None and row.until > at:
        seconds = -(-(row.until - at) // 1000)
        raise LockedOut(
            "too many wrong tokens were given for this name",
            f"try again in {seconds} seconds, or ask an admin for a new token",
        )


def failed(log: AuditLog, name: str, at: int, limits: SignInSettings) -> None:
    """Count a wrong token; the one that locks the name is an entry of the log."""

    def work(tx: Transaction) -> None:
        session = tx.session
        session.execute(delete(SignInFailures).where(SignInFailures.at < at - FORGET_MS))
        row = session.get(SignInFailures, _key(name))
        if row is None:
            row = SignInFailures(name=_key(name), count=0, until=0, at=at)
            session.add(row)
        row.count += 1
        row.at = at
        over = row.count - limits.tries
        if over >= 0:
            seconds = min(limits.first_lock_s * 2.0 ** min(over, 30), limits.longest_lock_s)
            row.until = at + int(seconds * 1000)
            body = {"tries": row.count, "seconds": seconds}
            tx.append(Event(kind="person.locked_out", actor="system", body=body))

    log.write(work)


def succeeded(tx: Transaction, name: str) -> None:
    """Forget the wrong tokens of a name."""
    tx.session.execute(delete(SignInFailures).where(SignInFailures.name == _key(name)))


def _key(name: str) -> str:
    return hashlib.sha256(name.strip().casefold().encode()).hexdigest()
