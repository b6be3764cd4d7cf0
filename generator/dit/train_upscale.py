"""Train the upscaler: ``python -m generator.dit.train_upscale --weights FILE --codec FILE
--out FILE [--seconds S]``.

Pairs are one moment of the rendered world at two sizes. The small side is what the model makes
of it in one step from part noise: it still lies where the large one does and has the model's
own grain. For the second pass to 2K it is the world at four times the native size.
"""

from __future__ import annotations

import argparse
import copy
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.progress import Progress
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as fn

from generator.dit import optim
from generator.dit.backend import load_model
from generator.dit.codec import Codec
from generator.dit.data import Clips
from generator.dit.model import VideoDiT
from generator.dit.native import FPS, GROUPS, SIDE, frames_of
from generator.dit.text import encode
from generator.dit.upscale import FACTOR, Upscaler
from generator.world.caption import draw

_FRAMES = 4
"""Pictures of one clip in a batch."""
_LEVELS = (0.45, 0.95)
"""Between these levels the model keeps a thing's outline and adds its own faults."""


@dataclass(slots=True)
class Pairs:
    """Small and large pictures of the world. ``second``: share of pairs for the second pass."""

    model: VideoDiT
    codec: Codec
    rng: random.Random
    second: float = 0.4
    _worlds: dict[int, Clips] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._worlds = {side: Clips(side, side) for side in (SIDE, SIDE * 4, SIDE * 16)}

    def batch(self) -> tuple[Tensor, Tensor]:
        """``[4, 3, 64, 64]`` and ``[4, 3, 256, 256]``, -1 to 1."""
        return self._zoomed() if self.rng.random() < self.second else self._drawn()

    def _drawn(self) -> tuple[Tensor, Tensor]:
        caption, seed = draw(self.rng, 0.25, 0.2), self.rng.randrange(2**31)
        clip = self._worlds[SIDE].render(caption, seed)
        latents = self.codec.encode(clip[None])
        level = self.rng.uniform(*_LEVELS)
        rng = torch.Generator().manual_seed(seed)
        z = level * latents + (1 - level) * torch.randn(latents.shape, generator=rng)
        levels = torch.full(latents.shape[:2], level)
        with torch.inference_mode():
            guess = self.model(z, levels, encode(caption)[None])
            small = self.codec.decode(guess)[0].clamp(-1, 1)
        small = small.clone()
        at = sorted(self.rng.sample(range(frames_of(GROUPS)), _FRAMES))
        world = self._worlds[SIDE * FACTOR]
        large = torch.cat([world.render(caption, seed, k / FPS, 1) for k in at])
        return small[at].permute(0, 3, 1, 2), _planes(large)

    def _zoomed(self) -> tuple[Tensor, Tensor]:
        caption, seed = draw(self.rng, 0.25, 0.2), self.rng.randrange(2**31)
        at = self.rng.uniform(0, 2)
        small, large = (
            _planes(self._worlds[SIDE * scale].render(caption, seed, at, 1))
            for scale in (FACTOR, FACTOR**2)
        )
        bend = (small[0, :, 1:, 1:] - small[0, :, :-1, :-1]).abs().sum(0)
        edges = (bend > 0.3).nonzero()
        pairs = []
        for _ in range(_FRAMES):
            y, x = edges[self.rng.randrange(len(edges))].tolist() if len(edges) else (0, 0)
            top, left = (min(max(0, v - SIDE // 2), small.shape[-1] - SIDE) for v in (y, x))
            far = SIDE * FACTOR
            pairs.append(
                (
                    small[0, :, top : top + SIDE, left : left + SIDE],
                    large[
                        0, :, top * FACTOR : top * FACTOR + far, left * FACTOR : left * FACTOR + far
                    ],
                )
            )
        return torch.stack([a for a, _ in pairs]), torch.stack([b for _, b in pairs])


def _planes(frames: Tensor) -> Tensor:
    return frames.permute(0, 3, 1, 2).float() / 127.5 - 1


def psnr(a: Tensor, b: Tensor) -> float:
    """Decibels, for values from -1 to 1."""
    return float(10 * torch.log10(4 / (a - b).square().mean().clamp(min=1e-12)))


def train(
    teacher: VideoDiT,
    codec: Codec,
    out: Path,
    seed: int = 1,
    steps: int = 20_000,
    seconds: float | None = None,
    lr: float = 1.5e-3,
) -> dict[str, float]:
    """Write the averaged weights to ``out``; the rate falls linearly to nothing.

    Returns PSNR (dB) over 20 batches that training has not seen, of the network and of a
    bicubic enlargement.
    """
    torch.manual_seed(seed)
    pairs, model = Pairs(teacher, codec, random.Random(seed)), Upscaler()
    best = copy.deepcopy(model).eval()
    optimizer = torch.optim.Adam(model.parameters(), lr)
    began, step, recent = time.monotonic(), 0, 0.0

    def past() -> float:
        return max(step / steps, (time.monotonic() - began) / seconds if seconds else 0.0)

    with Progress() as progress:
        task = progress.add_task("training", total=1.0)
        while past() < 1:
            small, large = pairs.batch()
            loss = (model(small) - large).abs().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.param_groups[0]["lr"] = lr * max(0.02, min(1.0, 1.5 * (1 - past())))
            optimizer.step()
            step += 1
            optim.follow(best, model, 1 - max(0.01, 1 / step))
            recent = 0.99 * recent + 0.01 * loss.item() if recent else loss.item()
            progress.update(task, completed=past(), description=f"step {step}, {recent:.4f}")
    save_file({k: v.half().contiguous() for k, v in best.state_dict().items()}, out)
    unseen = Pairs(teacher, codec, random.Random(f"unseen {seed}"))
    with torch.inference_mode():
        scores = [
            (
                psnr(best(small), large),
                psnr(fn.interpolate(small, scale_factor=4, mode="bicubic"), large),
            )
            for small, large in (unseen.batch() for _ in range(20))
        ]
    return {
        "steps": step,
        "network": sum(a for a, _ in scores) / 20,
        "bicubic": sum(b for _, b in scores) / 20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="the model's safetensors")
    parser.add_argument("--codec", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, help="time for the run, by the clock")
    args = parser.parse_args()
    torch.set_num_threads(1)
    teacher = load_model(args.weights)
    print(train(teacher, Codec.load(args.codec), args.out, args.seed, args.steps, args.seconds))


if __name__ == "__main__":
    main()
