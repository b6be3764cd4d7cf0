"""Signing in and out."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console import session as sessions
from guarded_gen.console.context import console_of
from guarded_gen.console.render import page
from guarded_gen.store.tables.review import Person

router = APIRouter(prefix="/console")


@router.get("/sign-in")
def form(request: Request) -> Response:
    with console_of(request).store.read() as session:
        nobody = session.query(Person.id).first() is None
    return page(request, "signin.html", {"wrong": False, "nobody": nobody})


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    console = console_of(request)
    fields = await request.form()
    name, token = str(fields.get("name", ""))[:200], str(fields.get("token", ""))[:200]
    secret = await to_thread.run_sync(sessions.sign_in, console.store, console.log, name, token)
    if secret is None:
        return page(request, "signin.html", {"wrong": True, "nobody": False}, status=401)
    response = RedirectResponse("/console", 303)
    sessions.set_cookie(response, secret, request.url.scheme == "https")
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    console = console_of(request)
    await console.form(request)
    await to_thread.run_sync(sessions.sign_out, console.store, request)
    response = RedirectResponse("/console/sign-in", 303)
    response.delete_cookie(sessions.COOKIE)
    return response
