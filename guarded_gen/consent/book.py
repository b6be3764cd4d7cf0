"""Consent of people who let their likeness be recognised, and their gallery.

Each person's vectors are sealed (AES-256-GCM) under a key of their own, in a file of its own.
Revoking destroys the key first: what is left of the vectors, in any backup of the gallery,
cannot be read again. Enrolment and revocation go on record, vectors never do.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classifiers.frame.likeness import Enrolled
from guarded_gen.audit import Event
from guarded_gen.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from guarded_gen.audit import AuditLog

MAX_VECTORS = 64
"""Most pictures of one person."""

MAX_DAYS = 3_660
"""Longest validity of a consent: whoever agreed ten years ago is asked again."""

_ID = re.compile(r"con_[0-9a-f]{32}")


class ConsentRecord(BaseModel):
    """What somebody agreed to. Times are seconds since 1970.

    ``subject`` is whom the operator knows the person as; ``evidence`` is the SHA-256 (hex) of
    the signed form or recording, which the operator keeps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=_ID.pattern)
    subject: str = Field(min_length=1, max_length=128)
    scopes: tuple[str, ...] = Field(min_length=1)
    evidence: str = Field(pattern=r"^[0-9a-f]{64}$")
    valid_from: float
    valid_until: float
    revoked_at: float | None = None

    def state(self, now: float) -> str:
        """``valid``, ``revoked``, ``expired``, or ``not_yet`` valid."""
        if self.revoked_at is not None:
            return "revoked"
        if now < self.valid_from:
            return "not_yet"
        return "valid" if now < self.valid_until else "expired"

    def to_json(self, now: float) -> dict[str, Any]:
        return {**self.model_dump(mode="json"), "state": self.state(now)}

    def valid(self, now: float) -> bool:
        return self.revoked_at is None and self.valid_from <= now < self.valid_until


class ConsentBook:
    """Consent records in ``folder``, keys in ``keys``; a gallery for the likeness check."""

    def __init__(self, folder: Path, keys: Path, log: Callable[[], AuditLog]) -> None:
        self._folder, self._keys, self._log = folder, keys, log

    def enroll(
        self,
        subject: str,
        scopes: Sequence[str],
        evidence: str,
        vectors: NDArray[np.float32],
        *,
        days: float = 365.0,
        actor: str = "system",
    ) -> ConsentRecord:
        """Keep unit vectors ``float32 [N, D]`` of somebody who agreed.

        Raises ``InvalidInput`` for a record without scopes or evidence, vectors that are none,
        or a validity that is no length of time.
        """
        if not 0 < days <= MAX_DAYS:
            raise InvalidInput(f"{days:g} days", f"more than 0, at most {MAX_DAYS} days", "days")
        found = np.ascontiguousarray(vectors, np.float32)
        if found.ndim != 2 or not 1 <= len(found) <= MAX_VECTORS or not np.isfinite(found).all():
            raise InvalidInput("vectors are finite numbers, 1 to 64 rows", "enrol other pictures")
        now = time.time()
        try:
            record = ConsentRecord(
                id=f"con_{secrets.token_hex(16)}",
                subject=subject,
                scopes=tuple(scopes),
                evidence=evidence,
                valid_from=now,
                valid_until=now + days * 86_400,
            )
        except ValidationError as error:
            raise InvalidInput(
                f"consent: {error.errors()[0]['msg']}", "name subject, scopes and evidence"
            ) from error
        for place in (self._folder, self._keys):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        key, nonce = AESGCM.generate_key(256), secrets.token_bytes(12)
        head = np.array(found.shape, "<u4").tobytes()
        sealed = AESGCM(key).encrypt(nonce, head + found.tobytes(), record.id.encode())
        _write(self._keys / f"{record.id}.key", key)
        _write(self._folder / f"{record.id}.sealed", nonce + sealed)
        self._save(record)
        event = Event(kind="consent.enrolled", subject=subject, actor=actor, body=_facts(record))
        self._log().write(lambda tx: tx.append(event))
        return record

    def revoke(self, id: str, actor: str = "system") -> ConsentRecord:
        """Erase a person's vectors for good; raises ``NotFound`` or ``Conflict``."""
        record = self.get(id)
        if record.revoked_at is not None:
            raise Conflict(f"{id} is revoked already")
        key = self._keys / f"{id}.key"
        if key.is_file():
            # The key goes before everything else: from here on the vectors cannot be read.
            with key.open("r+b") as file:
                file.write(secrets.token_bytes(32))
                file.flush()
                os.fsync(file.fileno())
            key.unlink()
        (self._folder / f"{id}.sealed").unlink(missing_ok=True)
        revoked = record.model_copy(update={"revoked_at": time.time()})
        self._save(revoked)
        event = Event(
            kind="consent.revoked", subject=record.subject, actor=actor, body=_facts(revoked)
        )
        self._log().write(lambda tx: tx.append(event))
        return revoked

    def get(self, id: str) -> ConsentRecord:
        """The record of this id; raises ``NotFound``."""
        if not _ID.fullmatch(id):
            raise NotFound(f"no consent {id[:40]!r}")
        try:
            text = (self._folder / f"{id}.json").read_text("utf-8")
        except OSError as error:
            raise NotFound(f"no consent {id}") from error
        return ConsentRecord.model_validate_json(text)

    def records(self) -> Iterator[ConsentRecord]:
        """All records, revoked ones too."""
        if self._folder.is_dir():
            for file in sorted(self._folder.glob("con_*.json")):
                yield ConsentRecord.model_validate_json(file.read_text("utf-8"))

    def require(self, id: str) -> ConsentRecord:
        """The record of this id if it is valid now; raises ``NotFound`` or ``Conflict``."""
        record = self.get(id)
        if not record.valid(time.time()):
            raise Conflict(f"{id} is revoked or not valid now", "enrol the person again")
        return record

    def people(self) -> list[Enrolled]:
        """Whose consent is valid now, with their vectors in memory."""
        now, found = time.time(), []
        for record in self.records():
            if not record.valid(now):
                continue
            try:
                key = (self._keys / f"{record.id}.key").read_bytes()
                raw = (self._folder / f"{record.id}.sealed").read_bytes()
                opened = AESGCM(key).decrypt(raw[:12], raw[12:], record.id.encode())
            except (OSError, InvalidTag, ValueError) as error:
                raise Conflict(f"the gallery of {record.id} cannot be read") from error
            rows, columns = np.frombuffer(opened[:8], "<u4").tolist()
            vectors = np.frombuffer(opened[8:], np.float32).reshape(rows, columns)
            found.append(Enrolled(record.id, record.scopes, vectors))
        return found

    def _save(self, record: ConsentRecord) -> None:
        _write(self._folder / f"{record.id}.json", record.model_dump_json().encode())


def _facts(record: ConsentRecord) -> dict[str, Any]:
    """What the log holds of a consent: no name, no vector."""
    return {
        "consent": record.id,
        "scopes": list(record.scopes),
        "evidence": record.evidence,
        "valid_until": record.valid_until,
    }


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
