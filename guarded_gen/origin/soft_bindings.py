"""Soft bindings resolved to manifests: the logic behind the Soft Binding Resolution API.

Stores nothing about who asks.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guarded_gen.errors import InvalidInput, NotFound
from guarded_gen.origin.registry import SqlRegistry
from provenance.errors import SoftBindingInvalid
from provenance.fingerprint import ISCC_ALGORITHM, PDQ_ALGORITHM, iscc_digest, pdq_hashes
from provenance.jumbf import parse_store
from provenance.limits import ProvenanceLimits
from provenance.picture import Picture
from provenance.recovery import (
    WATERMARK_ALGORITHMS,
    Mark,
    PublishedFile,
    RecoverySettings,
    RecoveryState,
    recover,
    similarity,
)

MEDIA_TYPE = "application/c2pa"
EXACT = 100

SURE_BYTES, SHORT_SIMILAR = 16, 90
"""Codes shorter than this must agree in so many of a hundred bits."""


@dataclass(frozen=True, slots=True)
class MarksAndPicture:
    """What was read out of an asset: its marks, and its picture if it has one."""

    marks: tuple[Mark, ...] = ()
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class FoundBinding:
    """A manifest that fits; ``score`` is 0 to 100."""

    manifest_id: str
    score: int

    def to_json(self) -> dict[str, Any]:
        return {"manifestId": self.manifest_id, "similarityScore": self.score}


class SoftBindings:
    """Answers the five questions of the API.

    ``read`` reads the marks and the picture of a file; ``settings`` say what counts as
    like. A shorter ISCC is compared with the beginning of a longer one.
    """

    def __init__(
        self,
        registry: SqlRegistry,
        read: Callable[[Path], MarksAndPicture],
        settings: RecoverySettings | None = None,
        limits: ProvenanceLimits | None = None,
    ) -> None:
        self._registry = registry
        self._read = read
        self._settings = settings or RecoverySettings()
        self._limits = limits or ProvenanceLimits()

    def supported(self) -> dict[str, Any]:
        # The schema of the API's version 1.0.0 asks every item of this list for a member that
        # is called like the list; strict clients get one.
        return {
            "watermarks": [{"alg": name, "watermarks": True} for name in WATERMARK_ALGORITHMS],
            "fingerprints": [{"alg": ISCC_ALGORITHM}, {"alg": PDQ_ALGORITHM}],
        }

    def by_binding(self, algorithm: str, value: str, most: int) -> list[FoundBinding]:
        """Manifests that carry this binding, likest first; raises :class:`InvalidInput`."""
        raw = _decode(value)
        if algorithm in WATERMARK_ALGORITHMS:
            file = self._registry.by_watermark(raw)
            return [FoundBinding(file.manifest_label, EXACT)] if file else []
        if algorithm == ISCC_ALGORITHM:
            try:
                return self._by_iscc(iscc_digest(raw), most)
            except SoftBindingInvalid as error:
                raise InvalidInput(str(error), "send an ISCC Video-Code", "value") from error
        if algorithm == PDQ_ALGORITHM:
            try:
                hashes = pdq_hashes(raw)
            except SoftBindingInvalid as error:
                raise InvalidInput(str(error), "send PDQ hashes of frames", "value") from error
            found = list(self._alike(Picture(hashes), most, ()))
            return sorted(found, key=lambda match: -match.score)
        raise InvalidInput(
            f"the algorithm {algorithm[:100]!r} is not supported",
            "see /services/supportedAlgorithms",
            "alg",
        )

    def by_content(
        self,
        path: Path,
        most: int,
        algorithm: str | None = None,
        hint: tuple[str, str] | None = None,
    ) -> list[FoundBinding]:
        """Manifests that fit an asset: by its mark, confirmed by its picture, else by likeness.

        By an algorithm that is not ours nothing is found: the contract has no other answer for
        it here. A hint that cannot be read does not help and does no harm.
        """
        if algorithm not in (None, *WATERMARK_ALGORITHMS, ISCC_ALGORITHM, PDQ_ALGORITHM):
            return []
        read = self._read(path)
        if algorithm == ISCC_ALGORITHM:
            code = read.picture.iscc if read.picture else b""
            return self._by_iscc(code, most) if code else []
        marks = list(read.marks) if algorithm != PDQ_ALGORITHM else []
        if hint is not None and hint[0] in WATERMARK_ALGORITHMS:
            with suppress(InvalidInput):
                marks.insert(0, Mark(_decode(hint[1])))
        found = recover(self._registry, marks=marks, picture=read.picture, settings=self._settings)
        good = (RecoveryState.RECOVERED, RecoveryState.UNCONFIRMED, RecoveryState.SIMILAR)
        matches: list[FoundBinding] = []
        for one in (found, *found.others):
            if one.match is not None and one.state in good:
                score = EXACT if one.similarity is None else one.similarity
                matches.append(FoundBinding(one.match.manifest_label, score))
        if algorithm not in WATERMARK_ALGORITHMS and read.picture is not None:
            matches += self._alike(read.picture, most, {m.manifest_id for m in matches})
        return sorted(matches, key=lambda match: -match.score)[:most]

    def _by_iscc(self, digest: bytes, most: int) -> list[FoundBinding]:
        # short codes agree by chance: 45 of 64 bits in one of a thousand
        least = self._settings.similar if len(digest) >= SURE_BYTES else SHORT_SIMILAR
        return [
            FoundBinding(file.manifest_label, score)
            for file, score in self._registry.by_iscc(digest, most)
            if score >= least
        ]

    def _alike(self, picture: Picture, most: int, known: Iterable[str]) -> Iterable[FoundBinding]:
        for file in self._registry.nearest(picture, most):
            if file.manifest_label in known or file.picture is None:
                continue
            score = similarity(picture, file.picture, self._settings.pdq_bits)
            if score >= self._settings.similar:
                yield FoundBinding(file.manifest_label, score)

    def manifest(self, manifest_id: str, *, only_active: bool) -> bytes:
        """The manifest store that was published under this id, or its active manifest alone.

        Raises :class:`InvalidInput` or :class:`NotFound`.
        """
        if not manifest_id.startswith("urn:") or len(manifest_id) > 255:
            raise InvalidInput(
                "a manifest id begins with urn:", "use the id of a match", "manifestId"
            )
        file = self._registry.by_manifest(manifest_id)
        if file is None:
            raise NotFound("no manifest of this id was published here", None, "manifestId")
        return active_only(file, self._limits) if only_active else file.store


def active_only(file: PublishedFile, limits: ProvenanceLimits) -> bytes:
    """A store that holds the published file's active manifest and none of its ingredients'."""
    return parse_store(file.store, limits).only(file.manifest_label)


def _decode(value: str) -> bytes:
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("the value is not base64", "encode it as base64", "value") from error
    if not raw:
        raise InvalidInput("the value is empty", None, "value")
    return raw
