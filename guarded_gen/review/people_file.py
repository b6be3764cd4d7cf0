"""People as a file: who may come in, with which roles, kept in a repository and applied at once.

A file is TOML::

    [[person]]
    name = "ann"
    roles = ["reviewer"]
    tenants = ["acme"]      # left out: all
    active = false          # left out: true

Applying it twice changes nothing the second time. All of it is applied or none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy import select

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import Conflict, InvalidInput
from guarded_gen.review.people import add_to, is_admin, new_token
from guarded_gen.review.roles import Role
from guarded_gen.store.tables.review import Person

MOST_PEOPLE = 5_000
MAX_BYTES = 2 * 2**20


class PersonEntry(BaseModel):
    """One person of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=64)
    roles: list[str] = Field(min_length=1)
    tenants: list[str] = []
    active: bool = True

    @field_validator("name")
    @classmethod
    def _shown(cls, value: str) -> str:
        if value != value.strip() or not value.isprintable():
            raise ValueError("a name is printable, without spaces around it")
        return value

    @field_validator("roles")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        strange = sorted({*value} - {*Role})
        if strange:
            raise ValueError(f"no role {', '.join(strange)}; roles are {', '.join(Role)}")
        return sorted({*value})

    @field_validator("tenants")
    @classmethod
    def _named(cls, value: list[str]) -> list[str]:
        if any(not 1 <= len(tenant) <= 128 for tenant in value):
            raise ValueError("a tenant has 1 to 128 characters")
        return sorted({*value})


class PeopleFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    person: list[PersonEntry] = Field(min_length=1, max_length=MOST_PEOPLE)


@dataclass(slots=True)
class PeopleChanges:
    """Names by what became of them; ``tokens`` of those that were added, shown this once.
    ``unlisted``: active people whom the file does not name, deactivated only when asked for."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)


def read_people(path: Path) -> PeopleFile:
    """Raises :class:`InvalidInput` that names the person and the mistake."""
    remedy = 'write [[person]] with name = "ann" and roles = ["reviewer"] for each'
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            raise InvalidInput(f"{path} has more than {MAX_BYTES} bytes", "split it")
        read: dict[str, Any] = tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}", param="file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is no TOML: {error}", remedy, "file") from error
    try:
        found = PeopleFile.model_validate(read)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{path}: {where}: {first['msg']}", remedy, "file") from error
    names = [entry.name for entry in found.person]
    twice = sorted({name for name in names if names.count(name) > 1})[:3]
    if twice:
        raise InvalidInput(f"{path}: {', '.join(twice)} stands twice", "keep one of them", "file")
    return found


def apply_people(
    log: AuditLog, actor: str, wanted: PeopleFile, *, prune: bool = False, dry_run: bool = False
) -> PeopleChanges:
    """Make people as the file says; with ``prune`` those whom it does not name are deactivated.

    Whoever signs in by an identity provider keeps the roles of its claims and is left alone.
    Raises :class:`Conflict` where no active admin would be left; nothing is changed then.
    """
    with log.store.read() as session:
        known = set(session.scalars(select(Person.name)))
    made = {
        e.name: ("", "") if dry_run else new_token() for e in wanted.person if e.name not in known
    }

    def work(tx: Transaction) -> PeopleChanges:
        done = _applied(tx, actor, wanted, made, prune)
        if dry_run:
            raise _Rehearsed(done)
        return done

    try:
        return log.write(work)
    except _Rehearsed as rehearsed:
        rehearsed.done.tokens.clear()
        return rehearsed.done


def _applied(
    tx: Transaction,
    actor: str,
    wanted: PeopleFile,
    made: Mapping[str, tuple[str, str]],
    prune: bool,
) -> PeopleChanges:
    done = PeopleChanges()
    people = {person.name: person for person in tx.session.scalars(select(Person))}
    for entry in wanted.person:
        person = people.get(entry.name)
        if person is None:
            token, hashed = made.get(entry.name) or new_token()
            roles = {Role(role) for role in entry.roles}
            person = add_to(tx, actor, entry.name, roles, {*entry.tenants}, hashed)
            person.active = entry.active
            done.added.append(entry.name)
            done.tokens[entry.name] = token
        elif person.external is not None:
            raise Conflict(
                f"{entry.name} signs in by the identity provider, which says the roles",
                "leave this person out of the file",
            )
        elif _change(tx, actor, person, entry):
            done.changed.append(entry.name)
        else:
            done.unchanged.append(entry.name)
    named = {entry.name for entry in wanted.person}
    for name in sorted(people.keys() - named):
        person = people[name]
        if person.active and person.external is None:
            done.unlisted.append(name)
            if prune:
                before, person.active = list(person.roles), False
                _record(tx, actor, person, before)
    tx.session.flush()
    if not any(is_admin(person) for person in tx.session.scalars(select(Person))):
        raise Conflict(
            "no active admin would be left: nobody could give a role back",
            "name one in the file, or leave --prune out",
        )
    return done


class _Rehearsed(Exception):
    """Rolls a dry run back."""

    def __init__(self, done: PeopleChanges) -> None:
        super().__init__("dry run")
        self.done = done


def _change(tx: Transaction, actor: str, person: Person, entry: PersonEntry) -> bool:
    wanted = (entry.roles, entry.tenants, entry.active)
    if (sorted(person.roles), sorted(person.tenants), person.active) == wanted:
        return False
    before = list(person.roles)
    person.roles, person.tenants, person.active = entry.roles, entry.tenants, entry.active
    _record(tx, actor, person, before)
    return True


def _record(tx: Transaction, actor: str, person: Person, before: list[str]) -> None:
    body: dict[str, Any] = {"person": person.id, "before": before, "after": person.roles}
    body |= {"tenants": person.tenants, "active": person.active}
    tx.append(Event(kind="person.changed", actor=actor, body=body))
