"""Recovery: from a copy that lost its credentials back to what was signed.

1. *Watermark.* The mark's payload names one published file, exactly or not at all.
2. *Fingerprint.* The picture is compared with that file's. A mark that was cut out of one video
   and put into another names a file whose picture is a different one: that is refused and told.
3. *Similar pictures.* Without a mark, the nearest fingerprints are looked up; a likeness alone
   is told as a likeness and never as identity.
4. *Answer.* The original's manifest store, and the place of its entry in the audit log.

This module decides; a :class:`Registry` remembers. Source: C2PA 2.4 chapter 19 (soft bindings),
Soft Binding Resolution API 1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from provenance.picture import Picture, likeness
from provenance.watermark.carrier import VERSION
from provenance.watermark.geometry import Geometry

WATERMARK_ALGORITHM = f"org.guarded-gen.watermark.{VERSION}"
"""Named in new manifests: the format of the mark that lies in the picture."""
WATERMARK_ALGORITHMS = (WATERMARK_ALGORITHM, "org.guarded-gen.watermark.1")
"""Answered for: manifests made before the name followed the format say 1 of the same payload."""


PART, SLACK = 0.1, 1.0
"""A mark that is missing from more than this share, and this many seconds, is in a part only."""


class RecoverySettings(BaseModel):
    """When two fingerprints count as one picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pdq_bits: int = Field(
        40, ge=0, le=128, description="most differing bits (of 256) of two frames of one picture"
    )
    same: int = Field(
        50, ge=0, le=100, description="similarity from which a watermark counts as confirmed"
    )
    likeness: int = Field(
        75, ge=0, le=100, description="correlation with the key frames that confirms a mark"
    )
    samples: int = Field(12, gt=0, description="frames of a copy that are turned back and compared")
    similar: int = Field(
        70, ge=0, le=100, description="similarity from which a likeness alone is told"
    )
    candidates: int = Field(16, gt=0, description="nearest fingerprints compared frame by frame")


@dataclass(frozen=True, slots=True)
class Mark:
    """A watermark that was read: its payload, and how the copy was turned and scaled.

    ``spans`` say when it is in the video, (start, end) in seconds; empty when that is not known.
    ``seconds`` is the video's length, ``picture`` what the video shows within the spans,
    ``transplanted`` whether the mark itself shows that it was made for another picture.
    """

    payload: bytes
    geometry: Geometry | None = None
    spans: tuple[tuple[float, float], ...] = ()
    seconds: float = 0.0
    picture: Picture | None = field(default=None, repr=False)
    transplanted: bool | None = None

    @property
    def part(self) -> bool:
        """Whether it is in a part of the video only."""
        covered = sum(end - start for start, end in self.spans)
        return bool(self.spans) and self.seconds - covered > max(SLACK, PART * self.seconds)


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """What the registry keeps of one published file."""

    content_id: str
    manifest_label: str
    sha256: str
    store: bytes = field(repr=False)
    title: str
    mime: str
    published_at: int
    watermark: bytes | None = None
    picture: Picture | None = field(default=None, repr=False)
    log_index: int | None = None
    tenant: str = "default"


class Registry(Protocol):
    """The memory of what was published."""

    def by_watermark(self, payload: bytes) -> PublishedFile | None: ...

    def by_manifest(self, label: str) -> PublishedFile | None: ...

    def by_sha256(self, sha256: str) -> PublishedFile | None: ...

    def nearest(self, picture: Picture, most: int) -> Sequence[PublishedFile]: ...


class RecoveryState(StrEnum):
    """How a recovery ended."""

    RECOVERED = "recovered"
    UNCONFIRMED = "unconfirmed"
    REFUSED = "refused"
    SIMILAR = "similar"
    NOT_FOUND = "not_found"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found. ``similarity`` is 0 to 100, ``None`` when nothing was compared.

    ``UNCONFIRMED``: the mark is known but there was no fingerprint to confirm it by, and it shows
    no sign of its own that it was moved.
    ``REFUSED``: the mark is known and the picture is another: transplanted or forged.
    ``spans`` say when the mark is there, ``part`` that it is in a part of the video only, and
    ``others`` are what further marks of the same video led to.
    """

    state: RecoveryState
    match: PublishedFile | None = None
    similarity: int | None = None
    by: str = ""
    proof: Mapping[str, Any] | None = None
    spans: tuple[tuple[float, float], ...] = ()
    part: bool = False
    others: tuple[Recovery, ...] = ()

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"state": self.state.value, "by": self.by}
        if self.similarity is not None:
            record["similarity"] = self.similarity
        if self.match is not None:
            record["content_id"] = self.match.content_id
            record["manifest_label"] = self.match.manifest_label
            record["title"] = self.match.title
            record["published_at"] = self.match.published_at
            record["sha256"] = self.match.sha256
            record["log_index"] = self.match.log_index
        if self.spans:
            record["spans"] = [[round(a, 2), round(b, 2)] for a, b in self.spans]
            record["part"] = self.part
        if self.others:
            record["others"] = [other.to_json() for other in self.others]
        if self.proof is not None:
            record["inclusion_proof"] = dict(self.proof)
        return record


def similarity(a: Picture, b: Picture, bits: int) -> int:
    """0 to 100: the share of frames that have a like frame in the other, the shorter one's.

    A frame is like another when at most ``bits`` of the 256 PDQ bits differ. A clip cut out of
    a longer one is as like as the whole. Cost: ``len(a) * len(b)`` comparisons of 32 bytes.
    """
    short, long = sorted((a.hashes, b.hashes), key=len)
    if len(short) == 0:
        return 0
    distances = np.bitwise_count(short[:, None, :] ^ long[None, :, :]).sum(axis=2, dtype=np.int32)
    return round(100 * float((distances.min(axis=1) <= bits).mean()))


def confirm(copy: Picture, mark: Mark, original: Picture, settings: RecoverySettings) -> int:
    """0 to 100: how surely a marked copy shows the original's picture.

    By hashes first; when those do not agree, the copy is turned back by the mark's geometry and
    looked for in the original's key frames. A likeness below the setting counts as none.
    """
    score = similarity(copy, original, settings.pdq_bits)
    if score >= settings.same or mark.geometry is None or original.keys is None:
        return score
    step = max(1, len(copy.samples) // settings.samples)
    found = likeness(copy.samples[::step], original.keys, mark.geometry)
    return max(score, found if found >= settings.likeness else 0)


def _led(
    mark: Mark, match: PublishedFile, picture: Picture | None, settings: RecoverySettings
) -> Recovery:
    if picture is None or match.picture is None:
        known = RecoveryState.REFUSED if mark.transplanted else RecoveryState.UNCONFIRMED
        state, score, by = known, None, "watermark"
    else:
        score = confirm(picture, mark, match.picture, settings)
        good = score >= settings.same
        state = RecoveryState.RECOVERED if good else RecoveryState.REFUSED
        by = "watermark+fingerprint" if good else "watermark"
    return Recovery(state, match, score, by, spans=mark.spans, part=mark.part)


def recover(
    registry: Registry,
    *,
    marks: Iterable[Mark] = (),
    picture: Picture | None = None,
    settings: RecoverySettings | None = None,
) -> Recovery:
    """Find the published file behind a copy; ``marks`` are all that were read in it."""
    chosen = settings or RecoverySettings()
    looked = False
    led: list[Recovery] = []
    for mark in marks:
        # step 1
        looked = True
        match = registry.by_watermark(mark.payload)
        if match is not None:
            # step 2
            led.append(_led(mark, match, mark.picture or picture, chosen))
    if led:
        order = (RecoveryState.RECOVERED, RecoveryState.UNCONFIRMED, RecoveryState.REFUSED)
        first = min(led, key=lambda one: order.index(one.state))
        return replace(first, others=tuple(one for one in led if one is not first))
    if picture is None:
        return Recovery(RecoveryState.NOT_FOUND if looked else RecoveryState.NOT_CHECKED)
    # step 3
    best: tuple[int, PublishedFile] | None = None
    for candidate in registry.nearest(picture, chosen.candidates):
        if candidate.picture is None:
            continue
        score = similarity(picture, candidate.picture, chosen.pdq_bits)
        if best is None or score > best[0]:
            best = (score, candidate)
    if best is not None and best[0] >= chosen.similar:
        return Recovery(RecoveryState.SIMILAR, best[1], best[0], "fingerprint")
    return Recovery(RecoveryState.NOT_FOUND)
