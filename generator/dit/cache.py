"""Latents of rendered clips on disk, so that the renderer does not starve the trainer.

``python -m generator.dit.cache --codec C.safetensors --out FOLDER --clips 2000 --seed 0``
writes one shard; ``--fit`` fits the codec first and writes it to ``--codec``.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor

from generator.dit.codec import Codec, fit
from generator.dit.data import Clips
from generator.dit.text import encode


@dataclass(frozen=True, slots=True)
class Shard:
    """``latents``: ``float16 [N, G, h, w, C]``; ``words``: ``uint8 [N, S]``; ``late``:
    ``bool [N]``, clips that do not start at their beginning."""

    latents: Tensor
    words: Tensor
    late: Tensor

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens."""
        return self.latents.shape[2], self.latents.shape[3]

    @classmethod
    def load(cls, path: Path) -> Shard:
        return cls(**load_file(path))

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part")
        save_file({"latents": self.latents, "words": self.words, "late": self.late}, part)
        part.rename(path)


def make(
    codec: Codec,
    clips: int,
    seed: int,
    jitter: float,
    late: float = 0.3,
    width: int = 64,
    height: int = 64,
) -> Shard:
    """Render and encode ``clips`` random clips. Deterministic by its arguments.

    A share ``late`` starts at a random second. Those are only ever continued, so what is given
    shows their layout: they keep all of the renderer's chance.
    """
    source, free = Clips(width, height, jitter=jitter), Clips(width, height)
    rng = random.Random(seed)
    latents, words, lates = [], [], []
    for _ in track(range(clips), "rendering", disable=not sys.stderr.isatty()):
        is_late = rng.random() < late
        caption, clip = (free if is_late else source).draw(rng, 0.2, 0.2, float(is_late))
        latents.append(codec.encode(clip[None])[0].half())
        words.append(encode(caption).to(torch.uint8))
        lates.append(is_late)
    return Shard(torch.stack(latents), torch.stack(words), torch.tensor(lates))


def _fit_clips(count: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    source, rng = Clips(), random.Random(seed)
    for _ in range(count):
        caption, clip = source.draw(rng, 0.25, 0.2, 0.3)
        yield clip, source.usual(caption)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jitter", type=float, default=0.25)
    parser.add_argument("--late", type=float, default=0.35)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--height", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.fit:
        fit(_fit_clips(args.clips, args.seed)).save(args.codec)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        size = (args.width, args.height)
        shard = make(
            Codec.load(args.codec),
            args.clips,
            args.seed,
            args.jitter,
            late=args.late,
            width=size[0],
            height=size[1],
        )
        shard.save(args.out / f"{size[0]}x{size[1]}-{args.seed:05d}.safetensors")


if __name__ == "__main__":
    main()
