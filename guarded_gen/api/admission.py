"""Accepting work: the prompt gate, the decision on record, the job in the book, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from classifiers.prompt.rewrite import Suggestion
from guarded_gen.access.keys import Caller
from guarded_gen.api.context import Api, Remember
from guarded_gen.api.objects import video_object
from guarded_gen.api.problems import Problem
from guarded_gen.audit import Transaction
from guarded_gen.composition.lines import prompt_gate
from guarded_gen.errors import NotFound
from guarded_gen.production.line import PROMPT
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.rows import END_USER, Submitted, new_job
from guarded_gen.production.stage import Done, Refused, Result
from guarded_gen.production.work import Gated, Work
from guarded_gen.review.appeals import appeal_link
from guarded_gen.store.tables.jobs import Job
from policies.decision import Action


def blocked_problem(
    api: Api, decision: str, reason: str, stage: str, offer: Suggestion | None = None
) -> Problem:
    """A refusal that can be understood and appealed, and that no client should repeat.

    ``offer`` is a wording that would pass; the caller confirms it by sending it with
    ``rewrite_of`` set to the decision's id.
    """
    proposed = (
        {"rewrite": {"prompt": offer.text, "removed": list(offer.removed), "rewrite_of": decision}}
        if offer is not None
        else {}
    )
    return Problem(
        400,
        "moderation_blocked",
        f"the {stage} was refused by the policy: {reason}",
        param="prompt" if stage == "prompt" else None,
        remedy="change the request, or appeal the decision",
        error_type="moderation_error",
        extra={
            "reason_code": reason,
            "decision_id": decision,
            "appeal_url": appeal_url(api, decision),
            **proposed,
        },
        retry=False,
    )


def _check_offer(api: Api, tenant: str, decision: str) -> None:
    """Raise :class:`Problem` unless ``decision`` is one of this tenant's that was no allow."""
    try:
        entry = api.services.log.entry(decision)
    except NotFound:
        entry = None
    if (
        entry is None
        or entry.kind != "prompt.decision"
        or entry.tenant != tenant
        or entry.action == Action.ALLOW.value
    ):
        raise Problem(
            400,
            "unknown_decision",
            "rewrite_of names no refused prompt of yours",
            param="rewrite_of",
            remedy="use the decision_id of the refusal",
        )


def appeal_url(api: Api, decision: str) -> str:
    """Where the refused person can appeal, without an account."""
    return appeal_link(api.appeal_key, api.base_url, decision)


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is known of a job beside its request. ``request_id`` stands in the answers."""

    id: str
    kind: str = "video"
    details: Mapping[str, Any] = field(default_factory=dict)
    priority: int | None = None
    request_id: str = "-"


def admit(
    api: Api,
    caller: Caller,
    request: ClipRequest,
    remember: Remember,
    new: NewJob,
) -> Job:
    """Judge the prompt and take the job in; raises :class:`Problem` when it is refused.

    Decision, log entry, job and remembered answer are one transaction. A job that must wait for
    a person is taken in but not handed to the queue.
    """
    api.require_room()
    with trace.get_tracer("guarded_gen").start_as_current_span("admit") as span:
        span.set_attribute("guarded_gen.job_id", new.id)
        if request.rewrite_of:
            _check_offer(api, request.tenant, request.rewrite_of)
        with api.metrics.stage("prompt"):
            result = prompt_gate(api.services).run(Work(new.id, new.kind, request))
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)

        def row() -> Job:
            return new_job(
                new.id,
                caller.tenant,
                request.model_dump(mode="json"),
                kind=new.kind,
                stage=api.jobs.book.plan.following(request, {PROMPT}),
                submitted=Submitted(
                    caller.key_id,
                    new.priority,
                    {**new.details, END_USER: request.subject != caller.name},
                    carrier.get("traceparent"),
                ),
            )

        here = copy_context()  # the log's writer is another thread, and links need the request's
        outcome = api.jobs.book.log.write(
            lambda tx: here.run(_record, api, tx, row(), request, result, remember, new.request_id)
        )
        if isinstance(result.output, Gated):
            api.metrics.decisions.labels("prompt", result.output.action.value).inc()
        if isinstance(outcome, Problem):
            raise outcome
        if isinstance(result, Done):
            api.jobs.hand_over(outcome)
        return outcome


def _record(
    api: Api,
    tx: Transaction,
    job: Job,
    request: ClipRequest,
    result: Result,
    remember: Remember,
    request_id: str,
) -> Job | Problem:
    api.jobs.book.admit(tx, job, request, result)
    if isinstance(result, Refused):
        [judged] = result.output.judged
        gate = judged.gate
        decision = str(job.decisions[-1]["id"])
        problem = blocked_problem(api, decision, str(gate.decision.reason), "prompt", gate.offer)
        remember(tx.session, problem.status, problem.body(request_id))
        return problem
    remember(tx.session, 200, video_object(api, job))
    return job
