"""Segments of a fragmented stream against the Merkle tree that the manifest signs, by ourselves.

The initialisation segment holds the manifest, whose BMFF hash names for each track a row of a
Merkle tree and the hash of the initialisation segment itself. Every media segment carries a box
with its place in the tree and the hashes beside its way up.

A leaf is the BMFF hash of its segment, so the offset of each box is hashed before the box, unless
the assertion has a hash of the whole beside the trees (18.6.2).

Source: C2PA 2.4, sections 18.6.2 (hash), 18.6.6 (validation), A.5.4 (``merkle`` box).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import new
from pathlib import Path
from typing import Any, BinaryIO

import cbor2

from provenance.bmff_hash import BMFF, bmff_digest
from provenance.containers import C2PA_UUID, Box, ContainerBroken, iterate_boxes
from provenance.jumbf import StoreBroken, StoredManifest
from provenance.limits import ProvenanceLimits
from provenance.ranges import hash_name

_MOST_LEAVES = 10_000_000


@dataclass(frozen=True, slots=True)
class Leaf:
    """A media segment: ``location`` in its tree, ``reason`` empty when it is as it was signed.

    ``proven`` says that a hash proves the change; without it the segment is not bound at all.
    """

    track: tuple[int, int] = (0, 0)
    location: int = -1
    count: int = 0
    reason: str = ""
    proven: bool = False


class _Unbound(ValueError):
    """The segment or the manifest has nothing that binds the two."""


class FragmentTree:
    """The rows that one manifest signs; raises ``ValueError`` when it has none."""

    def __init__(self, manifest: StoredManifest, limits: ProvenanceLimits) -> None:
        stored = manifest.box.child("c2pa.assertions")
        labels = [c.label for c in stored.children if c.label.startswith(BMFF)] if stored else []
        said = manifest.assertion(labels[0]) if len(labels) == 1 else None
        if not isinstance(said, Mapping) or not isinstance(said.get("merkle"), list | tuple):
            raise ValueError("the manifest signs no segments")
        self._label, self._said, self._limits = labels[0], said, limits
        self._rows = [row for row in said["merkle"] if isinstance(row, Mapping)]
        claim = manifest.claim
        self._claim: Mapping[str, Any] = claim if isinstance(claim, Mapping) else {}

    def init_intact(self, init: Path) -> bool | None:
        """Whether the initialisation segment is as it was signed; ``None``: no hash says."""
        rows = [row for row in self._rows if isinstance(row.get("initHash"), bytes)]
        if not rows:
            return None
        with init.open("rb", buffering=0) as file:
            return any(
                hmac.compare_digest(self._digest(file, row), row["initHash"]) for row in rows
            )

    def check(self, segment: Path) -> Leaf:
        """One media segment; ``OSError`` when it cannot be read."""
        try:
            with segment.open("rb", buffering=0) as file:
                boxes = self._boxes(file)
                place = _place(file, boxes)
                row = self._row(place)
                digest = self._digest(file, row, boxes)
        except (_Unbound, ContainerBroken, StoreBroken, ValueError) as error:
            return Leaf(reason=str(error) or "the segment is not bound to the manifest")
        track = (_int(place, "uniqueId"), _int(place, "localId"))
        location, count = _int(place, "location"), _int(row, "count")
        if not leads_up(
            self._name(row), digest, location, count, place.get("hashes"), row["hashes"]
        ):
            reason = "its bytes are not those that were signed"
            return Leaf(track, location, count, reason, True)
        return Leaf(track, location, count)

    def _boxes(self, file: BinaryIO) -> list[Box]:
        size = file.seek(0, 2)
        return list(iterate_boxes(file, size, self._limits))

    def _name(self, row: Mapping[str, Any]) -> str:
        return hash_name(row, self._said, self._claim)

    def _digest(
        self, file: BinaryIO, row: Mapping[str, Any], boxes: Sequence[Box] | None = None
    ) -> bytes:
        found = self._boxes(file) if boxes is None else boxes
        alg = {"alg": row.get("alg") or self._said.get("alg") or self._claim.get("alg")}
        return bmff_digest(file, self._label, self._said, found, self._limits, alg)

    def _row(self, place: Mapping[str, Any]) -> Mapping[str, Any]:
        for row in self._rows:
            same = all(row.get(k) == place.get(k) for k in ("uniqueId", "localId"))
            if same and isinstance(row.get("hashes"), list | tuple):
                return row
        raise _Unbound("the manifest signs no such track")


def _place(file: BinaryIO, boxes: Sequence[Box]) -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = []
    for box in boxes:
        if box.kind != b"uuid":
            continue
        file.seek(box.offset + box.header)
        body = file.read(min(box.size - box.header, 1 << 20))
        if body[:16] != C2PA_UUID:
            continue
        purpose, _, rest = body[20:].partition(b"\0")
        if purpose == b"merkle":
            try:
                place = cbor2.loads(rest)
            except (cbor2.CBORError, ValueError, RecursionError) as error:
                raise _Unbound("its place in the tree does not parse") from error
            if isinstance(place, Mapping):
                found.append(place)
    if len(found) != 1:
        raise _Unbound("the segment is not bound to the manifest")
    return found[0]


def _int(item: Mapping[str, Any], name: str) -> int:
    value = item.get(name)
    if not isinstance(value, int) or value < 0 or value > _MOST_LEAVES:
        raise _Unbound(f"its {name} is no number")
    return value


def _layers(count: int) -> Iterator[int]:
    while True:
        yield count
        if count <= 1:
            return
        count = (count + 1) // 2


def leads_up(
    alg: str, digest: bytes, location: int, count: int, proof: Any, row: Sequence[Any]
) -> bool:
    """Whether a leaf's hash, joined with those beside its way, is in the signed row."""
    if location >= count or not all(isinstance(h, bytes) for h in row):
        return False
    beside = [h for h in proof if isinstance(h, bytes)] if isinstance(proof, list | tuple) else []
    index, left = location, list(beside)
    for layer in _layers(count):
        if layer == len(row):
            break
        if index % 2 == 1 or index + 1 < layer:
            if not left:
                return False
            other = left.pop(0)
            joined = other + digest if index % 2 else digest + other
            digest = new(alg, joined).digest()
        index //= 2
    return not left and index < len(row) and hmac.compare_digest(digest, row[index])
