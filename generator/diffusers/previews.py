"""The clean picture that a pipeline has in mind after each step.

Flow models predict the velocity v from the noisy latents z at the noise level sigma, so the
clean latents are z - sigma v. The pipelines keep v to themselves, so it is read where the
scheduler is given it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from generator.base import Pixels
from generator.diffusers.families import PipelineFamily

_LATENT_FRAMES = 2
"""Latent frames that a preview decodes: a few frames show what a clip will be."""


class PreviewWatch:
    """Sits on one pipeline's scheduler while a clip is made. Use as a context manager."""

    def __init__(
        self, pipeline: Any, family: PipelineFamily, size: tuple[int, int], frames: int
    ) -> None:
        self._pipeline = pipeline
        self._family = family
        self._size = size
        self._frames = frames
        self._clean: Tensor | None = None
        self.after: Callable[[int], None] | None = None
        """Called after each step with its index, for a pipeline that has no callback."""
        self._steps = 0

    def __enter__(self) -> PreviewWatch:
        self._pipeline.scheduler.step = _Step(self, self._pipeline.scheduler)
        return self

    def __exit__(self, *_: object) -> None:
        del self._pipeline.scheduler.step  # uncovers the class's own method
        self._clean = None

    def note(self, output: Tensor, sample: Tensor, sigma: float | None) -> None:
        """A step from ``sample`` at the noise level ``sigma`` was predicted as ``output``."""
        self._clean = None if sigma is None else sample - sigma * output
        self._steps += 1
        if self.after is not None:
            self.after(self._steps - 1)

    def sigma(self, scheduler: Any) -> float | None:
        flow = getattr(scheduler.config, "use_flow_sigmas", False)
        if not flow and "FlowMatch" not in type(scheduler).__name__:
            return None
        index = scheduler.step_index
        index = scheduler.begin_index if index is None else index
        return float(scheduler.sigmas[index or 0])

    @torch.inference_mode()
    def preview(self) -> Pixels | None:
        """``uint8 [T, H, W, 3]``, a few frames from the start; None when not available."""
        clean = self._clean
        if clean is None:
            return None
        pipeline = self._pipeline
        vae = pipeline.vae
        if self._family.name in ("ltx", "ltx2"):
            height, width = self._size
            across = pipeline.vae_spatial_compression_ratio
            count = (self._frames - 1) // pipeline.vae_temporal_compression_ratio + 1
            # With a given picture they come unpacked, without the frame that was given.
            if clean.ndim == 3:
                clean = pipeline._unpack_latents(
                    clean,
                    count,
                    height // across,
                    width // across,
                    pipeline.transformer_spatial_patch_size,
                    pipeline.transformer_temporal_patch_size,
                )
            clean = pipeline._denormalize_latents(
                clean, vae.latents_mean, vae.latents_std, vae.config.scaling_factor
            )
        elif self._family.name == "wan":
            shape = (1, -1, 1, 1, 1)
            mean = torch.tensor(vae.config.latents_mean).view(shape).to(clean)
            clean = clean * torch.tensor(vae.config.latents_std).view(shape).to(clean) + mean
        else:
            return None
        short = clean[:, :, :_LATENT_FRAMES].to(vae.dtype)
        extra = (None,) if getattr(vae.config, "timestep_conditioning", False) else ()
        video = vae.decode(short, *extra, return_dict=False)[0][0]
        pixels = ((video.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        return np.ascontiguousarray(pixels.permute(1, 2, 3, 0).cpu().numpy())


class _Step:
    """A scheduler's ``step`` that tells a :class:`PreviewWatch` what it was given.

    Pipelines with sound copy their scheduler for it; the copy has its own step, unwatched.
    """

    def __init__(self, watch: PreviewWatch, scheduler: Any) -> None:
        self._watch, self._scheduler, self._step = watch, scheduler, scheduler.step

    def __call__(
        self, output: Tensor, timestep: Any, sample: Tensor, *args: Any, **kwargs: Any
    ) -> Any:
        before = self._watch.sigma(self._scheduler)
        result = self._step(output, timestep, sample, *args, **kwargs)
        self._watch.note(output, sample, before)
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        copied = memo[id(self._scheduler)]
        return MethodType(type(copied).step, copied)
