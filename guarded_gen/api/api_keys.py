"""``/v1/api_keys``: a tenant's own keys, for holders of the scope ``admin``."""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from guarded_gen.api.bodies import body_of
from guarded_gen.api.door import door_of
from guarded_gen.api.keys import Scope
from guarded_gen.api.objects import at_s, page
from guarded_gen.api.problems import Problem
from guarded_gen.api.requests import CreateKey, parsed, request_body
from guarded_gen.api.schemas import ANY, LIST, answers
from guarded_gen.jobs import now_ms
from guarded_gen.store.tables.jobs import ApiKey

router = APIRouter(prefix="/v1/api_keys", tags=["keys"])
_OVERLAP_MS = 24 * 3_600_000
_DAY_MS = 86_400_000


def key_object(key: ApiKey, text: str | None = None) -> dict[str, Any]:
    shown = {
        "id": key.id,
        "object": "api_key",
        "name": key.name,
        "tenant": key.tenant,
        "scopes": key.scopes,
        "created_at": at_s(key.created_at),
        "last_used_at": at_s(key.last_used_at),
        "expires_at": at_s(key.expires_at),
        "revoked_at": at_s(key.revoked_at),
        "replaced_by": key.replaced_by,
    }
    return {**shown, "key": text} if text is not None else shown


@router.get("", responses=answers(LIST))
async def list_keys(request: Request) -> Response:
    """This tenant's keys; never their secrets."""
    door = door_of(request)
    caller = await door.enter(request, Scope.ADMIN)
    keys = await anyio.to_thread.run_sync(door.keys.list, caller.tenant)
    return JSONResponse(page([key_object(key) for key in keys], False))


@router.post("", responses=answers(ANY), openapi_extra=request_body(CreateKey))
async def create_key(request: Request) -> Response:
    """A new key of this tenant, with at most the rights of the caller. Shown once."""
    door = door_of(request)
    caller = await door.enter(request, Scope.ADMIN)
    async with body_of(request, door.scratch) as body:
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
        key, text = await anyio.to_thread.run_sync(
            lambda: door.keys.create(caller.tenant, wanted.name, wanted.scopes, until)
        )
    return JSONResponse(key_object(key, text))


@router.post("/{key_id}/rotate", responses=answers(ANY))
async def rotate_key(request: Request, key_id: str) -> Response:
    """A successor with the same rights; the old key works for another 24 hours."""
    door = door_of(request)
    caller = await door.enter(request, Scope.ADMIN)
    key, text = await anyio.to_thread.run_sync(door.keys.rotate, caller.tenant, key_id, _OVERLAP_MS)
    return JSONResponse(key_object(key, text))


@router.delete("/{key_id}", responses=answers(ANY))
async def revoke_key(request: Request, key_id: str) -> Response:
    """End a key now; other processes follow within five seconds."""
    door = door_of(request)
    caller = await door.enter(request, Scope.ADMIN)
    await anyio.to_thread.run_sync(door.keys.revoke, caller.tenant, key_id)
    return JSONResponse({"id": key_id, "object": "api_key.deleted", "deleted": True})
