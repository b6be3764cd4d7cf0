"""Payloads at rest: each subject has a key of its own, and losing it is erasing the payload.

AES-256-GCM seals ``salt || payload`` under the subject's key, which is itself wrapped by the seal
key of the keys folder. So neither the database alone nor the log reveals a payload or lets its
commitment be guessed at.
"""

from __future__ import annotations

import os
from collections import OrderedDict

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guarded_gen.audit.errors import LogCorrupt

NONCE_BYTES = 12
SALT_BYTES = 32
_CACHED_KEYS = 32_768
"""About 40 MB, and far above the entries of one batch: no key is dropped before its batch is
sealed."""


class Sealer:
    """Seals and opens. Used by one thread at a time; remembers the newest subjects' keys."""

    def __init__(self, seal_key: bytes, remember: int = _CACHED_KEYS) -> None:
        self._remember = remember
        self._seal_key = seal_key
        self._wrap = AESGCM(seal_key)
        self._keys: OrderedDict[str, AESGCM] = OrderedDict()

    def twin(self) -> Sealer:
        """Another one with the same seal key and nothing remembered."""
        return Sealer(self._seal_key)

    def forget(self) -> None:
        """Drop every remembered key (after an erasure)."""
        self._keys.clear()

    def known(self, subject: str) -> bool:
        """Whether the key is at hand; it then stays at hand for this batch."""
        if subject not in self._keys:
            return False
        self._keys.move_to_end(subject)
        return True

    def new_key(self, subject: str) -> bytes:
        """A new wrapped key for a subject. It is remembered: store it, or ``forget()``."""
        key = os.urandom(32)
        self._remember_key(subject, key)
        return self.wrap(subject, key)

    def wrap(self, subject: str, key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrap.encrypt(nonce, key, subject.encode())

    def learn(self, subject: str, wrapped: bytes) -> None:
        """Remember a stored key; raises :class:`LogCorrupt` when it was altered."""
        try:
            key = self._wrap.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], subject.encode())
        except (InvalidTag, ValueError) as error:
            raise LogCorrupt(
                f"the stored key of subject {subject} does not open",
                "restore the database and the keys folder from one backup",
            ) from error
        self._remember_key(subject, key)

    def _remember_key(self, subject: str, key: bytes) -> None:
        self._keys[subject] = AESGCM(key)
        if len(self._keys) > self._remember:
            self._keys.popitem(last=False)

    def seal(self, subject: str, entry_id: str, salt: bytes, payload: bytes) -> bytes:
        """Nonce and ciphertext; bound to the entry, so that rows cannot be swapped."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._keys[subject].encrypt(nonce, salt + payload, entry_id.encode())

    def open(self, subject: str, entry_id: str, sealed: bytes) -> tuple[bytes, bytes]:
        """Salt and payload; ``ValueError`` when the row was altered."""
        try:
            plain = self._keys[subject].decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], entry_id.encode()
            )
        except InvalidTag as error:
            raise ValueError("the sealed payload was altered") from error
        return plain[:SALT_BYTES], plain[SALT_BYTES:]
