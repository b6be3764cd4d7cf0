"""Telling tenants, by Standard Webhooks (https://www.standardwebhooks.com, version 1).

An event becomes one row for each endpoint in the transaction that changes the job, under an id
derived from job and event: told at least once, and always under the same ``webhook-id``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from guarded_gen.store import Store
from guarded_gen.store.tables.jobs import Batch, Job, WebhookDelivery, WebhookEndpoint

EVENT_TYPES = (
    "video.completed",
    "video.failed",
    "batch.completed",
    "batch.failed",
    "batch.expired",
    "batch.cancelled",
    "appeal.decided",
    "video.removed",
)
BACKOFF_S = (5, 30, 120, 600, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600)
"""Waits between attempts; after the last the delivery is dead and stays listed."""
_CLAIM_MS = 60_000
_SENDERS = 8
_OF_ONE = 3
"""Deliveries of one endpoint in a round: one that hangs leaves threads for the others."""
_SLOW_S = 1.0
_REST = 10
"""An endpoint that fails slowly is left alone for so many times the time that it took."""

Post = Callable[[str, bytes, dict[str, str]], int]
"""Send a POST to a URL; returns the status, raises on anything that is no answer."""


def new_secret() -> str:
    """``whsec_`` and 32 random bytes in base64, as the specification writes secrets."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def announce(session: Session, job: Job) -> None:
    """Queue ``video.completed`` or ``video.failed`` for every endpoint that asked for it."""
    if job.kind != "video":
        return
    event_type = "video.completed" if job.status == "completed" else "video.failed"
    enqueue(session, job.tenant, event_type, job.id, job.completed_at or 0)


def announce_batch(session: Session, batch: Batch, at: int) -> None:
    enqueue(session, batch.tenant, f"batch.{batch.status}", batch.id, at)


def enqueue(session: Session, tenant: str, event_type: str, about: str, at: int) -> None:
    endpoints = session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.tenant == tenant))
    event = event_id(about, event_type)
    for endpoint in endpoints:
        if event_type not in endpoint.event_types:
            continue
        suffix = hashlib.sha256(endpoint.id.encode()).hexdigest()[:12]
        session.add(
            WebhookDelivery(
                id=f"{event}_{suffix}",
                endpoint=endpoint.id,
                tenant=tenant,
                event_type=event_type,
                payload=payload(event, event_type, about, at),
                state="pending",
                attempts=0,
                next_at=at,
                created_at=at,
            )
        )


def event_id(about: str, event_type: str) -> str:
    return "evt_" + hashlib.sha256(f"{event_type}:{about}".encode()).hexdigest()[:32]


def payload(event: str, event_type: str, about: str, at: int) -> str:
    body: dict[str, Any] = {
        "id": event,
        "object": "event",
        "type": event_type,
        "created_at": at // 1000,
        "data": {"id": about},
    }
    return json.dumps(body, separators=(",", ":"))


def signed_headers(secrets_: list[str], id: str, body: bytes, at_s: int) -> dict[str, str]:
    """The three headers; one signature for each secret that is still valid."""
    from datetime import UTC, datetime

    when = datetime.fromtimestamp(at_s, UTC)
    signatures = [Webhook(secret).sign(id, when, body.decode()) for secret in secrets_]
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
        "user-agent": "guarded-gen-webhooks/1",
    }


def post_signed(url: str, body: bytes, id: str, secret: str) -> int:
    """Post to the operator's own system, whose address may be a private one; gives the status.

    No redirect is followed. Raises :class:`httpx.HTTPError` when nobody answers in ten seconds.
    """
    headers = signed_headers([secret], id, body, int(time.time()))
    return httpx.post(url, content=body, headers=headers, timeout=10).status_code


def valid_secrets(endpoint: WebhookEndpoint, at: int) -> list[str]:
    old = endpoint.old_secret
    if old is not None and endpoint.old_secret_until is not None and endpoint.old_secret_until > at:
        return [endpoint.secret, old]
    return [endpoint.secret]


class Deliverer:
    """Sends what is due. Several processes may run one: a delivery is claimed before it is sent."""

    def __init__(self, store: Store, post: Post, clock: Callable[[], int]) -> None:
        self._store = store
        self._post = post
        self._now = clock
        self._resting: dict[str, float] = {}
        self._senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="webhooks")

    def run_due(self, limit: int = 20) -> dict[str, int]:
        """Send up to ``limit`` deliveries side by side; returns how many had which outcome."""
        outcomes = {"delivered": 0, "retry": 0, "dead": 0}
        for outcome in self._senders.map(self._send, self._claim(limit)):
            outcomes[outcome] += 1
        return outcomes

    def _claim(self, limit: int) -> list[str]:
        now = self._now()
        due = (WebhookDelivery.state == "pending", WebhookDelivery.next_at <= now)
        self._resting = {id: end for id, end in self._resting.items() if end > time.monotonic()}
        place = func.row_number().over(
            partition_by=WebhookDelivery.endpoint, order_by=WebhookDelivery.next_at
        )
        waiting = (
            select(WebhookDelivery.id, WebhookDelivery.next_at, place.label("place"))
            .where(*due, WebhookDelivery.endpoint.not_in(list(self._resting)))
            .subquery()
        )
        with self._store.read() as session:
            ids = list(
                session.scalars(
                    select(waiting.c.id)
                    .where(waiting.c.place <= _OF_ONE)
                    .order_by(waiting.c.next_at)
                    .limit(limit)
                )
            )
        if not ids:
            return []
        with self._store.write() as session:
            claimed = session.scalars(
                update(WebhookDelivery)
                .where(WebhookDelivery.id.in_(ids), *due)
                .values(next_at=now + _CLAIM_MS, attempts=WebhookDelivery.attempts + 1)
                .returning(WebhookDelivery.id)
            )
            return list(claimed)

    def _send(self, id: str) -> str:
        now = self._now()
        with self._store.read() as session:
            delivery = session.get(WebhookDelivery, id)
            endpoint = session.get(WebhookEndpoint, delivery.endpoint) if delivery else None
        if delivery is None:
            return "dead"
        status: int | None = None
        error: str | None = None
        if endpoint is None:
            error = "endpoint_deleted"
        else:
            body = delivery.payload.encode()
            headers = signed_headers(valid_secrets(endpoint, now), delivery.id, body, now // 1000)
            began = time.monotonic()
            try:
                status = self._post(endpoint.url, body, headers)
            except Exception as failure:  # noqa: BLE001 - whatever a stranger's server does
                error = str(getattr(failure, "code", type(failure).__name__))[:200]
                took = time.monotonic() - began
                if took > _SLOW_S:
                    self._resting[endpoint.id] = time.monotonic() + _REST * took
        outcome = "delivered" if status is not None and 200 <= status < 300 else "retry"
        if outcome == "retry" and (
            endpoint is None or status == 410 or delivery.attempts > len(BACKOFF_S)
        ):
            outcome = "dead"
        wait = BACKOFF_S[min(delivery.attempts, len(BACKOFF_S)) - 1] * random.uniform(0.8, 1.2)
        with self._store.write() as session:
            session.execute(
                update(WebhookDelivery)
                .where(WebhookDelivery.id == id, WebhookDelivery.state == "pending")
                .values(
                    state={"retry": "pending"}.get(outcome, outcome),
                    next_at=now + int(1000 * wait),
                    last_status=status,
                    last_error=error,
                )
            )
        return outcome
