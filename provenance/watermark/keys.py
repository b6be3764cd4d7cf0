"""Carrier keys: who holds one can read the mark, and could also write or erase it.

A key is 32 random bytes. Its id is public (it goes into the registry and the manifest) and says
nothing about the secret. A ring holds the key that marks now and the retired ones, which only
read. Keys lie one to a file, mode 0600.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from provenance.watermark.errors import WatermarkKeyError

SECRET_BYTES = 32
PUBLIC_SECRET = hashlib.sha256(b"guarded-gen public watermark detector").digest()
"""The secret of the public-detector mode: anyone can read such marks, and forge or erase them."""


@dataclass(frozen=True, slots=True)
class CarrierKey:
    """One secret of 32 bytes. Two keys are equal when their secrets are."""

    secret: bytes
    created: float = 0.0

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise WatermarkKeyError(
                f"a carrier key has {SECRET_BYTES} bytes, not {len(self.secret)}",
                "restore the key file from a backup",
            )

    def __repr__(self) -> str:
        return f"CarrierKey({self.key_id})"

    @property
    def key_id(self) -> str:
        """Eight hex digits, safe to publish."""
        return hashlib.sha256(b"guarded-gen watermark key id" + self.secret).hexdigest()[:8]

    def stream(self, label: str, size: int) -> bytes:
        """``size`` pseudo-random bytes for one purpose: SHAKE-256 keyed by HMAC-SHA-256."""
        seed = hmac.digest(self.secret, label.encode(), "sha256")
        return hashlib.shake_256(seed).digest(size)


class KeyRing:
    """The keys of one house, the marking key first.

    ``public=True`` reads marks of the public-detector mode too. Its risk: everyone knows that
    key, so such a mark is only a label, never evidence (``Detection.public``).
    """

    def __init__(self, keys: Iterable[CarrierKey], *, public: bool = False) -> None:
        own = list(dict.fromkeys(keys))
        if public:
            own.append(CarrierKey(PUBLIC_SECRET))
        if not own:
            raise WatermarkKeyError("the key ring is empty", "create a key first")
        self._keys = tuple(own)

    @classmethod
    def from_secrets(cls, *secret: bytes) -> KeyRing:
        """A ring of these secrets (32 bytes each), the marking key first."""
        return cls(CarrierKey(one) for one in secret)

    @classmethod
    def open(cls, folder: Path) -> KeyRing:
        """The ring stored below ``folder``; a first key is made when there is none.

        The newest key marks. Raises :class:`WatermarkKeyError` for a damaged file or one that
        others can read.
        """
        keys = sorted(_stored(folder), key=lambda key: key.created, reverse=True)
        if not keys:
            keys = [_store(folder)]
        return cls(keys)

    @classmethod
    def rotate(cls, folder: Path) -> KeyRing:
        """Add a fresh marking key; the older ones keep reading. Returns the new ring."""
        _store(folder)
        return cls.open(folder)

    @property
    def active(self) -> CarrierKey:
        return self._keys[0]

    def __iter__(self) -> Iterator[CarrierKey]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(key.key_id for key in self._keys)})"


def _stored(folder: Path) -> Iterator[CarrierKey]:
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        if path.stat().st_mode & 0o077:
            raise WatermarkKeyError(
                f"others can read {path}", f"run: chmod 600 {path}; then rotate the key"
            )
        try:
            held = json.loads(path.read_text())
            key = CarrierKey(bytes.fromhex(held["secret"]), float(held["created"]))
        except (ValueError, KeyError, TypeError) as error:
            raise WatermarkKeyError(
                f"{path} is damaged", "restore the key file from a backup"
            ) from error
        if held.get("key_id") != key.key_id:
            raise WatermarkKeyError(
                f"{path} is damaged: its key id does not fit its secret",
                "restore the key file from a backup",
            )
        yield key


def _store(folder: Path) -> CarrierKey:
    key = CarrierKey(secrets.token_bytes(SECRET_BYTES), time.time())
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    body = {"key_id": key.key_id, "created": key.created, "secret": key.secret.hex()}
    path = folder / f"{key.key_id}.json"
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(json.dumps(body) + "\n")
        out.flush()
        os.fsync(out.fileno())
    part.rename(path)
    return key
