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
from generator.scene import SceneReading, SceneRenderer, read_scene
from generator.scene import stream as scene_stream
from generator.spec import GenerationSpec, Mode
from generator.world.layout import place
from generator.world.parse import ParsedPrompt, read
from generator.world.render import Renderer, stream

VERSION = "2"


@dataclass(frozen=True, slots=True)
class WorldGenerator:
    """Draws everyday scenes (:mod:`generator.scene`), or plain shapes that move in a place.

    Deterministic by prompt, seed, size and rate. Memory: one backdrop (at most 40 bytes per
    pixel of the frame) and one batch of at most ``batch_bytes``, whatever the length.
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
        return _read(prompt).as_dict()

    def generate(self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel) -> Iterator[Pixels]:
        """One step is one batch of frames; its preview is the batch's first frame."""
        require(self.capabilities(), spec)
        return self._draw(spec, on_step, cancel)

    def _draw(self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel) -> Iterator[Pixels]:
        if cancel():
            raise Cancelled("cancelled before the first frame")
        try:
            if spec.mode is Mode.IMAGE:
                yield _still(spec)
                on_step(Step(1, 1))
                return
            done = 0
            for pixels in self._batches(spec):
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

    def _batches(self, spec: GenerationSpec) -> Iterator[Pixels]:
        width, height, fps = spec.width, spec.height, float(spec.fps)
        reading = _read(spec.prompt)
        if isinstance(reading, SceneReading):
            renderer = SceneRenderer(reading.scene, width, height, spec.seed)
            yield from scene_stream(renderer, spec.frames, fps, self.batch_bytes)
            return
        layout = place(reading.caption, width / height, spec.seed)
        for batch in stream(layout, width, height, spec.frames, fps, self.batch_bytes):
            yield batch.numpy()


def _read(prompt: str) -> SceneReading | ParsedPrompt:
    """As a scene when a figure is named, else in the language of the shapes."""
    return read_scene(prompt) or read(prompt)


def _still(spec: GenerationSpec) -> Pixels:
    """The scene a moment after its start."""
    reading = _read(spec.prompt)
    if isinstance(reading, SceneReading):
        return SceneRenderer(reading.scene, spec.width, spec.height, spec.seed).frame(1.0)[None]
    layout = place(reading.caption, spec.width / spec.height, spec.seed)
    still: Pixels = Renderer(layout, spec.width, spec.height).frames(torch.tensor([1.0])).numpy()
    return still
