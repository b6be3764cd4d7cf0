"""Liveness, readiness and metrics. They need no key and say nothing about tenants."""

from __future__ import annotations

import shutil

import anyio
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from guarded_gen.api.door import Door, door_of
from guarded_gen.api.isolation import Readiness
from guarded_gen.api.version import VERSION
from guarded_gen.errors import StorageFailed
from guarded_gen.production.rows import OPEN

router = APIRouter(tags=["health"])
READY_WITHIN_S = 0.8
"""Load balancers give up after a second."""


@router.get("/healthz")
async def healthz(request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok", "version": VERSION})


@router.get("/readyz", responses={503: {"description": "Not ready."}})
async def readyz(request: Request) -> Response:
    """Whether to send traffic here: models loaded, database, queue and storage reachable."""
    door = door_of(request)
    checks = {
        "serving": "draining" if door.draining else "ok",
        **await request.app.state.readiness.report(),
    }
    good = all(check == "ok" for check in checks.values())
    return JSONResponse(
        {"status": "ready" if good else "not_ready", "checks": checks}, 200 if good else 503
    )


def readiness(door: Door) -> Readiness:
    """What must be there before traffic comes; each check may hang without holding the others."""

    def database() -> None:
        with door.jobs.store.read() as session:
            session.execute(text("SELECT 1"))

    def disk() -> None:
        if shutil.disk_usage(door.settings.home).free < door.settings.limits.min_free_bytes:
            raise DiskFull("the disk of the home is nearly full", "make room")

    return Readiness(
        {
            "database": database,
            "disk": disk,
            "queue": lambda: door.jobs.queue.client.check_connection(),
            "storage": door.jobs.storage.check,
            "signing": lambda: door.services.identity,
            "policy": lambda: door.services.policy,
            "classifiers": lambda: door.services.prompt_classifiers,
            "generator": lambda: door.services.generator(door.settings.backend).capabilities(),
        },
        READY_WITHIN_S,
    )


class DiskFull(StorageFailed):
    """Less is free than ``limits.min_free_bytes``."""

    code = "disk_full"


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus text."""
    door = door_of(request)
    counts = await anyio.to_thread.run_sync(door.jobs.book.open_counts)
    for status in OPEN:
        door.metrics.queue_depth.labels(status).set(counts.get(status, 0))
    alerts = await anyio.to_thread.run_sync(door.services.signing.alerts)
    door.metrics.signing_alerts.set(len(alerts))
    return Response(door.metrics.page(), media_type=CONTENT_TYPE_LATEST)
