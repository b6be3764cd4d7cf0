"""What the endpoints share: services, who may come in, idempotent answers."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import threading
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from guarded_gen.access.backoff import Backoff
from guarded_gen.access.keys import OPEN_ACCESS, ApiKeys, Caller, Scope
from guarded_gen.access.oidc import People
from guarded_gen.api.batching import Gatherer
from guarded_gen.api.bodies import Body
from guarded_gen.api.endings import Endings
from guarded_gen.api.fetch import Fetcher
from guarded_gen.api.isolation import Budget, Share, tenant_var
from guarded_gen.api.problems import PROBLEM_JSON, Problem
from guarded_gen.api.ratelimit import Limiter, RateLimiter, SharedRateLimiter
from guarded_gen.composition.services import Services
from guarded_gen.errors import DiskFull
from guarded_gen.gates.gate import classify
from guarded_gen.jobs import Jobs, now_ms
from guarded_gen.review.appeals import appeal_key
from guarded_gen.settings import Settings
from guarded_gen.store.tables.jobs import Idempotency
from guarded_gen.telemetry import Metrics

_log = logging.getLogger("guarded_gen.api")
_RETRY_WINDOW_MS = 15 * 60_000
_MAX_KEY = 255
_KEY_BEGINNING = 20
"""Of a wrong key, what may be kept in memory: less than its secret."""


@dataclass(frozen=True, slots=True)
class Replayable:
    """The name under which a POST's answer is kept, and what the request was."""

    tenant: str
    key: str
    fingerprint: str
    implicit: bool

    def remember(self, session: Session, status: int, body: dict[str, Any], media: str) -> None:
        """Keep the answer in the transaction that makes it true."""
        if self.implicit:
            session.execute(
                delete(Idempotency).where(
                    Idempotency.tenant == self.tenant, Idempotency.key == self.key
                )
            )
        session.add(
            Idempotency(
                tenant=self.tenant,
                key=self.key,
                fingerprint=self.fingerprint,
                status=status,
                body=json.dumps(body, ensure_ascii=False),
                media_type=media,
                created_at=now_ms(),
            )
        )


base_var: ContextVar[str] = ContextVar("base_url", default="")
"""The address that the present request was sent to, by its own ``Host``: its sender alone reads the
links that are made from it."""
Remember = Callable[[Session, int, dict[str, Any]], None]
Answer = tuple[int, dict[str, Any]]
Post = Callable[[Remember], Answer]
AsyncPost = Callable[[Remember], Awaitable[Answer]]
QUICK_THREADS, SLOW_THREADS, HEAVY_THREADS, STORAGE_THREADS = 40, 16, 2, 32
_QUICK_WAITING = 1_000
_SLOW_TIMES = 10
"""How much longer than a quick call one may take that moves or fetches files."""


class Api:
    """Shared by all endpoints of one application."""

    def __init__(
        self, services: Services, jobs: Jobs, metrics: Metrics, *, open_access: bool
    ) -> None:
        self.services = services
        self.settings: Settings = services.settings
        self.jobs = jobs
        self.metrics = metrics
        self.keys = ApiKeys(jobs.store)
        self.wrong_keys = Backoff()
        self._shared_rates = jobs.store.dialect == "postgresql"
        self.limiter: Limiter = (
            SharedRateLimiter(jobs.store) if self._shared_rates else RateLimiter()
        )
        self.fetcher = Fetcher(
            self.settings.api.fetch_timeout_s, self.settings.api.allow_private_fetch
        )
        self.appeal_key = appeal_key(self.settings.keys_folder)
        self.draining = False
        within_s, waiting = self.settings.api.answer_within_s, self.settings.api.waiting_per_tenant
        self.quick = Budget("database", QUICK_THREADS, within_s, Share(24, _QUICK_WAITING))
        """For what needs the database and little else."""
        self.slow = Budget("files", SLOW_THREADS, _SLOW_TIMES * within_s, Share(6, waiting))
        """For what moves or fetches files, or judges many texts."""
        self.heavy = Budget("checks", HEAVY_THREADS, None, Share(HEAVY_THREADS, waiting))
        """For what decodes a file to its end, or reads the whole log."""
        self.storage = Budget("storage", STORAGE_THREADS, within_s, Share(24, _QUICK_WAITING))
        """For single calls to the object store."""
        self.endings = Endings(jobs.store, within_s)
        self.classify_one = Gatherer(
            lambda texts: classify(self.services.prompt_classifiers, texts)
        )
        self.scratch: Path = self.settings.home / "uploads"
        oidc = self.settings.api
        self.people = People(oidc.oidc_issuer, oidc.oidc_audience) if oidc.oidc_issuer else None
        self._open = open_access
        self._in_flight: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @property
    def base_url(self) -> str:
        """This service's address in links: the one of the settings, else what the present request
        called it; empty where none is being answered."""
        return self.settings.api.public_url or base_var.get()

    # who

    async def enter(self, request: Request, scope: Scope) -> Caller:
        """The caller, if it may do this now: 401, 403 or 429 otherwise."""
        caller = await self._caller(request)
        state = request.scope["state"]
        state["tenant"], state["key_id"] = caller.tenant, caller.key_id
        tenant_var.set(caller.tenant)
        base_var.set(str(request.base_url))
        name = caller.key_id or f"{caller.tenant}/{caller.name}"
        most = caller.requests_per_minute or self.settings.api.requests_per_minute
        if self._shared_rates:
            verdict = await self.quick.run(self.limiter.spend, name, most)
        else:
            verdict = self.limiter.spend(name, most)
        state["headers"] = verdict.headers()
        if not verdict.allowed:
            self.metrics.rate_limited.labels("requests").inc()
            raise Problem(
                429,
                "rate_limit_exceeded",
                f"more than {verdict.limit} requests a minute",
                remedy="wait as long as retry-after says",
            )
        if scope not in caller.scopes:
            raise Problem(
                403,
                "insufficient_scope",
                f"this key may not {scope.value}",
                remedy=f"use a key with the scope {scope.value!r}",
            )
        return caller

    async def _caller(self, request: Request) -> Caller:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if not (self._open and not await self._keys_exist()):
            if kind.lower() != "bearer" or not token:
                raise _unauthorised("send an API key as: Authorization: Bearer …")
            tenant_var.set(f"from {request.client.host}" if request.client else "")
            if self.keys.remembers(token):  # no reason to change the thread
                caller = self.keys.caller(token)
            else:
                caller = await self.quick.run(self.keys.caller, token)
            if caller is None and self.people is not None and token.count(".") == 2:
                caller = await self.quick.run(self.people, token)
            if caller is None:
                raise self._wrong(request, token)
            return caller
        return OPEN_ACCESS

    def _wrong(self, request: Request, token: str) -> Problem:
        """401, or 429 for whoever presents wrong keys again and again."""
        source = request.client.host if request.client is not None else "-"
        wait = self.wrong_keys.failed(f"from {source}", f"key {token[:_KEY_BEGINNING]}")
        if not wait:
            return _unauthorised("this API key is not valid")
        self.metrics.rate_limited.labels("wrong_keys").inc()
        return Problem(
            429,
            "too_many_wrong_keys",
            "this API key is not valid, and many wrong ones came from this address or under its"
            " name",
            remedy="correct the key; wait as long as retry-after says",
            headers={"retry-after": str(wait)},
            retry=False,
        )

    async def _keys_exist(self) -> bool:
        known = self.keys.exist_from_memory()
        return await self.quick.run(self.keys.exist) if known is None else known

    def require_room(self) -> None:
        """Raise :class:`DiskFull` when the home has less free space than the limit: what was taken
        in would fail half-way."""
        if shutil.disk_usage(self.settings.home).free < self.settings.limits.min_free_bytes:
            raise DiskFull("the disk is nearly full: nothing new is taken in")

    # what was asked before

    def replayable(self, request: Request, caller: Caller, body: Body) -> Replayable | None:
        """How this POST can be recognised when it comes again; 400 for a key that is none."""
        given = request.headers.get("idempotency-key")
        if given is not None and not (0 < len(given) <= _MAX_KEY and given.isprintable()):
            raise Problem(
                400,
                "invalid_idempotency_key",
                f"Idempotency-Key has 1 to {_MAX_KEY} printable characters",
                param="Idempotency-Key",
            )
        counted = request.headers.get("x-stainless-retry-count")
        if given is None and counted is None:
            return None
        fingerprint = _fingerprint(request, body)
        who = caller.key_id or caller.name
        if given is not None:
            return Replayable(caller.tenant, f"{who}:{given}"[:300], fingerprint, False)
        return Replayable(caller.tenant, f"{who}~{fingerprint}", fingerprint, True)

    async def post(
        self,
        request: Request,
        caller: Caller,
        body: Body,
        work: Post,
        budget: Budget | None = None,
    ) -> Response:
        """:meth:`post_async` for work in a thread of ``budget``, by default of :attr:`quick`."""

        async def in_thread(remember: Remember) -> Answer:
            return await (budget or self.quick).run(work, remember)

        return await self.post_async(request, caller, body, in_thread)

    async def post_async(
        self, request: Request, caller: Caller, body: Body, work: AsyncPost
    ) -> Response:
        """Do ``work`` once, however often the client sends the same request.

        ``work`` gets a function that keeps its answer within its own transaction. Errors of the
        kind "you must change the request" are not kept.
        """
        named = await self.quick.run(self.replayable, request, caller, body)
        if named is None:
            status, answer = await work(_forget)
            return JSONResponse(answer, status, headers=request.scope["state"].get("poll"))
        again = not named.implicit or request.headers.get("x-stainless-retry-count") != "0"
        with self._one_at_a_time(named):
            if again:
                kept = await self.quick.run(self._kept, named)
                if kept is not None:
                    return kept

            def remember(session: Session, status: int, answer: dict[str, Any]) -> None:
                media = PROBLEM_JSON if status >= 400 else "application/json"
                named.remember(session, status, answer, media)

            try:
                status, answer = await work(remember)
            except IntegrityError:
                # another process kept an answer under this name a moment ago
                kept = await self.quick.run(self._kept, named)
                if kept is None:
                    raise
                return kept
        return JSONResponse(answer, status)

    @contextmanager
    def _one_at_a_time(self, named: Replayable) -> Any:
        name = (named.tenant, named.key)
        with self._lock:
            if name in self._in_flight and not named.implicit:
                raise Problem(
                    409,
                    "idempotency_conflict",
                    "a request with this Idempotency-Key is being answered",
                    param="Idempotency-Key",
                    retry=True,
                    headers={"retry-after": "1"},
                )
            self._in_flight.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._in_flight.discard(name)

    def _kept(self, named: Replayable) -> Response | None:
        with self.jobs.store.read() as session:
            kept = session.get(Idempotency, (named.tenant, named.key))
        if kept is None or kept.body is None or kept.status is None:
            return None
        age = now_ms() - kept.created_at
        lifetime = self.settings.api.idempotency_hours * 3_600_000
        if age > (_RETRY_WINDOW_MS if named.implicit else lifetime):
            if not named.implicit:
                with self.jobs.store.write() as session:
                    session.execute(
                        delete(Idempotency).where(
                            Idempotency.tenant == named.tenant, Idempotency.key == named.key
                        )
                    )
            return None
        if kept.fingerprint != named.fingerprint:
            raise Problem(
                422,
                "idempotency_key_reused",
                "this Idempotency-Key was used with another request",
                param="Idempotency-Key",
            )
        headers = {"idempotency-replayed": "true"}
        if kept.status >= 400:
            headers["x-should-retry"] = "false"
        return Response(kept.body, kept.status, headers, kept.media_type)


Endpoint = Callable[[Request], Awaitable[Response]]


def api_of(request: Request) -> Api:
    return request.app.state.api


def _forget(session: Session, status: int, answer: dict[str, Any]) -> None:
    return None


def _unauthorised(message: str) -> Problem:
    return Problem(
        401,
        "invalid_api_key",
        message,
        remedy="make a key with: guarded-gen keys create",
        headers={"www-authenticate": 'Bearer realm="guarded-gen"'},
    )


def _fingerprint(request: Request, body: Body) -> str:
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    digest.update(json.dumps(body.fields, sort_keys=True).encode())
    for name in sorted(body.files):
        for upload in body.files[name]:
            digest.update(f"\n{name}:{upload.size}:".encode())
            with upload.path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
