"""Signing in and out: with a name and access token, or with the operator's identity provider."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.access.code_flow import Begun, SignInRefused
from guarded_gen.console import session as sessions
from guarded_gen.console.context import Console, console_of
from guarded_gen.console.render import page
from guarded_gen.errors import GuardedGenError, NotFound
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.lockout import LockedOut
from guarded_gen.review.people import Identity
from guarded_gen.settings.sign_in import SignInSettings
from guarded_gen.store.tables.review import Person

router = APIRouter(prefix="/console")
BEGUN = "guarded_gen_sign_in"
BEGUN_PATH = "/console/sign-in/oidc"
BEGUN_S = 600
"""How long somebody may take at the identity provider."""


@router.get("/sign-in")
def form(request: Request) -> Response:
    return _form(request)


def _form(request: Request, error: GuardedGenError | None = None, wrong: bool = False) -> Response:
    console = console_of(request)
    with console.store.read() as session:
        nobody = session.query(Person.id).first() is None
    settings = console.services.settings.sign_in
    values = {
        "wrong": wrong,
        "failed": error,
        "nobody": nobody and not settings.oidc_issuer,
        "tokens": settings.tokens,
        "oidc": bool(settings.oidc_issuer),
    }
    status = error.http_status if error is not None else 401 if wrong else 200
    return page(request, "signin.html", values, status=status)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    console = console_of(request)
    settings = console.services.settings.sign_in
    if not settings.tokens:
        raise NotFound("access tokens are turned off here", "use your identity provider")
    fields = await request.form()
    name, token = str(fields.get("name", ""))[:200], str(fields.get("token", ""))[:200]
    agent = request.headers.get("user-agent", "")
    try:
        secret = await to_thread.run_sync(
            sessions.sign_in, console.store, console.log, settings, name, token, agent
        )
    except LockedOut as error:
        return await to_thread.run_sync(_form, request, error)
    if secret is None:
        return await to_thread.run_sync(_form, request, None, True)
    response = RedirectResponse("/console", 303)
    sessions.set_cookie(response, secret, request.url.scheme == "https")
    return response


@router.get("/sign-in/oidc")
def to_provider(request: Request) -> Response:
    """Off to the identity provider; what must come back stays in this browser."""
    console = console_of(request)
    begun = Begun.new()
    response = RedirectResponse(console.code_flow.address(begun, _back(console, request)), 303)
    response.set_cookie(
        BEGUN,
        json.dumps(asdict(begun), separators=(",", ":")),
        max_age=BEGUN_S,
        path=BEGUN_PATH,
        httponly=True,
        samesite="lax",  # the way back begins at another site
        secure=request.url.scheme == "https",
    )
    return response


@router.get("/sign-in/oidc/back")
def from_provider(request: Request) -> Response:
    """Back from the provider with a code, or with its refusal."""
    console = console_of(request)
    try:
        begun = Begun(**json.loads(request.cookies.get(BEGUN, "")))
    except (ValueError, TypeError) as error:
        raise SignInRefused(
            "no sign-in was begun in this browser, or too long ago", "begin the sign-in again"
        ) from error
    answer = {name: value[:4000] for name, value in request.query_params.items()}
    claims = console.code_flow.finish(begun, answer, _back(console, request))
    identity = identity_of(claims, console.services.settings.sign_in)
    secret = sessions.sign_in_as(console.log, identity, request.headers.get("user-agent", ""))
    # A redirect would still count as coming from the other site, and a strict cookie stays behind.
    response = page(request, "signed_in.html", {"name": identity.name})
    sessions.set_cookie(response, secret, request.url.scheme == "https")
    response.delete_cookie(BEGUN, path=BEGUN_PATH)
    return response


def identity_of(claims: Mapping[str, Any], settings: SignInSettings) -> Identity:
    """What the claims say of a person; raises :class:`NotAllowed` where a claim that limits the
    tenants is asked for and missing: no limit would mean all of them."""
    given = _texts(claims.get(settings.roles_claim))
    roles = frozenset(settings.roles[value] for value in given if value in settings.roles)
    tenants = _texts(claims.get(settings.tenants_claim)) if settings.tenants_claim else []
    if settings.tenants_claim and not tenants:
        raise NotAllowed("your identity names no tenant", "ask an admin for a tenant")
    names = (claims.get(claim) for claim in ("name", "preferred_username", "email", "sub"))
    return Identity(
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        name=next(str(name) for name in names if name),
        roles=roles,
        tenants=frozenset(tenants),
    )


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def _back(console: Console, request: Request) -> str:
    base = console.services.settings.api.public_url or str(request.base_url)
    return base.rstrip("/") + BEGUN_PATH + "/back"


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    console = console_of(request)
    await console.form(request)
    await to_thread.run_sync(sessions.sign_out, console.store, request)
    response = RedirectResponse("/console/sign-in", 303)
    response.delete_cookie(sessions.COOKIE)
    return response
