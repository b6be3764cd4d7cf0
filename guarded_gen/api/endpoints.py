"""``/v1/webhook_endpoints``: where a tenant is told, as the SDK manages it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import delete, func, select
from starlette.responses import JSONResponse, Response

from guarded_gen.access.keys import Caller, Scope
from guarded_gen.api.bodies import body_of
from guarded_gen.api.context import Api, Remember, api_of
from guarded_gen.api.objects import at_s, page
from guarded_gen.api.problems import Problem, not_found
from guarded_gen.api.requests import (
    CreateEndpoint,
    RotateSecret,
    TestEndpoint,
    UpdateEndpoint,
    parsed,
    request_body,
)
from guarded_gen.api.schemas import (
    DELETED,
    ENDPOINT,
    ENDPOINT_PAGE,
    ENDPOINT_SECRET,
    ENDPOINT_TEST,
    EVENT_TYPE_LIST,
    answers,
)
from guarded_gen.jobs import new_id, now_ms
from guarded_gen.jobs import webhooks as hooks
from guarded_gen.store.tables.jobs import WebhookDelivery, WebhookEndpoint

router = APIRouter(prefix="/v1", tags=["webhooks"])
_MOST = 50
_OVERLAP_MS = 24 * 3_600_000


def endpoint_object(row: WebhookEndpoint, secret: bool = False) -> dict[str, Any]:
    shown = {
        "id": row.id,
        "object": "webhook_endpoint",
        "name": row.name,
        "url": row.url,
        "event_types": row.event_types,
        "created_at": at_s(row.created_at),
        "updated_at": at_s(row.updated_at),
        "signing_secret_hint": f"whsec_…{row.secret[-4:]}",
    }
    return {**shown, "signing_secret": row.secret} if secret else shown


@router.get("/webhook_event_types", responses=answers(EVENT_TYPE_LIST))
async def event_types(request: Request) -> Response:
    """The events that endpoints can ask for."""
    api = api_of(request)
    await api.enter(request, Scope.GENERATE)
    return JSONResponse({"object": "list", "data": list(hooks.EVENT_TYPES)})


def check_types(wanted: list[str]) -> list[str]:
    for name in wanted:
        if name not in hooks.EVENT_TYPES:
            raise Problem(
                400,
                "invalid_value",
                f"there is no event type {name!r}",
                param="event_types",
                remedy="GET /v1/webhook_event_types lists them",
            )
    return list(dict.fromkeys(wanted))


def check_url(api: Api, url: str) -> str:
    try:
        api.fetcher.check(url)
    except Exception as error:
        problem = Problem.of(error)
        problem.param = "url"
        raise problem from error
    return url


@router.post(
    "/webhook_endpoints",
    responses=answers(ENDPOINT_SECRET),
    openapi_extra=request_body(CreateEndpoint),
)
async def create_endpoint(request: Request) -> Response:
    """Add an endpoint. Its signing secret is shown now and never again."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(CreateEndpoint, body)

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            now = now_ms()
            row = WebhookEndpoint(
                id=new_id("we"),
                tenant=caller.tenant,
                name=wanted.name,
                url=check_url(api, wanted.url),
                event_types=check_types(wanted.event_types),
                secret=hooks.new_secret(),
                old_secret=None,
                old_secret_until=None,
                created_at=now,
                updated_at=now,
            )
            mine = select(func.count()).where(WebhookEndpoint.tenant == caller.tenant)
            answer = endpoint_object(row, secret=True)
            with api.jobs.store.write() as session:
                if (session.scalar(mine) or 0) >= _MOST:
                    raise Problem(409, "too_many", f"a tenant has at most {_MOST} endpoints")
                session.add(row)
                remember(session, 200, answer)
            return 200, answer

        return await api.post(request, caller, body, work)


@router.get("/webhook_endpoints", responses=answers(ENDPOINT_PAGE))
async def list_endpoints(
    request: Request,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """This tenant's endpoints."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> list[WebhookEndpoint]:
        query = select(WebhookEndpoint).where(WebhookEndpoint.tenant == caller.tenant)
        if after is not None:
            query = query.where(WebhookEndpoint.id > find(api, caller, after).id)
        with api.jobs.store.read() as session:
            return list(session.scalars(query.order_by(WebhookEndpoint.id).limit(limit + 1)))

    rows = await api.quick.run(work)
    return JSONResponse(page([endpoint_object(row) for row in rows[:limit]], len(rows) > limit))


def find(api: Api, caller: Caller, id: str) -> WebhookEndpoint:
    with api.jobs.store.read() as session:
        row = session.get(WebhookEndpoint, id)
    if row is None or row.tenant != caller.tenant:
        raise not_found("webhook endpoint", id)
    return row


@router.get("/webhook_endpoints/{id}", responses=answers(ENDPOINT))
async def retrieve_endpoint(request: Request, id: str) -> Response:
    """One endpoint, with the last failed deliveries that were given up."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> dict[str, Any]:
        row = find(api, caller, id)
        with api.jobs.store.read() as session:
            dead = session.scalars(
                select(WebhookDelivery)
                .where(WebhookDelivery.endpoint == id, WebhookDelivery.state == "dead")
                .order_by(WebhookDelivery.created_at.desc())
                .limit(20)
            ).all()
        return {
            **endpoint_object(row),
            "dead_letters": [
                {
                    "id": d.id,
                    "type": d.event_type,
                    "attempts": d.attempts,
                    "last_status": d.last_status,
                    "last_error": d.last_error,
                    "created_at": at_s(d.created_at),
                }
                for d in dead
            ],
        }

    return JSONResponse(await api.quick.run(work))


@router.post(
    "/webhook_endpoints/{id}",
    responses=answers(ENDPOINT),
    openapi_extra=request_body(UpdateEndpoint),
)
async def update_endpoint(request: Request, id: str) -> Response:
    """Change an endpoint."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(UpdateEndpoint, body)

        def change(row: WebhookEndpoint) -> None:
            if wanted.name is not None:
                row.name = wanted.name
            if wanted.url is not None:
                row.url = check_url(api, wanted.url)
            if wanted.event_types is not None:
                row.event_types = check_types(wanted.event_types)

        return await _changed(request, caller, id, change)


@router.post(
    "/webhook_endpoints/{id}/rotate_secret",
    responses=answers(ENDPOINT_SECRET),
    openapi_extra=request_body(RotateSecret),
)
async def rotate_secret(request: Request, id: str) -> Response:
    """A new signing secret; the old one may stay valid for 24 hours."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(RotateSecret, body)

        def change(row: WebhookEndpoint) -> None:
            keep = wanted.keep_old_secret_active_for_24_hours
            row.old_secret = row.secret if keep else None
            row.old_secret_until = now_ms() + _OVERLAP_MS if keep else None
            row.secret = hooks.new_secret()

        return await _changed(request, caller, id, change, secret=True)


async def _changed(
    request: Request, caller: Caller, id: str, change: Any, *, secret: bool = False
) -> Response:
    api = api_of(request)

    def work() -> dict[str, Any]:
        with api.jobs.store.write() as session:
            row = session.get(WebhookEndpoint, id)
            if row is None or row.tenant != caller.tenant:
                raise not_found("webhook endpoint", id)
            change(row)
            row.updated_at = now_ms()
            return endpoint_object(row, secret)

    return JSONResponse(await api.quick.run(work))


@router.delete("/webhook_endpoints/{id}", responses=answers(DELETED))
async def delete_endpoint(request: Request, id: str) -> Response:
    """Remove an endpoint; what was not delivered yet is given up."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> None:
        find(api, caller, id)
        with api.jobs.store.write() as session:
            session.execute(delete(WebhookEndpoint).where(WebhookEndpoint.id == id))

    await api.quick.run(work)
    return JSONResponse({"id": id, "object": "webhook_endpoint.deleted", "deleted": True})


@router.post(
    "/webhook_endpoints/{id}/test",
    responses=answers(ENDPOINT_TEST),
    openapi_extra=request_body(TestEndpoint),
)
async def test_endpoint(request: Request, id: str) -> Response:
    """Send a sample event now, once, and tell how it was answered."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(TestEndpoint, body)
        [event_type] = check_types([wanted.event_type])

        def work() -> dict[str, Any]:
            row = find(api, caller, id)
            now = now_ms()
            event = new_id("evt")
            data = hooks.payload(event, event_type, f"{event_type.split('.')[0]}_test", now)
            headers = hooks.signed_headers(
                hooks.valid_secrets(row, now), event, data.encode(), now // 1000
            )
            try:
                status = api.fetcher.post(row.url, data.encode(), headers)
            except Exception as error:
                raise Problem.of(error) from error
            return {
                "object": "webhook_endpoint.test",
                "webhook_endpoint_id": row.id,
                "event_type": event_type,
                "status_code": status,
                "success": True,
            }

        return JSONResponse(await api.slow.run(work))
