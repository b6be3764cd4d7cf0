"""Who signs here and whom this installation believes, as the files say now.

Identities and trust lists are read anew when their files change, so that a new key, a new root or
a new list counts in every running process without a restart.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from guarded_gen.origin.trust import TrustStore
from guarded_gen.settings.signing import SigningSettings, outside_identity
from provenance.certificates import SigningIdentity, ensure_development_chain
from provenance.errors import CredentialInvalid, KeyUnavailable, TrustListInvalid
from provenance.identities import IdentityStore
from provenance.profile import check_identity
from provenance.trust import TrustList
from provenance.trustlists import load_list

_log = logging.getLogger(__name__)


SOON = timedelta(days=30)
"""A certificate that runs out within this is an alert."""


class Signing:
    """The identities and trust lists of one installation; safe for threads.

    With ``outside`` its chain's key signs, in a token or behind a function, and nothing else.
    Else every identity of ``keys/identities`` is believed, the one that signs and those before
    it; without that folder the development chain signs and is believed.
    """

    def __init__(
        self,
        keys: Path,
        passphrase: bytes | None,
        lists: Sequence[Path],
        store: TrustStore,
        outside: SigningSettings | None = None,
    ) -> None:
        self.store = store
        self._keys, self._passphrase, self._lists = keys, passphrase, tuple(lists)
        self._store = IdentityStore(keys / "identities", passphrase)
        self._settings = outside if outside is not None and outside.chain is not None else None
        self._lock = threading.Lock()
        self._seen: Any = None
        self._trust: TrustList | None = None
        self._outside: tuple[Any, SigningIdentity] | None = None
        self._told: tuple[str, ...] = ()

    def current(self) -> SigningIdentity:
        """The identity that signs now; raises ``CredentialInvalid`` or ``KeyUnavailable``."""
        if self._settings is not None:
            identity = self._from_outside()
            problems = check_identity(identity, datetime.now(UTC))
            if problems:
                raise CredentialInvalid(
                    "the configured chain may not sign now: "
                    + "; ".join(p.message for p in problems),
                    "renew the certificate that signing.chain names",
                )
            return identity
        if self._several:
            return self._store.current()
        return ensure_development_chain(self._keys, self._passphrase)

    def _from_outside(self) -> SigningIdentity:
        assert self._settings is not None and self._settings.chain is not None
        state = _mark(self._settings.chain)
        with self._lock:
            if self._outside is None or self._outside[0] != state:
                self._outside = (state, outside_identity(self._settings))
            return self._outside[1]

    @property
    def _several(self) -> bool:
        return (self._keys / "identities").is_dir()

    def own(self) -> tuple[SigningIdentity, ...]:
        """Every identity of this installation, those that do not sign any more too."""
        kept = self._store.loaded() if self._several else ()
        if self._settings is not None:
            return (self._from_outside(), *kept)
        return kept if self._several else (self.current(),)

    def alerts(self, now: datetime | None = None) -> tuple[str, ...]:
        """What somebody must see to: certificates that cannot sign or soon cannot, old lists.

        New alerts are logged as errors. Costs the reading of every identity's files.
        """
        moment = now or datetime.now(UTC)
        found: list[str] = []
        if self._settings is None and self._several:
            unfit = self._store.unfit_newest(moment)
            if unfit is not None:
                found.append(
                    f"the newest signing identity, {unfit.name}, may not sign: "
                    + "; ".join(unfit.problems)
                )
        try:
            ends = min(c.not_valid_after_utc for c in self.current().chain)
            if ends <= moment + SOON:
                found.append(f"the signing certificate or its issuer runs out on {ends:%Y-%m-%d}")
        except (CredentialInvalid, KeyUnavailable) as error:
            found.append(f"nothing can be signed: {error}")
        for held in self.store.lists():
            state = held.state(moment)
            if state != "good":
                found.append(f"the trust list {held.name} is {state.replace('_', ' ')}")
        told = tuple(found)
        for alert in set(told) - set(self._told):
            _log.error("%s", alert, extra={"event": "signing_alert"})
        self._told = told
        return told

    def trust(self) -> TrustList:
        """Our own roots, the lists of the settings, and the snapshots that are kept here.

        A list that cannot be read any more leaves the last good state in force, and is logged;
        at the first look it raises :class:`TrustListInvalid`.
        """
        # a token is asked outside the lock that others wait for
        chain = self._settings.chain if self._settings is not None else None
        own = _mark(chain) if chain is not None else None
        identities = self.own()
        with self._lock:
            state = (
                self._several,
                own,
                self._store.state(),
                tuple(_mark(p) for p in self._lists),
                self.store.state(),
            )
            if self._trust is None or state != self._seen:
                try:
                    named = [load_list(path) for path in self._lists]
                    kept = [held.trust for held in self.store.lists()]
                    joined = TrustList.of(*identities).joined(*named, *kept)
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
