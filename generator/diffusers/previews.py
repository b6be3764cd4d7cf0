"""The clean picture that a pipeline has in mind after each step.

Flow models predict the velocity v from the noisy latents z at the noise level sigma, so the
clean latents are z - sigma v. The pipelines keep v to themselves, so it is read where the
scheduler is given it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from generator.base import Pixels
from generator.diffusers.families import Family

_LATENT_FRAMES = 2
"""Latent frames that a preview decodes: a few frames show what a clip will be."""


class Watch:
    """Sits on one pipeline's scheduler while a clip is made. Use as a context manager."""

    def __init__(self, pipeline: Any, family: Family, size: tuple[int, int], frames: int) -> None:
        self._pipeline = pipeline
        self._family = family
        self._size = size
        self._frames = frames
        self._clean: Tensor | None = None

    def __enter__(self) -> Watch:
        scheduler = self._pipeline.scheduler
        step = scheduler.step

        def seen(output: Tensor, timestep: Any, sample: Tensor, *args: Any, **kwargs: Any) -> Any:
            before = self._sigma(scheduler)
            result = step(output, timestep, sample, *args, **kwargs)
            self._clean = None if before is None else sample - before * output
            return result

        scheduler.step = seen
        return self

    def __exit__(self, *_: object) -> None:
        del self._pipeline.scheduler.step  # uncovers the class's own method
        self._clean = None

    def _sigma(self, scheduler: Any) -> float | None:
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
        if self._family.name == "ltx":
            height, width = self._size
            across = pipeline.vae_spatial_compression_ratio
            count = (self._frames - 1) // pipeline.vae_temporal_compression_ratio + 1
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
