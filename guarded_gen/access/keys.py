"""API keys: ``gg_<id>_<secret>``, shown once, kept as a hash, good for named scopes.

The secret is 256 random bits, so one SHA-256 is as good as a slow hash: there is nothing to
guess. Comparison takes constant time, also for ids that do not exist.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update

from guarded_gen.errors import InvalidInput, NotFound
from guarded_gen.production.rows import now_ms
from guarded_gen.store import Store
from guarded_gen.store.tables.jobs import ApiKey, Tenant

PREFIX = "gg_"
_DUMMY = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
_USED_EVERY_MS = 60_000
_CACHE_MS = 5_000
"""How long a process may go on honouring a key that another process revoked."""


class Scope(StrEnum):
    """What a key may do. ``admin`` manages keys, tenants and policies; it implies nothing else."""

    GENERATE = "generate"
    MODERATE = "moderate"
    VERIFY = "verify"
    REVIEW = "review"
    AUDIT = "audit"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``key_id`` is None for a person and for open access on this machine."""

    tenant: str
    scopes: frozenset[Scope]
    key_id: str | None = None
    person: str | None = None
    requests_per_minute: int | None = None

    @property
    def name(self) -> str:
        """As the log's actor."""
        return self.key_id or self.person or "local"


OPEN_ACCESS = Caller("default", frozenset(Scope))


class ApiKeys:
    """The keys in the store, with a short memory so that a request costs no query."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[int, ApiKey, int | None]] = {}
        self._any: tuple[int, bool] | None = None
        self._lock = threading.Lock()

    def exist(self) -> bool:
        """Whether any key was ever made: from then on nobody comes in without one."""
        known = self.exist_from_memory()
        if known is None:
            with self._store.read() as session:
                known = session.scalar(select(ApiKey.id).limit(1)) is not None
            self._any = (now_ms(), known)
        return known

    def exist_from_memory(self) -> bool | None:
        """The same without a query; None when it takes one."""
        if self._any is None or (not self._any[1] and now_ms() - self._any[0] > _CACHE_MS):
            return None
        return self._any[1]

    def create(
        self,
        tenant: str,
        name: str,
        scopes: list[str],
        expires_at: int | None = None,
        id: str | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which is nowhere else."""
        try:
            wanted = [Scope(scope).value for scope in dict.fromkeys(scopes)]
        except ValueError as error:
            raise InvalidInput(str(error), f"scopes are {', '.join(Scope)}", "scopes") from error
        if not wanted:
            raise InvalidInput("a key needs a scope", f"scopes are {', '.join(Scope)}", "scopes")
        id = id or f"key{secrets.token_hex(8)}"
        secret = secrets.token_urlsafe(32)
        key = ApiKey(
            id=id,
            tenant=tenant,
            name=name,
            hash=_hash(secret),
            scopes=wanted,
            created_at=now_ms(),
            last_used_at=None,
            expires_at=expires_at,
            revoked_at=None,
            replaced_by=None,
        )
        with self._store.write() as session:
            if session.get(Tenant, tenant) is None:
                session.add(
                    Tenant(
                        id=tenant,
                        max_open_jobs=None,
                        max_seconds_per_day=None,
                        max_bytes=None,
                        requests_per_minute=None,
                        created_at=now_ms(),
                    )
                )
            session.add(key)
        self._any = None
        return key, f"{PREFIX}{id}_{secret}"

    def rotate(self, tenant: str | None, id: str, overlap_ms: int) -> tuple[ApiKey, str]:
        """A new key with the same rights; the old one ends after ``overlap_ms``."""
        old = self.get(tenant, id)
        fresh, text = self.create(old.tenant, old.name, list(old.scopes), old.expires_at)
        until = now_ms() + overlap_ms
        with self._store.write() as session:
            session.execute(
                update(ApiKey)
                .where(ApiKey.id == id)
                .values(
                    replaced_by=fresh.id,
                    expires_at=until if old.expires_at is None else min(until, old.expires_at),
                )
            )
        self._known.pop(id, None)
        return fresh, text

    def revoke(self, tenant: str | None, id: str) -> ApiKey:
        key = self.get(tenant, id)
        with self._store.write() as session:
            session.execute(
                update(ApiKey)
                .where(ApiKey.id == id, ApiKey.revoked_at.is_(None))
                .values(revoked_at=now_ms())
            )
        self._known.pop(id, None)
        return key

    def get(self, tenant: str | None, id: str) -> ApiKey:
        with self._store.read() as session:
            key = session.get(ApiKey, id)
        if key is None or tenant not in (None, key.tenant):
            raise NotFound(f"no key with id {id[:64]!r}")
        return key

    def list(self, tenant: str | None) -> list[ApiKey]:
        query = select(ApiKey).order_by(ApiKey.created_at)
        if tenant is not None:
            query = query.where(ApiKey.tenant == tenant)
        with self._store.read() as session:
            return list(session.scalars(query))

    def caller(self, text: str) -> Caller | None:
        """The caller that ``text`` belongs to; None for any key that is not good now."""
        id, _, secret = text.removeprefix(PREFIX).partition("_")
        found = self._look_up(id) if text.startswith(PREFIX) and len(text) < 200 else None
        key, rate = found if found else (None, None)
        matches = hmac.compare_digest(key.hash if key else _DUMMY, _hash(secret))
        if key is None or not matches:
            return None
        now = now_ms()
        if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
            return None
        self._note_use(key, now)
        scopes = frozenset(Scope(scope) for scope in key.scopes)
        return Caller(key.tenant, scopes, key.id, requests_per_minute=rate)

    def remembers(self, text: str) -> bool:
        """Whether :meth:`caller` of this key takes no query now."""
        known = self._known.get(text.removeprefix(PREFIX).partition("_")[0])
        now = now_ms()
        return known is not None and now - known[0] < _CACHE_MS and not _use_is_due(known[1], now)

    def _look_up(self, id: str) -> tuple[ApiKey, int | None] | None:
        now = now_ms()
        known = self._known.get(id)
        if known is not None and now - known[0] < _CACHE_MS:
            return known[1], known[2]
        with self._store.read() as session:
            key = session.get(ApiKey, id)
            tenant = session.get(Tenant, key.tenant) if key is not None else None
        if key is None:
            return None
        rate = tenant.requests_per_minute if tenant is not None else None
        with self._lock:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[id] = (now, key, rate)
        return key, rate

    def _note_use(self, key: ApiKey, now: int) -> None:
        if not _use_is_due(key, now):
            return
        key.last_used_at = now
        with self._store.write() as session:
            session.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))


def _use_is_due(key: ApiKey, now: int) -> bool:
    return key.last_used_at is None or now - key.last_used_at >= _USED_EVERY_MS


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def key_object(key: ApiKey, text: str | None = None) -> dict[str, Any]:
    """A key as API and command line show it; ``text`` is its secret, right after it was made."""
    shown = {
        "id": key.id,
        "object": "api_key",
        "name": key.name,
        "tenant": key.tenant,
        "scopes": key.scopes,
        "created_at": _seconds(key.created_at),
        "last_used_at": _seconds(key.last_used_at),
        "expires_at": _seconds(key.expires_at),
        "revoked_at": _seconds(key.revoked_at),
        "replaced_by": key.replaced_by,
    }
    return {**shown, "key": text} if text is not None else shown


def _seconds(ms: int | None) -> int | None:
    return None if ms is None else ms // 1000
