"""The settings of the log: ``[audit]`` in ``guarded-gen.toml``.

Beside the room and not in it, so that reading the settings does not load the database's library.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

FLOOR_DAYS = 183
"""Six months: the EU AI Act (Articles 19 and 26) keeps logs at least that long."""


class RecordClass(StrEnum):
    """What kind of record an entry is, for how long it is kept."""

    DECISION = "decision"
    REVIEW = "review"
    JOB = "job"
    LOG = "log"


_CLASSES = {
    RecordClass.REVIEW: ("review.", "appeal.", "case."),
    RecordClass.LOG: ("log.", "payload.", "witness."),
}


def class_of(kind: str) -> RecordClass:
    """The record class of an event's kind."""
    if kind.endswith(".decision"):
        return RecordClass.DECISION
    for record_class, prefixes in _CLASSES.items():
        if kind.startswith(prefixes):
            return record_class
    return RecordClass.JOB


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Days(_Model):
    """Days for each class of records; at least six months."""

    decision: int = Field(FLOOR_DAYS, ge=FLOOR_DAYS, description="decisions of gates")
    review: int = Field(FLOOR_DAYS, ge=FLOOR_DAYS, description="cases, verdicts and appeals")
    job: int = Field(FLOOR_DAYS, ge=FLOOR_DAYS, description="jobs, clips and all other kinds")
    log: int = Field(FLOOR_DAYS, ge=FLOOR_DAYS, description="what the log says of itself")

    def of(self, record_class: RecordClass) -> int:
        days: int = getattr(self, record_class.value)
        return days


def _five_years() -> Days:
    return Days(decision=1826, review=1826, job=1826, log=1826)


class Watched(_Model):
    """Another operator's log that we witness."""

    vkey: str = Field(description="the log's verifier key (type 0x01)")
    url: str = Field("", description="where its tiles are; empty: it submits to us")

    @field_validator("vkey")
    @classmethod
    def _log_key(cls, value: str) -> str:
        return _checked(value, (0x01,), "a log's verifier key (type 0x01)")


class WitnessSettings(_Model):
    """A witness that cosigns our checkpoints."""

    vkey: str = Field(description="the witness's verifier key (type 0x04 or 0x06)")
    url: str = Field(description="its submission prefix")

    @field_validator("vkey")
    @classmethod
    def _witness_key(cls, value: str) -> str:
        return _checked(value, (0x04, 0x06), "a witness's verifier key (type 0x04 or 0x06)")


class AuditSettings(_Model):
    origin: str = Field(
        "",
        pattern=r"^[^\s+]*$",
        description="the log's name: its public URL without scheme; empty: made from its key",
    )
    keep_entries: Days = Field(
        default_factory=_five_years, description="days before entries may be pruned"
    )
    keep_payloads: Days = Field(
        default_factory=Days, description="days before sealed payloads are deleted"
    )
    high_water_folder: Path | None = Field(
        None,
        description="where the newest checkpoint and the list of erasures are kept outside the"
        " database, best on another disk; empty: high-water below the home",
    )
    witnesses: tuple[WitnessSettings, ...] = Field((), description="who cosigns our checkpoints")
    witness_policy: Path | None = Field(
        None,
        description="file (C2SP tlog-policy) that says which witnesses together count as a"
        " quorum; those with a URL are asked too; empty: one witness is enough",
    )
    witness_every_s: float = Field(
        600.0, gt=0, description="how often the service asks witnesses and checks watched logs"
    )
    witness_name: str = Field(
        "", pattern=r"^[^\s+]*$", description="our name as a witness; empty: made from the key"
    )
    watch: tuple[Watched, ...] = Field((), description="the logs that we cosign or check")
    alert_hours: float = Field(
        24.0, gt=0, description="a log or witness silent for longer raises an alert"
    )
    explore_entries: int = Field(
        50_000, ge=100, le=1_000_000, description="entries that one query over the log reads"
    )
    explore_seconds: float = Field(
        8.0, gt=0, le=60, description="how long one query over the log reads"
    )


def _checked(vkey: str, kinds: tuple[int, ...], what: str) -> str:
    from guarded_gen.audit.errors import BadNote
    from guarded_gen.audit.note import Verifier

    try:
        verifier = Verifier.parse(vkey)
    except BadNote as error:
        raise ValueError(str(error)) from error
    if verifier.kind not in kinds:
        raise ValueError(f"not {what}")
    return verifier.vkey
