"""The output gate, measured: speed, memory, flash rules, hash banks, aggregation.

``python -m benchmarks.frames`` prints tables; nothing here is a test. Medians are quoted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from PIL import Image

from classifiers.aggregation import AggregationSettings, ClipScore
from classifiers.base import FrameCheck, StreamInfo
from classifiers.frame import (
    FlashCheck,
    FrameGate,
    IntegrityCheck,
    StripesCheck,
    default_checks,
    scan,
)
from classifiers.frame.banks import (
    Bank,
    BankInfo,
    FolderSource,
    Item,
    ItemKind,
    LibraryPart,
    LibraryView,
    item_of,
)
from classifiers.frame.hamming import PdqIndex
from classifiers.frame.register import register
from classifiers.packages import missing, pull
from classifiers.prompt import default as default_prompt_classifier
from classifiers.registry import WeightsRegistry
from media.clip import Frames, Pixels
from media.encode import Encoder
from media.hashing import pdq, to_hex, variants, views
from media.keypoints import KEPT, keypoints
from tests.media.pictures import picture

FPS = 24


def scene(index: int, height: int = 720, width: int = 1280) -> Pixels:
    """A panning textured picture; a new one every two seconds. ``uint8 [H, W, 3]``."""
    rng = np.random.default_rng(index // (2 * FPS))
    coarse = rng.integers(30, 226, (height // 40 + 1, width // 40 + 16, 3), dtype=np.uint8)
    wide = np.kron(coarse, np.ones((40, 40, 1), np.uint8))
    shift = 3 * (index % (2 * FPS))
    return wide[:height, shift : shift + width]


def worded(index: int) -> Pixels:
    """The scene with two lines of words that change with it."""
    made = np.ascontiguousarray(scene(index))
    for line, foot in (
        (f"SCENE {index // (2 * FPS)} OF A LONG FILM", 200),
        ("subtitle of it", 660),
    ):
        cv2.putText(made, line, (160, foot), 0, 1.6, (255, 255, 255), 3, cv2.LINE_AA)
    return made


def film(path: Path, seconds: int) -> None:
    with Encoder(path, 1280, 720, Fraction(FPS)) as encoder:
        for k in range(seconds * FPS):
            encoder.write(worded(k)[None])


def registry_with_models() -> WeightsRegistry:
    registry = WeightsRegistry(Path(tempfile.gettempdir()) / "guarded-gen-bench" / "weights")
    for name in missing(registry):
        pull(registry, name)
    return registry


@dataclass(frozen=True, slots=True)
class Listed:
    """Pictures of an operator's own, with views and keypoints; none of them is in the film."""

    banks: tuple[Bank, ...]

    @classmethod
    def of(cls, folder: Path, count: int = 10) -> Listed:
        items = []
        for seed in range(count):
            file = folder / f"{seed}.png"
            Image.fromarray(picture(seed)).save(file)
            items += register(file)
        return cls((Bank(BankInfo(name="own-list"), tuple(items)),))

    def version(self) -> str:
        return "1"

    def load(self) -> list[Bank]:
        return list(self.banks)


def everything(folder: Path) -> tuple[FrameCheck, ...]:
    """Every check that ships, with words judged, and banks of hashes and of keypoints."""
    registry = registry_with_models()
    readers = (default_prompt_classifier(registry),)
    sources = (bank(folder), Listed.of(folder))
    return default_checks(registry, None, sources, readers=lambda: readers)


def bank(folder: Path, count: int = 2_000) -> FolderSource:
    rng = np.random.default_rng(0)
    lines = [f"pdq {to_hex(rng.integers(0, 256, 32, dtype=np.uint8))}" for _ in range(count)]
    lines.append(f"pdq {to_hex(pdq(scene(10_000 * FPS))[0])}")
    (folder / "bench.txt").write_text("\n".join(lines) + "\n")
    return FolderSource(folder)


def speed(seconds: int) -> None:
    print(f"\n## Speed: {seconds} s of 720p at {FPS} fps, file to report\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film(folder / "a.mp4", seconds)
        checks = everything(folder)
        scan(folder / "a.mp4", checks, seed=1)  # loads the models
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        runs = []
        for _ in range(3):
            start, cpu = time.perf_counter(), time.process_time()
            report = scan(folder / "a.mp4", checks, seed=1).report
            runs.append((time.perf_counter() - start, time.process_time() - cpu))
        wall, cpu = median(r[0] for r in runs), median(r[1] for r in runs)
        print(f"whole default gate: {seconds / wall:.1f} x real time (wall), {wall:.2f} s")
        print(f"CPU time: {cpu:.2f} s, {1000 * cpu / (seconds * FPS):.1f} ms a frame,", end=" ")
        print(f"{2 * seconds / cpu:.1f} x real time on two cores of its own")
        for check, told in report.coverage["checks"].items():
            cost = 1000 * told["seconds"] / (seconds * FPS)
            print(
                f"  {check:<12} {told['status']:<8} {told['scored']:>5} frames {cost:7.2f} ms/frame"
            )
        print(
            f"  scenes {report.coverage['scene_count']}, gap {report.coverage['largest_gap_ms']} ms"
        )


def flash_cost() -> None:
    print("\n## Flash check alone, for each 720p frame\n")
    pixels = np.stack([scene(k) for k in range(8)])
    checks = (FlashCheck(), StripesCheck(), IntegrityCheck())
    for name, check in ((check.name, check) for check in checks):
        tap = check.open(StreamInfo(1280, 720, FPS))
        times = []
        for k in range(12):
            frames = Frames(pixels, (np.arange(8) + 8 * k) / FPS, 8 * k)
            start = time.thread_time()
            tap.push(frames)
            times.append((time.thread_time() - start) / 8)
        print(f"{name}: {1000 * median(times):.2f} ms of processor time with the shared shrinking")


def memory(seconds: int) -> None:
    """One run in a fresh process; called by :func:`memories`."""
    with tempfile.TemporaryDirectory() as name:
        gate = FrameGate(everything(Path(name)), StreamInfo(1280, 720, FPS))
        for k in range(0, seconds * FPS, 8):
            # Frames of the same few scenes: making them must not be what is measured.
            pixels = np.stack([worded((k + j) % (8 * FPS)) for j in range(8)])
            gate.push(Frames(pixels, (np.arange(8) + k) / FPS, k))
    size = len(json.dumps(gate.close().coverage))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds} s: peak {peak:.0f} MB, coverage record {size} bytes")


def memories(lengths: tuple[int, ...]) -> None:
    print("\n## Peak memory against length, 720p\n", flush=True)
    for seconds in lengths:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.frames", "--memory", str(seconds)], check=True
        )


def index(count: int) -> None:
    print(f"\n## Hash banks: {count:,} hashes\n")
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    start = time.perf_counter()
    built = PdqIndex(hashes)
    print(f"built in {time.perf_counter() - start:.1f} s")
    found, times = 0, []
    for _ in range(300):
        wanted = np.unpackbits(hashes[rng.integers(count)])
        wanted[rng.choice(256, 31, replace=False)] ^= 1
        start = time.thread_time()
        found += len(built.query(np.packbits(wanted))) > 0
        times.append(time.thread_time() - start)
    at = np.quantile(times, [0.5, 0.99]) * 1000
    print(f"query p50 {at[0]:.2f} ms, p99 {at[1]:.2f} ms; {found} of 300 found at distance 31")


def changes() -> dict[str, Callable[[Pixels], Pixels]]:
    """What is done to pictures on their way around, one or two things at a time."""

    def crop(share: float) -> Callable[[Pixels], Pixels]:
        def cut(p: Pixels) -> Pixels:
            y, x = (round(side * share / 2) for side in p.shape[:2])
            return p[y : p.shape[0] - y, x : p.shape[1] - x]

        return cut

    def letterbox(p: Pixels) -> Pixels:
        return np.pad(p, ((p.shape[0] // 6,) * 2, (0, 0), (0, 0)))

    def flip(p: Pixels) -> Pixels:
        return p[:, ::-1]

    def off_centre(p: Pixels) -> Pixels:
        """A window of 82 to 95 % of each side at any place, drawn from the picture itself."""
        rng = np.random.default_rng(int(p.sum(dtype=np.int64)))
        share = rng.uniform(0.82, 0.95)
        y, x = (round(rng.uniform(0, 1 - share) * side) for side in p.shape[:2])
        return p[y : y + round(share * p.shape[0]), x : x + round(share * p.shape[1])]

    def corner(p: Pixels) -> Pixels:
        return p[round(0.12 * p.shape[0]) :, round(0.12 * p.shape[1]) :]

    def turn(degrees: float) -> Callable[[Pixels], Pixels]:
        def turned(p: Pixels) -> Pixels:
            height, width = p.shape[:2]
            how = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
            return np.asarray(cv2.warpAffine(p, how, (width, height)), np.uint8)

        return turned

    def caption(p: Pixels) -> Pixels:
        height, width = p.shape[:2]
        bar = np.full((height // 5, width, 3), 255, np.uint8)
        place, size = (width // 20, height // 7), height / 300
        cv2.putText(bar, "WHEN YOU SEE IT", place, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 2)
        return np.concatenate([bar, p])

    def filled(p: Pixels) -> Pixels:
        """Upright 9:16 over an enlarged, blurred copy of itself, as clip editors make it."""
        height, width = p.shape[:2]
        tall = round(width * 16 / 9)
        left = (round(width * tall / height) - width) // 2
        behind = cv2.resize(p, (width + 2 * left, tall))[:, left : left + width]
        out = cv2.GaussianBlur(behind, (0, 0), width / 25)
        top = (tall - height) // 2
        out[top : top + height] = p
        return np.asarray(out, np.uint8)

    shares = (0.03, 0.05, 0.08, 0.1, 0.15, 0.3)
    found = {f"crop {share:.0%}": crop(share) for share in shares}
    return found | {
        "corner crop 12%": corner,
        "off-centre 5-18%": off_centre,
        "turned 3 degrees": turn(3),
        "caption bar": caption,
        "blurred fill 9:16": filled,
        "flip": flip,
        "letterbox": letterbox,
        "crop 5%, flip": lambda p: flip(crop(0.05)(p)),
        "letterbox, flip": lambda p: flip(letterbox(p)),
    }


def recall(count: int = 100) -> None:
    """Registered pictures against their changed copies, and against all the others."""
    pairs = count * (count - 1)
    print(f"\n## Hash banks: {count} pictures, {pairs:,} wrong pairs for each change\n")
    pictures = [picture(seed) for seed in range(count)]
    items = [
        item_of(str(k), [(n, *pdq(part)) for n, part in enumerate(views(p).values())])
        for k, p in enumerate(pictures)
    ]
    items += [
        Item(str(k), one.codes, np.zeros(len(one), np.int32), ItemKind.KEYPOINTS, one.places)
        for k, one in enumerate(keypoints(p, KEPT) for p in pictures)
    ]
    view = LibraryView([LibraryPart([Bank(BankInfo(name="bench"), tuple(items))])])
    for name, change in changes().items():
        right = wrong = 0
        for k, p in enumerate(pictures):
            copy = np.ascontiguousarray(change(p))
            hashes, _ = variants(copy)
            seen = [keypoints(copy), keypoints(copy[:, ::-1])]
            # Entries are pictures by their hashes, then the same by their keypoints.
            matched = {e % count for e in (*view.look_up(hashes), *view.resembling(seen))}
            right += k in matched
            wrong += len(matched - {k})
        told = f"{name:<18} recall {right / count:.3f}   false matches {wrong} of {pairs:,}"
        print(told, flush=True)


def aggregation() -> None:
    """Synthetic score streams: noise with odd frames, and clips with a short bad stretch."""
    print("\n## Aggregation on synthetic score streams (60 s at 4 fps, 2,000 clips of each)\n")
    rng = np.random.default_rng(0)
    rules = AggregationSettings()
    block, review = 0.8, 0.55
    counts: dict[str, list[int]] = {}
    for kind in ("clean", "odd frame", "bad 0.5 s", "bad 1 s", "bad 3 s"):
        for _ in range(2_000):
            scores = rng.beta(1.2, 12, 240)
            if kind == "odd frame":
                scores[rng.integers(240)] = rng.uniform(0.8, 1)
            elif kind.startswith("bad"):
                length = int(float(kind.split()[1]) * 4)
                at = rng.integers(240 - length)
                scores[at : at + length] = np.clip(rng.normal(0.9, 0.06, length), 0, 1)
            told = {}
            for name, category in (("top 3", "violence"), ("severe", "sexual")):
                clip = ClipScore(category, rules)
                for k, score in enumerate(scores):
                    clip.add(k / 4, float(score))
                told[name] = clip.score
            told["max"] = float(scores.max())
            told["mean"] = float(scores.mean())
            for name, score in told.items():
                row = counts.setdefault(f"{kind}|{name}", [0, 0])
                row[0] += score >= block
                row[1] += review <= score < block
    print(f"{'clip':<12}{'rule':<8}{'blocked':>9}{'reviewed':>10}")
    for key, (blocked, reviewed) in counts.items():
        kind, name = key.split("|")
        print(f"{kind:<12}{name:<8}{blocked / 20:>8.1f}%{reviewed / 20:>9.1f}%")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", type=int)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--cost", action="store_true", help="speed and memory alone")
    parser.add_argument("--recall", action="store_true", help="changed pictures alone")
    parser.add_argument("--long", action="store_true", help="10 minutes for the memory table")
    given = parser.parse_args()
    if given.memory:
        memory(given.memory)
        return
    if given.cost:
        speed(given.seconds)
        memories((5, 30))
        return
    if given.recall:
        recall()
        return
    flash_cost()
    speed(given.seconds)
    index(1_000_000)
    recall()
    aggregation()
    memories((10, 600) if given.long else (5, 30))


if __name__ == "__main__":
    main()
