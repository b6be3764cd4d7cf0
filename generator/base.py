"""What a generator is: a spec goes in, batches of frames come out, step by step, cancellable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from generator.spec import GenerationSpec, Mode
from media.soundtrack import Soundtrack

Pixels = NDArray[np.uint8]

TRAINED_ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do, and the truth about what it is.

    ``digital_source_type`` is the IPTC term that the manifest must carry: a procedural
    renderer is ``algorithmicMedia``, a trained model ``trainedAlgorithmicMedia``.
    ``closed_vocabulary`` is true only where nothing but words of a fixed list of plain things
    can reach the model, whatever the prompt says. ``weights`` maps file names to their
    SHA-256 (hex).
    """

    name: str
    version: str
    title: str
    neural: bool
    digital_source_type: str
    modes: frozenset[Mode]
    max_side: int
    max_seconds: float
    size_multiple: int = 2
    closed_vocabulary: bool = False
    weights: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Progress of a generation: ``index`` of ``total`` steps are done.

    ``preview()`` gives the current x-prediction as ``uint8 [T, H, W, 3]``, computed only when
    called, or None where the backend has none.
    """

    index: int
    total: int
    preview: Callable[[], Pixels | None] = lambda: None
    detail: dict[str, Any] = field(default_factory=dict)


OnStep = Callable[[Step], None]
Cancel = Callable[[], bool]


@runtime_checkable
class Generator(Protocol):
    """A backend. The same spec and seed give the same frames on the same machine."""

    def capabilities(self) -> Capabilities: ...

    def generate(
        self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel
    ) -> Iterator[Pixels | Soundtrack]:
        """Yield batches ``uint8 [T, H, W, 3]``, ``spec.frames`` frames in all.

        A backend that makes sound yields it first, whole, as one ``Soundtrack``: a file's tracks
        must be known before its first frame is written.

        ``cancel`` is asked before every step; when it says True, or ``on_step`` raises,
        generation stops within that step (``Cancelled``, or the callback's own error).
        Errors: :class:`generator.errors.UnsupportedSpec` before any work,
        :class:`generator.errors.OutOfMemory` after giving the memory back.
        """
        ...

    def recaption(self, prompt: str) -> dict[str, Any]:
        """``{"caption": str, "unexpressed": [str, …]}``: what of the prompt will be drawn."""
        ...
