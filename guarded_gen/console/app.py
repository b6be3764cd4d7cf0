"""The console put onto the application: pages, files, headers, errors as pages."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guarded_gen.console.context import Console
from guarded_gen.console.pages import (
    appeal,
    audit,
    case,
    explore,
    home,
    laws,
    me,
    media,
    people,
    policy,
    preservation,
    quality,
    queue,
    queues,
    removal,
    sessions,
    signin,
    subjects,
    verify,
)
from guarded_gen.console.render import page
from guarded_gen.console.session import SignedOut
from guarded_gen.errors import GuardedGenError, describe

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from guarded_gen.jobs import Jobs

PAGES = (
    *(signin, sessions, me, home, queue, queues, case, subjects, media, appeal, quality),
    *(audit, explore, policy, preservation, people, laws, verify, removal),
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
OWN = ("/console", "/appeal", "/verify", "/removal")


def add_console(app: FastAPI, services: Services, jobs: Jobs) -> Console:
    """Add every page to ``app``; returns the console, whose ``settle`` a worker calls."""
    console = Console(services, jobs)
    app.state.console = console
    for module in PAGES:
        app.include_router(module.router, include_in_schema=False)

    @app.get("/", include_in_schema=False)
    def root() -> Response:
        return RedirectResponse("/console", 303)

    @app.get("/console/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        found = _static(name)
        if found is None:
            return Response(status_code=404)
        return Response(found[0], media_type=found[1], headers={"cache-control": "max-age=300"})

    app.add_middleware(PageHeaders)
    _show_errors_as_pages(app)
    return console


class PageHeaders:
    """Puts the strict headers on the console's own pages; every other request passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = scope["type"] == "http" and (scope["path"] == "/" or scope["path"].startswith(OWN))
        if not own:
            await self._app(scope, receive, send)
            return

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, out)


def _show_errors_as_pages(app: FastAPI) -> None:
    as_json = app.exception_handlers[GuardedGenError]

    async def shown(request: Request, error: Exception) -> Response:
        if not request.url.path.startswith(OWN):
            answer: Response = await as_json(request, error)  # type: ignore[misc]
            return answer
        if isinstance(error, SignedOut):
            return RedirectResponse("/console/sign-in", 303)
        return error_page(request, error)

    app.add_exception_handler(GuardedGenError, shown)


def error_page(request: Request, error: BaseException) -> Response:
    """An error as a page that says what to do."""
    told = describe(error)
    return page(
        request,
        "error.html",
        {"message": told.message, "remedy": told.remedy, "code": told.code},
        status=told.http_status,
    )


_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@lru_cache
def _static(name: str) -> tuple[bytes, str] | None:
    suffix = name[name.rfind(".") :]
    if "/" in name or suffix not in _TYPES:
        return None
    file = resources.files("guarded_gen.console") / "static" / name
    return (file.read_bytes(), _TYPES[suffix]) if file.is_file() else None
