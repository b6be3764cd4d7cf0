"""Who decides: people, their roles, and their access tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
import uuid
from dataclasses import dataclass
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.roles import SELF_REFUSED, Permission, Role, granted
from guarded_gen.store.tables.review import Person

_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
"""RFC 7914's interactive cost: about 50 ms, 16 MiB."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person as the rules see them. ``tenants`` empty means all."""

    id: str
    name: str
    roles: frozenset[Role]
    tenants: frozenset[str]
    refuses: frozenset[str] = frozenset()
    """Categories that the person does not want to be given; for their own good, without reason."""

    def may(self, permission: Permission) -> bool:
        return granted(self.roles, permission)

    def require(self, permission: Permission) -> None:
        """Raise :class:`NotAllowed` when none of the roles grants it."""
        if not self.may(permission):
            raise NotAllowed(
                f"{self.name} may not {permission.value.replace('_', ' ')}",
                "ask an admin for the role",
            )

    def sees(self, tenant: str) -> bool:
        return not self.tenants or tenant in self.tenants


def member(person: Person) -> Member:
    return Member(
        person.id,
        person.name,
        frozenset(Role(role) for role in person.roles),
        frozenset(person.tenants),
        frozenset(person.preferences.get("refuses", ())),
    )


def hash_secret(secret: str) -> str:
    """``salt$hash`` by scrypt, both base64."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(secret.encode(), salt=salt, dklen=32, **_SCRYPT)
    return f"{base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def secret_matches(secret: str, stored: str) -> bool:
    """Constant-time comparison with what :func:`hash_secret` gave."""
    salt, _, digest = stored.partition("$")
    given = hashlib.scrypt(secret.encode(), salt=base64.b64decode(salt), dklen=32, **_SCRYPT)
    return hmac.compare_digest(given, base64.b64decode(digest))


def add_person(
    log: AuditLog, actor: str, name: str, roles: set[Role], tenants: set[str] | None = None
) -> tuple[Member, str]:
    """Add a person; returns them and an access token, which is shown this once.

    Raises :class:`InvalidInput` for a bad name or no role, :class:`Conflict` for a name in use.
    """
    if not 1 <= len(name.strip()) <= 64 or not name.isprintable():
        raise InvalidInput("a name has 1 to 64 printable characters", param="name")
    if not roles:
        raise InvalidInput("a person needs a role", "give one of: " + ", ".join(Role), "roles")

    token, hashed = new_token()

    def work(tx: Transaction) -> Member:
        return member(add_to(tx, actor, name.strip(), roles, tenants or set(), hashed))

    return log.write(work), token


def new_token() -> tuple[str, str]:
    """An access token and what is kept of it; takes 50 ms, so not within a transaction."""
    token = f"ggp_{secrets.token_urlsafe(24)}"
    return token, hash_secret(token)


def add_to(
    tx: Transaction, actor: str, name: str, roles: set[Role], tenants: set[str], hashed: str
) -> Person:
    """As :func:`add_person`, within a transaction, of a name that was checked."""
    if tx.session.scalar(select(Person.id).where(Person.name == name)):
        raise Conflict(f"there is a person named {name}", "choose another name")
    person = Person(
        id=f"per_{uuid.uuid4().hex}",
        name=name,
        roles=sorted(role.value for role in roles),
        tenants=sorted(tenants),
        secret=hashed,
        external=None,
        active=True,
        preferences={},
        created_at=int(time.time() * 1000),
    )
    tx.session.add(person)
    tx.append(Event(kind="person.added", actor=actor, body={"roles": person.roles}))
    return person


def set_roles(log: AuditLog, actor: str, id: str, roles: set[Role], active: bool = True) -> None:
    """Change what a person may do; takes effect with their next request."""

    def work(tx: Transaction) -> None:
        session = tx.session
        person = session.get(Person, id)
        if person is None:
            raise NotFound(f"there is no person {id}")
        before = list(person.roles)
        taken = {role.value for role in roles & SELF_REFUSED} - set(before)
        if actor == id and taken:
            raise NotAllowed(
                f"nobody gives themselves the role {', '.join(sorted(taken))}",
                "ask another admin",
            )
        if not (active and Role.ADMIN in roles) and last_admin(session, person):
            raise Conflict(
                "this is the last admin: nobody could give the role back",
                "make another person an admin first",
            )
        person.roles = sorted(role.value for role in roles)
        person.active = active
        tx.append(
            Event(
                kind="person.changed",
                actor=actor,
                body={"person": id, "before": before, "after": person.roles, "active": active},
            )
        )

    log.write(work)


def last_admin(session: Session, person: Person) -> bool:
    """Whether nobody else could give the role of an admin back."""
    if not is_admin(person):
        return False
    others = session.scalars(select(Person).where(Person.active, Person.id != person.id))
    return not any(is_admin(other) for other in others)


def is_admin(person: Person) -> bool:
    """Whether the person may give roles now."""
    return person.active and Role.ADMIN.value in person.roles


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom an identity provider vouches for, and what its claims say of them."""

    issuer: str
    subject: str
    name: str
    roles: frozenset[Role]
    tenants: frozenset[str]

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.issuer}\0{self.subject}".encode()).hexdigest()


def admit(tx: Transaction, identity: Identity) -> Member:
    """The person of an identity, added at the first sign-in; roles and tenants follow the claims
    at each one. Raises :class:`NotAllowed` for somebody without a role, or whom an admin closed.

    The last admin stays one, whatever the claims say: nobody could mend a wrong setting else.
    """
    session = tx.session
    person = session.scalar(select(Person).where(Person.external == identity.key))
    roles = set(identity.roles)
    if person is not None and last_admin(session, person):
        roles.add(Role.ADMIN)
    if not roles or (person is not None and not person.active):
        raise NotAllowed(
            "your identity has no role in this console", "ask an admin for a role or group"
        )
    wanted = sorted(role.value for role in roles), sorted(identity.tenants)
    if person is None:
        person = Person(
            id=f"per_{uuid.uuid4().hex}",
            name=_free_name(session, identity.name),
            roles=wanted[0],
            tenants=wanted[1],
            secret="",  # no access token opens it
            external=identity.key,
            active=True,
            preferences={},
            created_at=int(time.time() * 1000),
        )
        session.add(person)
        tx.append(Event(kind="person.added", actor="oidc", body={"roles": person.roles}))
    elif (person.roles, person.tenants) != wanted:
        before, (person.roles, person.tenants) = list(person.roles), wanted
        body = {"person": person.id, "before": before, "after": person.roles, "active": True}
        tx.append(Event(kind="person.changed", actor="oidc", body=body))
    return member(person)


def _free_name(session: Session, name: str) -> str:
    """The name, or with a number where another person has it already."""
    name = "".join(c for c in name.strip() if c.isprintable())[:56] or "somebody"
    taken = set(session.scalars(select(Person.name).where(Person.name.startswith(name))))
    numbered = (name if n == 1 else f"{name} {n}" for n in range(1, len(taken) + 2))
    return next(one for one in numbered if one not in taken)


@cache
def _nobody() -> str:
    """What a token is compared with where there is none: that costs the same, and never fits."""
    return hash_secret(secrets.token_hex(16))


def authenticate(session: Session, name: str, token: str) -> Member | None:
    """The active person with this name and token, or None; the same time either way."""
    person = session.scalar(select(Person).where(Person.name == name))
    stored = person.secret if person is not None else ""
    matches = secret_matches(token, stored or _nobody())
    return member(person) if person is not None and matches and person.active else None
