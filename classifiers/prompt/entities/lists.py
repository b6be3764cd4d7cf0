"""The entity lists: their schema, and how files are read and merged.

A file is TOML with ``[[group]]`` tables: ``class``, ``role``, optional ``region`` and
``owner``, and ``entries``: names between semicolons or on lines of their own, each with
aliases after ``=``. ``~`` before an alias makes it count only when it is capitalised in the
prompt. An operator's file may also hold ``remove = ["Name", …]``, and an entry of the same
name replaces the shipped one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classifiers.errors import ClassifierError

DATA = Path(__file__).resolve().parent / "data"
MAX_ENTRIES = 200_000
"""Entries over all files; the automaton takes about a kilobyte for each."""


class EntityListInvalid(ClassifierError):
    """An entity file is not of the documented form."""

    code = "entity_list_invalid"


class EntityClass(StrEnum):
    PUBLIC_FIGURE = "public_figure"
    LATE_FIGURE = "late_figure"
    HISTORICAL_FIGURE = "historical_figure"
    CHARACTER = "character"
    FRANCHISE = "franchise"
    ARTIST_STYLE = "artist_style"
    BRAND = "brand"
    ELECTION = "election"
    INSTITUTION = "institution"
    NEWS_EVENT = "news_event"


class Group(BaseModel):
    """One ``[[group]]`` table as written."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    kind: EntityClass = Field(alias="class")
    role: str = Field(min_length=1)
    region: str = ""
    owner: str = ""
    entries: str


class EntityFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    group: tuple[Group, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """``id`` is a slug of the name; ``aliases`` hold the name too, as written in the file."""

    id: str
    name: str
    kind: EntityClass
    role: str
    aliases: tuple[str, ...]


def slug(name: str) -> str:
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-")


def read(file: Path) -> tuple[list[Entity], tuple[str, ...]]:
    """``(entities, names to remove)`` of one file; raises :class:`EntityListInvalid`."""
    try:
        parsed = EntityFile.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise EntityListInvalid(f"{file.name}: {error}", "see docs/prompt-gate.md") from error
    found = []
    for group in parsed.group:
        for entry in re.split(r"[;\n]", group.entries):
            name, _, rest = entry.partition("=")
            name = name.strip()
            if not name:
                continue
            aliases = [a.strip() for a in rest.split(",") if a.strip()]
            if any(a.lstrip("~") == name for a in aliases if a.startswith("~")):
                kept = tuple(aliases)  # the bare name is ambiguous; only its capital counts
            else:
                kept = tuple(dict.fromkeys([name, *aliases]))
            found.append(Entity(slug(name), name, group.kind, group.role, kept))
    return found, parsed.remove


def load(extra: Iterable[Path] = ()) -> tuple[Entity, ...]:
    """The shipped lists, then ``extra`` files in order: later entries of a name win."""
    known: dict[str, Entity] = {}
    for file in [*sorted(DATA.glob("*.toml")), *extra]:
        entities, removed = read(file)
        for name in removed:
            known.pop(slug(name), None)
        known |= {entity.id: entity for entity in entities}
    if len(known) > MAX_ENTRIES:
        raise EntityListInvalid(f"{len(known)} entities", f"at most {MAX_ENTRIES} are loaded")
    return tuple(known.values())
