"""False positives, counted: wrong keys on real pictures and noise, against the derived bound.

``python -m benchmarks.watermark_null FOLDER --trials 100000 --json OUT``. One trial is one wrong
key's carrier on one grid of one picture: best of 8 × 64 × 64 alignments and, when that looks like
synchronisation, a full decoding. The pictures are frames of the videos below FOLDER, half of them
marked with another key, white noise, and every part in which the detector would look when such a
frame was filmed from a screen or set into another picture.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import cv2
import numpy as np

from benchmarks.watermark import load
from benchmarks.watermark_scenes import inset, phone
from provenance.watermark import DetectorSettings, Embedder, KeyRing, fold, inside, lattice
from provenance.watermark.carrier import carrier
from provenance.watermark.keys import CarrierKey
from provenance.watermark.residual import luma_of, residual, shrink
from provenance.watermark.search import log10_p, log10_trials

GRIDS = 4


def folds(folder: Path) -> list[fold.Folded]:
    """Folded tiles of every picture at its likeliest grids."""
    own = KeyRing.from_secrets(b"the key that marks these clips..")
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (360, 640), dtype=np.uint8)]
    for path in sorted(folder.rglob("*.mp4")):
        frame = load(path, 1)
        pictures.append(luma_of(frame[0]))
        marked = Embedder(own, 1, frame.shape[2], frame.shape[1]).embed(frame)
        pictures.append(luma_of(marked[0]))
        for scene in (phone(), inset(0.35)):
            received = scene(marked, len(pictures))
            pictures += [cuts[0][0] for _, cuts, _ in inside.parts_of(received)]
    out = []
    for picture in pictures:
        field = residual(shrink(picture, 480))
        power = lattice.spectrum(field)
        for grid in lattice.upright(power, min(field.shape), GRIDS):
            out.append(fold.Folded.of(field, grid))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=Path("out/watermark-null.json"))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    settings = DetectorSettings()
    tiles = folds(args.folder)
    rng = np.random.default_rng(args.seed)
    scores, decoded, crc_passed, false = [], 0, 0, 0
    best_p = 0.0
    trials = log10_trials(1, 4 * settings.grids, 64)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    while len(scores) < args.trials:
        one = carrier(CarrierKey(rng.bytes(32)), 0, 64)
        for tile in tiles:
            score, alignment = fold.align(tile, one)
            scores.append(score)
            if score >= settings.sync:
                decoded += 1
                reading = fold.read(tile, one, alignment, score, settings.quick_paths)
                if reading.payload is not None:
                    crc_passed += 1
                    p = log10_p(reading.sync, reading.z, trials)
                    best_p = min(best_p, p)
                    false += p <= settings.log10_p
        if len(scores) % (100 * len(tiles)) == 0 or len(scores) >= args.trials:
            values = np.array(scores)
            alignments = fold.ORIENTATIONS * fold.SHIFT_GRID**2 * len(fold.FINE) ** 2
            levels = {
                f"{level:.1f}": {
                    "counted": float((values >= level).mean()),
                    "bound": min(1.0, alignments * math.exp(-(level**2) / 2)),
                }
                for level in (4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0)
            }
            record = {
                "trials": len(values),
                "pictures and grids": len(tiles),
                "false": false,
                "decodings": decoded,
                "crc passed": crc_passed,
                "best log10 p": best_p,
                "highest sync": float(values.max()),
                "sync at or above": levels,
            }
            args.json.write_text(json.dumps(record, indent=1))
    print(args.json.read_text())


if __name__ == "__main__":
    main()
