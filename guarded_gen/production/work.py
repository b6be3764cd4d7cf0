"""What stages hand on: typed, versioned records that a book keeps as JSON.

A record is read back by the program that runs now, whichever wrote it: records from before they
had versions are brought up to date, and one of a newer version is refused, since half-understood
work must not go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, NotRequired, Self, TypedDict, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    InstanceOf,
    PlainSerializer,
    ValidationError,
)

from guarded_gen.errors import GuardedGenError
from guarded_gen.gates.gate import GateResult
from guarded_gen.production.request import ClipRequest
from policies.decision import Action, Signal

VERSION = 1


class RecordUnreadable(GuardedGenError):
    """A stage's stored result cannot be read by this program."""

    code = "work_record_unreadable"


def _gate(value: Any) -> Any:
    return GateResult.from_json(value) if isinstance(value, Mapping) else value


def _signal(value: Any) -> Any:
    return Signal.from_json(value) if isinstance(value, Mapping) else value


Gate = Annotated[
    InstanceOf[GateResult],
    BeforeValidator(_gate),
    PlainSerializer(lambda gate: gate.to_json()),
]
StoredSignal = Annotated[
    InstanceOf[Signal],
    BeforeValidator(_signal),
    PlainSerializer(lambda signal: signal.to_json()),
]


class Output(BaseModel):
    """What one stage gave. ``entries`` are the ids of its entries in the audit log, in order."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    version: int = VERSION
    entries: tuple[str, ...] = ()

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """The record that a book kept; raises :class:`RecordUnreadable`."""
        version = stored.get("version", 0)
        if not isinstance(version, int) or version > VERSION:
            raise RecordUnreadable(
                f"a {cls.__name__} record of version {version} is newer than this program",
                "run the version that wrote it, or a newer one",
            )
        fields = cls._from_unversioned(dict(stored)) if version == 0 else dict(stored)
        try:
            return cls.model_validate({**fields, "version": VERSION})
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise RecordUnreadable(
                f"a stored {cls.__name__} record is not whole", "cancel the job and ask again"
            ) from error

    @classmethod
    def _from_unversioned(cls, stored: dict[str, Any]) -> dict[str, Any]:
        entry = stored.pop("entry", None)
        return {**stored, "entries": (entry,)} if entry else stored

    def stored(self) -> dict[str, Any]:
        """The record as JSON values."""
        return self.model_dump(mode="json")


class Judged(BaseModel):
    """One decision of a gate. ``decision`` is its entry in the log, empty until it has one."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    gate: Gate
    decision: str = ""


class Gated(Output):
    """What a gate decided: of a prompt and a clip once, of references one decision each."""

    judged: tuple[Judged, ...]

    @classmethod
    def _from_unversioned(cls, stored: dict[str, Any]) -> dict[str, Any]:
        if "judged" in stored:
            return {"judged": stored["judged"]}
        return {"judged": [{"decision": stored["decision"], "gate": stored["gate"]}]}

    @property
    def decisive(self) -> int:
        """Which decision the gate stands on: the first of the most severe."""
        grades = [one.gate.decision.action.severity for one in self.judged]
        return grades.index(max(grades))

    @property
    def action(self) -> Action:
        """What the gate as a whole says. A gate that judged nothing is closed."""
        return self.judged[self.decisive].gate.decision.action if self.judged else Action.BLOCK


class Rendered(Output):
    """The draft and what the output checks saw; ``signals`` are not yet judged.

    ``frames`` 0: a look in mid-generation stopped it, and there is no draft.
    """

    draft: Path
    frames: int
    signals: tuple[StoredSignal, ...]
    coverage: dict[str, Any]
    caption: dict[str, Any]
    sealed: dict[str, Any] = {}
    """What a reviewer needs and no log may show, such as words that were read in the frames."""


class Marked(Output):
    """The labelled, watermarked and encoded clip lies in ``folder``, unsigned."""

    folder: Path


class Signed(Output):
    """The signed clip lies in ``folder``; ``fence`` names the worker that signed it."""

    folder: Path
    sha256: str
    manifest: str
    fence: int | None = None


class Asset(BaseModel):
    """One published object. ``type`` is its MIME type."""

    model_config = ConfigDict(frozen=True)
    key: str
    bytes: int
    type: str
    sha256: str | None = None


class Published(Output):
    """The clip is where who asked for it can read it: as objects, or as a file at ``path``."""

    sha256: str
    manifest: str
    assets: dict[str, Asset] = {}
    path: Path | None = None

    @classmethod
    def _from_unversioned(cls, stored: dict[str, Any]) -> dict[str, Any]:
        # the row of the job, not this record, said what was published
        return {"sha256": "", "manifest": "", "entries": (stored["entry"],)}


class Recorded(TypedDict):
    """A decision as it stands on the job's row, for clients: no signals, no prompt."""

    id: str
    stage: str
    action: str
    rule_id: NotRequired[str | None]
    reason: NotRequired[str | None]


def recorded(decisions: Iterable[Mapping[str, Any]]) -> tuple[Recorded, ...]:
    """The decisions of a job's row, typed."""
    return tuple(cast(Recorded, dict(made)) for made in decisions)


@dataclass(slots=True)
class Work:
    """One job in the hands of whoever runs its stages now.

    ``decisions`` are the gates' and people's, in the order in which they were made. ``fence``
    names this taking of the job: its working files lie in a folder of that name.
    """

    REVIEW: ClassVar[str] = "review"

    id: str
    kind: str
    request: ClipRequest
    fence: int = 0
    outputs: dict[str, Output] = field(default_factory=dict)
    decisions: tuple[Recorded, ...] = ()
    wanted: Callable[[int], bool] = lambda percent: True
    """Note progress in percent; False as soon as the stage should stop."""
    stop: Callable[[], bool] = lambda: False
    """The same question without progress, cheap enough for every step of a generator."""
    on_step: Callable[[int, int], None] = lambda done, total: None
    """Told of steps done and in all while the generator runs."""

    def passed(self, gate: Gated) -> bool:
        """Whether the gate is open: it allowed, or a person allowed what it held, afterwards."""
        if gate.action is not Action.REVIEW:
            return gate.action is Action.ALLOW
        mine = {one.decision for one in gate.judged}
        seen = False
        for made in self.decisions:
            if made["id"] in mine:
                seen = True
            elif seen and made["stage"] != self.REVIEW:
                return False  # another gate decided since: its approval is none of this one
            elif seen and made["action"] == Action.ALLOW.value:
                return True
        return False

    @property
    def reviews(self) -> tuple[Recorded, ...]:
        """What people decided of it."""
        return tuple(made for made in self.decisions if made["stage"] == self.REVIEW)
