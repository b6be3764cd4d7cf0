"""A signed DASH stream made by hand: manifest, Merkle boxes, signature; no C2PA library.

The library that we use cannot sign initialisation and media segments, so a stream to verify has
to come from somewhere else. Source: C2PA 2.4 chapter 11 and section 18.7.2.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Sequence
from typing import Any

import cbor2
from cryptography.hazmat.primitives.serialization import Encoding

from provenance import SigningIdentity
from tests.conformance.c2pa.independent import bmff_digest

_SUFFIX = bytes.fromhex("00110010800000aa00389b71")
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
EXCLUSIONS: list[dict[str, Any]] = [
    {"xpath": "/uuid", "data": [{"offset": 8, "value": _C2PA}]},
    {"xpath": "/ftyp"},
    {"xpath": "/mfra"},
]
for _rule in EXCLUSIONS:
    for _name in ("length", "subset", "version", "flags", "exact"):
        _rule.setdefault(_name, None)
    _rule.setdefault("data", None)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def superbox(kind: bytes, label: str, *contents: bytes) -> bytes:
    described = box(b"jumd", kind + _SUFFIX, b"\x03", label.encode() + b"\0")
    return box(b"jumb", described, *contents)


def assertion(label: str, value: Any) -> bytes:
    return superbox(b"cbor", label, box(b"cbor", cbor2.dumps(value)))


def manifest(identity: SigningIdentity, binding: dict[str, Any], name: str) -> bytes:
    """A manifest store with one manifest, whose hard binding is ``binding``."""
    actions = {
        "actions": [
            {
                "action": "c2pa.created",
                "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/"
                "trainedAlgorithmicMedia",
            }
        ],
        "allActionsIncluded": True,
    }
    parts = {
        "c2pa.actions.v2": assertion("c2pa.actions.v2", actions),
        "c2pa.hash.bmff.v3": assertion("c2pa.hash.bmff.v3", binding),
    }
    claim = cbor2.dumps(
        {
            "instanceID": "xmp:iid:00000000-0000-4000-8000-000000000001",
            "claim_generator_info": {"name": "By hand", "version": "1"},
            "signature": f"self#jumbf=/c2pa/{name}/c2pa.signature",
            "created_assertions": [
                {
                    "url": f"self#jumbf=c2pa.assertions/{label}",
                    "hash": hashlib.sha256(part[8:]).digest(),
                }
                for label, part in parts.items()
            ],
            "alg": "sha256",
        }
    )
    chain = [c.public_bytes(Encoding.DER) for c in identity.chain if c.issuer != c.subject]
    protected = cbor2.dumps({1: -7, 33: chain})
    signature = identity.key.sign(cbor2.dumps(["Signature1", protected, b"", claim]))
    cose = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, signature]))
    whole = superbox(
        b"c2ma",
        name,
        superbox(b"c2as", "c2pa.assertions", *parts.values()),
        superbox(b"c2cl", "c2pa.claim.v2", box(b"cbor", claim)),
        superbox(b"c2cs", "c2pa.signature", box(b"cbor", cose)),
    )
    return superbox(b"c2pa", "c2pa", whole)


def sign_stream(
    init: bytes, segments: Sequence[bytes], identity: SigningIdentity
) -> tuple[bytes, list[bytes]]:
    """The signed initialisation segment, and media segments with their Merkle boxes."""
    name = f"urn:c2pa:{uuid.UUID(int=7)}"
    signed = []
    for index, segment in enumerate(segments):
        place = cbor2.dumps({"uniqueId": 1, "localId": 1, "location": index, "hashes": []})
        merkle = box(b"uuid", _C2PA, b"\0" * 4, b"merkle\0", place)
        signed.append(merkle + segment)
    rules = {"exclusions": EXCLUSIONS, "alg": "sha256"}
    leaves = [bmff_digest(segment, rules) for segment in signed]
    size = struct.unpack_from(">I", init)[0]

    def with_store(init_hash: bytes) -> bytes:
        tree = {
            "uniqueId": 1, "localId": 1, "count": len(leaves), "initHash": init_hash,
            "hashes": leaves,
        }  # fmt: skip
        binding = {**rules, "merkle": [tree], "name": "by hand"}
        store = manifest(identity, binding, name)
        purpose = b"\0" * 4 + b"manifest\0" + b"\0" * 8
        return init[:size] + box(b"uuid", _C2PA, purpose, store) + init[size:]

    # the store's size does not depend on the hash inside, so one pass finds the offsets
    return with_store(bmff_digest(with_store(b"\0" * 32), rules)), signed
