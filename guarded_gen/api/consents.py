"""``/v1/consents``: people who let their likeness be recognised, for holders of ``admin``.

Pictures and the form are read and removed again: what stays are sealed vectors and a hash.
"""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from guarded_gen.access.keys import Scope
from guarded_gen.api.bodies import body_of
from guarded_gen.api.context import Remember, api_of
from guarded_gen.api.objects import page
from guarded_gen.api.problems import Problem
from guarded_gen.api.requests import CreateConsent, parsed, request_body
from guarded_gen.api.schemas import CONSENT, CONSENT_PAGE, answers
from guarded_gen.consent.book import ConsentRecord

router = APIRouter(prefix="/v1/consents", tags=["consents"])
_FILES = {"pictures": "many", "evidence": "one"}


def consent_object(record: ConsentRecord) -> dict[str, Any]:
    at = int(record.valid_until)
    return {
        "id": record.id,
        "object": "consent",
        "subject": record.subject,
        "scopes": list(record.scopes),
        "evidence_sha256": record.evidence,
        "created_at": int(record.valid_from),
        "valid_until": at,
        "revoked_at": None if record.revoked_at is None else int(record.revoked_at),
        "state": record.state(time.time()),
    }


@router.post(
    "",
    responses=answers(CONSENT),
    openapi_extra=request_body(CreateConsent, _FILES),
)
async def create_consent(request: Request) -> Response:
    """Enrol somebody who agreed: ``pictures[]`` of only this person, and the signed form as the
    file ``evidence`` or its hash as ``evidence_sha256``."""
    api = api_of(request)
    caller = await api.enter(request, Scope.ADMIN)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(CreateConsent, body, frozenset(_FILES))
        form = body.file("evidence")
        pictures = [upload.path for upload in body.files.get("pictures", [])]
        if (form is None) == (wanted.evidence_sha256 is None):
            raise Problem(
                400,
                "missing_required_parameter",
                "send the form as evidence, or its hash as evidence_sha256",
                param="evidence",
            )
        if not pictures:
            raise Problem(
                400, "missing_required_parameter", "send pictures of the person", param="pictures"
            )
        evidence = form.path if form is not None else str(wanted.evidence_sha256)

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            record = api.services.enrolment.enrol(
                wanted.subject,
                wanted.scopes,
                evidence,
                pictures,
                days=wanted.valid_days,
                actor=caller.name,
            )
            answer = consent_object(record)
            with api.jobs.store.write() as session:
                remember(session, 200, answer)
            return 200, answer

        return await api.post(request, caller, body, work, api.slow)


@router.get("", responses=answers(CONSENT_PAGE))
async def list_consents(request: Request) -> Response:
    """Every consent, revoked ones too."""
    api = api_of(request)
    await api.enter(request, Scope.ADMIN)
    records = await api.quick.run(lambda: list(api.services.consent.records()))
    return JSONResponse(page([consent_object(record) for record in records], False))


@router.get("/{consent_id}", responses=answers(CONSENT))
async def retrieve_consent(request: Request, consent_id: str) -> Response:
    """One consent."""
    api = api_of(request)
    await api.enter(request, Scope.ADMIN)
    record = await api.quick.run(api.services.consent.get, consent_id)
    return JSONResponse(consent_object(record))


@router.delete("/{consent_id}", responses=answers(CONSENT))
async def revoke_consent(request: Request, consent_id: str) -> Response:
    """End a consent: the key of the person's vectors is destroyed, and nothing can read them."""
    api = api_of(request)
    caller = await api.enter(request, Scope.ADMIN)
    record = await api.quick.run(lambda: api.services.consent.revoke(consent_id, actor=caller.name))
    return JSONResponse(consent_object(record))
