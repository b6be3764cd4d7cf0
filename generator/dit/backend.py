"""The embedded model as a backend: every mode, step by step, cancellable."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from generator.base import TRAINED_ALGORITHMIC_MEDIA, Cancel, Capabilities, OnStep, Pixels, Step
from generator.checks import require
from generator.dit import references, text
from generator.dit.codec import Codec
from generator.dit.finish import enlarge, finish, pixels
from generator.dit.model import Shape, VideoDiT
from generator.dit.native import FPS, nearest
from generator.dit.rollout import FRESH, Roller, windows
from generator.dit.sample import OnLatents, SamplingPlan
from generator.dit.upscale import Upscaler
from generator.dit.upscale import load as load_upscaler
from generator.errors import Cancelled, OutOfMemory, UnsupportedSpec, WeightsMismatch
from generator.spec import GenerationSpec, Mode
from generator.weights import verified
from generator.world.parse import read
from media.limits import MediaLimits

WEIGHTS = Path(__file__).parent / "weights"


def load_model(path: Path) -> VideoDiT:
    """The model in a safetensors file written by :func:`generator.dit.train.export`.

    Raises :class:`WeightsMismatch` when the file does not hold such a model.
    """
    try:
        with safe_open(path, "pt") as file:
            shape = Shape.from_strings(file.metadata() or {})
        model = VideoDiT(shape)
        model.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    except (KeyError, ValueError, RuntimeError, OSError) as error:
        raise WeightsMismatch(f"{path} holds no model of this version", "restore it") from error
    return model.eval().requires_grad_(False)


@dataclass(slots=True)
class DiTGenerator:
    """A small video diffusion transformer trained on the rendered world.

    It draws what the caption language can say and nothing else, natively 64 x 64, 112 x 64 or
    64 x 112 (the nearest aspect ratio) at 8 frames a second. Weights are checked by SHA-256 on
    construction. Memory: about 150 MB, and for edit, blend and extend_back up to 86 kB a native
    frame; t2v, i2v and extend do not grow with length.

    Raises on construction :class:`WeightsMissing` or :class:`WeightsMismatch`.
    """

    folder: str = ""
    # The shipped weights are distilled: guidance is in them, a little emphasis still helps.
    steps: int = 4
    guidance: float = 1.0
    emphasis: float = 1.0
    max_side: int = 2048
    max_seconds: float = 120.0
    limits: MediaLimits = field(default_factory=MediaLimits)
    _model: VideoDiT = field(init=False)
    _codec: Codec = field(init=False)
    _upscaler: Upscaler = field(init=False)
    _weights: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        folder = Path(self.folder) if self.folder else WEIGHTS
        pins = verified(folder)
        self._weights = {pin.file: pin.sha256 for pin in pins.values()}
        self._codec = Codec.load(folder / "codec.safetensors")
        self._model = load_model(folder / "dit.safetensors")
        self._upscaler = load_upscaler(folder / "upscale.safetensors")

    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="dit",
            version="2",
            title="Embedded video diffusion transformer (coloured shapes, trained here)",
            neural=True,
            digital_source_type=TRAINED_ALGORITHMIC_MEDIA,
            modes=frozenset(Mode),
            max_side=self.max_side,
            max_seconds=self.max_seconds,
            closed_vocabulary=True,
            weights=dict(self._weights),
        )

    def recaption(self, prompt: str) -> dict[str, Any]:
        return read(prompt).as_dict()

    def generate(self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel) -> Iterator[Pixels]:
        """One step is one denoising step; its preview is the predicted clean window.

        References are read before the first step; their errors are the media room's.
        """
        require(self.capabilities(), spec)
        return self._run(spec, on_step, cancel)

    def _run(self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel) -> Iterator[Pixels]:
        try:
            yield from self._frames(spec, on_step, cancel)
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise OutOfMemory(
                f"{spec.width}x{spec.height} does not fit into memory", "ask for a smaller size"
            ) from error

    def _frames(self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel) -> Iterator[Pixels]:
        plan = SamplingPlan(
            steps=spec.steps or self.steps,
            guidance=self.guidance if spec.guidance is None else spec.guidance,
            emphasis=self.emphasis,
        )
        need = math.ceil(spec.frames / float(spec.fps) * FPS) + 1
        roller = Roller(
            model=self._model,
            codec=self._codec,
            words=text.encode(read(spec.prompt).caption),
            plan=plan,
            rng=torch.Generator().manual_seed(spec.seed),
            on_step=self._stepper(plan.steps, self._windows(spec, need), on_step, cancel),
            size=nearest(spec.width, spec.height),
        )
        if cancel():
            raise Cancelled("cancelled before the first step")
        if spec.mode is Mode.IMAGE:
            still = roller.still()[None]
            yield pixels(enlarge(still, spec.width, spec.height, self._upscaler))
            return
        frames, offset = self._native(spec, roller, need)
        yield from finish(
            frames, spec.frames, float(spec.fps), spec.width, spec.height, self._upscaler, offset
        )

    def _native(
        self, spec: GenerationSpec, roller: Roller, need: int
    ) -> tuple[Iterator[Tensor], int]:
        """The native frames of a mode, and 1 where the first of them is one that was given."""
        size = roller.size
        match spec.mode:
            case Mode.TEXT_TO_VIDEO:
                return roller.forward(), 0
            case Mode.IMAGE_TO_VIDEO:
                first, _ = references.image(spec.references[0], self.limits, size)
                return roller.forward(first=first), 0
            case Mode.EXTEND:
                history = references.video(spec.references[0], self.limits, 9, True, size)
                return itertools.chain([history[-1]], roller.forward(history=history)), 1
            case Mode.EXTEND_BACK:
                future = references.video(spec.references[0], self.limits, 8, False, size)
                # The clip before ends one step before the given one begins.
                return iter(roller.backward(future, need)[-need:]), 0
            case Mode.BLEND:
                past = references.video(spec.references[0], self.limits, 9, True, size)
                future = references.video(spec.references[1], self.limits, 8, False, size)
                between = roller.between(past, future, need)
                return iter(_paced(between, past[-1], future[0], need)), 1
            case _:
                source = references.whole(spec.references[0], self.limits, need, size)
                if len(source) < min(need - 1, 2):
                    raise UnsupportedSpec("the reference is a still", "edit takes a video")
                return roller.edit(source, spec.strength), 0

    def _windows(self, spec: GenerationSpec, need: int) -> int:
        match spec.mode:
            case Mode.IMAGE:
                return 1
            case Mode.EXTEND:
                return 1 + max(0, math.ceil((need - 1 - 8) / FRESH))
            case Mode.EXTEND_BACK:
                return math.ceil(need / 9)
            case Mode.BLEND:
                return 1 + (windows(need - 8) if need > 8 else 0)
            case _:
                return windows(need)

    def _stepper(
        self, steps: int, planned: int, on_step: OnStep, cancel: Cancel
    ) -> Callable[[int], OnLatents]:
        total = steps * planned

        def for_window(window: int) -> OnLatents:
            def after(done: int, _: int, latents: Tensor) -> None:
                index = window * steps + done

                def preview() -> Pixels:
                    return pixels(self._codec.decode(latents)[0])

                on_step(Step(index, max(total, index), preview, {"window": window}))
                if cancel() and index < total:
                    raise Cancelled(f"cancelled after step {index} of {total}")

            return after

        return for_window


def _paced(between: Tensor, before: Tensor, after: Tensor, need: int) -> Tensor:
    """The bridge with both given ends, resampled so that it fills ``need`` steps exactly."""
    path = torch.cat([before[None], between, after[None]])
    at = torch.linspace(0, len(path) - 1, need + 1)
    low = at.floor().long().clamp(max=len(path) - 2)
    part = (at - low)[:, None, None, None]
    return torch.lerp(path[low], path[low + 1], part)
