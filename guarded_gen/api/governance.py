"""What a trust-and-safety team asks by machine: appeals, policies, the log, the review queue."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

import policies
from guarded_gen.access.keys import Caller, Scope
from guarded_gen.api.bodies import body_of
from guarded_gen.api.context import Api, Remember, api_of
from guarded_gen.api.objects import at_s, page
from guarded_gen.api.problems import invalid, not_found
from guarded_gen.api.requests import (
    CreateAppeal,
    DecideCase,
    ReplayPolicy,
    parsed,
    request_body,
)
from guarded_gen.api.schemas import (
    APPEAL,
    APPEAL_PAGE,
    LOG_ENTRY,
    LOG_PAGE,
    POLICY_PAGE,
    REPLAY,
    REVIEW_DECISION,
    REVIEW_PAGE,
    answers,
)
from guarded_gen.audit import Query as LogQuery
from guarded_gen.errors import NotFound
from guarded_gen.governance.recorded import read_recorded
from guarded_gen.jobs.settled import HeldJobs
from guarded_gen.review.appeals import Appeals, AppealStatus
from guarded_gen.review.cases import CaseQueue as CaseQueue
from guarded_gen.review.cases import Filters
from guarded_gen.review.decide import Decisions
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Role
from guarded_gen.store.tables.review import ReviewCase
from policies.replay import anew, replay

router = APIRouter(prefix="/v1", tags=["governance"])
_REPLAY_MOST = 2_000
"""Decisions of each stage that a replay goes over, the newest."""
_REPLAY_EXAMPLES = 50


def appeals_of(api: Api) -> Appeals:
    return Appeals(api.jobs.store, api.services.log, api.appeal_key)


def own_decision(api: Api, caller: Caller, id: str) -> Any:
    """The log entry of a decision of this tenant."""
    try:
        entry = api.services.log.entry(id)
    except NotFound:
        entry = None
    judged = entry is not None and (entry.decision is not None or entry.kind == "case.decided")
    if entry is None or entry.tenant != caller.tenant or not judged:
        raise not_found("decision", id)
    return entry


def appeal_object(status: AppealStatus) -> dict[str, Any]:
    return {
        "id": status.id,
        "object": "appeal",
        "decision_id": status.decision,
        "status": status.state,
        "created_at": at_s(status.created_at),
        "decided_at": at_s(status.decided_at),
        "statement_of_reasons": status.statement_of_reasons,
    }


@router.post("/appeals", responses=answers(APPEAL), openapi_extra=request_body(CreateAppeal))
async def create_appeal(request: Request) -> Response:
    """Appeal a refusal. Another person than the first decides; ``appeal.decided`` tells you."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(CreateAppeal, body)

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            own_decision(api, caller, wanted.decision_id)
            appeals = appeals_of(api)
            appeals.file(wanted.decision_id, wanted.reason)
            status = appeals.status(wanted.decision_id)
            assert status is not None, "it was filed a moment ago"
            answer = appeal_object(status)
            with api.jobs.store.write() as session:
                remember(session, 200, answer)
            return 200, answer

        return await api.post(request, caller, body, work)


@router.get("/appeals", responses=answers(APPEAL_PAGE))
async def list_appeals(
    request: Request, decision_id: Annotated[str, Query(max_length=64)]
) -> Response:
    """The appeal against one decision, if there is one."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> list[dict[str, Any]]:
        own_decision(api, caller, decision_id)
        status = appeals_of(api).status(decision_id)
        return [appeal_object(status)] if status is not None else []

    return JSONResponse(page(await api.quick.run(work), False))


@router.get("/policies", responses=answers(POLICY_PAGE))
async def list_policies(request: Request) -> Response:
    """The policy in force and the library."""
    api = api_of(request)
    await api.enter(request, Scope.MODERATE)
    active = api.services.policy
    items = [
        {"id": name, "object": "policy", "active": name == api.settings.policy}
        for name in policies.library()
    ]
    if not any(item["active"] for item in items):
        items.insert(0, {"id": active.id, "object": "policy", "active": True})
    for item in items:
        if item["active"]:
            item["digest"] = active.digest
    return JSONResponse(page(items, False))


@router.post(
    "/policies/replays", responses=answers(REPLAY), openapi_extra=request_body(ReplayPolicy)
)
async def replay_policy(request: Request) -> Response:
    """What another policy would have decided on what was recorded: nothing changes.

    Takes the policy's YAML, which may extend one of the library; goes over this tenant's newest
    recorded decisions, each in the context in which it was made.
    """
    api = api_of(request)
    caller = await api.enter(request, Scope.ADMIN)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(ReplayPolicy, body)
        return JSONResponse(await api.heavy.run(_replay, api, caller, wanted.policy))


def _replay(api: Api, caller: Caller, text: str) -> dict[str, Any]:
    candidate, issues = policies.loads(text, "candidate")
    past = read_recorded(api.services.log, tenant=caller.tenant, most=_REPLAY_MOST)
    report = replay(candidate, past.history, samples=_REPLAY_EXAMPLES)
    changes: dict[str, int] = {}
    examples: list[dict[str, Any]] = []
    for change in report.changes:
        name = f"{change.before}>{change.after}"
        changes[name] = changes.get(name, 0) + change.count
        for id in change.samples[: _REPLAY_EXAMPLES - len(examples)]:
            decided = anew(candidate, past.history, change.stage, id)
            examples.append(
                {
                    "decision_id": id,
                    "before": change.before.value,
                    "after": change.after.value,
                    "rule_id": decided.rule_id,
                    "reason": decided.reason,
                }
            )
    return {
        "object": "policy.replay",
        "digest": candidate.digest,
        "decisions": report.decisions,
        "changed": report.changed,
        "changes": changes,
        "examples": examples,
        "unusable": past.unusable,
        "capped": past.capped,
        "warnings": [issue.message for issue in issues],
    }


@router.get("/audit/entries", responses=answers(LOG_PAGE))
async def list_entries(
    request: Request,
    kind: Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9_.]+$")] = None,
    action: Annotated[str | None, Query(max_length=16)] = None,
    before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """This tenant's log entries, newest first; go on with ``before`` = the last index."""
    api = api_of(request)
    caller = await api.enter(request, Scope.AUDIT)

    def work() -> list[dict[str, Any]]:
        query = LogQuery(
            tenant=caller.tenant, kind=kind, action=action, before=before, limit=limit + 1
        )
        return [entry.to_json() for entry in api.services.log.entries(query)]

    rows = await api.slow.run(work)
    return JSONResponse(page(rows[:limit], len(rows) > limit))


@router.get("/audit/entries/{entry_id}", responses=answers(LOG_ENTRY))
async def retrieve_entry(request: Request, entry_id: str) -> Response:
    """One log entry."""
    api = api_of(request)
    caller = await api.enter(request, Scope.AUDIT)

    def work() -> dict[str, Any]:
        try:
            entry = api.services.log.entry(entry_id)
        except NotFound:
            entry = None
        if entry is None or entry.tenant != caller.tenant:
            raise not_found("log entry", entry_id)
        return entry.to_json()

    return JSONResponse(await api.quick.run(work))


def reviewer(caller: Caller) -> Member:
    """A key or person with the scope ``review``, as a member of the review room."""
    return Member(caller.name, caller.name, frozenset({Role.REVIEWER}), frozenset({caller.tenant}))


def case_object(case: ReviewCase) -> dict[str, Any]:
    return {
        "id": case.id,
        "object": "review_case",
        "kind": case.kind,
        "state": case.state,
        "item": case.item,
        "stage": case.stage,
        "decision_id": case.decision,
        "category": case.category,
        "rule_id": case.rule,
        "reason_code": case.reason,
        "floor": case.floor,
        "details": case.details,
        "action": case.action,
        "opened_at": at_s(case.opened_at),
        "version": case.version,
    }


@router.get("/reviews", responses=answers(REVIEW_PAGE))
async def list_reviews(request: Request) -> Response:
    """Cases that wait for a person, most urgent first."""
    api = api_of(request)
    caller = await api.enter(request, Scope.REVIEW)
    queue = CaseQueue(api.jobs.store, api.services.log, api.settings.review)
    cases = await api.quick.run(lambda: queue.page(reviewer(caller), Filters(tenant=caller.tenant)))
    return JSONResponse(page([case_object(case) for case in cases], False))


@router.post(
    "/reviews/{case_id}/decision",
    responses=answers(REVIEW_DECISION),
    openapi_extra=request_body(DecideCase),
)
async def decide_case(request: Request, case_id: str) -> Response:
    """Say ``allow`` or ``block`` of a case; takes effect when the undo window has closed."""
    api = api_of(request)
    caller = await api.enter(request, Scope.REVIEW)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(DecideCase, body)
        if wanted.action not in ("allow", "block"):
            raise invalid("action is allow or block", "action")

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            who = reviewer(caller)
            log = api.services.log
            limits = api.settings.review
            case = CaseQueue(api.jobs.store, log, limits).take(who, case_id)
            decisions = Decisions(api.jobs.store, log, HeldJobs(api.jobs.book), limits)
            decided = decisions.decide(
                who,
                case_id,
                wanted.action,
                wanted.reason,
                version=case.version,
                note=wanted.note or "",
            )
            answer = {
                "object": "review_decision",
                "case_id": case_id,
                "decision_id": decided.entry,
                "waits_for_second": decided.waits_for_second,
                "effective_at": at_s(decided.effective_at),
            }
            with api.jobs.store.write() as session:
                remember(session, 200, answer)
            return 200, answer

        return await api.post(request, caller, body, work)
