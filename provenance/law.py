"""Laws on marking as dated documents: ``laws/*.yaml``, one file a law.

A law has a place, a day from which it holds, a source, what a signed clip gets for it (``adds``)
and demands. A demand names who owes it and the check that proves it (a name in
:data:`provenance.compliance.CHECKS`; ``only_you`` where no file can). A law joins by one document.

``read`` is where the text of the demand's paragraph was read: the official one, a copy of it, or a
quotation. Without it the words are ours after summaries, and every answer says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from policies import jurisdictions
from provenance.errors import ComplianceUnmet
from provenance.label import SECONDS, SHARE

FOLDER = Path(__file__).with_name("laws")
PLACES = Path(__file__).with_name("places.yaml")
UNVERIFIED = "not verified against the text"

Adds = Literal["disclosure", "watermark", "container_metadata", "visible_label"]
ONLY_YOU = frozenset({"only_you", "tool", "visible_or_you", "icon_or_you"})
"""Checks whose answer depends on what a file cannot show."""
NEEDS: Mapping[str, str] = {"aigc": "container_metadata"}
"""Checks that need more of a format than credentials: what its encoder has to write."""
Carries = Mapping[str, frozenset[str]]
"""What files can carry (``credentials`` and what stands in :data:`NEEDS`), by format."""


class Owes(StrEnum):
    """Who must see to a demand."""

    PROVIDER = "provider"
    DEPLOYER = "deployer"
    PLATFORM = "platform"


class Stand(StrEnum):
    """How a demand stands for a format."""

    MET = "met"
    ONLY_YOU = "only you can"
    REFUSED = "refused"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Demand(_Document):
    """One duty of a law; ``of`` is what its check looks at. ``since`` and ``until`` (the first day
    on which it no longer holds) narrow the law's own dates."""

    id: str
    demand: str
    source: str
    owes: Owes
    check: str
    explain: str
    of: str = ""
    severity: Literal["must", "should"] = "must"
    since: Annotated[date | None, Field(alias="from")] = None
    until: date | None = None
    read: str = ""

    @property
    def verified(self) -> bool:
        """Whether the demand was compared with the text of its paragraph."""
        return bool(self.read)

    @property
    def verification(self) -> str:
        return f"verified against the text at {self.read}" if self.read else UNVERIFIED


class Law(_Document):
    """One law. ``label`` is the text of its visible label where it wants words of its own;
    ``label_size`` (of the short side) and ``label_duration`` (seconds, or ``whole``) are the least
    that it accepts, as far as ``adds`` has a visible label."""

    law: str
    title: str
    jurisdiction: str
    since: Annotated[date, Field(alias="from")]
    until: date | None = None
    grace: str = ""
    source: str
    url: str = ""
    adds: tuple[Adds, ...] = ()
    label: str = ""
    label_size: float = SHARE
    label_duration: float | Literal["whole"] = SECONDS
    demands: tuple[Demand, ...]

    def holds(self, at: date, demand: Demand | None = None) -> bool:
        """Whether the law, or one of its demands, is in force on a day."""
        since, until = self.since, self.until
        if demand is not None:
            since = demand.since or since
            until = demand.until or until
        return since <= at and (until is None or at < until)


class Looked(_Document):
    """A place that was looked at and has no document: what was found, on which day, and where."""

    place: str
    title: str
    looked: date
    found: str
    read: str


@cache
def looked_at() -> tuple[Looked, ...]:
    """The places without a document of their own."""
    return tuple(Looked.model_validate(one) for one in yaml.safe_load(PLACES.read_text("utf-8")))


@dataclass(frozen=True, slots=True)
class DemandStanding:
    """How one demand of a law stands."""

    law: str
    demand: Demand
    stand: Stand


@cache
def laws() -> Mapping[str, Law]:
    """Every law that is known, by its id, in order of its name."""
    found = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        law = Law.model_validate(yaml.safe_load(file.read_text("utf-8")))
        if law.law != file.stem:
            raise ValueError(f"{file.name} holds the law {law.law}")
        found[law.law] = law
    return found


def known(name: str) -> Law:
    """The law with this id; raises ``ValueError`` that names those that exist."""
    try:
        return laws()[name]
    except KeyError:
        raise ValueError(f"no law {name[:60]!r}; known: {', '.join(laws())}") from None


def of_place(jurisdiction: str, at: date) -> tuple[Law, ...]:
    """The laws in force at a place, the narrowest first: a state's before its country's.

    All of them hold together. Where two want different words on the picture, those of the first
    come first. ``jurisdiction`` is an ISO 3166 code; member states are under the Union's law.
    """
    country = jurisdiction.partition("-")[0]
    member = country == "EU" or jurisdictions.covers("EU", jurisdiction)
    codes = [jurisdiction, country] + (["EU"] if member else [])
    order = {code: place for place, code in enumerate(dict.fromkeys(codes)) if code}
    found = [law for law in laws().values() if law.jurisdiction in order and law.holds(at)]
    return tuple(sorted(found, key=lambda law: order[law.jurisdiction]))


def standing(law: Law, carried: frozenset[str], at: date) -> tuple[DemandStanding, ...]:
    """How the demands of a law that are in force stand for files that can carry ``carried``."""
    cells = []
    for demand in law.demands:
        if not law.holds(at, demand):
            continue
        if NEEDS.get(demand.check, "credentials") not in carried:
            stand = Stand.REFUSED
        elif demand.check in ONLY_YOU:
            stand = Stand.ONLY_YOU
        else:
            stand = Stand.MET
        cells.append(DemandStanding(law.law, demand, stand))
    return tuple(cells)


def require(names: Iterable[str], format: str, at: date, carries: Carries) -> None:
    """Raise :class:`ComplianceUnmet` with the demand's name where a format cannot carry it.

    Asked before anything is generated.
    """
    for name in names:
        for cell in standing(known(name), carries[format], at):
            if cell.stand is Stand.REFUSED:
                need = NEEDS.get(cell.demand.check, "credentials")
                others = [form for form, carried in carries.items() if need in carried]
                raise ComplianceUnmet(
                    f"a {format} file cannot carry {cell.demand.id} of {name}: "
                    f"{cell.demand.demand} ({cell.demand.source})",
                    f"ask for {' or '.join(others)}, or take {name} out of compliance.profiles",
                )


def cells(
    chosen: Iterable[Law], at: date, carries: Carries
) -> dict[str, dict[str, dict[str, str]]]:
    """How the demands in force stand: by law, format and demand."""
    return {
        law.law: {
            form: {c.demand.id: c.stand.value for c in standing(law, carried, at)}
            for form, carried in carries.items()
        }
        for law in chosen
    }


def table(at: date, carries: Carries) -> str:
    """The table law x demand x format in Markdown."""
    lines = ["| law | demand | source | owed by | " + " | ".join(carries) + " |"]
    lines.append("|" + "---|" * (4 + len(carries)))
    for law in laws().values():
        found = cells((law,), at, carries)[law.law]
        for demand in law.demands:
            stands = [
                found[form].get(demand.id, f"from {demand.since or law.since}") for form in carries
            ]
            note = "" if demand.verified else " †"
            lines.append(
                f"| {law.law} | {demand.id} {demand.demand}{note} | {demand.source} | "
                f"{demand.owes.value} | " + " | ".join(stands) + " |"
            )
    return "\n".join(lines)
