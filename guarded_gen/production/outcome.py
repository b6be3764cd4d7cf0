"""How a request of the command line ended, for people and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from guarded_gen.gates.gate import GateResult
from guarded_gen.production.line import GENERATE, PUBLISH, Standing
from guarded_gen.production.memory import MemoryRecord
from guarded_gen.production.work import Gated, Published, Rendered


class ClipState(StrEnum):
    """Where a clip ended."""

    PUBLISHED = "published"
    BLOCKED = "blocked"
    HELD = "held_for_review"


_STATES = {
    Standing.FINISHED: ClipState.PUBLISHED,
    Standing.HELD: ClipState.HELD,
    Standing.REFUSED: ClipState.BLOCKED,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended. ``gates`` maps decision ids to gate results, in order."""

    clip: str
    state: ClipState
    gates: dict[str, GateResult] = field(default_factory=dict)
    path: Path | None = None
    manifest: str | None = None
    sha256: str | None = None
    caption: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, standing: Standing, record: MemoryRecord) -> Outcome:
        outputs = record.work.outputs
        gates: dict[str, GateResult] = {}
        for output in outputs.values():
            if isinstance(output, Gated):
                gates |= {one.decision: one.gate for one in output.judged}
        rendered, published = outputs.get(GENERATE), outputs.get(PUBLISH)
        outcome = cls(
            record.work.id,
            _STATES[standing],
            gates,
            caption=rendered.caption if isinstance(rendered, Rendered) else {},
        )
        if not isinstance(published, Published):
            return outcome
        return cls(
            outcome.clip,
            outcome.state,
            gates,
            published.path,
            published.manifest,
            published.sha256,
            outcome.caption,
        )

    @property
    def last(self) -> tuple[str, GateResult]:
        """The decision that the outcome stands on: the last gate's first of the most severe."""
        decision = next(reversed(self.gates))
        stage = self.gates[decision].stage
        same = {id: gate for id, gate in self.gates.items() if gate.stage is stage}
        for action in ("block", "review"):
            for id, gate in same.items():
                if gate.decision.action.value == action:
                    return id, gate
        return decision, self.gates[decision]

    @property
    def uninstalled(self) -> tuple[str, ...]:
        """Checks that the last decision missed because their weights are not on this machine."""
        if not self.gates:
            return ()
        _, gate = self.last
        missed = {missing.check for missing in gate.decision.missing}
        return tuple(
            sorted(
                {
                    signal.check
                    for signal in gate.signals
                    if signal.check in missed and signal.detail.get("cause") == "weights_missing"
                }
            )
        )

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "clip": self.clip,
            "state": self.state.value,
            "decisions": [{"id": id, **gate.to_json()} for id, gate in self.gates.items()],
        }
        if self.uninstalled:
            record["uninstalled"] = list(self.uninstalled)
        if self.path is not None:
            record |= {
                "path": str(self.path),
                "sha256": self.sha256,
                "manifest": self.manifest,
                "unexpressed": self.caption.get("unexpressed", []),
            }
        return record
