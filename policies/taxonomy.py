"""The taxonomy of harm: what every classifier scores and every rule names.

It is data (``categories.yaml``, whose head explains every key): whoever needs a title, a
severity, a crosswalk or a reason asks a category for it, and no other list is kept in step.
``HARM`` categories say what a prompt or a clip shows; ``TEXT`` categories what words say that can
be read in a picture; ``TECHNICAL`` ones what a check found about the file itself. Crosswalks give
the ids of the MLCommons AILuminate taxonomy (Llama Guard S1-S14), of OpenAI's moderation endpoint
(13 categories) and the closest heading of the EU Digital Services Act's Transparency Database.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

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


def read(text: str) -> tuple[Category, ...]:
    """The categories of a document; raises ``ValueError`` for what is no such list, for ids that
    stand twice and for crosswalks to categories that the other taxonomy lacks."""
    found = TypeAdapter(tuple[Category, ...]).validate_python(yaml.safe_load(text))
    seen: set[str] = set()
    for entry in found:
        if entry.id in seen:
            raise ValueError(f"the category {entry.id} stands twice")
        seen.add(entry.id)
        strange = {*entry.openai} - {*OPENAI_CATEGORIES} | {*entry.mlcommons} - {
            *MLCOMMONS_CATEGORIES
        }
        if strange:
            raise ValueError(f"{entry.id}: no such category there: {', '.join(sorted(strange))}")
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
