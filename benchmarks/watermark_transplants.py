"""Is a mark that was moved to another picture told, and is one on its own picture left alone?

``python -m benchmarks.watermark_transplants FOLDER [--pairs 80] [--json OUT]``. Every clip below
FOLDER is marked and attacked (honest copies); for random pairs of clips what one's mark changed,
or what a denoiser takes from it, is added to the other, and coded, cropped or shrunk. Only what is
read is asked. OUT is written after every clip and pair; a run that was stopped begins anew.
"""

from __future__ import annotations

import argparse
import json
import random
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.watermark import KEYS, load, wilson
from benchmarks.watermark_attacks import ATTACKS, Luma, Pixels
from provenance.watermark import Embedder
from provenance.watermark.assurance import assure
from provenance.watermark.detector import detect_luma
from provenance.watermark.transplant import TransplantSettings, agreement, transplanted

HONEST = (
    "none",
    "H.264 23",
    "H.264 30",
    "crop 0.55",
    "JPEG 40",
    "contrast 2",
    "overlay, subtitles",
    "screen recording",
)
MOVED = ("none", "H.264 23", "H.264 23", "H.264 30", "JPEG 40", "resize 0.5", "crop 0.55")
TAKEN = (("true", 1.0), ("true", 1.0), ("true", 1.6), ("nlm", 1.0), ("blur", 1.0), ("edges", 1.5))
FRAMES = 24
DENOISED = 8
"""Frames of a transplant of which the residual has to be guessed."""
MOST = 12.0
"""Grey levels that a guessed residual may change."""


def taken(frame: NDArray[np.uint8], how: str) -> NDArray[np.float32]:
    """What a denoiser takes from a frame, ``float32 [H, W]``."""
    y = np.asarray(cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY))
    if how == "nlm":
        smooth = cv2.fastNlMeansDenoising(y, None, 4, 5, 13)
    elif how == "edges":
        smooth = cv2.bilateralFilter(y, 9, 20, 4)
    else:
        smooth = cv2.GaussianBlur(y.astype(np.float32), (0, 0), 4)
    return np.clip(y.astype(np.float32) - smooth, -MOST, MOST).astype(np.float32)


def moved(own: Pixels, marked: Pixels, onto: Pixels, how: str, gain: float) -> Pixels:
    """The residual of ``marked``, filling the frame, on the frames of another clip."""
    height, width = onto.shape[1:3]
    out = []
    for i in range(min(len(marked), len(onto), FRAMES if how == "true" else DENOISED)):
        if how == "true":
            gap = marked[i, ..., 1].astype(np.float32) - own[i, ..., 1]
        else:
            gap = taken(marked[i], how)
        fit = max(height / gap.shape[0], width / gap.shape[1])
        size = (int(np.ceil(gap.shape[1] * fit)), int(np.ceil(gap.shape[0] * fit)))
        gap = np.asarray(cv2.resize(gap, size))[:height, :width, None]
        out.append(np.clip(np.rint(onto[i] + gain * gap), 0, 255).astype(np.uint8))
    return np.stack(out)


def asked(name: str, received: list[Luma], payload: int) -> dict[str, Any]:
    """What is told of one received clip."""
    found = detect_luma(iter(received), KEYS)
    first = [y for y, _ in received[: TransplantSettings().frames]]
    measured = agreement(found, first, KEYS) if found.found else None
    return {
        "name": name,
        "read": found.payload == payload,
        "wrong": found.found and found.payload != payload,
        "told": transplanted(found, first, KEYS) is True if found.found else False,
        "correlation": None if measured is None else round(measured.correlation, 3),
        "variety": None if measured is None else round(measured.variety, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=80)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path("out/watermark-transplants.json"))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rows: dict[str, list[dict[str, Any]]] = {"honest": [], "transplants": []}
    args.json.parent.mkdir(parents=True, exist_ok=True)
    clips = {}
    bar = Console(stderr=True)
    for path in track(sorted(args.folder.rglob("*.mp4")), "honest copies", console=bar):
        own = load(path, FRAMES)
        payload = zlib.crc32(path.stem.encode()) + (1 << 40)
        promise = assure(own, KEYS, payload)
        size = (own.shape[2], own.shape[1])
        embedder = Embedder(KEYS, payload, *size, strength=promise.strength, plan=promise.plan)
        marked = embedder.embed(own)
        clips[path.stem] = (own, marked, payload)
        for attack in HONEST:
            rows["honest"].append(asked(f"{path.stem}: {attack}", ATTACKS[attack](marked), payload))
        args.json.write_text(json.dumps(rows, indent=1))
    draw = random.Random(args.seed)
    pairs = [(a, b) for a in clips for b in clips if a != b]
    draw.shuffle(pairs)
    for source, target in track(pairs[: args.pairs], "transplants", console=bar):
        (how, gain), attack = draw.choice(TAKEN), draw.choice(MOVED)
        own, marked, payload = clips[source]
        received = ATTACKS[attack](moved(own, marked, clips[target][0], how, gain))
        name = f"{source} on {target}: {how} {gain}, {attack}"
        rows["transplants"].append(asked(name, received, payload))
        args.json.write_text(json.dumps(rows, indent=1))
    for kind, got in rows.items():
        read = [row for row in got if row["read"]]
        told = sum(row["told"] for row in read)
        low, high = wilson(told, len(read))
        wrong = sum(row["wrong"] for row in got)
        print(
            f"{kind}: told {told} of {len(read)} that were read ({low:.3f}-{high:.3f}), "
            f"{len(got)} tried, wrong payloads {wrong}"
        )


if __name__ == "__main__":
    main()
