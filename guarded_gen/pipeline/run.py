"""One clip, start to end, in this process."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from generator.base import Cancel, Step
from guarded_gen.audit import Event, Transaction
from guarded_gen.errors import describe
from guarded_gen.gates import GateResult
from guarded_gen.pipeline import events, stages
from guarded_gen.pipeline.stages import Rendered
from guarded_gen.request import ClipRequest
from guarded_gen.review.held import look_of
from guarded_gen.services import Services
from policies.decision import Action

Keep = Callable[
    [Transaction, str, Mapping[str, GateResult], stages.Rendered | None, str | None], None
]
"""Called with the clip's id, its gates by decision id, its draft, and the look of that."""

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, steps done and steps in all."""


class State(StrEnum):
    """Where a clip ended."""

    PUBLISHED = "published"
    BLOCKED = "blocked"
    HELD = "held_for_review"


@dataclass(slots=True)
class Outcome:
    """How a request ended. ``gates`` maps decision ids to gate results, in order."""

    clip: str
    state: State
    gates: dict[str, GateResult] = field(default_factory=dict)
    path: Path | None = None
    manifest: str | None = None
    sha256: str | None = None
    caption: dict[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> tuple[str, GateResult]:
        """The decision that the outcome stands on."""
        decision = next(reversed(self.gates))
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


def run_clip(
    services: Services,
    request: ClipRequest,
    destination: Path,
    progress: Progress = lambda stage, done, total: None,
    cancel: Cancel = lambda: False,
    keep: Keep = lambda tx, clip, gates, rendered, look: None,
) -> Outcome:
    """Take one request the whole way; every decision is on record before the next stage.

    Returns an :class:`Outcome` for whatever the gates decide. Raises the typed error of the
    stage that failed, after the failure was recorded; then nothing lies at ``destination``.
    A clip held at the output gate keeps its draft in the private work folder for the reviewer;
    ``keep`` opens its case, in the transaction of the decision that holds it.
    """
    clip = f"clip_{uuid.uuid4().hex}"
    work = services.settings.work_folder / clip
    outcome = Outcome(clip, State.PUBLISHED)
    related: str | None = request.rewrite_of

    def record(event: Event) -> str:
        nonlocal related
        related = services.log.write(lambda tx: tx.append(event))
        return related

    def decided(result: GateResult, rendered: Rendered | None = None) -> bool:
        nonlocal related
        action, before = result.decision.action, related
        held = action is Action.REVIEW
        look = look_of(rendered.draft, rendered.frames) if held and rendered else None

        def work(tx: Transaction) -> str:
            entry = tx.append(events.decision(request, clip, result, before))
            if held:
                keep(tx, clip, {**outcome.gates, entry: result}, rendered, look)
            return entry

        related = services.log.write(work)
        outcome.gates[related] = result
        if action is Action.ALLOW:
            return True
        outcome.state = State.BLOCKED if action is Action.BLOCK else State.HELD
        return False

    def on_step(step: Step) -> None:
        progress("generate", step.index, step.total)

    stage = "prompt"
    progress(stage, 0, 1)
    if not decided(stages.gate_prompt(services, request)):
        return outcome
    try:
        stage = "reference"
        if request.references:
            progress(stage, 0, len(request.references))
        for judged in stages.gate_references(services, request):
            if not decided(judged):
                return outcome
        stage = "generate"
        rendered = stages.render(services, request, work, on_step, cancel)
        capabilities = services.generator(request.backend).capabilities()
        outcome.caption = rendered.caption
        if rendered.frames:
            record(
                events.generated(
                    request, clip, capabilities, rendered.caption, rendered.frames, related
                )
            )
        stage = "output"
        progress(stage, 0, 1)
        judged = stages.gate_output(services, request, rendered)
        if not decided(judged, rendered if rendered.frames else None):
            if outcome.state is State.BLOCKED:
                shutil.rmtree(work)
            return outcome
        stage = "encode"
        progress(stage, 0, 1)
        stages.finish_clip(services, request, clip, rendered, work)
        stage = "sign"
        progress(stage, 0, 1)
        ready = (work / stages.marked_name(request)).with_stem("signed")
        signed = stages.sign(services, request, clip, outcome.gates, work, ready)
        # Recorded before it can be seen: a file that is out there is always on record.
        record(events.signed(request, clip, signed.sha256, signed.manifest_label, related))
        stage = "publish"
        progress(stage, 0, 1)
        stages.publish(ready, destination)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        record(events.failed(request, clip, stage, describe(error).code, related))
        raise
    shutil.rmtree(work, ignore_errors=True)
    record(events.published(request, clip, signed.sha256, related))
    outcome.path, outcome.sha256 = destination, signed.sha256
    outcome.manifest = signed.manifest_label
    return outcome
