"""The hard binding, checked by ourselves: which bytes the hash covers, and whether it fits.

Two questions, answered apart. *Coverage*: which ranges of the file the assertion leaves out, and
whether it may. *Digest*: the hash over the rest. Coverage is always worked out here; the digest
too, up to ``own_hash_bytes`` (above, the library's pass over the file is the only one: a second
one would double the cost of the whole verification).

Source: C2PA 2.4, sections 18.5 (data hash), 18.6 (box hash), 18.7 (BMFF hash), A.5.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from provenance.claims import DEFAULT_HASH, HASHES
from provenance.containers import Box, boxes_within
from provenance.jumbf import StoreBroken, StoredManifest
from provenance.limits import ProvenanceLimits

_CHUNK = 1024 * 1024
_MOST_RANGES = 10_000
DATA, BMFF, BOXES = "c2pa.hash.data", "c2pa.hash.bmff", "c2pa.hash.boxes"
_HARD = (DATA, BMFF, BOXES, "c2pa.hash.collection.data", "c2pa.hash.multi-asset")


class BindingState(StrEnum):
    """What the binding came to."""

    MATCH = "match"
    MISMATCH = "mismatch"
    MALFORMED = "malformed"
    MISSING = "missing"
    SEVERAL = "several"
    COVERED = "covered"
    """The coverage was worked out; the digest is the library's alone."""
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes that the hash leaves out, and why."""

    start: int
    size: int
    what: str = ""

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class BindingReport:
    """``code`` is the status code of C2PA for a failure, else empty."""

    state: BindingState
    label: str = ""
    code: str = ""
    message: str = ""
    excluded: tuple[Range, ...] = ()


class _Wrong(ValueError):
    """The assertion contradicts itself or the file."""


class _Unknown(ValueError):
    """A kind of binding or hash that is not checked here."""


def hard_bindings(manifest: StoredManifest) -> tuple[str, ...]:
    """The labels of a manifest's hard bindings."""
    stored = manifest.box.child("c2pa.assertions")
    return tuple(c.label for c in stored.children if c.label.startswith(_HARD)) if stored else ()


def check_binding(
    path: Path,
    manifest: StoredManifest,
    boxes: Sequence[Box],
    limits: ProvenanceLimits,
) -> BindingReport:
    """Check the active manifest's hard binding; ``boxes`` are a BMFF file's outermost ones.

    Never raises for what is in the manifest; ``OSError`` when the file cannot be read.
    """
    labels = hard_bindings(manifest)
    if not labels:
        return BindingReport(BindingState.MISSING, code="claim.hardBindings.missing")
    if len(labels) > 1:
        return BindingReport(BindingState.SEVERAL, code="assertion.multipleHardBindings")
    label = labels[0]
    family = "bmffHash" if label.startswith(BMFF) else "dataHash"
    try:
        said = manifest.assertion(label)
        if not isinstance(said, Mapping):
            raise _Wrong("the binding is no map")
        with path.open("rb", buffering=0) as file:
            size = file.seek(0, 2)
            name = hash_name(said)
            if label.startswith(DATA):
                excluded = _data_exclusions(said, size)
                markers: tuple[int, ...] = ()
            elif label.startswith(BMFF):
                excluded, markers = _bmff_exclusions(file, label, said, boxes, size, limits)
            else:
                raise _Unknown(label)
            given = said.get("hash")
            if not isinstance(given, bytes) or said.get("merkle"):
                raise _Unknown("hashed in pieces")
            if size > limits.own_hash_bytes:
                return BindingReport(BindingState.COVERED, label, excluded=excluded)
            digest = _digest(file, name, excluded, markers, size)
    except (StoreBroken, _Wrong) as error:
        code = f"assertion.{family}.malformed"
        return BindingReport(BindingState.MALFORMED, label, code, str(error))
    except _Unknown as error:
        return BindingReport(BindingState.NOT_CHECKED, label, message=str(error))
    if hmac.compare_digest(digest, given):
        return BindingReport(BindingState.MATCH, label, excluded=excluded)
    return BindingReport(
        BindingState.MISMATCH,
        label,
        f"assertion.{family}.mismatch",
        "the bytes of the file are not those that were signed",
        excluded,
    )


def hash_name(said: Mapping[str, Any]) -> str:
    """The name of an assertion's hash for :mod:`hashlib`; raises ``ValueError``."""
    name = said.get("alg") or DEFAULT_HASH
    if name not in HASHES:
        raise _Unknown(f"a hash of an unknown kind: {str(name)[:40]}")
    return HASHES[str(name)]


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _Wrong("a place in the file is no number")
    return value


def _data_exclusions(said: Mapping[str, Any], size: int) -> tuple[Range, ...]:
    listed = said.get("exclusions") or []
    if not isinstance(listed, list | tuple) or len(listed) > _MOST_RANGES:
        raise _Wrong("the exclusions are no list")
    found: list[Range] = []
    for item in listed:
        if not isinstance(item, Mapping):
            raise _Wrong("an exclusion is no range")
        found.append(Range(_number(item.get("start")), _number(item.get("length"))))
    found.sort(key=lambda r: r.start)
    for before, after in pairwise(found):
        if before.end > after.start:
            raise _Wrong("exclusions overlap")
    if found and found[-1].end > size:
        raise _Wrong("an exclusion ends behind the file")
    return tuple(found)


def _bmff_exclusions(
    file: BinaryIO,
    label: str,
    said: Mapping[str, Any],
    boxes: Sequence[Box],
    size: int,
    limits: ProvenanceLimits,
) -> tuple[tuple[Range, ...], tuple[int, ...]]:
    """The ranges left out, and where version 2 and later hash a box's offset before it."""
    rules = said.get("exclusions") or []
    if not isinstance(rules, list | tuple) or len(rules) > _MOST_RANGES:
        raise _Wrong("the exclusions are no list")
    found: dict[Range, None] = {}
    for rule in rules:
        if not isinstance(rule, Mapping) or not isinstance(rule.get("xpath"), str):
            raise _Wrong("an exclusion names no box")
        for box in _named(file, rule["xpath"], boxes, limits):
            if _fits(file, box, rule):
                for left_out in _left_out(box, rule):
                    found[left_out] = None
            if len(found) > _MOST_RANGES:
                raise _Wrong("too many exclusions")
    whole = {(r.start, r.size) for r in found}
    older = label.removeprefix(BMFF).partition("__")[0] == ""
    markers = () if older else tuple(b.offset for b in boxes if (b.offset, b.size) not in whole)
    merged = _merged(sorted(found, key=lambda r: (r.start, r.size)))
    if merged and merged[-1].end > size:
        raise _Wrong("an exclusion ends behind the file")
    return merged, markers


def _merged(ranges: Sequence[Range]) -> tuple[Range, ...]:
    done: list[Range] = []
    for item in ranges:
        if done and item.start < done[-1].end:
            end = max(done[-1].end, item.end)
            done[-1] = Range(done[-1].start, end - done[-1].start, done[-1].what)
        else:
            done.append(item)
    return tuple(done)


def _named(
    file: BinaryIO, xpath: str, boxes: Sequence[Box], limits: ProvenanceLimits
) -> Iterator[Box]:
    """The boxes that an xpath like ``/moov/trak[2]/mdia`` names."""
    steps = [s for s in xpath.split("/") if s]
    if not steps or len(steps) > limits.max_box_depth:
        return
    level: list[Box] = list(boxes)
    for depth, step in enumerate(steps):
        name, _, index = step.partition("[")
        chosen = [b for b in level if b.kind.decode("latin-1") == name]
        if index:
            digits = index.rstrip("]")
            place = int(digits) if digits.isdigit() else 0
            chosen = chosen[place - 1 : place] if place else []
        if depth == len(steps) - 1:
            yield from chosen
            return
        level = [inner for outer in chosen for inner in boxes_within(file, outer, limits)]


def _fits(file: BinaryIO, box: Box, rule: Mapping[str, Any]) -> bool:
    """Whether a box fulfils everything that a rule asks (section 18.7.2.1)."""
    if rule.get("length") is not None and rule["length"] != box.size:
        return False
    file.seek(box.offset + box.header)
    version_flags = file.read(4)
    if rule.get("version") is not None and version_flags[:1] != bytes([rule["version"] & 0xFF]):
        return False
    flags = rule.get("flags")
    if isinstance(flags, bytes):
        found = version_flags[1:4]
        if rule.get("exact") is False:
            if any(f & g != g for f, g in zip(found, flags, strict=False)):
                return False
        elif found != flags:
            return False
    for part in rule.get("data") or []:
        if not isinstance(part, Mapping) or not isinstance(part.get("value"), bytes):
            raise _Wrong("an exclusion asks for no bytes")
        file.seek(box.offset + _number(part.get("offset")))
        if file.read(len(part["value"])) != part["value"]:
            return False
    return True


def _left_out(box: Box, rule: Mapping[str, Any]) -> Iterator[Range]:
    what = box.kind.decode("latin-1")
    subset = rule.get("subset")
    if not subset:
        yield Range(box.offset, box.size, what)
        return
    for part in subset:
        if not isinstance(part, Mapping):
            raise _Wrong("a part of a box is no range")
        offset, length = _number(part.get("offset")), _number(part.get("length"))
        if offset < box.size:
            left = box.size - offset
            yield Range(box.offset + offset, min(length, left) if length else left, what)


def _digest(
    file: BinaryIO, name: str, excluded: Sequence[Range], markers: Sequence[int], size: int
) -> bytes:
    """The hash over everything that is not excluded, each marker's offset before its box."""
    digest = hashlib.new(name)
    position, index = 0, 0
    for left_out in (*excluded, Range(size, 0)):
        while index < len(markers) and markers[index] <= left_out.start:
            position = _feed(file, digest, position, markers[index])
            digest.update(struct.pack(">Q", markers[index]))
            index += 1
        _feed(file, digest, position, left_out.start)
        position = left_out.end
        while index < len(markers) and markers[index] < position:
            index += 1
    return digest.digest()


def bmff_digest(
    file: BinaryIO,
    label: str,
    said: Mapping[str, Any],
    boxes: Sequence[Box],
    limits: ProvenanceLimits,
) -> bytes:
    """The BMFF hash of a file by an assertion's exclusions; raises ``ValueError``."""
    size = file.seek(0, 2)
    excluded, markers = _bmff_exclusions(file, label, said, boxes, size, limits)
    return _digest(file, hash_name(said), excluded, markers, size)


def _feed(file: BinaryIO, digest: Any, start: int, stop: int) -> int:
    file.seek(start)
    left = stop - start
    while left > 0:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise _Wrong("the file is shorter than it was")
        digest.update(chunk)
        left -= len(chunk)
    return stop
