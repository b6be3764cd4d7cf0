"""Several identities side by side, so that keys are changed without stopping anything.

Below the folder each identity is a folder of its own: ``chain.pem`` and ``leaf.key``. The
current one is the youngest that is valid now and fits the profile; a running service looks
again when the folder changes. An old identity stays until it is removed by hand, and files
that it signed stay trusted as long as the trust list has its root.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from provenance.certificates import SigningIdentity, load_identity, save_certificates
from provenance.errors import CredentialInvalid, KeyUnavailable
from provenance.keys import Algorithm, LocalKey, save_key
from provenance.profile import check_identity


@dataclass(frozen=True, slots=True)
class NamedIdentity:
    """An identity with its folder's name and what keeps it from signing now, if anything."""

    name: str
    identity: SigningIdentity | None
    problems: tuple[str, ...]


class IdentityStore:
    """The identities below ``folder``; safe to share between threads."""

    def __init__(
        self, folder: Path, passphrase: bytes | None = None, algorithm: Algorithm | None = None
    ) -> None:
        self.folder = folder
        self._passphrase = passphrase
        self._algorithm = algorithm
        self._lock = threading.Lock()
        self._seen: tuple[tuple[str, int], ...] = ()
        self._loaded: tuple[tuple[str, SigningIdentity], ...] = ()

    def _state(self) -> tuple[tuple[str, int], ...]:
        if not self.folder.is_dir():
            return ()
        return tuple(
            sorted(
                (chain.parent.name, chain.stat().st_mtime_ns)
                for chain in self.folder.glob("[!.]*/chain.pem")
            )
        )

    def list(self, now: datetime | None = None) -> Iterator[NamedIdentity]:
        """Every identity, those that cannot be read included, with what is wrong with it."""
        moment = now or datetime.now(UTC)
        for name, _ in self._state():
            home = self.folder / name
            try:
                identity = load_identity(
                    home / "chain.pem", home / "leaf.key", self._passphrase, self._algorithm
                )
            except (CredentialInvalid, KeyUnavailable) as error:
                yield NamedIdentity(name, None, (str(error),))
                continue
            problems = tuple(p.message for p in check_identity(identity, moment))
            yield NamedIdentity(name, identity, problems)

    def state(self) -> tuple[tuple[str, int], ...]:
        """Changes whenever an identity comes, goes or is renewed; costs a look at the folder."""
        return self._state()

    def loaded(self) -> tuple[SigningIdentity, ...]:
        """Every identity that can be read, whether or not it may sign now."""
        with self._lock:
            self._reload(datetime.now(UTC))
            return tuple(identity for _, identity in self._loaded)

    def _reload(self, moment: datetime) -> None:
        state = self._state()
        if state != self._seen:
            self._loaded = tuple(
                (item.name, item.identity) for item in self.list(moment) if item.identity
            )
            self._seen = state

    def current(self, now: datetime | None = None) -> SigningIdentity:
        """The youngest identity that may sign now; raises :class:`CredentialInvalid`."""
        moment = now or datetime.now(UTC)
        with self._lock:
            self._reload(moment)
            usable = [i for _, i in self._loaded if not check_identity(i, moment)]
        if not usable:
            reasons = [f"{i.name}: {'; '.join(i.problems)}" for i in self.list(moment)]
            raise CredentialInvalid(
                "no identity may sign now: " + (" | ".join(reasons) or "there is none"),
                f"put a valid chain.pem and leaf.key below {self.folder}",
            )
        return max(usable, key=lambda i: i.leaf.not_valid_before_utc)

    def unfit_newest(self, now: datetime | None = None) -> NamedIdentity | None:
        """The newest identity when it may not sign, so that an older one does in its place.

        One that begins later was put there in advance and is no fault.
        """
        moment = now or datetime.now(UTC)
        found = [
            item
            for item in self.list(moment)
            if item.identity is None or item.identity.leaf.not_valid_before_utc <= moment
        ]

        def begins(item: NamedIdentity) -> datetime:
            if item.identity is not None:
                return item.identity.leaf.not_valid_before_utc
            changed = (self.folder / item.name / "chain.pem").stat().st_mtime
            return datetime.fromtimestamp(changed, UTC)

        newest = max(found, key=begins, default=None)
        return newest if newest is not None and newest.problems else None

    def add(self, name: str, identity: SigningIdentity) -> Path:
        """Keep an identity with a local key; it appears whole or not at all.

        Raises :class:`CredentialInvalid` when it may not sign, or the name is taken.
        """
        problems = check_identity(identity, datetime.now(UTC))
        if problems:
            raise CredentialInvalid("; ".join(p.message for p in problems))
        if not isinstance(identity.key, LocalKey):
            raise CredentialInvalid("only local keys are kept in files")
        home = self.folder / name
        if home.exists() or Path(name).name != name or name.startswith("."):
            raise CredentialInvalid(f"the name {name!r} is taken or no plain name")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
        try:
            save_key(made / "leaf.key", identity.key.private, self._passphrase)
            root = (identity.root,) if identity.root and identity.root not in identity.chain else ()
            save_certificates(made / "chain.pem", *identity.chain, *root)
            made.rename(home)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return home
