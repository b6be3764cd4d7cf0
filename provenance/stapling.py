"""Putting revocation data beside a signature that is already made.

The C2PA library signs, and reserves padding in the signature's unprotected header, which neither
the signature nor any hash covers. An OCSP response is put there in the padding's place, byte for
byte, so that no offset and no hash in the file changes (C2PA 2.4, section 14.5.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cbor2

from provenance.errors import SigningFailed
from provenance.jumbf import StoreBroken, parse_store
from provenance.limits import ProvenanceLimits

_TAG = 18
_REMEDY = "sign without ocsp.der beside the chain, or with a shorter response"


def staple(path: Path, store: bytes, response: bytes, limits: ProvenanceLimits) -> bytes:
    """Write ``response`` into the active signature of ``path``; the store as it is then.

    ``store`` is the manifest store as it lies in the file (or in the sidecar ``path``). Raises
    :class:`SigningFailed` when the padding is too small or the signature lies in pieces.
    """
    old = _signature(store, limits)
    new = _with_response(old, response)
    data = path.read_bytes() if path.stat().st_size <= len(store) else None
    if data == store:
        path.write_bytes(store.replace(old, new))
        return store.replace(old, new)
    place = _find(path, old)
    if place < 0 or store.count(old) != 1:
        raise SigningFailed("the signature lies in pieces: no revocation data fits in", _REMEDY)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(new)
    return store.replace(old, new)


def _signature(store: bytes, limits: ProvenanceLimits) -> bytes:
    try:
        found = parse_store(store, limits).active.box.child("c2pa.signature")
    except StoreBroken as error:
        raise SigningFailed(f"the signed store does not parse: {error}") from error
    if found is None or not found.contents:
        raise SigningFailed("the signed store has no signature")
    return found.contents[0][1]


def _with_response(cose: bytes, response: bytes) -> bytes:
    """The same COSE_Sign1 with the response in its unprotected header, as long as before."""
    decoded: Any = cbor2.loads(cose)
    tagged = isinstance(decoded, cbor2.CBORTag)
    protected, outside, payload, value = decoded.value if tagged else decoded
    header = dict(outside) if isinstance(outside, Mapping) else {}
    pad = header.pop("pad", None)
    header.pop("pad2", None)
    header["rVals"] = {"ocspVals": [response]}

    def encode(length: int) -> bytes:
        body = [protected, {**header, "pad": b"\0" * length}, payload, value]
        return cbor2.dumps(cbor2.CBORTag(_TAG, body) if tagged else body)

    room = len(pad) if isinstance(pad, bytes) else 0
    for length in range(max(0, room - len(response) - 64), room + 1):
        made = encode(length)
        if len(made) == len(cose):
            return made
        if len(made) > len(cose):
            break
    raise SigningFailed("the padding of the signature is too small for revocation data", _REMEDY)


def _find(path: Path, needle: bytes) -> int:
    """Where ``needle`` lies in a file, reading it in pieces; -1 when nowhere."""
    step = max(1 << 20, 2 * len(needle))
    with path.open("rb") as file:
        before, offset = b"", 0
        while chunk := file.read(step):
            window = before + chunk
            at = window.find(needle)
            if at >= 0:
                return offset - len(before) + at
            offset += len(chunk)
            before = window[-len(needle) :]
    return -1
