"""What can go wrong with the mark."""

from __future__ import annotations

from provenance.errors import ProvenanceError


class WatermarkError(ProvenanceError):
    """Base of this room's errors."""

    code = "watermark_error"


class PayloadInvalid(WatermarkError):
    """The payload has another length than the format carries, or is no number."""

    code = "watermark_payload_invalid"


class FrameUnsuitable(WatermarkError):
    """The frames are too small to carry the mark, or are no ``uint8`` frames of one size."""

    code = "watermark_frame_unsuitable"


class CannotCarry(WatermarkError):
    """The clip does not hold the mark within the quality bound; told before it is published."""

    code = "watermark_cannot_carry"


class WatermarkKeyError(WatermarkError):
    """A carrier key is missing, damaged or readable by others."""

    code = "watermark_key"
