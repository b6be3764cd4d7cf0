"""A second verifier, written from the specification with CBOR and cryptography only.

It shares no code with the package and knows nothing of the C2PA library, so that a mistake in
either is not repeated here. It reads MP4 files with one embedded store and plain whole-file
hashes, and covers claim signatures, assertion hashes, ingredients' manifests, the BMFF hash
and the path to a root.

Source: C2PA 2.4 chapters 8 (hashes), 11 (JUMBF), 13 (signatures), 15 (validation), 18.7
(BMFF-based hash); RFC 9052.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_HASHES: dict[int, Any] = {
    -7: hashes.SHA256(), -35: hashes.SHA384(), -36: hashes.SHA512(),
    -37: hashes.SHA256(), -38: hashes.SHA384(), -39: hashes.SHA512(),
}  # fmt: skip


class Broken(Exception):
    """The file is not as it was signed."""


def boxes(data: bytes, start: int = 0) -> Iterator[tuple[bytes, int, int, int]]:
    """Type, offset, header size and size of boxes in a row."""
    while start < len(data):
        if start + 8 > len(data):
            raise Broken("stray bytes")
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            size = struct.unpack_from(">Q", data, start + 8)[0]
            header = 16
        elif size == 0:
            size = len(data) - start
        if size < header or start + size > len(data):
            raise Broken("a box is cut off")
        yield kind, start, header, size
        start += size


class Box:
    """A JUMBF superbox: label, body (what hashes cover), contents, children by label."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.children: dict[str, Box] = {}
        self.contents: list[bytes] = []
        for index, (kind, at, header, size) in enumerate(boxes(body)):
            inside = body[at + header : at + size]
            if index == 0:
                self.label = inside[17:].split(b"\0")[0].decode()
            elif kind == b"jumb":
                child = Box(inside)
                self.children[child.label] = child
            else:
                self.contents.append(inside)

    def at(self, path: str) -> Box:
        box = self
        for name in path.split("/"):
            box = box.children[name]
        return box


def embedded_store(data: bytes) -> Box | None:
    found = []
    for kind, at, header, size in boxes(data):
        if kind == b"uuid" and data[at + header : at + header + 16] == _C2PA:
            body = data[at + header + 20 : at + size]
            purpose, _, rest = body.partition(b"\0")
            if purpose == b"manifest":
                found.append(rest[8:])
    if not found:
        return None
    if len(found) > 1:
        raise Broken("two stores")
    for kind, at, header, size in boxes(found[0]):
        if kind == b"jumb":
            return Box(found[0][at + header : at + size])
    raise Broken("no superbox")


def check_cose(signature: bytes, payload: bytes) -> list[x509.Certificate]:
    decoded = cbor2.loads(signature)
    protected, unprotected, _, value = getattr(decoded, "value", decoded)
    header = cbor2.loads(protected)
    raw = header.get(33, unprotected.get("x5chain", unprotected.get(33)))
    chain = [x509.load_der_x509_certificate(c) for c in ([raw] if isinstance(raw, bytes) else raw)]
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    key, algorithm = chain[0].public_key(), header[1]
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            half = len(value) // 2
            der = utils.encode_dss_signature(
                int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
            )
            key.verify(der, signed, ec.ECDSA(_HASHES[algorithm]))
        elif isinstance(key, rsa.RSAPublicKey):
            digest = _HASHES[algorithm]
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            key.verify(value, signed, pss, digest)
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(value, signed)
        else:
            raise Broken("unknown key")
    except InvalidSignature as error:
        raise Broken("claim signature") from error
    return chain


def bmff_digest(data: bytes, assertion: dict[str, Any]) -> bytes:
    """Section 18.7: every box that is not excluded, each preceded by its offset."""
    digest = hashlib.new(assertion.get("alg", "sha256"))
    for kind, at, _, size in boxes(data):
        excluded = False
        for rule in assertion["exclusions"]:
            if rule["xpath"] != "/" + kind.decode("latin-1"):
                continue
            parts = rule.get("data") or []
            excluded |= all(
                data[at + p["offset"] : at + p["offset"] + len(p["value"])] == p["value"]
                for p in parts
            )
        if not excluded:
            digest.update(struct.pack(">Q", at))
            digest.update(data[at : at + size])
    return digest.digest()


def check_manifest(store: Box, manifest: Box) -> tuple[list[x509.Certificate], dict[str, Any]]:
    """Signature and assertion hashes of one manifest, and of those that it was made from."""
    claim_bytes = manifest.children["c2pa.claim.v2"].contents[0]
    chain = check_cose(manifest.children["c2pa.signature"].contents[0], claim_bytes)
    claim = cbor2.loads(claim_bytes)
    named = list(claim["created_assertions"]) + list(claim.get("gathered_assertions") or [])
    seen = set()
    for link in named:
        name = link["url"].rpartition("/")[2]
        seen.add(name)
        try:
            body = manifest.at("c2pa.assertions").children[name].body
        except KeyError as error:
            raise Broken(f"assertion {name} is missing") from error
        if hashlib.new(link.get("alg", claim["alg"]), body).digest() != link["hash"]:
            raise Broken(f"assertion {name}")
    if seen != set(manifest.at("c2pa.assertions").children):
        raise Broken("an assertion was added")
    for name, box in manifest.at("c2pa.assertions").children.items():
        if not name.startswith("c2pa.ingredient"):
            continue
        link = cbor2.loads(box.contents[0]).get("activeManifest")
        if link is None:
            continue
        below = store.children[link["url"].rpartition("/")[2]]
        if hashlib.sha256(below.body).digest() != link["hash"]:
            raise Broken("an ingredient's manifest")
        check_manifest(store, below)
    return chain, claim


def judge(data: bytes, roots: Sequence[x509.Certificate]) -> str:
    """``unsigned``, ``tampered``, ``valid_untrusted`` or ``trusted``; ingredients' own bytes
    are not there any more, so what their signers recorded of them is not looked at here."""
    try:
        store = embedded_store(data)
        if store is None:
            return "unsigned"
        manifest = list(store.children.values())[-1]
        chain, _ = check_manifest(store, manifest)
        hard = [
            (name, box)
            for name, box in manifest.at("c2pa.assertions").children.items()
            if name.startswith("c2pa.hash.bmff")
        ]
        if len(hard) != 1:
            raise Broken("hard binding")
        assertion = cbor2.loads(hard[0][1].contents[0])
        if bmff_digest(data, assertion) != assertion["hash"]:
            raise Broken("file hash")
    except (Broken, KeyError, ValueError, IndexError, TypeError, AttributeError, cbor2.CBORError):
        return "tampered"
    current = chain[0]
    for issuer in [*chain[1:], *roots]:
        try:
            current.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            continue
        if issuer in roots:
            return "trusted"
        current = issuer
    return "valid_untrusted"
