"""Another copy of a file that keeps what the file says of its making.

A re-encode loses content credentials and container labels. Here the source becomes the parent of a
new manifest, so that its own credentials go along whole; labels that nobody signed are written into
the copy again; marks in the picture stay where the picture keeps them. Nothing is said that the
source did not say.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from guarded_gen.errors import InvalidInput
from guarded_gen.origin.ingest import KEPT_LABEL, aigc_state, said_by, source_term
from media.encode import Encoder
from media.encoding import EncodeSettings
from media.limits import MediaLimits
from media.open import open_media
from provenance.certificates import SigningIdentity
from provenance.labels import AIGC, SOURCE_TYPE
from provenance.manifest import (
    DigitalSourceType,
    EditAction,
    Ingredient,
    ManifestRequest,
    Relationship,
    installed_version,
)
from provenance.signer import SignedFile, sign_file
from provenance.timestamps import TimestampSettings
from provenance.trust import TrustList
from provenance.verdicts import Verdict, VerificationReport
from provenance.watermark.files import kept_sound

PROGRAM = "guarded-gen transcode"
_THUMBNAIL_SIDE = 512
_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_SIGNED_ALREADY = (Verdict.TRUSTED, Verdict.VALID_UNTRUSTED)


@dataclass(frozen=True, slots=True)
class Transcoded:
    """``signed`` is the copy; ``sound`` says how the sound was kept, ``kept`` what is carried."""

    signed: SignedFile
    frames: int
    sound: str
    kept: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Copying:
    """How a copy is written. ``size``: width and height; ``propagator``: our name in a label by
    GB 45438."""

    size: tuple[int, int] | None = None
    encoding: EncodeSettings = field(default_factory=EncodeSettings)
    limits: MediaLimits = field(default_factory=MediaLimits)
    timestamps: TimestampSettings | None = None
    propagator: str = ""


def transcode(
    source: Path,
    destination: Path,
    carried: tuple[VerificationReport, dict[str, str]],
    identity: SigningIdentity,
    trust: TrustList,
    copying: Copying | None = None,
    on_frames: Callable[[int], None] = lambda count: None,
) -> Transcoded:
    """Write ``source`` as an H.264 MP4 (or PNG, for a still picture) and sign it as its child.

    ``carried`` is what was read of the source: its verification and its container's labels.
    Raises :class:`InvalidInput` for credentials that do not fit the file, since a copy would pass
    them on as if they did, and what decoding, encoding and signing raise.
    """
    verification, labels = carried
    if verification.verdict in (Verdict.TAMPERED, Verdict.MALFORMED, Verdict.NOT_JUDGED):
        raise InvalidInput(
            f"the credentials of {source.name} are {verification.verdict.value}",
            "get the original; a copy would pass them on as if they held",
            "file",
        )
    copying = copying or Copying()
    size, media = copying.size, open_media(source, copying.limits)
    still = media.info.frames == 1 and destination.suffix.lower() == ".png"
    if destination.suffix.lower() not in (".mp4", ".png"):
        raise InvalidInput(f"{destination.name} is no MP4 or PNG", "name it so", "out")
    if destination.suffix.lower() == ".png" and not still:
        raise InvalidInput("a video does not become a PNG", "name the copy .mp4", "out")
    kept = _kept(verification, labels)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".transcode") as name:
        work = Path(name)
        unsigned = work / f"copy{destination.suffix.lower()}"
        if still:
            frames, thumbnail = _picture(media, unsigned, size, labels)
            sound = "none"
        else:
            extra = _metadata(labels, copying.propagator, destination.stem)
            chosen = copying.encoding
            chosen = chosen.model_copy(update={"metadata": {**chosen.metadata, **extra}})
            frames, thumbnail, sound = _video(media, unsigned, size, chosen, on_frames)
        parent = work / f"source{source.suffix}"
        shutil.copyfile(source, parent)
        term = str(kept.get("sourceType") or "")
        request = ManifestRequest(
            title=destination.name,
            backend=PROGRAM,
            backend_version=installed_version(),
            digital_source_type=_TERMS + term if term else DigitalSourceType.DIGITAL_CREATION,
            ingredients=(Ingredient(parent, Relationship.PARENT, source.name),),
            actions=(
                EditAction(
                    "c2pa.transcoded",
                    _TERMS + term if term else None,
                    "written anew; the source type is what the source says of itself",
                ),
            ),
            thumbnail=thumbnail,
            training_mining=None,
            assertions={KEPT_LABEL: kept},
        )
        signed = sign_file(
            unsigned, destination, request, identity, trust, timestamps=copying.timestamps
        )
    return Transcoded(signed, frames, sound, kept)


def _thumbnail(pixels: NDArray[np.uint8]) -> bytes:
    """``uint8 [H, W, 3]`` as a small JPEG."""
    image, buffer = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _kept(verification: VerificationReport, labels: dict[str, str]) -> dict[str, Any]:
    """What the source says of its making, by whom, and whether that was signed."""
    record: dict[str, Any] = {"verdict": verification.verdict.value}
    if verification.verdict in _SIGNED_ALREADY:
        inner = verification.manifest.get("assertions", {}).get(KEPT_LABEL)
        if isinstance(inner, dict) and verification.verdict is Verdict.TRUSTED:
            # a copy of a copy still names who said it first
            return {**inner, "verdict": verification.verdict.value}
        record |= {"signed": True, "saidBy": said_by(verification)}
        record["manifest"] = verification.manifest_label
        term = source_term(verification)
    else:
        term, record["signed"] = labels.get(SOURCE_TYPE, ""), False
        if not term and aigc_state(labels.get(AIGC, "")) == "1":
            term = "trainedAlgorithmicMedia"
    if term:
        record["sourceType"] = term
    if labels:
        record["labels"] = sorted(labels)
    return record


def _metadata(labels: dict[str, str], propagator: str, name: str) -> dict[str, str]:
    """The container's labels for the copy, ours as the propagator of one by GB 45438."""
    extra = {}
    if SOURCE_TYPE in labels:
        extra["digitalSourceType"] = _TERMS + labels[SOURCE_TYPE]
    if AIGC in labels:
        extra[AIGC] = labels[AIGC]
        try:
            record = json.loads(labels[AIGC])
        except ValueError:
            record = None
        if isinstance(record, dict) and propagator:
            record |= {"ContentPropagator": propagator, "PropagateID": name}
            extra[AIGC] = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return extra


def _fit(pixels: NDArray[np.uint8], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """``uint8 [T, H, W, 3]`` in the size that was asked for, or with even sides."""
    if size is None:
        height, width = (side // 2 * 2 for side in pixels.shape[1:3])
        return np.ascontiguousarray(pixels[:, :height, :width])
    return np.stack(
        [np.asarray(Image.fromarray(p).resize(size, Image.Resampling.LANCZOS)) for p in pixels]
    )


def _video(
    media: Any,
    path: Path,
    size: tuple[int, int] | None,
    encoding: EncodeSettings,
    on_frames: Callable[[int], None],
) -> tuple[int, bytes, str]:
    sound, told = kept_sound(media)
    stream = media.frames()
    first = _fit(next(stream).pixels, size)
    thumbnail, count = _thumbnail(first[0]), len(first)
    with Encoder(path, first.shape[2], first.shape[1], media.info.fps, encoding, sound) as encoder:
        encoder.write(first)
        on_frames(len(first))
        for batch in stream:
            encoder.write(_fit(batch.pixels, size))
            count += len(batch.pixels)
            on_frames(len(batch.pixels))
    return count, thumbnail, told


def _picture(
    media: Any, path: Path, size: tuple[int, int] | None, labels: dict[str, str]
) -> tuple[int, bytes]:
    from PIL.PngImagePlugin import PngInfo

    pixels = next(media.frames()).pixels[:1]
    if size is not None:
        pixels = _fit(pixels, size)
    info = PngInfo()
    if SOURCE_TYPE in labels:
        info.add_itxt("digitalSourceType", _TERMS + labels[SOURCE_TYPE])
    if AIGC in labels:
        info.add_itxt(AIGC, labels[AIGC])
    Image.fromarray(pixels[0]).save(path, "PNG", pnginfo=info)
    return 1, _thumbnail(pixels[0])
