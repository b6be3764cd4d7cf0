"""The procedural backend: a caption drawn by a program, said to be so everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from generator.base import ALGORITHMIC_MEDIA, Cancel, Capabilities, OnStep, Pixels, Step
from generator.checks import require
from generator.errors import Cancelled, OutOfMemory
from generator.spec import GenerationSpec, Mode
from generator.world.layout import place
from generator.world.parse import read
from generator.world.render import Renderer, stream

VERSION = "1"


@dataclass(frozen=True, slots=True)
class WorldGenerator:
    """Draws one or two coloured shapes that move in one of eight places.

    Deterministic by prompt, seed, size and rate. Memory: one backdrop (12 bytes per pixel of
    the frame) and one batch of at most ``batch_bytes``, whatever the length.
    """

    max_side: int = 4096
    max_seconds: float = 3600.0
    batch_bytes: int = 24 * 1024**2

    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="world",
            version=VERSION,
            title="Procedural world (a renderer, not a neural model)",
            neural=False,
            digital_source_type=ALGORITHMIC_MEDIA,
            modes=frozenset({Mode.TEXT_TO_VIDEO, Mode.IMAGE}),
            max_side=self.max_side,
            max_seconds=self.max_seconds,
            closed_vocabulary=True,
        )

    def recaption(self, prompt: str) -> dict[str, Any]:
        return read(prompt).as_dict()

    def generate(self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel) -> Iterator[Pixels]:
        """One step is one batch of frames; its preview is the batch's first frame."""
        require(self.capabilities(), spec)
        return self._draw(spec, on_step, cancel)

    def _draw(self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel) -> Iterator[Pixels]:
        layout = place(read(spec.prompt).caption, spec.width / spec.height, spec.seed)
        if cancel():
            raise Cancelled("cancelled before the first frame")
        try:
            if spec.mode is Mode.IMAGE:
                # A still shows the scene a moment after its start.
                yield Renderer(layout, spec.width, spec.height).frames(torch.tensor([1.0])).numpy()
                on_step(Step(1, 1))
                return
            done = 0
            batches = stream(
                layout, spec.width, spec.height, spec.frames, float(spec.fps), self.batch_bytes
            )
            for batch in batches:
                pixels = batch.numpy()
                done += len(pixels)
                first: Pixels = np.array(pixels[:1])
                on_step(Step(done, spec.frames, lambda first=first: first))  # type: ignore[misc]
                yield pixels
                if done < spec.frames and cancel():
                    raise Cancelled(f"cancelled after {done} of {spec.frames} frames")
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise OutOfMemory(
                f"{spec.width}x{spec.height} does not fit into memory", "ask for a smaller size"
            ) from error
