"""The latent codec: a fixed three-dimensional Karhunen-Loeve transform of blocks of video.

A block is 16 x 16 pixels x 4 frames x RGB = 3072 numbers; the codec keeps the coefficients of
its 384 strongest principal components, fitted on rendered clips: eight numbers become one.
Blocks count by how far they are from what their place usually shows, so that the components
are spent on things and their outlines rather than on backdrops.
Coefficients are scaled by the square root of their standard deviation, which lies between
raw (the strong ones drown the rest) and whitened (noise in the weak ones counts as much).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from generator.dit.native import PATCH, SPAN

_REACH = 5
"""Pixels on each side of a block edge over which a step is spread."""
_OUTLINE = 0.7
"""Steps of this size (of 2, from black to white) count as outlines."""
_POP = 0.1
"""Steps of this size (of 2) in time count as motion."""
_LEAST_WEIGHT = 0.08
"""What a block that shows nothing but its place counts in the fit."""
_FAR = 0.08
"""Mean squared distance from the place (of 4) from which a block counts fully."""
CHANNELS = 384
"""Coefficients kept for each block."""


def blocks(video: Tensor) -> Tensor:
    """``float [B, 1 + 4(G-1), H, W, 3]`` to ``[B, G, H/16, W/16, 3072]``.

    The single first frame is repeated, so that every group has the same shape.
    """
    video = torch.cat([video[:, :1].expand(-1, SPAN - 1, -1, -1, -1), video], 1)
    b, f, h, w, _ = video.shape
    cut = video.reshape(b, f // SPAN, SPAN, h // PATCH, PATCH, w // PATCH, PATCH, 3)
    return cut.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(
        b, f // SPAN, h // PATCH, w // PATCH, SPAN * PATCH * PATCH * 3
    )


def unblocks(cut: Tensor) -> Tensor:
    """The inverse of :func:`blocks`; the first group's frames are averaged into one."""
    b, g, h, w, _ = cut.shape
    video = cut.reshape(b, g, h, w, SPAN, PATCH, PATCH, 3).permute(0, 1, 4, 2, 5, 3, 6, 7)
    video = video.reshape(b, g * SPAN, h * PATCH, w * PATCH, 3)
    return torch.cat([video[:, :SPAN].mean(1, keepdim=True), video[:, SPAN:]], 1)


def unblocked(video: Tensor) -> Tensor:
    """Spread the step at every block edge over the pixels beside it: ``[B, F, H, W, 3]``.

    Blocks are drawn apart, so neighbours can differ in brightness, which the eye finds at once.
    A large step is taken for a true outline and left alone.
    """
    ramp = 0.5 * (1 - torch.arange(_REACH) / _REACH)
    for axis in (2, 3):
        planes = video.movedim(axis, -1).clone()
        for edge in range(PATCH, planes.shape[-1], PATCH):
            step = planes[..., edge] - planes[..., edge - 1]
            # What the slope on both sides foretells is no artefact.
            after = planes[..., edge + 1] - planes[..., edge]
            before = planes[..., edge - 1] - planes[..., edge - 2]
            step = step - (after + before) / 2
            step = (step * torch.exp(-((step / _OUTLINE) ** 2)))[..., None]
            planes[..., edge : edge + _REACH] -= step * ramp
            planes[..., edge - _REACH : edge] += step * ramp.flip(0)
        video = planes.movedim(-1, axis)
    return video


def unjoined(video: Tensor) -> Tensor:
    """Spread the small step between two groups over their frames: ``[B, F, H, W, 3]``.

    Groups are drawn apart like blocks. What the change before and after foretells is motion,
    and so is a large step: both are left alone.
    """
    video = video.clone()
    for edge in range(1, video.shape[1], SPAN):
        slope = video[:, edge + 1] - video[:, edge]
        if edge > 1:
            slope = (slope + video[:, edge - 1] - video[:, edge - 2]) / 2
        step = video[:, edge] - video[:, edge - 1] - slope
        step = step * torch.exp(-((step / _POP) ** 2))
        for away in range(SPAN):
            part = step * (0.5 * (1 - away / SPAN))
            video[:, edge + away] -= part
            if away < min(edge, SPAN):
                video[:, edge - 1 - away] += part
    return video


@dataclass(frozen=True, slots=True)
class Codec:
    """``mean [3072]``, ``basis [3072, C]`` (orthonormal columns), ``scale [C]``."""

    mean: Tensor
    basis: Tensor
    scale: Tensor

    def encode(self, video: Tensor) -> Tensor:
        """``uint8 [B, F, H, W, 3]``, F = 1 + 4(G-1), to latents ``float32 [B, G, h, w, C]``."""
        cut = blocks(video.float() / 127.5 - 1)
        return ((cut - self.mean) @ self.basis) / self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Latents ``[B, G, h, w, C]`` to ``float32 [B, F, H, W, 3]``, about -1 to 1."""
        return unjoined(unblocked(unblocks(self.flat(latents))))

    def flat(self, latents: Tensor) -> Tensor:
        """Latents ``[B, G, h, w, C]`` to blocks ``[B, G, h, w, 3072]``."""
        return (latents.float() * self.scale) @ self.basis.T + self.mean

    def joint(self, directions: int) -> tuple[Tensor, Tensor]:
        """Two maps ``[directions, C]``: of a group's latents to its last frame, and of the next
        group's to its first, along the directions in which their difference shows most."""
        size = PATCH * PATCH * 3
        last, first = self.basis[-size:] * self.scale, self.basis[:size] * self.scale
        _, strength, rows = torch.linalg.svd(torch.cat([-last, first], 1), full_matrices=False)
        maps = strength[:directions, None] * rows[:directions]
        before, after = maps.chunk(2, 1)
        return -before, after

    @classmethod
    def load(cls, path: Path) -> Codec:
        tensors = load_file(path)
        return cls(*(tensors[name].float() for name in ("mean", "basis", "scale")))

    def save(self, path: Path) -> None:
        tensors = {"mean": self.mean, "basis": self.basis, "scale": self.scale}
        save_file({k: v.half().contiguous() for k, v in tensors.items()}, path)


def fit(clips: Iterator[tuple[Tensor, Tensor]], channels: int = CHANNELS) -> Codec:
    """Fit the transform on clips ``uint8 [F, H, W, 3]``, each with the usual frame of its place
    (``uint8 [H, W, 3]``).

    A block counts 0.08 to 1.08 times, by its mean squared distance from the usual frame.
    Cost: O(blocks x 3072^2) once.
    """
    size = SPAN * PATCH * PATCH * 3
    total, square, count = torch.zeros(size), torch.zeros(size, size), 0.0
    for clip, usual in clips:
        far = blocks((clip.float() - usual.float())[None] / 127.5).square().mean(-1)
        weight = (_LEAST_WEIGHT + (far / _FAR).clamp(max=1)).reshape(-1, 1)
        rows = blocks(clip[None].float() / 127.5 - 1).reshape(-1, size)
        total += (rows * weight).sum(0)
        square += (rows * weight).T @ rows
        count += float(weight.sum())
    mean = total / count
    values, vectors = torch.linalg.eigh(square / count - torch.outer(mean, mean))
    deviations = values.flip(0)[:channels].clamp(min=1e-8).sqrt()
    scale = deviations.sqrt()
    # One number brings the mean variance of the scaled coefficients to 1.
    scale = scale * (deviations / scale).square().mean().sqrt()
    return Codec(mean, vectors.flip(1)[:, :channels].contiguous(), scale)
