"""The watermark: a keyed periodic tile in every frame's luma, read back blindly.

May import the rest of provenance and media. Embedding and detecting need no weights.
"""

from __future__ import annotations

from provenance.watermark.assurance import Assurance, AssuranceSettings, assure, require
from provenance.watermark.carrier import parse_payload
from provenance.watermark.detector import Detection, detect
from provenance.watermark.embedder import Embedder, EmbedderSettings
from provenance.watermark.errors import (
    CannotCarry,
    FrameUnsuitable,
    PayloadInvalid,
    WatermarkError,
    WatermarkKeyError,
)
from provenance.watermark.geometry import Geometry
from provenance.watermark.keys import CarrierKey, KeyRing
from provenance.watermark.mask import MaskSettings
from provenance.watermark.plan import Plan
from provenance.watermark.segments import Scan, ScanSettings, Span, scan_file
from provenance.watermark.settings import DetectorSettings

__all__ = [
    "Assurance",
    "AssuranceSettings",
    "CannotCarry",
    "CarrierKey",
    "Detection",
    "DetectorSettings",
    "Embedder",
    "EmbedderSettings",
    "FrameUnsuitable",
    "Geometry",
    "KeyRing",
    "MaskSettings",
    "PayloadInvalid",
    "Plan",
    "Scan",
    "ScanSettings",
    "Span",
    "WatermarkError",
    "WatermarkKeyError",
    "assure",
    "detect",
    "parse_payload",
    "require",
    "scan_file",
]
