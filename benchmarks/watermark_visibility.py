"""Is the mark seen? Crops to look at, how strong it is there, and how much it flickers.

``python -m benchmarks.watermark_visibility OUT [VIDEO ...]`` marks four made scenes (a bright
defocused curtain, a sky, one with film grain, a room) and the videos as they would be published,
and writes for each a PNG: above the first frame, below a later one; left the marked crop three
times enlarged, right twenty times what was added. Faces and the like come from the videos.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.watermark import KEYS, load, vmaf
from benchmarks.watermark_attacks import Pixels
from benchmarks.watermark_clips import fractal, room, tinted
from provenance.watermark import Embedder
from provenance.watermark.assurance import assure, luma_psnr

FRAMES, HEIGHT, WIDTH = 24, 720, 1280
ENLARGED, AMPLIFIED = 3, 20
CROP = (150, 240)
"""Height and width of a crop, in pixels."""


def still(picture: NDArray[np.floating], noise: float, seed: int) -> Pixels:
    """The picture, ``[H, W, 3]``, with a sensor's noise in every frame."""
    rng = np.random.default_rng(seed)
    several = [
        picture + rng.normal(0, noise, (*picture.shape[:2], 1)).astype(np.float32)
        for _ in range(FRAMES)
    ]
    return np.clip(np.stack(several), 0, 255).astype(np.uint8)


def curtain() -> Pixels:
    """Soft folds in bright light, out of focus, beside a sharp rough thing."""
    rng, x = np.random.default_rng(4), np.arange(WIDTH)
    folds = sum(
        height * np.sin(2 * np.pi * x / wide + at)
        for height, wide, at in ((9, 150, 0.0), (7, 83, 1.0), (4, 47, 2.0), (2, 31, 0.3))
    )
    soft = 206 + folds[None] + 12 * fractal(rng, HEIGHT, WIDTH, 2.4)
    soft = cv2.GaussianBlur(soft.astype(np.float32), (0, 0), 5)
    sharp = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(sharp, (1000, 470), 230, 1.0, -1)
    rough = 60 + 110 * fractal(rng, HEIGHT, WIDTH, 0.9)
    return still(np.repeat((soft * (1 - sharp) + rough * sharp)[..., None], 3, 2), 0.7, 1)


def sky(noise: float = 0.7, seed: int = 2) -> Pixels:
    rng = np.random.default_rng(5)
    air = tinted(fractal(rng, HEIGHT, WIDTH, 2.2), (120, 160, 215), (215, 228, 243))
    return still(cv2.GaussianBlur(air.astype(np.float32), (0, 0), 2), noise, seed)


def scenes(videos: list[Path]) -> Iterator[tuple[str, Pixels, tuple[float, float]]]:
    """Name, clip, and where the crop lies (0 to 1, down and across)."""
    yield "curtain", curtain(), (0.4, 0.35)
    yield "sky", sky(), (0.4, 0.35)
    yield "grain", sky(6.0, 3), (0.4, 0.35)
    wall = np.stack(
        [frame for frame, _ in zip(room(13, WIDTH, HEIGHT), range(FRAMES), strict=False)]
    )
    yield "room", wall, (0.2, 0.2)
    for path in videos:
        yield path.stem, load(path, FRAMES), (0.3, 0.5)


def crop(clip: Pixels, at: tuple[float, float]) -> Pixels:
    height, width = (min(a, b) for a, b in zip(CROP, clip.shape[1:3], strict=True))
    top = round((clip.shape[1] - height) * at[0])
    left = round((clip.shape[2] - width) * at[1])
    return clip[:, top : top + height, left : left + width]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("videos", type=Path, nargs="*")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    print("| scene | strength | PSNR | VMAF | added: first, second, last | flicker: first, last |")
    print("|---" * 6 + "|")
    for name, clip, at in scenes(args.videos):
        promise = assure(clip, KEYS, 77)
        size = (clip.shape[2], clip.shape[1])
        marked = Embedder(KEYS, 77, *size, strength=promise.strength, plan=promise.plan).embed(clip)
        before, after = crop(clip, at), crop(marked, at)
        added = after[..., 1].astype(np.float32) - before[..., 1]
        rms = np.sqrt((added**2).mean(axis=(1, 2)))
        change = np.sqrt((np.diff(added, axis=0) ** 2).mean(axis=(1, 2)))
        seen = vmaf(clip, marked)
        cells = [
            name,
            f"{promise.strength:.2f}",
            f"{luma_psnr(clip, marked):.1f}",
            "–" if seen is None else f"{seen:.1f}",
            f"{rms[0]:.2f}, {rms[1]:.2f}, {rms[-1]:.2f}",
            f"{change[0]:.2f}, {change[-1]:.2f}",
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
        rows = []
        for i in (0, len(clip) - 1):
            gap = np.clip(128 + AMPLIFIED * added[i], 0, 255).astype(np.uint8)
            rows.append(np.concatenate([after[i], np.repeat(gap[..., None], 3, 2)], axis=1))
        sheet = cv2.resize(
            np.concatenate(rows), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_NEAREST
        )
        cv2.imwrite(str(args.out / f"{name}.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
