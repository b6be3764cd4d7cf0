"""Who signs here and whom this installation believes, as the files say now.

Identities and trust lists are read anew when their files change, so that a new key, a new root or
a new list counts in every running process without a restart.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guarded_gen.trust import TrustStore
from provenance.certificates import SigningIdentity, ensure_development_chain
from provenance.errors import TrustListInvalid
from provenance.identities import IdentityStore
from provenance.trust import TrustList
from provenance.trustlists import load_list

_log = logging.getLogger(__name__)


class Signing:
    """The identities below ``keys`` and the trust lists at ``lists``; safe for threads.

    Every identity of ``keys/identities`` is believed, the one that signs and those before it;
    without that folder the development chain signs and is believed.
    """

    def __init__(
        self, keys: Path, passphrase: bytes | None, lists: Sequence[Path], store: TrustStore
    ) -> None:
        self.store = store
        self._keys, self._passphrase, self._lists = keys, passphrase, tuple(lists)
        self._store = IdentityStore(keys / "identities", passphrase)
        self._lock = threading.Lock()
        self._seen: Any = None
        self._trust: TrustList | None = None

    def current(self) -> SigningIdentity:
        """The identity that signs now; raises ``CredentialInvalid``."""
        if self._several:
            return self._store.current()
        return ensure_development_chain(self._keys, self._passphrase)

    @property
    def _several(self) -> bool:
        return (self._keys / "identities").is_dir()

    def own(self) -> tuple[SigningIdentity, ...]:
        """Every identity of this installation, those that do not sign any more too."""
        return self._store.loaded() if self._several else (self.current(),)

    def trust(self) -> TrustList:
        """Our own roots, the lists of the settings, and the snapshots that are kept here.

        A list that cannot be read any more leaves the last good state in force, and is logged;
        at the first look it raises :class:`TrustListInvalid`.
        """
        with self._lock:
            state = (self._several, self._store.state(), tuple(_mark(p) for p in self._lists),
                     self.store.state())  # fmt: skip
            if self._trust is None or state != self._seen:
                try:
                    named = [load_list(path) for path in self._lists]
                    kept = [held.trust for held in self.store.lists()]
                    joined = TrustList.of(*self.own()).joined(*named, *kept)
                except TrustListInvalid:
                    if self._trust is None:
                        raise
                    _log.exception("a trust list cannot be read; the last good one stays")
                else:
                    self._trust = joined
                self._seen = state
            return self._trust


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
