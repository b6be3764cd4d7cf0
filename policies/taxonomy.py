"""The taxonomy of harm: what every classifier scores and every rule names.

It is data (``categories.yaml``, whose head explains every key): whoever needs a title, a
severity, a crosswalk or a reason asks a category for it, and no other list is kept in step.
``HARM`` categories say what a prompt or a clip shows; ``TEXT`` categories what words say that can
be read in a picture; ``TECHNICAL`` ones what a check found about the file itself. Crosswalks give
the ids of the MLCommons AILuminate taxonomy (Llama Guard S1-S14), of OpenAI's moderation endpoint
(13 categories) and the closest heading of the EU Digital Services Act's Transparency Database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

FILE = Path(__file__).with_name("categories.yaml")
CATEGORY_ID = r"^[a-z][a-z0-9_]{1,63}$"
MILD = 0.2
"""The severity of a category that states none."""

OPENAI_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
MLCOMMONS_CATEGORIES = tuple(f"S{n}" for n in range(1, 15))


class Kind(StrEnum):
    HARM = "harm"
    TEXT = "text"
    TECHNICAL = "technical"


class Category(BaseModel):
    """One entry of the taxonomy.

    ``mlcommons`` and ``openai`` are empty where the other taxonomy has no such category.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=CATEGORY_ID)]
    kind: Kind
    title: Annotated[str, Field(min_length=1, max_length=80)]
    definition: Annotated[str, Field(min_length=1, max_length=500)]
    mlcommons: tuple[str, ...] = ()
    openai: tuple[str, ...] = ()
    dsa: str | None = None
    dsa_keywords: tuple[str, ...] = ()
    severity: Annotated[float, Field(gt=0, le=1)] = MILD
    reasons: tuple[str, ...] = ()
    severe_frame: bool = False
    restricted: bool = False
    harmless_alone: bool = False
    needs_calibration: bool = False


class OwnCategory(Category):
    """A category of a policy's own, part of its digest.

    A text with one of ``words`` scores ``score`` from the day ``from`` until the day before
    ``until``, else 0. Without words no check scores it: what names it then asks a person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    kind: Kind = Kind.HARM
    words: Annotated[
        tuple[Annotated[str, Field(min_length=2, max_length=100)], ...], Field(max_length=2_000)
    ] = ()
    score: Annotated[float, Field(gt=0, le=1)] = 1.0
    since: Annotated[date | None, Field(alias="from")] = None
    until: date | None = None

    @model_validator(mode="after")
    def _new(self) -> Self:
        if self.id in CATEGORIES:
            raise PydanticCustomError(
                "category_exists", "{given} is a category already", {"given": f'"{self.id}"'}
            )
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise PydanticCustomError("dates_order", "`until` is not after `from`", {})
        strange = _strange(self)
        if strange:
            raise PydanticCustomError(
                "no_such_crosswalk", "no such category there: {names}", {"names": strange}
            )
        return self

    def holds(self, at: date) -> bool:
        """Whether its words count on a day."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


def _strange(entry: Category) -> str:
    """What its crosswalks name that the other taxonomies lack."""
    openai = {*entry.openai} - {*OPENAI_CATEGORIES}
    return ", ".join(sorted(openai | ({*entry.mlcommons} - {*MLCOMMONS_CATEGORIES})))


def read(text: str) -> tuple[Category, ...]:
    """The categories of a document; raises ``ValueError`` for what is no such list, for ids that
    stand twice and for crosswalks to categories that the other taxonomy lacks."""
    found = TypeAdapter(tuple[Category, ...]).validate_python(yaml.safe_load(text))
    seen: set[str] = set()
    for entry in found:
        if entry.id in seen:
            raise ValueError(f"the category {entry.id} stands twice")
        seen.add(entry.id)
        strange = _strange(entry)
        if strange:
            raise ValueError(f"{entry.id}: no such category there: {strange}")
    return found


_ALL = read(FILE.read_text("utf-8"))

CATEGORIES = MappingProxyType({category.id: category for category in _ALL})
HARM = tuple(c.id for c in _ALL if c.kind is Kind.HARM)
TEXT = tuple(c.id for c in _ALL if c.kind is Kind.TEXT)
TECHNICAL = tuple(c.id for c in _ALL if c.kind is Kind.TECHNICAL)
SEVERE_FRAMES = tuple(c.id for c in _ALL if c.severe_frame)
NEEDS_CALIBRATION = frozenset(c.id for c in _ALL if c.needs_calibration)
REASONS = tuple(dict.fromkeys(reason for c in _ALL for reason in c.reasons))


def category(id: str) -> Category:
    """The category with this id; ``KeyError`` when the taxonomy has none."""
    return CATEGORIES[id]


_OWN: ContextVar[tuple[str, ...]] = ContextVar("own_categories", default=())


@contextmanager
def besides(own: Iterable[str]) -> Iterator[None]:
    """While a document is read: its own categories, by their ids, are known too."""
    token = _OWN.set((*_OWN.get(), *own))
    try:
        yield
    finally:
        _OWN.reset(token)


def known_ids() -> tuple[str, ...]:
    """What a rule can name: the taxonomy, and the own categories of the document being read."""
    return (*CATEGORIES, *_OWN.get())
