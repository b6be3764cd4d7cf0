"""The trust lists of this installation: dated snapshots, each with its source and its expiry.

Below ``trust/`` of the home every list has a folder of its own, and every change adds a snapshot
there; the one that was issued last counts. The snapshots that ship count until a newer one is
there. Nothing is fetched by itself: ``guarded-gen trust update`` does it when somebody asks.
Every change goes into the audit log, with what came and what went.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from guarded_gen.audit import AuditLog, Event
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from provenance.errors import TrustListInvalid
from provenance.trust import AnchorRole, TrustList, fingerprint
from provenance.trustlists import MOST_BYTES, parse_list, shipped_lists

SOON = timedelta(days=30)
"""A list that expires within this is told."""
MOST_NAMED = 256
"""Most anchors that came or went which one entry of the log names."""
_SECONDS = 30.0
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_C2PA = "https://raw.githubusercontent.com/c2pa-org/conformance-public/main/trust-list/"


@dataclass(frozen=True, slots=True)
class Official:
    """A list that somebody publishes, and where."""

    role: AnchorRole
    url: str


OFFICIAL = {
    "c2pa": Official(AnchorRole.SIGNERS, f"{_C2PA}C2PA-TRUST-LIST.json"),
    "c2pa-tsa": Official(AnchorRole.TIMESTAMPS, f"{_C2PA}C2PA-TSA-TRUST-LIST.json"),
}
"""The lists that are known by name."""


@dataclass(frozen=True, slots=True)
class HeldList:
    """A list that counts here: its short name, and whether it came with the package."""

    name: str
    trust: TrustList
    shipped: bool

    def state(self, now: datetime) -> str:
        """``good``, ``expires_soon`` or ``expired``."""
        if self.trust.expired(now):
            return "expired"
        return "expires_soon" if self.trust.expired(now + SOON) else "good"

    def to_json(self, now: datetime) -> dict[str, Any]:
        record = self.trust.to_json()
        anchors = {
            str(role): [
                {
                    "subject": c.subject.rfc4514_string(),
                    "sha256": fingerprint(c),
                    "not_after": c.not_valid_after_utc.isoformat(),
                }
                for c in self.trust.anchors(role)
            ]
            for role in AnchorRole
        }
        kept = {k: record.get(k) for k in ("issued", "expires", "source")}
        title = {"name": self.name, "title": self.trust.name, "shipped": self.shipped}
        return title | kept | {"state": self.state(now), **anchors}


@dataclass(frozen=True, slots=True)
class ListChange:
    """What a new snapshot changed."""

    held: HeldList
    added: tuple[str, ...]
    removed: tuple[str, ...]


class TrustStore:
    """The snapshots below ``folder``, and those that ship when ``with_shipped``."""

    def __init__(self, folder: Path, *, with_shipped: bool = True) -> None:
        self.folder = folder
        self._with_shipped = with_shipped

    def state(self) -> tuple[tuple[str, int], ...]:
        """Changes whenever a snapshot comes or goes; costs a look at the folder."""
        return tuple((str(p), p.stat().st_mtime_ns) for p in sorted(self._files()))

    def _files(self) -> list[Path]:
        return list(self.folder.glob("*/[!.]*.json")) if self.folder.is_dir() else []

    def lists(self) -> tuple[HeldList, ...]:
        """The lists that count, by name; raises :class:`TrustListInvalid`."""
        found: dict[str, HeldList] = {}
        if self._with_shipped:
            found = {name: HeldList(name, trust, True) for name, trust in shipped_lists().items()}
        for path in sorted(self._files(), key=lambda p: p.name):
            trust = parse_list(path.read_bytes(), path.stem)
            name = path.parent.name
            before = found.get(name)
            if before is None or _issued(trust) >= _issued(before.trust):
                found[name] = HeldList(name, trust, False)
        return tuple(found[name] for name in sorted(found))

    def add(
        self,
        log: Callable[[], AuditLog],
        name: str,
        data: bytes,
        source: str,
        *,
        role: AnchorRole | None = None,
        expires: datetime | None = None,
        actor: str = "cli",
        now: datetime | None = None,
    ) -> ListChange:
        """Keep ``data`` (PEM or JSON) as the newest snapshot of ``name``.

        Raises :class:`InvalidInput` for a wrong name, :class:`TrustListInvalid` for a list that
        cannot be read, is expired or is of another kind than what it replaces, and
        :class:`Conflict` for one that was issued before what counts now.
        """
        moment = now or datetime.now(UTC)
        if not _NAME.fullmatch(name):
            raise InvalidInput("a list's name is lower-case letters, digits and -", None, "name")
        known = OFFICIAL.get(name)
        fresh = parse_list(data, name, role or (known.role if known else None))
        fresh = replace(
            fresh,
            parts=(),
            issued=fresh.issued or moment,
            expires=expires or fresh.expires,
            source=source,
        )
        if fresh.expired(moment):
            raise TrustListInvalid(f"{name} is past its expiry", "get a newer list")
        before = next((held for held in self.lists() if held.name == name), None)
        if before is not None:
            _may_replace(before, fresh)
        old = _anchors(before.trust) if before else {}
        new = _anchors(fresh)
        added = tuple(new[k] for k in new if k not in old)
        removed = tuple(old[k] for k in old if k not in new)
        event = Event(
            kind="trust.changed",
            actor=actor,
            body={
                "list": name,
                "source": source[:500],
                "sha256": hashlib.sha256(data).hexdigest(),
                "issued": fresh.issued.isoformat() if fresh.issued else None,
                "expires": fresh.expires.isoformat() if fresh.expires else None,
                "anchors": {str(r): len(fresh.anchors(r)) for r in AnchorRole},
                "added": [k for k in new if k not in old][:MOST_NAMED],
                "removed": [k for k in old if k not in new][:MOST_NAMED],
            },
        )
        self._write(name, fresh, moment, lambda: log().append(event))
        return ListChange(HeldList(name, fresh, False), added, removed)

    def _write(
        self, name: str, trust: TrustList, now: datetime, record: Callable[[], object]
    ) -> None:
        home = self.folder / name
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, made = tempfile.mkstemp(prefix=".new-", dir=home)
        with os.fdopen(descriptor, "w") as file:
            json.dump(trust.to_json(), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        # on record first: nothing counts that the log does not know
        record()
        Path(made).replace(home / f"{_issued(trust):%Y%m%dT%H%M%SZ}-{now:%Y%m%dT%H%M%SZ}.json")


def _issued(trust: TrustList) -> datetime:
    return trust.issued or datetime.min.replace(tzinfo=UTC)


def _anchors(trust: TrustList) -> dict[str, str]:
    return {
        f"{role}:{fingerprint(c)}": c.subject.rfc4514_string()
        for role in AnchorRole
        for c in trust.anchors(role)
    }


def _may_replace(before: HeldList, fresh: TrustList) -> None:
    if _issued(fresh) < _issued(before.trust):
        raise Conflict(
            f"this list was issued {_issued(fresh):%Y-%m-%d}, before the one that counts now "
            f"({_issued(before.trust):%Y-%m-%d})",
            "an older list is never put in place of a newer one",
        )
    roles = {r for r in AnchorRole if before.trust.anchors(r)}
    if roles and not roles & {r for r in AnchorRole if fresh.anchors(r)}:
        raise TrustListInvalid(
            f"{before.name} is a list of {', '.join(sorted(roles))}; the new one holds none",
            "add it under another name",
        )


def obtain(source: str) -> bytes:
    """The bytes of a list from an https address or a file.

    Raises :class:`InvalidInput` for any other address, :class:`NotFound` when nothing answers.
    """
    parts = urlsplit(source)
    if parts.scheme in ("http", "ftp"):
        raise InvalidInput("a trust list is fetched by https only", "use https or a file", "from")
    if parts.scheme == "https":
        return _fetch(source)
    try:
        with Path(source).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{source}: {error.strerror}", "give a file or an address") from error


def _fetch(url: str) -> bytes:
    data = b""
    try:
        with httpx.stream("GET", url, timeout=_SECONDS, follow_redirects=False) as answer:
            if answer.status_code != 200:
                raise NotFound(f"the server answered {answer.status_code}", "check the address")
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > MOST_BYTES:
                    raise TrustListInvalid(f"larger than {MOST_BYTES} bytes")
    except httpx.HTTPError as error:
        raise NotFound(
            f"the list could not be fetched: {type(error).__name__}",
            "give a file: guarded-gen trust update NAME --from FILE",
        ) from error
    return data
