"""Signing in: a random cookie, its hash in the database, a token in every form.

A new secret is made at every sign-in, so a cookie planted beforehand is worth nothing. Roles are
read anew with each request: who lost a role loses it at once.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from starlette.requests import Request
from starlette.responses import Response

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import GuardedGenError
from guarded_gen.review import lockout
from guarded_gen.review.cases import now_ms
from guarded_gen.review.people import Identity, Member, admit, authenticate, member
from guarded_gen.settings.sign_in import SignInSettings
from guarded_gen.store import Store
from guarded_gen.store.comparing import same_secret
from guarded_gen.store.tables.review import Person, SignIn

COOKIE = "guarded_gen_console"
IDLE_MS = 30 * 60_000
LONGEST_MS = 12 * 3_600_000
_TOUCH_MS = 60_000


class SignedOut(GuardedGenError):
    """Nobody is signed in."""

    code = "signed_out"
    http_status = 401


class ForgedForm(GuardedGenError):
    """A form came without this session's token."""

    code = "forged_form"
    http_status = 403


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, and the token that their forms carry."""

    id: str
    who: Member
    csrf: str
    preferences: dict[str, Any]

    def check(self, token: str | None) -> None:
        """Raise :class:`ForgedForm` unless a form carried the token."""
        if not same_secret(self.csrf, token or ""):
            raise ForgedForm("this form is not yours or too old", "open the page again")


def sign_in(
    store: Store, log: AuditLog, limits: SignInSettings, name: str, token: str, agent: str = ""
) -> str | None:
    """A cookie for the person with this name and access token, or None; wrong ones are counted.

    Raises :class:`~guarded_gen.review.lockout.LockedOut` after too many of them.
    """
    lockout.require_open(store, name, now_ms())
    with store.read() as session:
        who = authenticate(session, name, token)
    if who is None:
        lockout.failed(log, name, now_ms(), limits)
        return None

    def work(tx: Transaction) -> str:
        lockout.succeeded(tx, name)
        return _begin(tx, who, "token", agent)

    return log.write(work)


def sign_in_as(log: AuditLog, identity: Identity, agent: str = "") -> str:
    """A cookie for somebody whom the identity provider vouches for; raises
    :class:`~guarded_gen.review.errors.NotAllowed` without a role."""
    return log.write(lambda tx: _begin(tx, admit(tx, identity), "oidc", agent))


def _begin(tx: Transaction, who: Member, means: str, agent: str) -> str:
    secret = secrets.token_urlsafe(32)
    at = now_ms()
    tx.session.execute(delete(SignIn).where(SignIn.expires_at < at))
    tx.session.add(
        SignIn(
            id=_hash(secret),
            person=who.id,
            csrf=secrets.token_urlsafe(24),
            means=means,
            agent="".join(c for c in agent if c.isprintable())[:200],
            created_at=at,
            seen_at=at,
            expires_at=at + LONGEST_MS,
        )
    )
    tx.append(Event(kind="person.signed_in", actor=who.id, body={"means": means}))
    return secret


def living(store: Store, person: str | None = None) -> list[SignIn]:
    """Sessions that are still good, the newest first; of one person, or of everybody."""
    at = now_ms()
    query = select(SignIn).where(SignIn.expires_at > at, SignIn.seen_at > at - IDLE_MS)
    if person is not None:
        query = query.where(SignIn.person == person)
    with store.read() as session:
        return list(session.scalars(query.order_by(SignIn.created_at.desc())))


def end(log: AuditLog, actor: str, person: str, *, one: str = "", but: str = "") -> int:
    """End sessions of a person at once: ``one`` of them, or all except ``but``; how many."""

    def work(tx: Transaction) -> int:
        query = delete(SignIn).where(SignIn.person == person, SignIn.id != but)
        if one:
            query = query.where(SignIn.id == one)
        ended = int(tx.session.execute(query).rowcount)  # type: ignore[attr-defined]
        if ended:
            body = {"person": person, "sessions": ended}
            tx.append(Event(kind="person.sessions_ended", actor=actor, body=body))
        return ended

    return log.write(work)


def sign_out(store: Store, request: Request) -> None:
    """Forget the cookie's session."""
    secret = request.cookies.get(COOKIE)
    if secret:
        with store.write() as session:
            session.execute(delete(SignIn).where(SignIn.id == _hash(secret)))


def current(store: Store, request: Request) -> Session:
    """The session of the request's cookie; raises :class:`SignedOut`."""
    secret = request.cookies.get(COOKIE, "")
    at = now_ms()
    with store.read() as session:
        row = session.get(SignIn, _hash(secret)) if secret else None
        person = session.get(Person, row.person) if row is not None else None
    alive = row is not None and at < row.expires_at and at - row.seen_at < IDLE_MS
    if row is None or person is None or not person.active or not alive:
        raise SignedOut("please sign in", "sign in with your name and access token")
    if at - row.seen_at > _TOUCH_MS:
        with store.write() as session:
            stored = session.get(SignIn, row.id)
            if stored is not None:
                stored.seen_at = at
    return Session(row.id, member(person), row.csrf, dict(person.preferences))


def set_cookie(response: Response, secret: str, secure: bool) -> None:
    """Not readable by scripts, never sent from another site."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=LONGEST_MS // 1000,
        path="/",
        httponly=True,
        samesite="strict",
        secure=secure,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
