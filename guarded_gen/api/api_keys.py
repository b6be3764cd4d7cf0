"""``/v1/api_keys``: a tenant's own keys, for holders of the scope ``admin``."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from guarded_gen.access.keys import Scope, key_object
from guarded_gen.api.bodies import body_of
from guarded_gen.api.context import api_of
from guarded_gen.api.objects import page
from guarded_gen.api.problems import Problem
from guarded_gen.api.requests import CreateKey, parsed, request_body
from guarded_gen.api.schemas import API_KEY_CREATED, API_KEY_PAGE, DELETED, answers
from guarded_gen.jobs import now_ms

router = APIRouter(prefix="/v1/api_keys", tags=["keys"])
_OVERLAP_MS = 24 * 3_600_000
_DAY_MS = 86_400_000


@router.get("", responses=answers(API_KEY_PAGE))
async def list_keys(request: Request) -> Response:
    """This tenant's keys; never their secrets."""
    api = api_of(request)
    caller = await api.enter(request, Scope.ADMIN)
    keys = await api.quick.run(api.keys.list, caller.tenant)
    return JSONResponse(page([key_object(key) for key in keys], False))


@router.post("", responses=answers(API_KEY_CREATED), openapi_extra=request_body(CreateKey))
async def create_key(request: Request) -> Response:
    """A new key of this tenant, with at most the rights of the caller. Shown once."""
    api = api_of(request)
    caller = await api.enter(request, Scope.ADMIN)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(CreateKey, body)
        if wanted.tenant not in (None, caller.tenant):
            raise Problem(403, "insufficient_scope", "keys are made for your own tenant only")
        more = [scope for scope in wanted.scopes if scope not in caller.scopes]
        if more:
            raise Problem(
                403,
                "insufficient_scope",
                f"you do not have the scopes {', '.join(more)[:200]}",
                param="scopes",
            )
        days = wanted.expires_in_days
        until = None if days is None else now_ms() + days * _DAY_MS
        key, text = await api.quick.run(
            lambda: api.keys.create(caller.tenant, wanted.name, wanted.scopes, until)
        )
    return JSONResponse(key_object(key, text))


@router.post("/{key_id}/rotate", responses=answers(API_KEY_CREATED))
async def rotate_key(request: Request, key_id: str) -> Response:
    """A successor with the same rights; the old key works for another 24 hours."""
    api = api_of(request)
    caller = await api.enter(request, Scope.ADMIN)
    key, text = await api.quick.run(api.keys.rotate, caller.tenant, key_id, _OVERLAP_MS)
    return JSONResponse(key_object(key, text))


@router.delete("/{key_id}", responses=answers(DELETED))
async def revoke_key(request: Request, key_id: str) -> Response:
    """End a key now; other processes follow within five seconds."""
    api = api_of(request)
    caller = await api.enter(request, Scope.ADMIN)
    await api.quick.run(api.keys.revoke, caller.tenant, key_id)
    return JSONResponse({"id": key_id, "object": "api_key.deleted", "deleted": True})
