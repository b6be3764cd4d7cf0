"""Averaging many marked clips: does it erase the mark, or forge one?

``python -m benchmarks.watermark_averaging [--clips 100] --json OUT``. An attacker who holds N
clips marked with one key averages what a denoiser takes from them, subtracts that from a marked
clip and adds it to a clean one, at several strengths. Beside it the same attack on a scheme with
one fixed pattern, which is what averaging was made for.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.watermark_clips import fractal, tinted
from provenance.watermark import DetectorSettings, Embedder, KeyRing, Plan, detect

KEYS = KeyRing.from_secrets(b"one key that marks all the clips")
WIDTH, HEIGHT = 640, 360


def host(seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    field = fractal(rng, HEIGHT, WIDTH, float(rng.uniform(0.9, 1.6)))
    low, high = rng.integers(10, 110, 3), rng.integers(140, 245, 3)
    return tinted(field, tuple(low), tuple(high))[None]


def taken(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a denoiser removes, normalised by the local contrast."""
    y = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    rest = y - cv2.GaussianBlur(y, (0, 0), 4)
    return np.asarray(rest / (cv2.blur(np.abs(rest), (21, 21)) + 2), dtype=np.float32)


def attack(clips: int, fixed: bool) -> dict[str, Any]:
    payloads = [1000] * (clips + 1) if fixed else list(range(1000, 1001 + clips))
    plan = Plan(0, 0.0, 0.0) if fixed else None
    mean = np.zeros((HEIGHT, WIDTH), np.float32)
    for i in range(clips):
        marked = Embedder(KEYS, payloads[i], WIDTH, HEIGHT, plan=plan).embed(host(i))
        mean += taken(marked[0]) / clips
    mean /= mean.std()
    clean = host(10_000)
    target = Embedder(KEYS, payloads[-1], WIDTH, HEIGHT, plan=plan).embed(host(10_001))
    quick = DetectorSettings(tries=())
    rows = []
    for rms in (1.0, 2.0, 4.0, 8.0):
        step = (rms * mean)[None, ..., None]
        forged = np.clip(np.rint(clean + step), 0, 255).astype(np.uint8)
        erased = np.clip(np.rint(target - step), 0, 255).astype(np.uint8)
        made, left = detect([forged], KEYS, quick), detect([erased], KEYS, quick)
        rows.append(
            {
                "rms": rms,
                "psnr": round(float(20 * np.log10(255 / rms)), 1),
                "forged": made.found,
                "forged payload": made.payload_hex,
                "still read": left.payload == payloads[-1],
                "log10 p": round(left.log10_p, 1),
            }
        )
    return {"clips": clips, "fixed pattern": fixed, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, nargs="*", default=[3, 100])
    parser.add_argument("--json", type=Path, default=Path("out/watermark-averaging.json"))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    runs = []
    for fixed in (False, True):
        for clips in args.clips:
            runs.append(attack(clips, fixed))
            print(json.dumps(runs[-1]), flush=True)
            args.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
