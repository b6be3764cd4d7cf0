"""What callers say (:class:`Event`) and what the log keeps of it (:class:`LogEntry`)."""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from guarded_gen.audit.canonical import canonical
from guarded_gen.audit.errors import EntryTooLarge
from guarded_gen.audit.ids import from_iso, iso
from guarded_gen.errors import InvalidInput

VERSION = 1
MAX_ENTRY_BYTES = 65_535
"""Bundles of tlog-tiles prefix entries with a uint16 length."""

MAX_TAG = 192
REVIEWED = ("review.", "appeal.", "case.")
"""Kinds of events whose actor is a person worth finding them by."""

_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")


@lru_cache(maxsize=1024)
def _is_kind(kind: str) -> bool:
    return len(kind) <= 64 and _KIND.fullmatch(kind) is not None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened and must be on record.

    ``kind`` is a dotted name (``prompt.decision``, ``output.decision``, ``job.accepted``).
    ``subject`` is whom it concerns, as the caller knows him: the log keeps a pseudonym.
    ``decision`` is a decision's JSON, ``body`` any other JSON; neither holds prompt text, a face
    or personal data. ``payload`` is the secret part (the prompt, a reviewer's note): it is sealed
    with the subject's own key and stands in the log only as a salted commitment; a mapping is
    sealed as canonical JSON, text as UTF-8. ``related`` is the id of an earlier entry.
    ``actor`` says who acted: ``system``, ``user``, or a reviewer's or key's name.
    """

    kind: str
    tenant: str = "default"
    subject: str | None = None
    actor: str = "system"
    decision: Mapping[str, Any] | None = None
    related: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes | str | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not _is_kind(self.kind):
            raise InvalidInput(f"no event kind: {self.kind[:80]!r}", "write it like job.accepted")
        for name, value in (("tenant", self.tenant), ("actor", self.actor)):
            if not value or len(value) > 128:
                raise InvalidInput(f"an event's {name} has 1 to 128 characters")

    @property
    def id_prefix(self) -> str:
        return "dec" if self.kind.endswith(".decision") else "log"

    def payload_bytes(self) -> bytes | None:
        if self.payload is None or isinstance(self.payload, bytes):
            return self.payload
        if isinstance(self.payload, str):
            return self.payload.encode("utf-8", "surrogatepass")
        return canonical(self.payload)


@dataclass(frozen=True, slots=True)
class Secret:
    """A payload on its way to being sealed."""

    subject: str
    salt: bytes
    payload: bytes


@dataclass(slots=True)
class EntryDraft:
    """An entry that has everything but its index."""

    id: str
    time: int
    kind: str
    tenant: str
    subject: str | None
    action: str | None
    data: bytes
    tags: list[str]
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log. ``data`` are the bytes that the tree commits to."""

    index: int
    id: str
    time: int
    """Milliseconds since 1970."""
    kind: str
    tenant: str
    subject: str | None
    actor: str
    decision: Mapping[str, Any] | None
    related: str | None
    body: Mapping[str, Any]
    commit: str | None
    data: bytes

    @property
    def action(self) -> str | None:
        return action_of(self.decision, self.body)

    def to_json(self) -> dict[str, Any]:
        """The entry as the log holds it, with its index."""
        return {"index": self.index, **json.loads(self.data)}

    @classmethod
    def parse(cls, index: int, data: bytes) -> LogEntry:
        """Read a leaf; raises ``ValueError`` or ``KeyError`` for anything that is not ours."""
        record = json.loads(data)
        if record["v"] != VERSION:
            raise ValueError(f"unknown entry version {record['v']!r}")
        return cls(
            index=index,
            id=record["id"],
            time=from_iso(record["time"]),
            kind=record["kind"],
            tenant=record["tenant"],
            subject=record.get("subject"),
            actor=record["actor"],
            decision=record.get("decision"),
            related=record.get("related"),
            body=record.get("body", {}),
            commit=record.get("commit"),
            data=data,
        )


def action_of(
    decision: Mapping[str, Any] | None, body: Mapping[str, Any] | None = None
) -> str | None:
    """The action of a decision, or of a person's verdict in a body; None where there is none."""
    action = decision.get("action") if decision else (body or {}).get("action")
    return action if isinstance(action, str) and len(action) <= 32 else None


def tags_of(kind: str, actor: str, decision: Mapping[str, Any] | None) -> list[str]:
    """The tags that an entry is filed under."""
    tags = []
    if decision:
        if isinstance(rule := decision.get("rule_id"), str):
            tags.append(f"rule:{rule}")
        if isinstance(policy := decision.get("policy_digest"), str):
            tags.append(f"policy:{policy}")
        trace = decision.get("trace", ())
        found = {m["category"] for m in trace if isinstance(m, dict) and "category" in m}
        tags.extend(f"category:{category}" for category in sorted(found))
        if isinstance(scores := decision.get("scores"), dict):
            tags.extend(_score_tags(scores))
    if kind.startswith(REVIEWED):
        tags.append(f"actor:{actor}")
    return list(dict.fromkeys(tag[:MAX_TAG] for tag in tags))


SCORE_FROM = 0.1
"""Scores below are not filed: nearly every entry has them, so a search finds them by reading."""
SCORE_BUCKETS = 20
ANY_CATEGORY = "*"


def score_bucket(score: float) -> int:
    """The bucket of a score in [0, 1]; each is 0.05 wide."""
    return min(int(score * SCORE_BUCKETS), SCORE_BUCKETS - 1)


def score_tag(category: str, bucket: int) -> str:
    """The tag of the scores of a category (or of any) that fall into a bucket."""
    return f"score:{bucket:02d}:{category}"


@lru_cache(maxsize=4096)
def _cut_score_tag(category: str, bucket: int) -> str:
    return score_tag(category, bucket)[:MAX_TAG]


def _score_tags(scores: Mapping[str, Any]) -> list[str]:
    tags = []
    for category, score in scores.items():
        if isinstance(score, (int, float)) and SCORE_FROM <= score <= 1:
            bucket = score_bucket(score)
            tags.append(_cut_score_tag(category, bucket))
            tags.append(_cut_score_tag(ANY_CATEGORY, bucket))
    return tags


def commitment(salt: bytes, payload: bytes) -> str:
    """HMAC-SHA-256(salt, payload) in hex: binds the entry to a payload without revealing it."""
    return hmac.digest(salt, payload, "sha256").hex()


def draft(
    event: Event, id: str, ms: int, subject: str | None, owner: Callable[[], str]
) -> EntryDraft:
    """Fix an event's bytes. ``subject`` is the pseudonym, ``owner()`` says whose key seals.

    Raises :class:`EntryTooLarge` and :class:`InvalidInput`.
    """
    record: dict[str, Any] = {
        "v": VERSION,
        "id": id,
        "time": iso(ms),
        "kind": event.kind,
        "tenant": event.tenant,
        "actor": event.actor,
    }
    if subject is not None:
        record["subject"] = subject
    if event.decision is not None:
        record["decision"] = event.decision
    if event.related is not None:
        record["related"] = event.related
    if event.body:
        record["body"] = event.body
    payload = event.payload_bytes()
    secret = None
    if payload is not None:
        secret = Secret(subject or owner(), os.urandom(32), payload)
        record["commit"] = commitment(secret.salt, payload)
    data = canonical(record)
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryTooLarge(
            f"the entry of {event.kind} has {len(data):,} bytes, past {MAX_ENTRY_BYTES:,}",
            "put bulky values into the payload or beside the log with their digest",
        )
    return EntryDraft(
        id,
        ms,
        event.kind,
        event.tenant,
        subject,
        action_of(event.decision, event.body),
        data,
        tags_of(event.kind, event.actor, event.decision),
        secret,
    )
