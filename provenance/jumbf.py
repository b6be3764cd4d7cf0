"""The manifest store as it lies in the file: JUMBF boxes, CBOR claims, COSE signatures.

The C2PA library validates; this module reads what the library does not hand out (certificate
chains, time-stamp tokens, the bytes of one manifest) and refuses stores that nest or repeat
beyond the limits before the library sees them.

Sources: ISO/IEC 19566-5 (JUMBF), C2PA 2.4 chapters 11 and 13, RFC 9052 (COSE).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import brotli
import cbor2
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from provenance.limits import ProvenanceLimits

_X5CHAIN = 33
_ALG = 1
_COSE_SIGN1_TAG = 18
_COMPRESSED = b"c2cm"


class StoreBroken(ValueError):
    """The store is not well-formed."""


class StoreTooComplex(StoreBroken):
    """The store is past a limit."""


@dataclass(frozen=True, slots=True)
class JumbfBox:
    """A superbox: its label, its UUID's first four letters, contents and child superboxes."""

    label: str
    kind: bytes
    raw: bytes = field(repr=False)
    contents: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    children: tuple[JumbfBox, ...] = field(repr=False)

    def child(self, label: str) -> JumbfBox | None:
        return next((box for box in self.children if box.label == label), None)

    @property
    def body(self) -> bytes:
        """The box without its header, which is what hashed URIs cover (C2PA 2.4, 8.4.2.3)."""
        return self.raw[16 if self.raw[:4] == b"\0\0\0\1" else 8 :]


class _Counter:
    def __init__(self, limits: ProvenanceLimits) -> None:
        self.limits = limits
        self.boxes = 0

    def step(self, depth: int) -> None:
        self.boxes += 1
        if self.boxes > self.limits.max_boxes:
            raise StoreTooComplex(f"more than {self.limits.max_boxes} boxes in the store")
        if depth > self.limits.max_box_depth:
            raise StoreTooComplex(f"boxes nest deeper than {self.limits.max_box_depth}")


def _split(data: bytes, counter: _Counter, depth: int) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Type, payload and whole bytes of each box in a row."""
    offset = 0
    while offset < len(data):
        counter.step(depth)
        if len(data) - offset < 8:
            raise StoreBroken("a box is cut off")
        length, kind = struct.unpack(">I4s", data[offset : offset + 8])
        header = 8
        if length == 1:
            if len(data) - offset < 16:
                raise StoreBroken("a box is cut off")
            length = struct.unpack(">Q", data[offset + 8 : offset + 16])[0]
            header = 16
        elif length == 0:
            length = len(data) - offset
        if length < header or offset + length > len(data):
            raise StoreBroken("a box is longer than what holds it")
        yield kind, data[offset + header : offset + length], data[offset : offset + length]
        offset += length


def _superbox(payload: bytes, raw: bytes, counter: _Counter, depth: int) -> JumbfBox:
    label, uuid = "", b""
    contents: list[tuple[bytes, bytes]] = []
    children: list[JumbfBox] = []
    for index, (kind, body, whole) in enumerate(_split(payload, counter, depth)):
        if index == 0:
            if kind != b"jumd" or len(body) < 17:
                raise StoreBroken("a superbox does not begin with its description")
            uuid = body[:4]
            if body[16] & 0x02:
                label = body[17:].partition(b"\0")[0].decode("utf-8", "replace")
        elif kind == b"jumb":
            children.append(_superbox(body, whole, counter, depth + 1))
        else:
            contents.append((kind, body))
    return JumbfBox(label, uuid, raw, tuple(contents), tuple(children))


@dataclass(frozen=True, slots=True)
class CoseSignature:
    """A COSE_Sign1: algorithm identifier, certificates leaf first, what its headers carry.

    ``tokens`` are time-stamps over ``value`` (``sigTst2``), ``older_tokens`` over the claim
    (``sigTst``, C2PA 1.x); ``ocsp`` are stapled OCSP responses (``rVals``).
    """

    algorithm: int
    chain: tuple[x509.Certificate, ...]
    tokens: tuple[bytes, ...]
    older_tokens: tuple[bytes, ...]
    ocsp: tuple[bytes, ...] = field(repr=False)
    value: bytes = field(repr=False)
    protected: bytes = field(repr=False)
    filled: bool = False
    """Whether its padding, which nothing covers, holds something else than zeros (10.4.2)."""

    def stamped(self, claim: bytes) -> tuple[tuple[bytes, bytes], ...]:
        """Each token with the message that it must be about (C2PA 2.4, section 10.3.2.5)."""

        def about(payload: bytes) -> bytes:
            return cbor2.dumps(["CounterSignature", self.protected, b"", payload])

        newer, older = about(cbor2.dumps(self.value)), about(claim)
        return (*((t, newer) for t in self.tokens), *((t, older) for t in self.older_tokens))


@dataclass(frozen=True)
class StoredManifest:
    """One manifest of a store.

    ``outer`` is the superbox as it lies in the store, which hashes of the manifest cover; it is
    another than ``box`` when the manifest is compressed (C2PA 2.4, sections 11.1.3.2, 11.2.4).
    """

    label: str
    box: JumbfBox = field(repr=False)
    outer: JumbfBox = field(repr=False)

    @property
    def compressed(self) -> bool:
        return self.outer is not self.box

    def assertion(self, label: str) -> Any:
        """The decoded CBOR of an assertion; ``None`` when it is not there."""
        store = self.box.child("c2pa.assertions")
        found = store.child(label) if store else None
        if found is None:
            return None
        return next((_decode(body) for kind, body in found.contents if kind == b"cbor"), None)

    @property
    def claim_bytes(self) -> bytes:
        """The claim as it was signed; empty when there is none."""
        for name in ("c2pa.claim.v2", "c2pa.claim"):
            found = self.box.child(name)
            if found is not None and found.contents:
                return found.contents[0][1]
        return b""

    @property
    def claim(self) -> Any:
        data = self.claim_bytes
        return _decode(data) if data else None

    @cached_property
    def signature(self) -> CoseSignature | None:
        found = self.box.child("c2pa.signature")
        if found is None or not found.contents:
            return None
        return parse_signature(found.contents[0][1])


@dataclass(frozen=True, slots=True)
class ManifestStore:
    """A parsed store; the active manifest is the last one (C2PA 2.4, section 11.1.4)."""

    manifests: tuple[StoredManifest, ...]
    root: JumbfBox = field(repr=False)

    @property
    def active(self) -> StoredManifest:
        return self.manifests[-1]

    def manifest(self, label: str) -> StoredManifest | None:
        return next((m for m in self.manifests if m.label == label), None)

    def only(self, label: str) -> bytes:
        """A store that holds this one manifest; raises ``KeyError``."""
        found = self.manifest(label)
        if found is None:
            raise KeyError(label)
        _, description, _ = next(_split(self.root.raw[8:], _Counter(ProvenanceLimits()), 0))
        body = struct.pack(">I4s", len(description) + 8, b"jumd") + description + found.outer.raw
        return struct.pack(">I4s", len(body) + 8, b"jumb") + body


def _decode(data: bytes) -> Any:
    try:
        return cbor2.loads(data)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise StoreBroken(f"CBOR does not decode: {type(error).__name__}") from error


def join_stores(original: bytes, update: bytes) -> bytes:
    """One store of both: what stood in the file, then what updates added (C2PA 2.4, A.5.3).

    Raises :class:`StoreBroken` when either does not begin with a superbox.
    """
    description, parts = b"", b""
    for data in (original, update):
        kind, payload, _ = next(_split(data, _Counter(ProvenanceLimits()), 0), (b"", b"", b""))
        if kind != b"jumb" or len(payload) < 8:
            raise StoreBroken("a manifest store is no superbox")
        length = struct.unpack_from(">I", payload)[0]
        description = description or payload[:length]
        parts += payload[length:]
    body = description + parts
    return struct.pack(">I4s", len(body) + 8, b"jumb") + body


def parse_store(data: bytes, limits: ProvenanceLimits) -> ManifestStore:
    """Parse a store; raises :class:`StoreBroken` or :class:`StoreTooComplex`."""
    counter = _Counter(limits)
    tops = list(_split(data.rstrip(b"\0") if data[:4] == b"\0\0\0\0" else data, counter, 0))
    stores = [(body, whole) for kind, body, whole in tops if kind == b"jumb"]
    if len(stores) != 1:
        raise StoreBroken(f"{len(stores)} manifest stores where one belongs")
    root = _superbox(*stores[0], counter, 1)
    found = [box for box in root.children if box.kind in (b"c2ma", b"c2um", _COMPRESSED)]
    if len(found) > limits.max_manifests:
        raise StoreTooComplex(f"more than {limits.max_manifests} manifests")
    left = limits.max_store_bytes
    unpacked: list[StoredManifest] = []
    for outer in found:
        box = outer
        if outer.kind == _COMPRESSED:
            box = _decompressed(outer, left, counter)
            left -= len(box.raw)
        unpacked.append(StoredManifest(outer.label, box, outer))
    manifests = tuple(unpacked)
    if root.label != "c2pa" or not manifests:
        raise StoreBroken("the store holds no manifest")
    if len({m.label for m in manifests}) < len(manifests):
        raise StoreBroken("two manifests have the same label")
    for manifest in manifests:
        _check_shape(manifest.box)
    return ManifestStore(manifests, root)


def _decompressed(outer: JumbfBox, most: int, counter: _Counter) -> JumbfBox:
    """The manifest inside a compressed one, of at most ``most`` bytes."""
    packed = [body for kind, body in outer.contents if kind == b"brob"]
    if len(packed) != 1 or outer.children:
        raise StoreBroken("a compressed manifest holds something else than one compressed box")
    reader = brotli.Decompressor()
    data = b""
    try:
        data = reader.process(packed[0], output_buffer_limit=most + 1)
        while not reader.is_finished() and len(data) <= most:
            more = reader.process(b"", output_buffer_limit=most + 1 - len(data))
            if not more:
                raise StoreBroken("a compressed manifest is cut off")
            data += more
    except brotli.error as error:
        raise StoreBroken("a compressed manifest does not decompress") from error
    if len(data) > most:
        raise StoreTooComplex("a compressed manifest is too large when decompressed")
    boxes = list(_split(data, counter, 1))
    if len(boxes) != 1 or boxes[0][0] != b"jumb":
        raise StoreBroken("a compressed manifest holds no manifest")
    inner = _superbox(boxes[0][1], boxes[0][2], counter, 2)
    if inner.kind not in (b"c2ma", b"c2um") or inner.label != outer.label:
        raise StoreBroken("a compressed manifest holds another manifest than it says")
    return inner


def _check_shape(manifest: JumbfBox) -> None:
    """The parts of a manifest by kind and label (C2PA 2.4, section 11.1.4.2).

    No hash covers these labels, and the library is lenient about them: a changed one would
    otherwise go unnoticed.
    """
    labels: dict[bytes, list[str]] = {}
    for child in manifest.children:
        labels.setdefault(child.kind, []).append(child.label)
    for kind, allowed in _PARTS.items():
        found = labels.get(kind, [])
        if len(found) != 1 or found[0] not in allowed:
            raise StoreBroken(f"the manifest's part {allowed[0]} is missing, doubled or renamed")


_PARTS: Mapping[bytes, tuple[str, ...]] = {
    b"c2as": ("c2pa.assertions",),
    b"c2cl": ("c2pa.claim.v2", "c2pa.claim"),
    b"c2cs": ("c2pa.signature",),
}


_CERTIFICATE_ERRORS = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def _certificate(der: bytes) -> x509.Certificate:
    """A certificate whose parts all parse: they are parsed when first read, which would be late."""
    certificate = x509.load_der_x509_certificate(der)
    _ = (
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        certificate.version,
        certificate.extensions,
        certificate.public_key(),
    )
    return certificate


def parse_signature(data: bytes) -> CoseSignature:
    """Parse a COSE_Sign1; raises :class:`StoreBroken`."""
    decoded = _decode(data)
    if isinstance(decoded, cbor2.CBORTag) and decoded.tag == _COSE_SIGN1_TAG:
        decoded = decoded.value
    if (
        not isinstance(decoded, list | tuple)
        or len(decoded) != 4
        or not isinstance(decoded[0], bytes)
    ):
        raise StoreBroken("the claim signature is no COSE_Sign1")
    protected, unprotected, _, value = decoded
    inside = _decode(protected) if protected else {}
    outside = unprotected if isinstance(unprotected, Mapping) else {}
    if not isinstance(inside, Mapping) or not isinstance(value, bytes):
        raise StoreBroken("the claim signature is no COSE_Sign1")
    for name in (_X5CHAIN, "x5chain"):
        # which of the two would be believed is open (C2PA 2.4, sections 14.2 and 14.5)
        if name in inside and name in outside:
            raise StoreBroken("the claim signature carries two chains of certificates")
    raw = inside.get(_X5CHAIN, inside.get("x5chain", outside.get(_X5CHAIN, outside.get("x5chain"))))
    certificates = [raw] if isinstance(raw, bytes) else raw if isinstance(raw, list | tuple) else []
    try:
        leaf = tuple(_certificate(item) for item in certificates[:1])
    except _CERTIFICATE_ERRORS as error:
        raise StoreBroken("the signer's certificate does not parse") from error
    chain = (*leaf, *_others(certificates[1:]))
    algorithm = inside.get(_ALG, 0)
    return CoseSignature(
        algorithm if isinstance(algorithm, int) else 0,
        chain,
        _tokens(outside.get("sigTst2")),
        _tokens(outside.get("sigTst")),
        _stapled(outside.get("rVals")),
        value,
        protected,
        any(_filled(outside.get(name)) for name in ("pad", "pad2")),
    )


def _filled(pad: Any) -> bool:
    return bool(pad.strip(b"\0")) if isinstance(pad, bytes) else pad is not None


def _others(certificates: Sequence[Any]) -> Iterator[x509.Certificate]:
    """The certificates above the signer's; one that does not parse leads nowhere."""
    for item in certificates:
        with suppress(*_CERTIFICATE_ERRORS):
            yield _certificate(item)


def _tokens(holder: Any) -> tuple[bytes, ...]:
    entries = holder.get("tstTokens") if isinstance(holder, Mapping) else None
    if not isinstance(entries, list | tuple):
        return ()
    values = [e.get("val") for e in entries if isinstance(e, Mapping)]
    return tuple(v for v in values if isinstance(v, bytes))


def _stapled(holder: Any) -> tuple[bytes, ...]:
    values = holder.get("ocspVals") if isinstance(holder, Mapping) else None
    return (
        tuple(v for v in values if isinstance(v, bytes)) if isinstance(values, list | tuple) else ()
    )
