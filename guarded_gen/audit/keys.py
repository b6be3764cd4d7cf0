"""The log's keys, made on first use below ``<keys folder>/audit`` with mode 0600.

``log.pem``      Ed25519 private key that signs checkpoints
``log.vkey``     its verifier key, which names the origin; this one is public
``log.next.pem`` the key that signs beside it while a rotation is under way, with its ``.vkey``
``log.retired``  verifier keys of former keys, each after the size up to which it signed
``witness.pem``  Ed25519 private key that cosigns other operators' checkpoints
``witness.ml-dsa.pem``  ML-DSA-44 private key that does so too
``seal.key``     32 bytes that wrap the subjects' keys
``subject.key``  32 bytes behind the pseudonyms
"""

from __future__ import annotations

import contextlib
import hmac
import os
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from guarded_gen.audit.errors import BadNote, KeyMissing
from guarded_gen.audit.note import COSIGNATURE, ML_DSA_44, Checkpoint, Signer, Verifier, open_note
from guarded_gen.errors import ConfigInvalid, StorageFailed


@dataclass(frozen=True, slots=True)
class Retired:
    """A former key of the log: what it signed counts up to the tree of this size."""

    verifier: Verifier
    size: int


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Everything secret that the log needs."""

    signer: Signer
    seal: bytes
    subject: bytes
    following: Signer | None = None
    """Signs beside ``signer`` during the overlap of a rotation."""
    retired: tuple[Retired, ...] = ()

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Who signs a checkpoint now."""
        return (self.signer,) if self.following is None else (self.signer, self.following)

    def open_own(self, note: bytes | str) -> Checkpoint:
        """A checkpoint of this log, of whatever age; raises :class:`BadNote`.

        Signed by a present key, or by a former one up to the size at which it was retired.
        """
        present = [signer.verifier for signer in self.signers]
        opened, found = open_note(note, [*present, *(old.verifier for old in self.retired)])
        head = Checkpoint.parse(opened.text)
        for old in self.retired:
            if old.verifier in found and head.size <= old.size:
                return head
        if not any(verifier in found for verifier in present):
            raise BadNote("only a retired key signed it")
        return head

    def pseudonym(self, tenant: str, subject: str) -> str:
        """HMAC-SHA-256 over tenant and subject, 32 hex digits."""
        message = f"{len(tenant)}:{tenant}{subject}".encode("utf-8", "surrogatepass")
        return hmac.digest(self.subject, message, "sha256").hex()[:32]


def load_keys(folder: Path, origin: str = "", *, create: bool = True) -> LogKeys:
    """Read the keys, making what is missing.

    ``origin`` names the log; empty: the name it already has, or one derived from its key. With
    ``create`` false a missing key raises :class:`KeyMissing`. :class:`ConfigInvalid` when the log
    already has another origin.
    """
    home = folder / "audit"
    private = _private(home / "log.pem", create)
    public = private.public_key().public_bytes_raw()
    vkey = home / "log.vkey"
    retired = _retired(home)
    if vkey.exists():
        verifier = Verifier.parse(_read(vkey).decode("utf-8", "replace"))
        if verifier.public != public and any(
            old.verifier.public == verifier.public for old in retired
        ):
            # a rotation was interrupted between its last two steps
            verifier = Signer(verifier.name, private).verifier
            replace_file(vkey, (verifier.vkey + "\n").encode(), 0o644)
        if verifier.public != public:
            raise KeyMissing(f"{vkey} does not belong to log.pem", "restore both from a backup")
        if origin and origin != verifier.name:
            raise ConfigInvalid(
                f"audit.origin: this log is {verifier.name!r} and cannot become {origin!r}",
                "keep the origin, or begin a new log in another home",
            )
        name = verifier.name
    else:
        name = origin or f"guarded-gen.invalid/log-{sha256(public).hexdigest()[:16]}"
    signer = Signer(name, private)
    if not vkey.exists():
        _create(vkey, (signer.verifier.vkey + "\n").encode(), 0o644)
    following = home / "log.next.pem"
    return LogKeys(
        signer,
        _secret(home / "seal.key", create),
        _secret(home / "subject.key", create),
        Signer(name, _private(following, False)) if following.exists() else None,
        retired,
    )


def _retired(home: Path) -> tuple[Retired, ...]:
    path = home / "log.retired"
    if not path.exists():
        return ()
    found = []
    for line in _read(path).decode("utf-8", "replace").splitlines():
        size, _, vkey = line.partition(" ")
        if not size.isdecimal():
            raise KeyMissing(f"{path} is damaged", "restore it from a backup")
        found.append(Retired(Verifier.parse(vkey), int(size)))
    return tuple(found)


class LogKeyRing:
    """The keys of a folder, read again when the folder changed: a rotation by one process is
    followed by all others before they sign again."""

    def __init__(self, keys: LogKeys, folder: Path | None = None) -> None:
        self.keys = keys
        self._folder = folder
        self._seen = self._stamp()

    def fresh(self) -> LogKeys:
        """The keys as they are now. Cost: one ``stat`` as long as nothing changed."""
        stamp = self._stamp()
        if stamp != self._seen and self._folder is not None:
            self.keys = load_keys(self._folder, self.keys.signer.name, create=False)
            self._seen = stamp
        return self.keys

    def _stamp(self) -> int:
        if self._folder is None:
            return 0
        try:
            return (self._folder / "audit").stat().st_mtime_ns
        except OSError:
            return 0


def load_witness_keys(folder: Path, name: str = "") -> tuple[Signer, Signer]:
    """The keys that cosign other logs' checkpoints, Ed25519 and ML-DSA-44, made on first use;
    always keys of their own."""
    private = _private(folder / "audit" / "witness.pem", True)
    public = private.public_key().public_bytes_raw()
    name = name or f"guarded-gen.invalid/witness-{sha256(public).hexdigest()[:16]}"
    path = folder / "audit" / "witness.ml-dsa.pem"
    quantum_safe = _load(path, _get(path, lambda: _pem(MLDSA44PrivateKey.generate()), True))
    if not isinstance(quantum_safe, MLDSA44PrivateKey):
        raise KeyMissing(f"{path} is no ML-DSA-44 key", "restore it from a backup")
    return Signer(name, private, COSIGNATURE), Signer(name, quantum_safe, ML_DSA_44)


def _private(path: Path, create: bool) -> Ed25519PrivateKey:
    key = _load(path, _get(path, lambda: _pem(Ed25519PrivateKey.generate()), create))
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyMissing(f"{path} is no Ed25519 key", "restore it from a backup")
    return key


def _pem(key: Ed25519PrivateKey | MLDSA44PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _load(path: Path, data: bytes) -> object:
    try:
        return serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise KeyMissing(f"{path} is no private key", "restore it from a backup") from error


def _secret(path: Path, create: bool) -> bytes:
    data = _get(path, lambda: os.urandom(32), create)
    if len(data) != 32:
        raise KeyMissing(f"{path} is not 32 bytes", "restore it from a backup")
    return data


def _get(path: Path, make: Callable[[], bytes], create: bool) -> bytes:
    if not path.exists():
        if not create:
            raise KeyMissing(
                f"the log has entries, but {path} is gone", "restore the keys folder from a backup"
            )
        _create(path, make(), 0o600)
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageFailed(f"cannot read {path}: {error.strerror}", "check its rights") from error


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole in the place of what was there."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.unlink(missing_ok=True)
        _create(part, data, mode)
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageFailed(f"cannot write {path}: {error.strerror}", "check its rights") from error


def _create(path: Path, data: bytes, mode: int) -> None:
    """Write a new file whole, or leave the one that another process made meanwhile."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=stat.S_IRWXU)
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"cannot write {path}: {error.strerror}", "check the keys folder's rights"
        ) from error
