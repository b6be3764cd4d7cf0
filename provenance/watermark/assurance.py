"""Will this clip hold the mark? Found out before it is published.

A sample of the clip is marked as strongly as the quality bounds allow, up to a usual strength,
coded very strongly and read back. When that fails the mark is made stronger, still within the
bounds; a clip that loses it at a milder rate even so is told.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from provenance.watermark.detector import Detection, detect_luma
from provenance.watermark.embedder import Embedder
from provenance.watermark.errors import CannotCarry
from provenance.watermark.keys import KeyRing
from provenance.watermark.plan import Plan
from provenance.watermark.residual import luma_of
from provenance.watermark.settings import DetectorSettings
from provenance.watermark.visibility import detail_kept

Pixels = NDArray[np.uint8]
FIRST_FRAMES = 5
"""Frames in which the extra at the start has not yet died away."""
STILL = 2.5
"""Motion, in grey levels, that hides nothing yet."""
MOST_CORRECTIONS = 3
"""Steps to the bounds: detail falls only about linearly with the strength."""


class AssuranceSettings(BaseModel):
    """What a mark must survive before its clip is published, and what it may cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crf: int = Field(35, ge=0, le=51, description="x264 rate factor that the mark must survive")
    aim: int = Field(
        40, ge=0, le=51, description="rate factor for which weak clips are marked more strongly"
    )
    least_psnr: float = Field(
        42.3,
        gt=30,
        description="lowest luma PSNR of the sample, in dB: later frames differ a little",
    )
    least_kept: float = Field(
        0.9857, gt=0.9, lt=1, description="least detail kept (ADM) in a still scene, for VMAF 92"
    )
    enough_psnr: float = Field(
        48.0, gt=40, description="luma PSNR above which lost detail no longer weakens the mark"
    )
    motion_hides: float = Field(
        0.0017, ge=0, description="how much less must be kept per grey level of motion"
    )
    most_motion: float = Field(5.5, ge=0, description="motion beyond this hides no more")
    lasts: int = Field(48, gt=0, description="frames over which the extra at the start is averaged")
    usual_strength: float = Field(
        1.2, gt=0, description="strength used where the bounds allow it, before any test"
    )
    step: float = Field(1.25, gt=1, description="factor by which the mark is made stronger")
    most_strength: float = Field(2.0, ge=1, description="strongest mark, whatever the PSNR")
    frames: int = Field(24, gt=0, description="frames in the sample")


@dataclass(frozen=True, slots=True)
class Assurance:
    """How the clip will be marked, and what a test of it said.

    ``psnr`` in dB and ``kept`` (0 to 1, see :mod:`provenance.watermark.visibility`) are those of
    the sample before encoding.
    """

    strength: float
    psnr: float
    kept: float
    readable: bool
    log10_p: float
    crf: int
    plan: Plan

    def to_json(self) -> dict[str, object]:
        return asdict(self) | {
            "psnr": round(self.psnr, 2),
            "kept": round(self.kept, 4),
            "strength": round(self.strength, 3),
        }


def assure(
    sample: Pixels,
    keys: KeyRing,
    payload: int,
    *,
    payload_bits: int = 64,
    settings: AssuranceSettings | None = None,
    detecting: DetectorSettings | None = None,
    on_try: Callable[[float], None] = lambda strength: None,
) -> Assurance:
    """Choose the strength for a clip from a sample of its first frames, ``uint8 [T, H, W, 3]``.

    Where the plain strength breaks the quality bound it is lowered. ``readable`` False means
    that the clip does not hold the mark within the bound: the caller's policy decides
    (:func:`require` raises). Cost: about one second for each strength tried at 720p.
    """
    chosen = settings or AssuranceSettings()
    detecting = detecting or DetectorSettings(payload_bits=payload_bits)
    # Nothing turns or stretches the sample.
    detecting = detecting.model_copy(update={"wide": False})
    sample = sample[: chosen.frames]
    height, width = sample.shape[1] // 2 * 2, sample.shape[2] // 2 * 2
    sample = np.ascontiguousarray(sample[:, :height, :width])
    plan: Plan | None = None

    def marked(strength: float) -> tuple[Pixels, float, float, Plan]:
        embedder = Embedder(
            keys,
            payload,
            width,
            height,
            payload_bits=payload_bits,
            strength=strength,
            plan=plan,
        )
        out = embedder.embed(sample)
        assert embedder.plan is not None
        quality = sample_quality(sample, out, chosen.lasts)
        return out, *quality, embedder.plan

    hidden = chosen.motion_hides * min(max(motion(sample) - STILL, 0.0), chosen.most_motion - STILL)
    least_kept = chosen.least_kept - hidden

    def room() -> float:
        """The factor on the strength that would use up the nearer bound."""
        detail = (1 - least_kept) / max(1 - kept, 1e-6)
        enough = 10 ** ((psnr - chosen.enough_psnr) / 20)
        return min(10 ** ((psnr - chosen.least_psnr) / 20), max(detail, enough))

    strength = chosen.usual_strength
    out, psnr, kept, plan = marked(strength)
    for _ in range(MOST_CORRECTIONS):
        if room() >= 0.995:
            break
        strength *= room() * 0.995
        out, psnr, kept, plan = marked(strength)
    while True:
        on_try(strength)
        found = _read_back(out, keys, chosen.aim, detecting)
        nearest = min(strength * min(chosen.step, room()), chosen.most_strength)
        if found.payload == payload or nearest < strength * 1.02:
            break
        strength = nearest
        out, psnr, kept, plan = marked(strength)
    if found.payload != payload:
        found = _read_back(out, keys, chosen.crf, detecting)
    good = found.payload == payload
    return Assurance(strength, psnr, kept, good, found.log10_p, chosen.crf, plan)


def sample_quality(before: Pixels, after: Pixels, lasts: int) -> tuple[float, float]:
    """(luma PSNR in dB, detail kept) of a clip of ``lasts`` frames that begins like this sample.

    The first frames, which carry more, are all looked at; of the others every sixth.
    """
    count = len(before)
    first = list(range(min(FIRST_FRAMES, count)))
    later = list(range(FIRST_FRAMES + 3, count, 6)) or first[-1:]

    def mean(places: list[int]) -> NDArray[np.float64]:
        both = [
            (
                square_error(before[i], after[i]),
                detail_kept(luma_of(before[i]), luma_of(after[i])),
            )
            for i in places
        ]
        return np.asarray(np.mean(both, axis=0))

    share = len(first) / max(lasts, count)
    error, kept = share * mean(first) + (1 - share) * mean(later)
    return float(10 * np.log10(255**2 / max(error, 1e-6))), float(kept)


def square_error(one: Pixels, other: Pixels) -> float:
    """Mean square error of luma of two frames, from green: every channel moves alike."""
    gap = one[..., 1].astype(np.int16) - other[..., 1]
    return float(np.square(gap, dtype=np.int32).mean())


def motion(sample: Pixels) -> float:
    """Mean change of blurred luma from frame to frame, in grey levels, as VMAF tells it."""
    blurred = [cv2.GaussianBlur(luma_of(f), (5, 5), 1.1).astype(np.int16) for f in sample[::4]]
    following = [cv2.GaussianBlur(luma_of(f), (5, 5), 1.1) for f in sample[1::4]]
    changes = [float(np.abs(a - b).mean()) for a, b in zip(blurred, following, strict=False)]
    return float(np.median(changes)) if changes else 0.0


def require(assurance: Assurance) -> Assurance:
    """Raise :class:`CannotCarry` when the clip does not hold the mark."""
    if not assurance.readable:
        raise CannotCarry(
            f"the mark is lost at CRF {assurance.crf} even at {assurance.psnr:.1f} dB",
            "publish it without relying on the mark, or allow a lower PSNR",
        )
    return assurance


def luma_psnr(before: Pixels, after: Pixels) -> float:
    """In dB, over all frames. 100 for no change."""
    errors = [square_error(one, other) for one, other in zip(before, after, strict=True)]
    error = float(np.mean(errors))
    return 100.0 if error == 0 else float(10 * np.log10(255**2 / error))


def _read_back(pixels: Pixels, keys: KeyRing, crf: int, detecting: DetectorSettings) -> Detection:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as box:
        stream = box.add_stream(
            "libx264", rate=Fraction(24), options={"crf": str(crf), "preset": "veryfast"}
        )
        stream.height, stream.width = pixels.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in pixels:
            box.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        box.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r") as back:
        frames = (
            (np.asarray(f.reformat(format="gray").to_ndarray(), dtype=np.uint8), f.key_frame)
            for f in back.decode(video=0)
        )
        return detect_luma(frames, keys, detecting)
