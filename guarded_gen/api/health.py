"""Liveness, readiness and metrics. They need no key and say nothing about tenants."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from guarded_gen.api.context import Api, api_of
from guarded_gen.api.isolation import Readiness
from guarded_gen.api.problems import Problem
from guarded_gen.api.schemas import HEALTH, READINESS, TEXT, answers
from guarded_gen.api.version import VERSION
from guarded_gen.errors import GuardedGenError
from guarded_gen.store.tables.jobs import OPEN

router = APIRouter(tags=["health"])
READY_WITHIN_S = 0.8
"""Load balancers give up after a second."""
REMOTE_EVERY_S = 5.0


@router.get("/healthz", responses={200: answers(HEALTH)[200]})
async def healthz(request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok", "version": VERSION})


@router.get(
    "/readyz",
    responses={
        200: answers(READINESS)[200],
        503: {**answers(READINESS, 503)[503], "description": "Not ready."},
    },
)
async def readyz(request: Request) -> Response:
    """Whether to send traffic here: models loaded, database, queue and storage reachable.

    A remote backend that does not answer is told, and traffic may come all the same.
    """
    api = api_of(request)
    ready: Readiness = request.app.state.readiness
    checks = {
        "serving": "draining" if api.draining else "ok",
        **await ready.report(),
    }
    good = ready.good(checks)
    return JSONResponse(
        {"status": "ready" if good else "not_ready", "checks": checks}, 200 if good else 503
    )


def readiness(api: Api) -> Readiness:
    """What must be there before traffic comes; each check may hang without holding the others."""

    def database() -> None:
        with api.jobs.store.read() as session:
            session.execute(text("SELECT 1"))

    backends = {api.settings.backend, *api.settings.backends}
    remote = {name: _remote(api, name) for name in backends if name.startswith("remote")}
    return Readiness(
        {
            "database": database,
            "disk": api.require_room,
            "queue": lambda: api.jobs.queue.client.check_connection(),
            "storage": api.jobs.storage.check,
            "signing": lambda: api.services.identity,
            "policy": lambda: api.services.policy,
            "classifiers": lambda: api.services.prompt_classifiers,
            "generator": lambda: api.services.generator(api.settings.backend).capabilities(),
            **remote,
        },
        READY_WITHIN_S,
        told=remote,
    )


def _remote(api: Api, name: str) -> Callable[[], None]:
    """Whether a remote backend answers; asked once in a while, however often this is called."""
    answered = -REMOTE_EVERY_S

    def check() -> None:
        nonlocal answered
        if time.monotonic() - answered < REMOTE_EVERY_S:
            return
        backend: Any = api.services.generator(name)
        backend.check()
        answered = time.monotonic()

    return check


@router.get("/metrics", responses={200: answers(TEXT, media="text/plain")[200]})
async def metrics(request: Request) -> Response:
    """Prometheus text; behind ``api.metrics_token`` where one is set."""
    api = api_of(request)
    token = api.settings.api.metrics_token.get_secret_value()
    said = request.headers.get("authorization", "")
    if token and not hmac.compare_digest(said.encode(), f"Bearer {token}".encode()):
        raise Problem(
            401,
            "invalid_api_key",
            "the metrics need the token of the settings",
            remedy="send it as `Authorization: Bearer TOKEN`",
        )
    # What is counted here is most wanted while the database is away.
    with suppress(Problem, GuardedGenError):
        counts = await api.quick.run(api.jobs.book.open_counts)
        for status in OPEN:
            api.metrics.queue_depth.labels(status).set(counts.get(status, 0))
    with suppress(Problem, GuardedGenError):
        alerts = await api.quick.run(api.services.signing.alerts)
        api.metrics.signing_alerts.set(len(alerts))
    return Response(api.metrics.page(), media_type=CONTENT_TYPE_LATEST)
