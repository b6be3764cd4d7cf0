"""Checks of what a clip shows: integrity, flashing, known content, nudity, faces, words.

May import media, policies and the rest of the classifier room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from classifiers.base import FrameCheck, PromptClassifier
from classifiers.frame.banks import BankSource, FolderSource, Library
from classifiers.frame.faces import FaceCheck
from classifiers.frame.flash import FlashCheck, FlashSettings
from classifiers.frame.gate import FrameGate, GateReport
from classifiers.frame.integrity import IntegrityCheck
from classifiers.frame.known import KnownCheck, KnownSettings, OwnOutput
from classifiers.frame.likeness import Enrolled, Gallery, LikenessCheck, LikenessSettings
from classifiers.frame.models import ModelKind, ModelSpec
from classifiers.frame.nsfw import nsfw_check
from classifiers.frame.preview import PreviewGate, PreviewStopped
from classifiers.frame.profile import model_check
from classifiers.frame.scan import FileScan, scan
from classifiers.frame.settings import FrameSettings, IntegritySettings
from classifiers.frame.stripes import StripesCheck, StripesSettings
from classifiers.frame.text import TextCheck, TextSettings

__all__ = [
    "BankSource",
    "Enrolled",
    "FaceCheck",
    "FileScan",
    "FlashCheck",
    "FlashSettings",
    "FolderSource",
    "FrameGate",
    "FrameSettings",
    "Gallery",
    "GateReport",
    "IntegrityCheck",
    "IntegritySettings",
    "KnownCheck",
    "KnownSettings",
    "Library",
    "LikenessCheck",
    "LikenessSettings",
    "ModelKind",
    "ModelSpec",
    "OwnOutput",
    "PreviewGate",
    "PreviewStopped",
    "StripesCheck",
    "StripesSettings",
    "TextCheck",
    "TextSettings",
    "default_checks",
    "nsfw_check",
    "scan",
]


def default_checks(
    registry: Any,
    settings: FrameSettings | None = None,
    banks: Sequence[BankSource] = (),
    gallery: Gallery | None = None,
    own: OwnOutput | None = None,
    readers: Callable[[], Sequence[PromptClassifier]] = tuple,
) -> tuple[FrameCheck, ...]:
    """The checks of the default profile, cheapest first.

    ``registry`` finds weights (:class:`classifiers.registry.WeightsRegistry`); ``banks`` are
    looked at anew for every stream; ``gallery`` holds people who enrolled; ``own`` is the bank
    of what was published here; ``readers`` gives the classifiers that judge words in the picture,
    asked for when the first stream opens. A check whose weights or banks are missing stays in the
    list and reports ``not_assessed``.
    """
    rules = settings or FrameSettings()
    return (
        IntegrityCheck(rules.integrity),
        FlashCheck(rules.flash),
        StripesCheck(rules.stripes),
        KnownCheck(Library(banks), rules.known, own),
        nsfw_check(registry, rules.aggregation, rules.threads),
        FaceCheck(registry, rules.aggregation),
        TextCheck(registry, readers, rules.text, rules.threads),
        *((LikenessCheck(registry, gallery, rules.likeness),) if gallery is not None else ()),
        *(model_check(spec, registry, rules.aggregation) for spec in rules.models),
    )
