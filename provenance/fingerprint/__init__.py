"""Fingerprints: what the picture is, without any mark in it.

Two kinds. The *ISCC Video-Code* (ISO 24138, ``io.iscc.v0``), one code for a whole video, which
other registries understand. And *PDQ* (Davis and Rosen 2019), one hash a sampled frame, which
finds pieces of a video. :class:`CodeIndex` searches both.

Neither survives a crop, a flip or a turn by itself; the watermark's geometry is used to turn a
copy upright first (:mod:`provenance.picture`).

May import media and nothing else of ours but provenance's errors.
"""

from __future__ import annotations

from provenance.fingerprint.binding import (
    CODE_BITS,
    ISCC_ALGORITHM,
    PDQ_ALGORITHM,
    iscc_digest,
    iscc_value,
    pdq_hashes,
    pdq_value,
)
from provenance.fingerprint.index import CodeIndex
from provenance.fingerprint.iscc import (
    ISCC_FPS,
    VideoCode,
    frame_signatures,
    iscc_video_code,
    video_code,
)
from provenance.fingerprint.pdq import PDQ_BYTES, PDQ_SIDE, pdq, pdq_frames

__all__ = [
    "CODE_BITS",
    "ISCC_ALGORITHM",
    "ISCC_FPS",
    "PDQ_ALGORITHM",
    "PDQ_BYTES",
    "PDQ_SIDE",
    "CodeIndex",
    "VideoCode",
    "frame_signatures",
    "iscc_digest",
    "iscc_value",
    "iscc_video_code",
    "pdq",
    "pdq_frames",
    "pdq_hashes",
    "pdq_value",
    "video_code",
]
