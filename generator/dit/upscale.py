"""Enlargement by a small learned network, tile by tile, so that 2048 pixels a side need no more
memory than the pictures themselves.

Sub-pixel convolution (Shi et al. 2016): all layers work at the small size; the last gives the
sixteen pixels of each one. It adds to a bicubic enlargement what that lacks: in this model's
world the steepness of outlines, and that the grain around things is none of them. Trained by
:mod:`generator.dit.train_upscale`.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as fn

from generator.errors import WeightsMismatch

FACTOR = 4
"""Times as wide and as high, each pass."""
_LAYERS = 7
_WIDTH = 32


class Upscaler(nn.Module):
    """``float [B, 3, h, w]``, -1 to 1, to ``[B, 3, 4h, 4w]``.

    Cost: 0.5 gigaflops for 64 x 64, about 12 ms on one core.
    """

    reach = _LAYERS
    """Pixels on each side that a result depends on."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, *[_WIDTH] * (_LAYERS - 1), 3 * FACTOR**2]
        layers = [nn.Conv2d(a, b, 3) for a, b in pairwise(widths)]
        for layer in layers[:-1]:
            nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layers[-1].weight)
        for layer in layers:
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.layers = nn.ModuleList(layers)

    def missing(self, x: Tensor) -> Tensor:
        """What a bicubic enlargement lacks, for all but the outer ``reach`` pixels of ``x``."""
        x = self.layers[0](x)
        for layer in self.layers[1:-1]:
            x = x[:, :, 1:-1, 1:-1] + layer(fn.leaky_relu(x, 0.1))
        return fn.pixel_shuffle(self.layers[-1](fn.leaky_relu(x, 0.1)), FACTOR)

    def forward(self, x: Tensor, tile: int = 0) -> Tensor:
        """``tile``: side of the parts, in pixels of ``x``; 0 takes it whole. Same result."""
        height, width = x.shape[-2:]
        out = fn.interpolate(x, scale_factor=FACTOR, mode="bicubic", align_corners=False)
        edged = fn.pad(x, (self.reach,) * 4, mode="replicate")
        tile = tile or max(height, width)
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                bottom, right = min(top + tile, height), min(left + tile, width)
                part = edged[:, :, top : bottom + 2 * self.reach, left : right + 2 * self.reach]
                y, x_ = slice(top * FACTOR, bottom * FACTOR), slice(left * FACTOR, right * FACTOR)
                out[:, :, y, x_] += self.missing(part)
        return out


def load(path: Path) -> Upscaler:
    """The network in a safetensors file. Raises :class:`WeightsMismatch` for any other file."""
    model = Upscaler()
    try:
        model.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    except (ValueError, RuntimeError, OSError) as error:
        raise WeightsMismatch(f"{path} holds no upscaler", "restore it") from error
    return model.eval().requires_grad_(False)
