"""Fingerprints as soft bindings: the bytes that stand in a manifest and in a question.

``io.iscc.v0``: the ISCC-CODE of ISO 24138 in its binary form, header and digest; the text form
``ISCC:…`` is the same in base 32. ``org.guarded-gen.pdq.1``: PDQ hashes of frames, 32 bytes each,
evenly spread over the video, in time order.
"""

from __future__ import annotations

import binascii

import numpy as np
from numpy.typing import NDArray

from provenance.errors import SoftBindingInvalid
from provenance.fingerprint.iscc import VideoCode
from provenance.fingerprint.pdq import PDQ_BYTES

ISCC_ALGORITHM = "io.iscc.v0"
PDQ_ALGORITHM = "org.guarded-gen.pdq.1"

CODE_BITS = 256
"""Length of the codes that are published: 64 bits would meet by chance among a million videos."""

PDQ_FRAMES = 8
"""Frames in a PDQ binding."""

_LENGTHS = (8, 16, 24, 32)
_HEADER = 2


def iscc_value(code: VideoCode) -> bytes:
    """The code in its binary form, header and digest."""
    import iscc_core

    return bytes(iscc_core.Code(code.iscc).bytes)


def iscc_digest(value: bytes) -> bytes:
    """The digest in a binding: from the text form, the binary form, or as it is.

    Raises :class:`SoftBindingInvalid` for bytes that are none of these.
    """
    import iscc_core

    if value[:5].upper() == b"ISCC:":
        try:
            value = bytes(iscc_core.Code(value.decode("ascii")).bytes)
        except (ValueError, KeyError, AssertionError, binascii.Error) as error:
            raise SoftBindingInvalid("the value is no ISCC") from error
    if len(value) - _HEADER in _LENGTHS:
        value = value[_HEADER:]
    if len(value) not in _LENGTHS:
        raise SoftBindingInvalid(f"an ISCC has 64 to 256 bits, not {len(value) * 8}")
    return value


def pdq_value(hashes: NDArray[np.uint8]) -> bytes:
    """Up to :data:`PDQ_FRAMES` of the hashes ``uint8 [N, 32]``, evenly spread."""
    chosen = np.linspace(0, len(hashes) - 1, min(PDQ_FRAMES, len(hashes))).round().astype(int)
    return np.ascontiguousarray(hashes[chosen]).tobytes()


def pdq_hashes(value: bytes) -> NDArray[np.uint8]:
    """The inverse of :func:`pdq_value`: ``uint8 [N, 32]``; raises :class:`SoftBindingInvalid`."""
    if not value or len(value) % PDQ_BYTES or len(value) > 64 * PDQ_BYTES:
        raise SoftBindingInvalid("PDQ hashes have 32 bytes each, at most 64 of them")
    return np.frombuffer(value, np.uint8).reshape(-1, PDQ_BYTES)
