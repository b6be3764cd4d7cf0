"""Sounds of hash banks, measured: what is found again, and what is taken for another.

``python -m benchmarks.sound`` prints a table; nothing here is a test.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from classifiers.frame.banks import Bank, BankInfo, Item, ItemKind, Library
from classifiers.sound import KnownSoundCheck
from media.soundprint import RATE, REGISTERED_EVERY, Samples, prints
from tests.classifiers.sound.tracks import RATE as MADE
from tests.classifiers.sound.tracks import Track, faster, made, written


def coded(track: Track) -> Samples:
    """AAC of 64 kbit/s and back, ``float32 [N, 1]`` of :data:`RATE`."""
    buffer = io.BytesIO()
    written(buffer, track)
    buffer.seek(0)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(buffer) as box:
        parts = [p for frame in box.decode(audio=0) for p in resampler.resample(frame)]
    return np.concatenate([p.to_ndarray().reshape(-1, 1) for p in parts])


def noisy(track: Track) -> Track:
    noise = np.random.default_rng(0).normal(size=len(track)).astype(np.float32)
    return track + 0.1 * track.std() * noise


CHANGES: dict[str, Callable[[Track], Track]] = {
    "AAC 64 kbit/s": lambda track: track,
    "cut at 1.43 s": lambda track: track[round(1.43 * MADE) :],
    "4 s of it": lambda track: track[round(2.21 * MADE) : round(6.21 * MADE)],
    "1 % faster": lambda track: faster(track, 1.01),
    "1 % slower": lambda track: faster(track, 0.99),
    "2 % faster": lambda track: faster(track, 1.02),
    "12 dB quieter": lambda track: track / 4,
    "noise at -20 dB": noisy,
}
"""All are coded as AAC of 64 kbit/s in the end."""


@dataclass(frozen=True, slots=True)
class Made:
    """The sounds as a source of one bank."""

    items: tuple[Item, ...]

    def version(self) -> str:
        return "1"

    def load(self) -> list[Bank]:
        return [Bank(BankInfo(name="bench"), self.items)]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the check takes of a file: its sound."""

    samples: Samples

    def sound(self, track: object, rate: int) -> Iterator[Samples]:
        yield self.samples


def item(number: int) -> Item:
    kept = list(prints([coded(made(number))], REGISTERED_EVERY))
    windows = np.array([round(p.at / REGISTERED_EVERY) for p in kept], np.int32)
    return Item(str(number), np.stack([p.bits for p in kept]), windows, ItemKind.SOUND)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=50)
    count = parser.parse_args().count
    check = KnownSoundCheck(
        Library([Made(tuple(item(number) for number in range(count)))], ItemKind.SOUND)
    )
    print(f"{count} sounds of 8 s, babble and music; {count * (count - 1):,} wrong pairs each\n")
    for name, change in CHANGES.items():
        right = wrong = 0
        cost = 0.0
        for number in range(count):
            source: Any = Heard(coded(change(made(number))))
            begin = time.process_time()
            told = check.listen(source, source).signals[0]
            cost += (time.process_time() - begin) / (len(source.samples) / RATE)
            full = {m["item"] for m in told.detail.get("matches", ()) if m["score"] == 1.0}
            right += str(number) in full
            wrong += len(full - {str(number)})
        print(
            f"{name:<18} recall {right / count:.3f}   false matches {wrong}   "
            f"{1000 * cost / count:.1f} ms of processor time a second",
            flush=True,
        )


if __name__ == "__main__":
    main()
