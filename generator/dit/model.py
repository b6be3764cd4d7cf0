"""The video diffusion transformer.

A window of video is G latent groups of h x w tokens; a caption is eleven tokens; all attend to
one another. Every group has its own noise level (Chen et al. 2024, "Diffusion Forcing"), so
that one set of weights makes video from text, from given first or last groups, or from both.
The network predicts the clean latents (x-prediction; Li & He 2025, "Back to Basics"), trained
with the velocity loss of rectified flow; t = 1 is clean and t = 0 is noise.

Shapes: B clips, G groups, h x w tokens each, C latent channels, D width, H heads, S slots.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from generator.dit.native import GROUPS, SIZES
from generator.dit.text import SCENE_SLOTS, SIZES_OF_SLOTS


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model; stored beside its weights."""

    channels: int = 384
    width: int = 128
    heads: int = 4
    layers: int = 6

    def as_strings(self) -> dict[str, str]:
        return {key: str(value) for key, value in asdict(self).items()}

    @classmethod
    def from_strings(cls, values: dict[str, str]) -> Shape:
        return cls(**{key: int(values[key]) for key in cls.__dataclass_fields__})


def rope(grid: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines ``[N, size]`` for positions ``grid [N, 3]`` (time, y, x).

    A quarter of the channels turns with time, the rest with y and x in equal parts.
    """
    quarter = size // 4
    half = (size - quarter) // 2
    angles = []
    for axis, part in enumerate((quarter, half, size - quarter - half)):
        rates = 20.0 ** (-torch.arange(0, part, 2) / part)
        angles.append(grid[:, axis : axis + 1] * rates)
    angle = torch.cat(angles, -1)
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def _rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    a, b = x.chunk(2, -1)
    return x * turn[0] + torch.cat([-b, a], -1) * turn[1]


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    if v.dtype is not torch.bfloat16:
        return fn.scaled_dot_product_attention(q, k, v)
    # Written out: on processors the fused one's bfloat16 gradient is eight times slower.
    q, k = (q * q.shape[-1] ** -0.5).bfloat16(), k.bfloat16()
    return (q @ k.transpose(-1, -2)).softmax(-1).bfloat16() @ v


def fourier(values: Tensor, count: int, scale: float) -> Tensor:
    """``[..., 2 count]`` sines and cosines of ``values``, rates from 1 to ``scale``."""
    rates = torch.exp(torch.linspace(0, math.log(scale), count))
    angle = values[..., None] * rates
    return torch.cat([angle.sin(), angle.cos()], -1)


def _table(rows: int, columns: int) -> str:
    return f"usual_{rows}x{columns}"


class Block(nn.Module):
    """Attention over the video and the words, and a two-layer network.

    Both are modulated for each group by its noise level and the caption (adaLN-zero, Peebles &
    Xie 2023). The words are there to be looked at: they give keys and values and ask nothing.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.modulation = nn.Linear(width, 6 * width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.words = nn.Linear(width, 2 * width, bias=False)
        self.query_norm = nn.RMSNorm(width // heads)
        self.key_norm = nn.RMSNorm(width // heads)
        self.project = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(
        self, x: Tensor, condition: Tensor, words: Tensor, turn: tuple[Tensor, Tensor]
    ) -> Tensor:
        # x [B, G, P, D]; condition [B, G, D]; words [B, S, D]; turn of the G*P positions
        b, g, p, d = x.shape
        modulation = self.modulation(condition)[:, :, None]  # [B, G, 1, 6D]
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = modulation.chunk(6, -1)
        y = torch.addcmul(shift_a, fn.rms_norm(x, (d,)), 1 + scale_a)
        q, k, v = (
            part.transpose(1, 2) for part in self.qkv(y).view(b, g * p, 3, self.heads, -1).unbind(2)
        )
        q, k = _rotate(self.query_norm(q), turn), _rotate(self.key_norm(k), turn)
        wk, wv = (
            part.transpose(1, 2)
            for part in self.words(words).view(b, -1, 2, self.heads, d // self.heads).unbind(2)
        )
        k, v = torch.cat([self.key_norm(wk), k], 2), torch.cat([wv, v], 2)
        y = _attend(q, k, v).transpose(1, 2).reshape(b, g, p, d)
        x = torch.addcmul(x, 1 + gate_a, self.project(y))
        y = torch.addcmul(shift_m, fn.rms_norm(x, (d,)), 1 + scale_m)
        y = self.down(fn.gelu(self.up(y), approximate="tanh"))
        return torch.addcmul(x, 1 + gate_m, y)


class VideoDiT(nn.Module):
    """See the module's docstring."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        d = shape.width
        self.words = nn.ModuleList(nn.Embedding(size, d) for size in SIZES_OF_SLOTS)
        self.pooled = nn.ModuleList(nn.Embedding(size, d) for size in SIZES_OF_SLOTS)
        self.level = nn.Sequential(nn.Linear(64, d), nn.SiLU(), nn.Linear(d, d))
        self.mix = nn.Linear(d, d)
        self.register_buffer("spread", torch.ones(shape.channels))
        self.spread: Tensor
        scenes = [SIZES_OF_SLOTS[slot] - 2 for slot in SCENE_SLOTS]
        for size in SIZES:
            table = torch.zeros(*scenes, GROUPS, *size.grid, shape.channels)
            self.register_buffer(_table(*size.grid), table)
        self.read = nn.Linear(shape.channels, d)
        self.where = nn.Linear(4 * 8, d)
        self.when = nn.Linear(2 * 8, d)
        self.first = nn.Parameter(torch.zeros(d))
        self.blocks = nn.ModuleList(Block(d, shape.heads) for _ in range(shape.layers))
        self.last_modulation = nn.Linear(d, 2 * d)
        # A block of pixels is outline times colour: one linear map of width D could only ever
        # reach D directions of the C.
        self.widen = nn.Linear(d, 2 * d)
        self.write = nn.Linear(2 * d, 2 * shape.channels)
        for name, weight in self.named_parameters():
            if name.startswith(("words.", "pooled.")):
                nn.init.normal_(weight, std=0.5)
            elif name.endswith(("project.weight", "down.weight")):
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * shape.layers))
        nn.init.zeros_(self.last_modulation.weight)
        nn.init.zeros_(self.last_modulation.bias)
        nn.init.normal_(self.write.weight, std=0.01)
        nn.init.zeros_(self.write.bias)

    def usual(self, rows: int, columns: int) -> Tensor:
        """The table of scenes of one grid: ``[places, lights, cameras, G, rows, columns, C]``.

        Medians of the training clips, fitted like the codec; the network learns what differs.
        """
        table: Tensor = getattr(self, _table(rows, columns))
        return table

    def scenery(self, words: Tensor, start: int, groups: int, grid: tuple[int, int]) -> Tensor:
        """What place, light and camera usually look like: ``[B, groups, h, w, C]``, zeros for a
        caption that says nothing. ``grid``: one of :data:`generator.dit.native.SIZES`."""
        said = words[:, list(SCENE_SLOTS)] - 2
        place, light, camera = said.clamp(min=0).unbind(1)
        found = self.usual(*grid)[place, light, camera, start : start + groups]
        return found * (said >= 0).all(1)[:, None, None, None, None]

    def forward(self, z: Tensor, level: Tensor, words: Tensor, start: int = 0) -> Tensor:
        """Predict the clean latents.

        ``z``: noisy latents ``[B, G, h, w, C]``. ``level``: t of each group ``[B, G]``, 0 noise
        to 1 clean. ``words``: ``int64 [B, S]`` (:func:`generator.dit.text.encode`). ``start``:
        index of the first group in a full window. Returns ``[B, G, h, w, C]``.
        """
        b, g, h, w, c = z.shape
        d = self.shape.width
        tokens = torch.stack([table(words[:, i]) for i, table in enumerate(self.words)], 1)
        pooled = torch.stack([table(words[:, i]) for i, table in enumerate(self.pooled)]).sum(0)
        times = self.level(fourier(level, 32, 200.0))  # [B, G, D]
        condition = fn.silu(times + self.mix(fn.silu(pooled))[:, None])

        # Coordinates in shorter sides, centred: a token is as far from the next in every grid.
        ys = (torch.arange(h) + 0.5 - h / 2) / min(h, w)
        xs = (torch.arange(w) + 0.5 - w / 2) / min(h, w)
        gs = torch.arange(start, start + g).float()
        y, x = torch.meshgrid(ys, xs, indexing="ij")
        place = torch.cat([fourier(y.reshape(-1), 8, 20.0), fourier(x.reshape(-1), 8, 20.0)], -1)
        at = self.when(fourier(gs / 4, 8, 8.0)) + (gs == 0).float()[:, None] * self.first
        grid = torch.stack(torch.meshgrid(gs, ys * 4, xs * 4, indexing="ij"), -1).reshape(-1, 3)
        turn = rope(grid, d // self.shape.heads)

        # Each channel enters and leaves with unit variance at every noise level (Karras et al.
        # 2022, section 5, with the spread of each channel in place of one sigma).
        clean = level[:, :, None, None]  # t
        inner = 1 / torch.sqrt((clean * self.spread) ** 2 + (1 - clean) ** 2 + 1e-6)
        scenery = self.scenery(words, start, g, (h, w)).reshape(b, g, h * w, c)
        z = z.reshape(b, g, h * w, c) - clean * scenery
        hidden = self.read(z * inner) + (at[:, None] + self.where(place)[None])
        for block in self.blocks:
            hidden = block(hidden, condition, tokens, turn)
        shift, scale = self.last_modulation(condition)[:, :, None].chunk(2, -1)
        hidden = torch.addcmul(shift, fn.rms_norm(hidden, (d,)), 1 + scale)
        hidden = fn.gelu(self.widen(hidden), approximate="tanh")
        value, gate = self.write(hidden).chunk(2, -1)
        # Where nothing differs from the scene the gate closes: a hidden state of width D could
        # not name the noise of C channels in order to take it away.
        guess = torch.sigmoid(gate + 1) * clean * self.spread**2 * inner**2 * z
        guess = guess + self.spread * (1 - clean) * inner * value
        return (guess + scenery).view(b, g, h, w, c)
