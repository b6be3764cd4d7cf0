"""``/v1/videos/characters``: likenesses from uploaded clips, each tied to a consent on record."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from guarded_gen.access.keys import Caller, Scope
from guarded_gen.api.bodies import body_of
from guarded_gen.api.context import Api, Remember, api_of
from guarded_gen.api.objects import at_s
from guarded_gen.api.problems import Problem, not_found
from guarded_gen.api.references import store_reference
from guarded_gen.api.requests import CreateCharacter, parsed, request_body
from guarded_gen.api.schemas import CHARACTER, DELETED, answers
from guarded_gen.audit import Event
from guarded_gen.jobs import new_id, now_ms
from guarded_gen.store.tables.jobs import Character

router = APIRouter(prefix="/v1/videos/characters", tags=["characters"])


def character_object(row: Character) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "character",
        "name": row.name,
        "created_at": at_s(row.created_at),
        "consent_id": row.consent,
        "usable": row.consent is not None and row.revoked_at is None,
    }


@router.post(
    "",
    responses=answers(CHARACTER),
    openapi_extra=request_body(CreateCharacter, {"video": "one"}),
)
async def create_character(request: Request) -> Response:
    """Keep a likeness. ``consent_id`` names the person's consent: one of ``/v1/consents`` that is
    valid now, or one in your own records.

    Without it the character is kept but cannot be used. The log notes name and consent, never
    the picture.
    """
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(CreateCharacter, body, frozenset({"video"}))
        if wanted.consent_id is not None and wanted.consent_id.startswith("con_"):
            # one of ours: a consent that ended must not carry a new likeness
            await api.quick.run(api.services.consent.require, wanted.consent_id)
        upload = body.file("video")
        if upload is None:
            raise Problem(
                400,
                "missing_required_parameter",
                "send the clip as the form field video",
                param="video",
            )

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            id = new_id("char")
            key = store_reference(api, caller, id, upload, None, video=True)
            row = Character(
                id=id,
                tenant=caller.tenant,
                name=wanted.name,
                consent=wanted.consent_id,
                storage_key=key,
                created_at=now_ms(),
                revoked_at=None,
            )
            answer = character_object(row)

            def kept(tx: Any) -> None:
                tx.session.add(row)
                tx.append(
                    Event(
                        kind="character.created",
                        tenant=caller.tenant,
                        actor=caller.name,
                        body={"character": id, "consent": wanted.consent_id},
                        payload={"name": wanted.name},
                    )
                )
                remember(tx.session, 200, answer)

            api.jobs.book.log.write(kept)
            return 200, answer

        return await api.post(request, caller, body, work, api.slow)


def find(api: Api, caller: Caller, id: str) -> Character:
    with api.jobs.store.read() as session:
        row = session.get(Character, id)
    if row is None or row.tenant != caller.tenant or row.revoked_at is not None:
        raise not_found("character", id)
    return row


def usable(api: Api, caller: Caller, id: str) -> Character:
    """A likeness of this tenant whose person agrees now.

    Raises :class:`Problem` (404) for another tenant's, an unknown or a revoked one, (403) for one
    without consent, and the consent's own error when it was revoked or has expired.
    """
    row = find(api, caller, id)
    if row.consent is None:
        raise Problem(
            403,
            "consent_missing",
            f"character {id} has no consent and cannot be used",
            param="characters",
            remedy="create it again with consent_id",
        )
    if row.consent.startswith("con_"):
        api.services.consent.require(row.consent)
    return row


@router.get("/{character_id}", responses=answers(CHARACTER))
async def retrieve_character(request: Request, character_id: str) -> Response:
    """One likeness."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    row = await api.quick.run(find, api, caller, character_id)
    return JSONResponse(character_object(row))


@router.delete("/{character_id}", responses=answers(DELETED))
async def revoke_character(request: Request, character_id: str) -> Response:
    """Withdraw the consent: the clip is deleted and the likeness cannot be used again."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> None:
        row = find(api, caller, character_id)

        def revoked(tx: Any) -> None:
            tx.session.get_one(Character, row.id).revoked_at = now_ms()
            tx.append(
                Event(
                    kind="character.revoked",
                    tenant=caller.tenant,
                    actor=caller.name,
                    body={"character": row.id, "consent": row.consent},
                )
            )

        api.jobs.book.log.write(revoked)
        api.jobs.storage.remove(row.storage_key)

    await api.slow.run(work)
    return JSONResponse({"id": character_id, "object": "character.deleted", "deleted": True})
