"""The hard binding, checked by ourselves: which bytes the hash covers, and whether it fits.

Two questions, answered apart. *Coverage*: which ranges of the file the assertion leaves out, and
whether it may. *Digest*: the hash over the rest. Coverage is always worked out here; the digest
too, up to ``own_hash_bytes`` (above, the library's pass over the file is the only one: a second
one would double the cost of the whole verification).

Where the hash of the whole does not fit and the parts of a multi-part file have hashes of their
own, those decide (15.12.4).

Source: C2PA 2.4, sections 15.12, 18.5 (data hash), 18.6 (BMFF hash), 18.7 (box hash), 18.8
(collections), 18.9 (multi-asset hash).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from provenance.bmff_hash import BMFF, bmff_exclusions, media_leaves, named_boxes
from provenance.box_hash import BOXES, check_boxes
from provenance.containers import iterate_boxes
from provenance.jumbf import StoreBroken, StoredManifest
from provenance.limits import ProvenanceLimits
from provenance.outline import Box, Container, ContainerBroken, Place
from provenance.ranges import (
    Range,
    Unknown,
    Wrong,
    apart,
    digest_without,
    hash_name,
    listed,
    number,
    window,
)

DATA, COLLECTION, MULTI = "c2pa.hash.data", "c2pa.hash.collection.data", "c2pa.hash.multi-asset"
_HARD = (DATA, BMFF, BOXES, COLLECTION)
_FAMILIES = {BMFF: "bmffHash", BOXES: "boxesHash", COLLECTION: "collectionHash", DATA: "dataHash"}
_PART = ".part"


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
class BindingReport:
    """``code`` is the status code of C2PA for a failure, else empty."""

    state: BindingState
    label: str = ""
    code: str = ""
    message: str = ""
    excluded: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """A file, or a part of one, that a hash is compared with.

    ``moved`` says that manifests may have been added since the hash was made, so that the place
    of the credentials has another size now (15.12.1.1).
    """

    file: BinaryIO
    name: str
    mime: str
    boxes: tuple[Box, ...]
    stores: tuple[Place, ...]
    limits: ProvenanceLimits
    moved: bool = False

    @property
    def size(self) -> int:
        return self.file.seek(0, 2)


class _Large(Exception):
    """Larger than what is hashed a second time."""


def hard_bindings(manifest: StoredManifest) -> tuple[str, ...]:
    """The labels of a manifest's hard bindings; those of single parts are none (18.9.2)."""
    return tuple(n for n in _labels(manifest) if n.startswith(_HARD) and _PART not in n)


def _labels(manifest: StoredManifest) -> tuple[str, ...]:
    stored = manifest.box.child("c2pa.assertions")
    return tuple(c.label for c in stored.children) if stored else ()


def check_binding(
    path: Path,
    mime: str,
    manifest: StoredManifest,
    container: Container,
    limits: ProvenanceLimits,
    *,
    moved: bool = False,
) -> BindingReport:
    """Check the hard binding of ``manifest`` to the file at ``path``; ``moved``: see `Bound`.

    Never raises for what is in the manifest; ``OSError`` when the file cannot be read.
    """
    labels = hard_bindings(manifest)
    if not labels:
        return BindingReport(BindingState.MISSING, code="claim.hardBindings.missing")
    if len(labels) > 1:
        return BindingReport(BindingState.SEVERAL, code="assertion.multipleHardBindings")
    with path.open("rb", buffering=0) as file:
        bound = Bound(file, path.name, mime, container.boxes, container.store_places, limits, moved)
        report = _check(bound, manifest, labels[0])
        if report.state is BindingState.MISMATCH and MULTI in _labels(manifest):
            return _check_parts(bound, manifest, report)
    return report


def _check(bound: Bound, manifest: StoredManifest, label: str) -> BindingReport:
    family = next(f for name, f in _FAMILIES.items() if label.startswith(name))
    excluded: tuple[Range, ...] = ()
    try:
        said, claim = manifest.assertion(label), manifest.claim
        if not isinstance(said, Mapping) or not isinstance(claim, Mapping):
            raise Wrong("the binding is no map")
        problem = ""
        try:
            if label.startswith(DATA):
                excluded = _data_exclusions(said, bound)
                problem = _compare(bound, said, claim, excluded)
            elif label.startswith(BMFF):
                excluded, markers = bmff_exclusions(
                    bound.file, label, said, bound.boxes, bound.limits
                )
                problem = _compare(bound, said, claim, excluded, markers)
                if not problem and said.get("merkle"):
                    whole = media_leaves(bound.file, said, bound.boxes, claim)
                    # what the trees cover is left out of the hash of the whole only
                    excluded = tuple(r for r in excluded if r.what != "mdat")
                    problem = "" if whole else _OTHER
            elif label.startswith(BOXES):
                if bound.size > bound.limits.own_hash_bytes:
                    raise Unknown("a box hash over a large file")
                problem, excluded = check_boxes(
                    bound.file, bound.mime, said, claim, bound.stores, bound.limits
                )
            else:
                problem = _collection(bound, said, claim)
        except _Large:
            return BindingReport(BindingState.COVERED, label, excluded=excluded)
    except Unknown as error:
        return BindingReport(BindingState.NOT_CHECKED, label, message=str(error), excluded=excluded)
    except (StoreBroken, ValueError, TypeError, OverflowError) as error:
        code = f"assertion.{family}.malformed"
        told = str(error) if isinstance(error, Wrong) else "the binding is not well-formed"
        return BindingReport(BindingState.MALFORMED, label, code, told)
    if not problem:
        return BindingReport(BindingState.MATCH, label, excluded=excluded)
    code = f"assertion.{family}.mismatch"
    return BindingReport(BindingState.MISMATCH, label, code, problem, excluded)


_OTHER = "the bytes of the file are not those that were signed"


def _compare(
    bound: Bound,
    said: Mapping[str, Any],
    claim: Mapping[str, Any],
    excluded: tuple[Range, ...],
    markers: tuple[int, ...] = (),
) -> str:
    given, name = said.get("hash"), hash_name(said, claim)
    if not isinstance(given, bytes):
        raise Unknown("hashed in pieces")
    if bound.size > bound.limits.own_hash_bytes:
        raise _Large
    digest = digest_without(bound.file, name, excluded, bound.size, markers=markers)
    return "" if hmac.compare_digest(digest, given) else _OTHER


def _data_exclusions(said: Mapping[str, Any], bound: Bound) -> tuple[Range, ...]:
    found: list[Range] = []
    for item in listed(said.get("exclusions"), "the exclusions"):
        if not isinstance(item, Mapping):
            raise Wrong("an exclusion is no range")
        found.append(Range(number(item.get("start")), number(item.get("length"))))
    if bound.moved and bound.stores:
        found = _shifted(found, bound.stores)
    return apart(found, bound.size)


def _shifted(found: list[Range], stores: tuple[Place, ...]) -> list[Range]:
    """The exclusions, by where the credentials end now that manifests were added."""

    def end_of(item: Range) -> int:
        end = item.start
        for place in sorted(stores, key=lambda p: p.start):
            end = place.end if place.start == end else end
        return end

    own = max(found, key=lambda r: end_of(r) - r.start, default=None)
    if own is None or end_of(own) == own.start:
        return found
    grown = end_of(own) - own.end
    return [
        Range(r.start, r.size + grown)
        if r is own
        else Range(r.start + grown, r.size)
        if r.start > own.start
        else r
        for r in found
    ]


def _collection(bound: Bound, said: Mapping[str, Any], claim: Mapping[str, Any]) -> str:
    """This file against the one entry of a collection that names it (18.8)."""
    matching: list[Mapping[str, Any]] = []
    for item in listed(said.get("uris"), "the files of the collection"):
        if not isinstance(item, Mapping) or not isinstance(item.get("uri"), str):
            raise Wrong("a file of the collection has no name")
        parts = PurePosixPath(item["uri"]).parts
        if {".", ".."} & {*item["uri"].split("/")} or item["uri"].startswith("/"):
            raise Wrong("a file of the collection lies outside of it")
        if parts and parts[-1] == bound.name:
            matching.append(item)
    if len(matching) != 1:
        raise Unknown("a collection that does not name this file")
    given = matching[0].get("hash")
    if not isinstance(given, bytes):
        raise Wrong("a file of the collection has no hash")
    if bound.size > bound.limits.own_hash_bytes:
        raise Unknown("a file of a collection, too large to be hashed again")
    digest = digest_without(bound.file, hash_name(said, claim), (), bound.size)
    return "" if hmac.compare_digest(digest, given) else _OTHER


def _check_parts(bound: Bound, manifest: StoredManifest, whole: BindingReport) -> BindingReport:
    """The parts of a file whose whole does not fit any more; all that are there must fit."""

    def malformed(message: str) -> BindingReport:
        return replace(
            whole,
            state=BindingState.MALFORMED,
            code="assertion.multiAssetHash.malformed",
            message=message,
        )

    try:
        said = manifest.assertion(MULTI)
        parts = listed(said.get("parts") if isinstance(said, Mapping) else None, "the parts")
        at, excluded = 0, list[Range]()
        for part in parts:
            start, size, label = _part(bound, part)
            if part.get("optional") is True and start + size > bound.size:
                continue
            if start + size > bound.size or start != at:
                lost = start + size > bound.size
                code = "missingPart" if lost else "malformed"
                message = "a part is missing" if lost else "the parts do not make up the file"
                state = BindingState.MISMATCH if lost else BindingState.MALFORMED
                return replace(
                    whole, state=state, code=f"assertion.multiAssetHash.{code}", message=message
                )
            at = start + size
            report = _check(_within(bound, start, size), manifest, label)
            if report.state is not BindingState.MATCH:
                code = f"assertion.multiAssetHash.{report.state.value}" if report.code else ""
                return replace(whole, state=report.state, code=code, message=report.message)
            excluded += [Range(start + r.start, r.size, r.what) for r in report.excluded]
        if not parts or at != bound.size:
            return malformed("the parts do not make up the file")
    except Unknown as error:
        return replace(whole, state=BindingState.NOT_CHECKED, code="", message=str(error))
    except (StoreBroken, ContainerBroken, ValueError, TypeError) as error:
        return malformed(str(error))
    return BindingReport(BindingState.MATCH, MULTI, excluded=tuple(excluded))


def _part(bound: Bound, part: Any) -> tuple[int, int, str]:
    """Where a part lies, and the label of its hash."""
    location = part.get("location") if isinstance(part, Mapping) else None
    link = part.get("hashAssertion") if isinstance(part, Mapping) else None
    url = link.get("url") if isinstance(link, Mapping) else link
    label = str(url or "").rpartition("/")[2]
    if not isinstance(location, Mapping) or not label.startswith(_HARD) or _PART not in label:
        raise Wrong("a part has no place or no hash")
    if "bmffBox" in location:
        found = list(named_boxes(bound.file, str(location["bmffBox"]), bound.boxes, bound.limits))
        if len(found) != 1:
            raise Wrong("a part lies in no box")
        return found[0].offset + found[0].header, found[0].size - found[0].header, label
    return number(location.get("byteOffset")), number(location.get("length")), label


def _within(bound: Bound, start: int, size: int) -> Bound:
    part = window(bound.file, start, size)
    boxes: tuple[Box, ...] = ()
    if bound.boxes:
        boxes = tuple(iterate_boxes(part, size, bound.limits))
    stores = tuple(
        Place(p.start - start, p.size) for p in bound.stores if start <= p.start < start + size
    )
    return replace(bound, file=part, boxes=boxes, stores=stores)
