"""Liveness, readiness and metrics. They need no key and say nothing about tenants."""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from guarded_gen.api.door import Door, door_of
from guarded_gen.api.version import VERSION
from guarded_gen.jobs.plan import OPEN

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz(request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok", "version": VERSION})


@router.get("/readyz", responses={503: {"description": "Not ready."}})
async def readyz(request: Request) -> Response:
    """Whether to send traffic here: models loaded, database, queue and storage reachable."""
    door = door_of(request)
    checks = await anyio.to_thread.run_sync(ready, door)
    good = all(check == "ok" for check in checks.values())
    return JSONResponse(
        {"status": "ready" if good else "not_ready", "checks": checks}, 200 if good else 503
    )


def ready(door: Door) -> dict[str, str]:
    checks: dict[str, str] = {"serving": "draining" if door.draining else "ok"}

    def check(name: str, work: Any) -> None:
        try:
            work()
            checks[name] = "ok"
        except Exception as error:  # noqa: BLE001 - the answer is the report
            checks[name] = getattr(error, "code", type(error).__name__)

    def database() -> None:
        with door.jobs.store.read() as session:
            session.execute(text("SELECT 1"))

    check("database", database)
    check("queue", lambda: door.jobs.queue.client.check_connection())
    check("storage", door.jobs.storage.check)
    check("policy", lambda: door.services.policy)
    check("classifiers", lambda: door.services.prompt_classifiers)
    check("generator", lambda: door.services.generator(door.settings.backend).capabilities())
    return checks


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus text."""
    door = door_of(request)
    counts = await anyio.to_thread.run_sync(door.jobs.book.open_counts)
    for status in OPEN:
        door.metrics.queue_depth.labels(status).set(counts.get(status, 0))
    return Response(door.metrics.page(), media_type=CONTENT_TYPE_LATEST)
