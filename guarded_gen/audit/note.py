"""C2SP signed-note, tlog-checkpoint and tlog-cosignature: signed text that names its signer.

A note is text that ends in a newline, an empty line, and signature lines of the form
``— <key name> base64(key id || signature)``. A checkpoint's text is origin, size and root. An
Ed25519 key of type 0x01 signs the text itself; witnesses cosign: with Ed25519 (type 0x04) the text
below a time stamp, with ML-DSA-44 (type 0x06, FIPS 204) a structure of name, time and checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from guarded_gen.audit.errors import BadNote

ED25519 = 0x01
COSIGNATURE = 0x04
ML_DSA_44 = 0x06
_PUBLIC_BYTES = {ED25519: 32, COSIGNATURE: 32, ML_DSA_44: 1312}
_SUBTREE = b"subtree/v1\n\0"
_LONGEST_NAME = 255
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
_NAME = re.compile(r"[^\s+]+")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """SHA-256(name || 0x0A || type || public key)[:4]."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> str:
        return f"— {self.name} {_b64(self.key_id + self.blob)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. Nothing in it is trusted before a :class:`Verifier` said so."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> str:
        return self.text + "\n" + "".join(s.line() for s in self.signatures)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of the log ``origin`` (tlog-checkpoint); ``extensions`` are its extra lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        lines = (self.origin, str(self.size), _b64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text; raises :class:`BadNote`."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise BadNote("a checkpoint has three non-empty lines or more")
        if not _DECIMAL.fullmatch(lines[1]):
            raise BadNote(f"the checkpoint's size is no decimal number: {lines[1][:40]!r}")
        root = _unb64(lines[2])
        if len(root) != 32:
            raise BadNote("the checkpoint's root is not 32 bytes")
        return cls(lines[0], int(lines[1]), root, tuple(lines[3:-1]))


class Signer:
    """A private key with a name. ``kind`` is :data:`ED25519` for a log, and for a witness
    :data:`COSIGNATURE` or, with a key of that kind, :data:`ML_DSA_44`."""

    def __init__(
        self, name: str, key: Ed25519PrivateKey | MLDSA44PrivateKey, kind: int = ED25519
    ) -> None:
        if not _NAME.fullmatch(name):
            raise BadNote(f"a key name has no spaces and no plus: {name!r}")
        if isinstance(key, MLDSA44PrivateKey) is not (kind == ML_DSA_44):
            raise BadNote(f"a key of another algorithm than type 0x{kind:02x} says")
        public = key.public_key().public_bytes_raw()
        self.name = name
        self._key = key
        self._id = key_id(name, kind, public)
        self.verifier = Verifier(name, kind, public)

    def sign(self, text: str) -> Signature:
        """Sign a note's text."""
        return Signature(self.name, self._id, self._key.sign(text.encode()))

    def cosign(self, text: str, seconds: int) -> Signature:
        """Cosign a checkpoint's text at this POSIX time."""
        message = _cosigned(self.verifier, text, seconds)
        return Signature(self.name, self._id, struct.pack(">Q", seconds) + self._key.sign(message))


class Verifier:
    """A public key that somebody trusts, in the verifier-key form ``name+hex id+base64``."""

    def __init__(self, name: str, kind: int, public: bytes) -> None:
        self.name = name
        self.kind = kind
        self.public = public
        self.key_id = key_id(name, kind, public)
        self._key: Ed25519PublicKey | MLDSA44PublicKey = (
            MLDSA44PublicKey.from_public_bytes(public)
            if kind == ML_DSA_44
            else Ed25519PublicKey.from_public_bytes(public)
        )

    @property
    def cosigns(self) -> bool:
        """Whether it is a witness's key."""
        return self.kind in (COSIGNATURE, ML_DSA_44)

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_b64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """Read a verifier key; raises :class:`BadNote`."""
        name, _, rest = vkey.strip().partition("+")
        id_hex, _, encoded = rest.partition("+")
        material = _unb64(encoded)
        if not _NAME.fullmatch(name) or not material:
            raise BadNote(f"no verifier key: {vkey[:100]!r}")
        if material[0] not in _PUBLIC_BYTES:
            raise BadNote(f"unknown signature type 0x{material[0]:02x} in a verifier key")
        if len(material) != 1 + _PUBLIC_BYTES[material[0]]:
            raise BadNote(f"the verifier key of {name} has the wrong length")
        verifier = cls(name, material[0], material[1:])
        if verifier.key_id.hex() != id_hex:
            raise BadNote(f"the key id of {name} does not belong to its key")
        return verifier

    def matches(self, signature: Signature) -> bool:
        """Whether the line claims to be of this key."""
        return signature.name == self.name and signature.key_id == self.key_id

    def timestamp(self, signature: Signature) -> int | None:
        """POSIX seconds of a cosignature, None for a plain signature."""
        if not self.cosigns or len(signature.blob) < 8:
            return None
        return int(struct.unpack(">Q", signature.blob[:8])[0])

    def check(self, text: str, signature: Signature) -> bool:
        """Whether the signature is this key's over ``text``."""
        if not self.matches(signature):
            return False
        message, blob = text.encode(), signature.blob
        if self.cosigns:
            seconds = self.timestamp(signature)
            if seconds is None or seconds >= 2**63:
                return False
            try:
                message, blob = _cosigned(self, text, seconds), blob[8:]
            except BadNote:  # an ML-DSA cosignature is one of a checkpoint
                return False
        try:
            self._key.verify(blob, message)
        except InvalidSignature:
            return False
        return True


def _cosigned(cosigner: Verifier, text: str, seconds: int) -> bytes:
    """The message of a cosignature; raises :class:`BadNote` where the text is no checkpoint."""
    if cosigner.kind == COSIGNATURE:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()
    head = Checkpoint.parse(text)
    message = _SUBTREE
    for name, number in ((cosigner.name, seconds), (head.origin, 0)):
        encoded = name.encode()
        if not 0 < len(encoded) <= _LONGEST_NAME:
            raise BadNote(f"a name in an ML-DSA cosignature has 1 to {_LONGEST_NAME} bytes")
        message += bytes([len(encoded)]) + encoded + struct.pack(">Q", number)
    return message + struct.pack(">Q", head.size) + head.root


def parse_note(data: bytes | str) -> Note:
    """Split a note into text and signatures; raises :class:`BadNote`."""
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > MAX_NOTE_BYTES:
        raise BadNote(f"a note has at most {MAX_NOTE_BYTES} bytes")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadNote("a note is UTF-8") from error
    if any(c < " " and c != "\n" for c in whole):
        raise BadNote("a note has no control characters")
    cut = whole.rfind("\n\n")
    if cut < 0 or not whole.endswith("\n"):
        raise BadNote("a note has an empty line before its signatures and ends in a newline")
    lines = whole[cut + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise BadNote(f"a note has at most {MAX_SIGNATURES} signatures")
    return Note(whole[: cut + 1], tuple(parse_signature(line) for line in lines))


def parse_signature(line: str) -> Signature:
    """Read one signature line without its newline; raises :class:`BadNote`."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _NAME.fullmatch(parts[1]):
        raise BadNote(f"no signature line: {line[:80]!r}")
    blob = _unb64(parts[2])
    if len(blob) < 5:
        raise BadNote(f"the signature of {parts[1]} is too short")
    return Signature(parts[1], blob[:4], blob[4:])


def open_note(data: bytes | str, verifiers: Iterable[Verifier]) -> tuple[Note, list[Verifier]]:
    """Parse and verify a note; gives it with the verifiers whose signature it carries.

    Signatures of unknown keys are ignored. Raises :class:`BadNote` when a known key's signature
    is wrong or no known key signed.
    """
    note = parse_note(data)
    found: list[Verifier] = []
    for verifier in verifiers:
        for signature in note.signatures:
            if not verifier.matches(signature):
                continue
            if not verifier.check(note.text, signature):
                raise BadNote(f"the signature of {verifier.name} is wrong")
            if verifier not in found:
                found.append(verifier)
    if not found:
        raise BadNote("no known key signed the note")
    return note, found


def signed(text: str, signatures: Sequence[Signature]) -> str:
    """The note of this text with these signatures."""
    return Note(text, tuple(signatures)).encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unb64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadNote(f"no base64: {text[:60]!r}") from error
    if _b64(data) != text:
        raise BadNote(f"no canonical base64: {text[:60]!r}")
    return data
