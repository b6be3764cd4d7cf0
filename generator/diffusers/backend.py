"""The ``diffusers`` backend: a published pipeline with our steps, cancel, counts and errors."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from generator.base import TRAINED_ALGORITHMIC_MEDIA, Cancel, Capabilities, OnStep, Pixels, Step
from generator.checks import require
from generator.diffusers import loading
from generator.diffusers.families import PipelineFamily
from generator.diffusers.previews import PreviewWatch
from generator.diffusers.settings import DiffusersSettings
from generator.diffusers.sound import sound_of
from generator.errors import BackendFailed, Cancelled, GeneratorError, OutOfMemory, UnsupportedSpec
from generator.spec import GenerationSpec, Mode
from media.decode import decode
from media.limits import MediaLimits
from media.soundtrack import Soundtrack

_BATCH_BYTES = 24 * 1024**2


@dataclass(slots=True)
class DiffusersGenerator:
    """One model folder. Weights are hashed on construction; a pipeline is loaded at its first
    use and kept until another mode or an error needs its memory.

    Raises on construction :class:`WeightsMissing`, :class:`WeightsMismatch`,
    :class:`UnsupportedSpec` and :class:`BackendFailed`; see :mod:`generator.diffusers.loading`.
    """

    settings: DiffusersSettings
    limits: MediaLimits = field(default_factory=MediaLimits)
    _folder: Path = field(init=False)
    _family: PipelineFamily = field(init=False)
    _class: str = field(init=False)
    _weights: dict[str, str] = field(init=False)
    _loaded: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        loading.library()
        self._folder = loading.folder_of(self.settings)
        self._family, self._class = loading.family(self._folder)
        weights = loading.check(self._folder, self.settings)
        self._weights = weights | loading.check_loras(self.settings)

    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="diffusers",
            version=self.settings.revision or self._folder.name,
            title=f"{self._class} from {self.settings.model}",
            neural=True,
            digital_source_type=TRAINED_ALGORITHMIC_MEDIA,
            modes=frozenset(self._family.modes[self._class]),
            max_side=self.settings.max_side,
            max_seconds=self.settings.max_seconds,
            size_multiple=max(self._family.multiple, self.settings.multiple),
            weights=dict(self._weights),
        )

    def recaption(self, prompt: str) -> dict[str, Any]:
        """The model reads the prompt as it is."""
        return {"caption": prompt, "unexpressed": []}

    def generate(
        self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel
    ) -> Iterator[Pixels | Soundtrack]:
        """One step is one denoising step. The model keeps a whole clip in memory; longer ones
        than ``max_seconds`` are refused. Same seed, same settings, same machine: same frames."""
        require(self.capabilities(), spec)
        return self._run(spec, on_step, cancel)

    def unload(self) -> None:
        """Give the memory back."""
        self._loaded.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _run(
        self, spec: GenerationSpec, on_step: OnStep, cancel: Cancel
    ) -> Iterator[Pixels | Soundtrack]:
        if cancel():
            raise Cancelled("cancelled before the first step")
        given = self._given(spec)
        try:
            video, sound = self._call(spec, given, on_step, cancel)
        except (MemoryError, torch.OutOfMemoryError) as error:
            # The traceback keeps every tensor of the call alive; without it they can go.
            error.__traceback__ = None
            self.unload()
            raise OutOfMemory(
                f"{spec.frames} frames of {spec.width}x{spec.height} do not fit into memory",
                "ask for a smaller or shorter clip, or set offload and vae_tiling",
            ) from None
        except GeneratorError:
            gc.collect()
            raise
        except (RuntimeError, ValueError, TypeError) as error:
            raise BackendFailed(
                f"{self._class} failed: {str(error)[:300]}", "check the size and the settings"
            ) from error
        if sound is not None:
            yield sound
        step = max(1, _BATCH_BYTES // (spec.width * spec.height * 3))
        for first in range(0, len(video), step):
            yield video[first : first + step]

    def _pipeline(self, mode: Mode) -> Any:
        name = self._family.modes[self._class][mode]
        if name not in self._loaded:
            self.unload()
            self._loaded[name] = loading.load(self._folder, name, self.settings)
        return self._loaded[name]

    def _native(self, spec: GenerationSpec) -> Fraction:
        """The rate at which the model is asked for frames. An edit keeps those of its source."""
        free = self._family.rate_argument or spec.mode in (Mode.EDIT, Mode.EXTEND, Mode.IMAGE)
        if free or not self.settings.rate:
            return spec.fps
        return Fraction(self.settings.rate).limit_denominator(1001)

    def _given(self, spec: GenerationSpec) -> list[Image.Image]:
        """The reference frames that the mode needs, at the asked size."""
        if not spec.references:
            return []
        wanted = 1 if spec.mode is Mode.IMAGE_TO_VIDEO else self._family.frames(spec.frames)
        frames: list[Image.Image] = []
        for batch in decode(spec.references[0], self.limits):
            for pixels in batch.pixels:
                frames.append(_fitted(pixels, spec.width, spec.height))
                if spec.mode is Mode.EXTEND:
                    # Enough of the end to go on from: two strides and one frame.
                    frames = frames[-(2 * self._family.stride + 1) :]
            if spec.mode is not Mode.EXTEND and len(frames) >= wanted:
                break
        if spec.mode is Mode.EXTEND:
            stride = self._family.stride
            return frames[-((len(frames) - 1) // stride * stride + 1) :]
        frames = frames[:wanted]
        return frames + [frames[-1]] * (wanted - len(frames))

    def _call(
        self, spec: GenerationSpec, given: list[Image.Image], on_step: OnStep, cancel: Cancel
    ) -> tuple[Pixels, Soundtrack | None]:
        pipeline = self._pipeline(spec.mode)
        steps = spec.steps or self.settings.steps
        family = self._family
        rate = self._native(spec)
        frames = family.frames(_reach(spec, rate))
        lead = 0
        arguments: dict[str, Any] = {
            "prompt": spec.prompt,
            "negative_prompt": spec.negative_prompt or None,
            "height": spec.height,
            "width": spec.width,
            "num_frames": frames,
            "num_inference_steps": steps,
            "output_type": "np",
            # On the CPU, so that one seed means the same noise on every device.
            "generator": torch.Generator("cpu").manual_seed(spec.seed),
        }
        if family.guidance_argument:
            told = self.settings.guidance if spec.guidance is None else spec.guidance
            arguments[family.guidance_argument] = told
        if family.rate_argument:
            arguments[family.rate_argument] = float(spec.fps)
        if spec.mode is Mode.IMAGE_TO_VIDEO:
            arguments["image"] = given[0]
        elif spec.mode is Mode.EXTEND:
            lead = len(given)
            frames = arguments["num_frames"] = family.frames(lead + spec.frames)
            arguments |= {"video": given, "frame_index": 0}
        elif spec.mode is Mode.EDIT:
            del arguments["num_frames"]
            arguments |= {"video": given, "strength": spec.strength}
            steps = max(1, min(steps, int(steps * spec.strength)))
        known = inspect.signature(pipeline.__call__).parameters
        arguments = _understood(arguments, known, spec)
        with PreviewWatch(pipeline, family, (spec.height, spec.width), frames) as watch:

            def after(index: int) -> None:
                # Raising is the one way to stop that decodes nothing half-made.
                total = max(steps, index + 1)
                on_step(Step(index + 1, total, watch.preview))
                if cancel() and index + 1 < total:
                    raise Cancelled(f"cancelled after step {index + 1} of {total}")

            def callback(_: Any, index: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                after(index)
                return tensors

            if "callback_on_step_end" in known:
                arguments["callback_on_step_end"] = callback
            else:
                watch.after = after
            made = pipeline(**arguments)
        sound = sound_of(pipeline, made, spec)
        if hasattr(made, "images"):
            clip = np.asarray(made.images)
        else:
            clip = np.asarray(made.frames[0])[lead:]
            picks = [min(len(clip) - 1, int(i * rate / spec.fps)) for i in range(spec.frames)]
            clip = clip[: spec.frames] if rate == spec.fps else clip[picks]
        if len(clip) != spec.frames or clip.shape[1:3] != (spec.height, spec.width):
            raise BackendFailed(f"the pipeline gave {clip.shape} instead of {spec.frames} frames")
        if not np.isfinite(clip).all():
            raise BackendFailed("the pipeline gave numbers that are no picture (NaN)")
        return (clip * 255).round().clip(0, 255).astype(np.uint8), sound


def _reach(spec: GenerationSpec, rate: Fraction) -> int:
    """Frames at ``rate`` that cover the times of all frames of ``spec``."""
    return spec.frames if rate == spec.fps else ceil((spec.frames - 1) * rate / spec.fps) + 1


def _understood(
    arguments: dict[str, Any], known: Mapping[str, Any], spec: GenerationSpec
) -> dict[str, Any]:
    """Without what the pipeline has no argument for; a wish that would be lost is an error."""
    if spec.negative_prompt and "negative_prompt" not in known:
        raise UnsupportedSpec("this model takes no negative prompt", "leave it out")
    if spec.mode is Mode.IMAGE and "num_frames" not in known:
        arguments.pop("num_frames")
    if "negative_prompt" not in known:
        arguments.pop("negative_prompt", None)
    return arguments


def _fitted(pixels: Pixels, width: int, height: int) -> Image.Image:
    """The middle of a frame, scaled to exactly ``width`` x ``height``."""
    image = Image.fromarray(pixels)
    scale = max(width / image.width, height / image.height)
    cut_width, cut_height = width / scale, height / scale
    left, top = (image.width - cut_width) / 2, (image.height - cut_height) / 2
    box = (left, top, left + cut_width, top + cut_height)
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)
