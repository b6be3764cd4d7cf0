"""Who asks, from where, with what: everything besides scores that a rule may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_CAPABILITIES = 64
"""Bounds what a condition can loop over."""

MAX_ENTITIES = 64
"""The same for names: ids, classes and roles together."""

NEURAL, PROCEDURAL = "neural", "procedural"
"""What a backend is: a trained model, or a renderer that can only draw a fixed list of
harmless things, whatever the prompt says. Exactly one belongs to a context's capabilities; a
policy that finds neither must take the backend for a model."""


class AgeMode(StrEnum):
    """How old the viewer is taken to be; ``TEEN`` when in doubt is the operator's choice."""

    ADULT = "adult"
    TEEN = "teen"


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of one request.

    ``jurisdiction`` is an ISO 3166-1 alpha-2 or ISO 3166-2 code (``DE``, ``US-CA``), empty
    when unknown. ``strikes`` counts earlier violations of the subject, and ``resembles_refused``
    says that the words are nearly those of a prompt that was refused. ``capabilities`` is
    what the backend says of itself (``neural`` or ``procedural``, its modes, and
    ``closed_vocabulary`` when only words of a fixed list of plain things can reach it).
    ``duration`` is in seconds, ``faces`` the largest number of faces seen in one frame; both
    are None while unknown, and a condition that asks for them then fails, which means
    review. ``entities`` are the ids, classes and roles of what the prompt names
    (``donald-trump``, ``public_figure``, ``politician``).

    Raises ``ValueError`` for values out of range.
    """

    tenant: str = "default"
    jurisdiction: str = ""
    age_mode: AgeMode = AgeMode.ADULT
    strikes: int = 0
    backend: str = ""
    capabilities: frozenset[str] = frozenset()
    has_reference: bool = False
    duration: float | None = None
    faces: int | None = None
    entities: frozenset[str] = frozenset()
    resembles_refused: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "age_mode", AgeMode(self.age_mode))
        object.__setattr__(self, "capabilities", frozenset(self.capabilities))
        object.__setattr__(self, "entities", frozenset(self.entities))
        if len(self.capabilities) > MAX_CAPABILITIES:
            raise ValueError(f"more than {MAX_CAPABILITIES} capabilities")
        if len(self.entities) > MAX_ENTITIES:
            raise ValueError(f"more than {MAX_ENTITIES} entities")
        if self.strikes < 0 or (self.faces is not None and self.faces < 0):
            raise ValueError("strikes and faces are counts")
        if self.duration is not None and not 0 <= self.duration < float("inf"):
            raise ValueError("duration is a length in seconds")

    def to_json(self) -> dict[str, Any]:
        """A JSON object that belongs beside every recorded decision: replay needs it."""
        record = {
            "tenant": self.tenant,
            "jurisdiction": self.jurisdiction,
            "age_mode": self.age_mode.value,
            "strikes": self.strikes,
            "backend": self.backend,
            "capabilities": sorted(self.capabilities),
            "has_reference": self.has_reference,
            "duration": self.duration,
            "faces": self.faces,
        }
        if self.entities:
            record["entities"] = sorted(self.entities)
        if self.resembles_refused:
            record["resembles_refused"] = True
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Context:
        """The inverse of :meth:`to_json`; raises ``TypeError`` or ``ValueError``."""
        lists = {name: frozenset(record.get(name, ())) for name in ("capabilities", "entities")}
        return cls(**{**record, **lists})
