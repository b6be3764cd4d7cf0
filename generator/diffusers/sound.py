"""The sound that a pipeline makes with its frames, as the rest of the house takes sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from generator.errors import BackendFailed
from generator.spec import GenerationSpec, Mode
from media.soundtrack import RATE, Soundtrack, fitted, resampled


def sound_of(pipeline: Any, made: Any, spec: GenerationSpec) -> Soundtrack | None:
    """The ``audio`` of a pipeline's output, as long as the clip; None where it has none.

    Pipelines give ``[B, C, N]`` at the rate that their vocoder names. Raises
    :class:`BackendFailed` for numbers that are no sound, and where no rate is named: sound that
    we cannot write as it was made must not be dropped in silence.
    """
    audio = getattr(made, "audio", None)
    if audio is None or spec.mode is Mode.IMAGE:
        return None
    samples = torch.as_tensor(audio[0]).detach().float().cpu().numpy()
    samples = samples[None] if samples.ndim == 1 else samples
    if samples.ndim != 2 or not samples.size or not np.isfinite(samples).all():
        raise BackendFailed("the pipeline gave numbers that are no sound")
    rate = rate_of(pipeline)
    if rate is None:
        raise BackendFailed("the pipeline made sound and does not say at which rate")
    pair = np.clip(samples[:2].T, -1, 1).astype(np.float32)
    sound = fitted(resampled(pair, rate), round(spec.seconds * RATE))
    return Soundtrack(sound, {"from": "backend", "how": "made by the model with the frames"})


def rate_of(pipeline: Any) -> int | None:
    """Samples a second: the vocoder's, which may be above the rate of the audio latents."""
    vocoder = getattr(pipeline, "vocoder", None)
    told = (
        getattr(getattr(vocoder, "config", None), "output_sampling_rate", None),
        getattr(pipeline, "audio_sampling_rate", None),
    )
    return next((int(rate) for rate in told if rate), None)
