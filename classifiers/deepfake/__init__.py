"""Detectors of generated and manipulated footage, and their calibration.

May import media, policies and the rest of the classifier room.
"""

from __future__ import annotations

from classifiers.deepfake.detector import CalibrationRecord, fit, read_record, write_record
from classifiers.deepfake.measure import REAL, footage, raw_scores

__all__ = [
    "REAL",
    "CalibrationRecord",
    "fit",
    "footage",
    "raw_scores",
    "read_record",
    "write_record",
]
