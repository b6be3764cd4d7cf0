"""What a stage is, and the three ways in which it can end without an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from guarded_gen.audit import Event
from guarded_gen.production.work import Gated, Output, Work
from policies.decision import Action

Entry = Callable[[str | None], Event]
"""An entry for the log, made when it is written: it names the job's last decision."""


@dataclass(frozen=True, slots=True)
class Done:
    """The stage is done, and the next may begin."""

    output: Output
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownAgain:
    """What a refusal is known again by: keyed bits of its ``words`` and of its ``frames``. See
    :mod:`guarded_gen.review.resemblance` and :mod:`guarded_gen.review.looks`."""

    words: bytes | None = None
    frames: bytes | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A gate asks for a person. ``look`` is the hash of what they will see, if it has one."""

    output: Gated
    look: str | None = None
    kept: KnownAgain = field(default_factory=KnownAgain)


@dataclass(frozen=True, slots=True)
class Refused:
    """A gate refused; ``message`` is what the tenant is told."""

    output: Gated
    message: str
    kept: KnownAgain = field(default_factory=KnownAgain)


Result = Done | Held | Refused


class Stage(Protocol):
    """One stage with the parts that it needs.

    ``run`` works outside of any transaction and may be repeated, so it leaves no trace but
    files in the work's own folder. ``output`` is the type of what it gives.
    """

    @property
    def name(self) -> str: ...

    @property
    def output(self) -> type[Output]: ...

    def run(self, work: Work) -> Result: ...


def gated(
    output: Gated, message: str, look: str | None = None, kept: KnownAgain | None = None
) -> Result:
    """How a gate's stage ends, by what it decided."""
    kept = kept or KnownAgain()
    if output.action is Action.ALLOW:
        return Done(output)
    if output.action is Action.REVIEW:
        return Held(output, look, kept)
    return Refused(output, message, kept)
