"""The application: endpoints, the one error body, start and graceful end."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache

import anyio
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from guarded_gen.access.keys import Scope
from guarded_gen.api import (
    api_keys,
    batches,
    characters,
    consents,
    contract,
    derived,
    endpoints,
    files,
    governance,
    health,
    images,
    links,
    models,
    moderations,
    progress,
    provenance,
    uploads,
    videos,
)
from guarded_gen.api.batches import BatchChore
from guarded_gen.api.context import Api, api_of
from guarded_gen.api.middleware import FromPages, Gateway
from guarded_gen.api.problems import Problem
from guarded_gen.api.softbinding import create_router
from guarded_gen.api.version import VERSION
from guarded_gen.audit.http import log_router
from guarded_gen.audit.rounds import LogChore, make_witness
from guarded_gen.composition.lines import durable_line
from guarded_gen.composition.preserving import desk_of
from guarded_gen.composition.services import Services
from guarded_gen.console import add_console
from guarded_gen.gates.gate import classify
from guarded_gen.jobs import Jobs, Queue, WorkerProcess
from guarded_gen.jobs.removals import RemovalChore
from guarded_gen.jobs.settled import HeldJobs
from guarded_gen.jobs.webhooks import post_signed
from guarded_gen.preservation.chore import DeskChore
from guarded_gen.production.held_files import HeldFiles
from guarded_gen.review.alerts import Overdue
from guarded_gen.review.decide import Decisions
from guarded_gen.telemetry import Metrics

_log = logging.getLogger("guarded_gen.api")
_FORM_OVERHEAD = 1024 * 1024
THREADS = 64


async def _verifying(request: Request) -> None:
    await api_of(request).enter(request, Scope.VERIFY)


async def _auditing(request: Request) -> None:
    await api_of(request).enter(request, Scope.AUDIT)


def create_app(services: Services, *, worker: bool = True, open_access: bool = True) -> FastAPI:
    """The API over these services.

    ``worker``: execute jobs in this process too. ``open_access``: as long as no key exists,
    whoever reaches this address may do everything; only for addresses of this machine.
    """
    metrics = Metrics()
    jobs = Jobs(services.settings, services.store, services.log)
    api = Api(services, jobs, metrics, open_access=open_access)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await asyncio.to_thread(_warm, services)
        process = worker_process(services, jobs, metrics) if worker else None
        if process is not None:
            process.chores.append(console.settle)
            await asyncio.to_thread(process.start)
        try:
            yield
        finally:
            api.draining = True
            if process is not None:
                await asyncio.to_thread(process.stop)
            jobs.close()
            gc.unfreeze()  # a process that goes on without this application can collect it

    app = FastAPI(
        title="Guarded Gen",
        version=VERSION,
        description="Generation, moderation and provenance behind one policy.",
        lifespan=lifespan,
        redoc_url=None,
        docs_url=None,
        openapi_url="/openapi.json",
        generate_unique_id_function=contract.operation_id,
    )
    app.openapi = lambda: contract.document(app)  # type: ignore[method-assign]
    app.state.api = api
    app.state.readiness = health.readiness(api)
    for module in (
        moderations,  # asked most often, and found by going through the list
        health,
        characters,
        consents,
        progress,
        videos,
        derived,
        links,
        images,
        provenance,
        uploads,
        models,
        files,
        batches,
        endpoints,
        governance,
        api_keys,
    ):
        app.include_router(module.router)
    app.include_router(
        create_router(
            lambda request: api_of(request).services.origin.soft_bindings(),
            services.settings.limits.max_upload_bytes,
            lambda request: api_of(request).scratch,
            api.quick.run,
            api.heavy.run,
        ),
        prefix="/v1",
        dependencies=[Depends(_verifying)],
    )
    audit = services.settings.audit
    witness = (
        cache(lambda: make_witness(services.log, services.settings.keys_folder, audit))
        if audit.watch
        else None
    )
    auditors = [] if services.settings.api.public_log else [Depends(_auditing)]
    app.include_router(
        log_router(lambda: services.log, witness), prefix="/log", dependencies=auditors
    )
    _handle_errors(app)
    console = add_console(app, services, jobs)
    app.add_middleware(
        Gateway, most=services.settings.limits.max_upload_bytes + _FORM_OVERHEAD, metrics=metrics
    )
    if services.settings.api.cors_origins:
        app.add_middleware(FromPages, origins=services.settings.api.cors_origins)
    return app


def worker_process(
    services: Services,
    jobs: Jobs,
    metrics: Metrics,
    queues: Sequence[Queue] = (Queue.GPU, Queue.CPU),
) -> WorkerProcess:
    """A worker over the production line."""
    from guarded_gen.api.fetch import Fetcher

    settings = services.settings
    fetcher = Fetcher(settings.api.fetch_timeout_s, settings.api.allow_private_fetch)
    process = WorkerProcess(jobs, durable_line(services, jobs), metrics, fetcher.post, queues)
    decisions = Decisions(jobs.store, services.log, HeldJobs(jobs.book), settings.review)
    api = Api(services, jobs, metrics, open_access=False)
    process.chores += [
        lambda: settle(decisions),
        Overdue(
            services.log,
            settings.alerts,
            settings.api.public_url.rstrip("/") + "/console/queues",
            post_signed,
        ),
        BatchChore(api),
        LogChore(services.log, settings.audit, settings.keys_folder),
        DeskChore(desk_of(services, jobs.storage)),
        RemovalChore(
            jobs,
            services.banks,
            HeldFiles(jobs.store, jobs.storage, settings.work_folder),
            settings.limits.media,
        ),
    ]
    return process


def settle(decisions: Decisions) -> None:
    """Put reviewers' decisions into effect when their undo window has closed."""
    decisions.settle()


def _warm(services: Services) -> None:
    """Load what the first request would wait for."""
    _ = services.policy, services.log, services.identity
    services.generator(services.settings.backend).capabilities()
    # The second text is no English: the language model is loaded by the first of its kind.
    classify(services.prompt_classifiers, ["a boat on the sea", "ein Boot auf dem Meer"])
    # The lists of names are a million objects that stay: walking them took 0.1 s of a request.
    gc.collect()
    gc.freeze()


def _handle_errors(app: FastAPI) -> None:
    def answer(request: Request, problem: Problem) -> Response:
        return problem.response(request.scope["state"]["request_id"])

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        return answer(
            request,
            Problem(error.status_code, code, str(error.detail), headers=dict(error.headers or {})),
        )

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"][1:])
        return answer(
            request, Problem(400, "invalid_value", f"{param}: {first['msg']}", param=param or None)
        )

    async def known(request: Request, error: Exception) -> Response:
        problem = Problem.of(error)
        if problem.status >= 500:
            _log.error("request failed", exc_info=error, extra={"event": "request_failed"})
        return answer(request, problem)

    from guarded_gen.errors import GuardedGenError

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Problem, known)
    app.add_exception_handler(GuardedGenError, known)
