"""The BMFF hash: which boxes it leaves out, and the digest over the rest.

Source: C2PA 2.4, sections 18.6 and A.5.6; ISO/IEC 14496-12.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from provenance.containers import Box, boxes_within
from provenance.limits import ProvenanceLimits
from provenance.ranges import (
    MOST_RANGES,
    Range,
    Unknown,
    Wrong,
    digest_without,
    hash_name,
    listed,
    number,
)

BMFF = "c2pa.hash.bmff"


def bmff_exclusions(
    file: BinaryIO,
    label: str,
    said: Mapping[str, Any],
    boxes: Sequence[Box],
    limits: ProvenanceLimits,
) -> tuple[tuple[Range, ...], tuple[int, ...]]:
    """The ranges left out, and where version 2 and later hash a box's offset before it.

    Raises :class:`Wrong`.
    """
    size = file.seek(0, 2)
    found: dict[Range, None] = {}
    for rule in listed(said.get("exclusions"), "the exclusions"):
        if not isinstance(rule, Mapping) or not isinstance(rule.get("xpath"), str):
            raise Wrong("an exclusion names no box")
        for box in named_boxes(file, rule["xpath"], boxes, limits):
            if _fits(file, box, rule):
                for left_out in _left_out(box, rule):
                    found[left_out] = None
            if len(found) > MOST_RANGES:
                raise Wrong("too many exclusions")
    whole = {(r.start, r.size) for r in found}
    older = label.removeprefix(BMFF).partition("__")[0] in ("", ".part")
    markers = () if older else tuple(b.offset for b in boxes if (b.offset, b.size) not in whole)
    merged = _merged(sorted(found, key=lambda r: (r.start, r.size)))
    if merged and merged[-1].end > size:
        raise Wrong("an exclusion ends behind the file")
    return merged, markers


def bmff_digest(
    file: BinaryIO,
    label: str,
    said: Mapping[str, Any],
    boxes: Sequence[Box],
    limits: ProvenanceLimits,
    alg: Mapping[str, Any] | None = None,
) -> bytes:
    """The hash of a file, or of one segment of a stream, by an assertion's exclusions.

    ``alg`` is whatever names the algorithm nearer than the assertion. The offsets of boxes are
    hashed too, except in the leaves of a tree that stands beside a hash of the whole (18.6.2).
    Raises ``ValueError``.
    """
    excluded, markers = bmff_exclusions(file, label, said, boxes, limits)
    if isinstance(said.get("hash"), bytes) and said.get("merkle"):
        markers = ()
    size = file.seek(0, 2)
    return digest_without(file, hash_name(alg or {}, said), excluded, size, markers=markers)


def media_leaves(
    file: BinaryIO,
    said: Mapping[str, Any],
    boxes: Sequence[Box],
    claim: Mapping[str, Any],
) -> bool:
    """Whether the media of a file fit the trees of an assertion that hashes them in pieces.

    Only trees whose leaves all stand in the assertion. Raises :class:`Wrong`, :class:`Unknown`.
    """
    media = [b for b in boxes if b.kind == b"mdat"]
    rows = [r for r in listed(said.get("merkle"), "the trees") if isinstance(r, Mapping)]
    if len(rows) != len(media) or any("initHash" in row for row in rows):
        raise Unknown("hashed in pieces")
    for row in rows:
        place, hashes = number(row.get("localId")), listed(row.get("hashes"), "the hashes")
        if place >= len(media) or number(row.get("count")) != len(hashes):
            raise Unknown("hashed in pieces, with proofs elsewhere")
        # the first sixteen bytes of the box are in the hash of the whole (A.5.6)
        begin, end = media[place].offset + 16, media[place].offset + media[place].size
        name = hash_name(row, said, claim)
        leaves = list(_leaves(row, begin, end))
        if len(leaves) != len(hashes):
            return False
        for (first, last), given in zip(leaves, hashes, strict=True):
            digest = digest_without(file, name, (), last, start=first)
            if not isinstance(given, bytes) or not hmac.compare_digest(digest, given):
                return False
    return True


def _leaves(row: Mapping[str, Any], begin: int, end: int) -> Iterator[tuple[int, int]]:
    fixed, variable = row.get("fixedBlockSize"), row.get("variableBlockSizes")
    if fixed and variable:
        raise Wrong("blocks of a fixed and of a variable size")
    if variable:
        at = begin
        for length in listed(variable, "the blocks"):
            yield at, at + number(length)
            at += number(length)
        if at != end:
            raise Wrong("the blocks are not as long as the media")
    elif fixed:
        if (end - begin) // number(fixed) > MOST_RANGES:
            raise Unknown("too many blocks")
        for at in range(begin, end, number(fixed)):
            yield at, min(end, at + number(fixed))
    else:
        yield begin, end


def _merged(ranges: Sequence[Range]) -> tuple[Range, ...]:
    done: list[Range] = []
    for item in ranges:
        if done and item.start < done[-1].end:
            end = max(done[-1].end, item.end)
            done[-1] = Range(done[-1].start, end - done[-1].start, done[-1].what)
        else:
            done.append(item)
    return tuple(done)


def named_boxes(
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
    """Whether a box fulfils everything that a rule asks (section 18.6.2)."""
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
            raise Wrong("an exclusion asks for no bytes")
        file.seek(box.offset + number(part.get("offset")))
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
            raise Wrong("a part of a box is no range")
        offset, length = number(part.get("offset")), number(part.get("length"))
        if offset < box.size:
            left = box.size - offset
            yield Range(box.offset + offset, min(length, left) if length else left, what)
