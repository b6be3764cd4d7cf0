"""A clip of the command line that a person must decide becomes a job that waits for them.

So it opens a case like any other, and when it is allowed a running server or worker goes on with
it where it stopped; the finished clip is then with the other videos of its tenant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generator.spec import Mode
from guarded_gen.audit import Transaction
from guarded_gen.gates import GateResult
from guarded_gen.jobs.clips import record
from guarded_gen.jobs.plan import PROMPT, Plan
from guarded_gen.jobs.rows import held, new_job
from guarded_gen.pipeline.run import Keep
from guarded_gen.pipeline.stages import Rendered
from guarded_gen.request import ClipRequest
from guarded_gen.review.held import hold
from guarded_gen.store.tables.jobs import JobStage


def keeper(request: ClipRequest) -> Keep:
    """What :func:`guarded_gen.pipeline.run.run_clip` calls when a gate holds the clip."""

    def keep(
        tx: Transaction,
        clip: str,
        gates: Mapping[str, GateResult],
        rendered: Rendered | None,
        look: str | None,
    ) -> None:
        plan = Plan()
        decision, gate = list(gates.items())[-1]
        job = held(
            new_job(
                clip, request.tenant, request.model_dump(mode="json"), model=request.backend,
                kind="image" if request.mode is Mode.IMAGE else "video",
                stage=plan.after("output") if rendered else plan.after("reference"),
                seconds=request.seconds,
            )
        )  # fmt: skip
        job.started_at = at = job.created_at
        for id, result in gates.items():
            record(job, id, result)
        tx.session.add(job)
        for stage, output in _outputs(gates, rendered).items():
            tx.session.add(
                JobStage(
                    job=clip, stage=stage, fence=0, worker="command line", output=output,
                    seconds=0.0, finished_at=at,
                )
            )  # fmt: skip
        hold(tx, request, clip, gate, decision, look)

    return keep


def _outputs(
    gates: Mapping[str, GateResult], rendered: Rendered | None
) -> dict[str, dict[str, Any]]:
    """What the stages that are done gave, as they would have stored it."""
    listed = [{"decision": id, "gate": gate.to_json()} for id, gate in gates.items()]
    found: dict[str, dict[str, Any]] = {PROMPT: listed[0]}
    if rendered is not None:
        found["generate"] = {**rendered.to_json(), "entry": listed[0]["decision"]}
        found["output"] = {**listed[-1], "halt": "held"}
    return found
