"""The measurements: attributes, seams, edits, long rollouts, flicker, time."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from generator.dit import text
from generator.dit.codec import Codec
from generator.dit.data import Clips
from generator.dit.evaluate.oracle import Oracle
from generator.dit.finish import pixels
from generator.dit.model import VideoDiT
from generator.dit.native import FPS, SQUARE, Size
from generator.dit.rollout import WINDOW, Roller
from generator.dit.sample import SamplingPlan
from generator.world.caption import Caption, Thing, draw
from generator.world.vocabulary import MOTIONS, PLACES

Pixels = NDArray[np.uint8]
Draw = Callable[[Caption, int], Pixels]
Frames = Iterator[torch.Tensor]

SCENE = ("place", "light", "camera")
THING = ("color", "shape", "motion")


@dataclass(slots=True)
class Tally:
    """Hits and tries by attribute; ``confused`` counts (attribute, wanted, seen)."""

    hits: dict[str, int] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    confused: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, name: str, wanted: str, seen: str) -> None:
        self.tries[name] = self.tries.get(name, 0) + 1
        self.hits[name] = self.hits.get(name, 0) + (wanted == seen)
        if wanted != seen:
            key = (name, wanted, seen)
            self.confused[key] = self.confused.get(key, 0) + 1

    def share(self, name: str) -> float:
        return self.hits.get(name, 0) / max(1, self.tries.get(name, 0))

    def shares(self) -> dict[str, float]:
        return {name: self.share(name) for name in self.tries}


def unseen(count: int, seed: int, two: float = 0.15, pan: float = 0.15) -> list[Caption]:
    """Captions drawn from a seed that training does not use."""
    rng = random.Random(f"evaluate {seed}")
    return [draw(rng, two, pan) for _ in range(count)]


def judge(tally: Tally, oracle: Oracle, caption: Caption, clip: Pixels) -> None:
    """Add what the oracle sees of one clip. A thing that is not found by its colour counts as
    wrong in colour, shape and motion."""
    report = oracle.read(clip)
    for name in SCENE:
        tally.add(name, getattr(caption, name), getattr(report, name))
    for thing in caption.things:
        found = next((seen for seen in report.things if seen.color == thing.color), None)
        for name in THING:
            tally.add(name, getattr(thing, name), getattr(found, name) if found else "nothing")


@dataclass(slots=True)
class Bench:
    """A model under measurement. All numbers are at a native size and the native rate."""

    model: VideoDiT
    codec: Codec
    plan: SamplingPlan
    size: Size = SQUARE
    oracle: Oracle = field(init=False)
    world: Clips = field(init=False)

    def __post_init__(self) -> None:
        self.oracle = Oracle(self.size)
        self.world = Clips(*self.size)

    def roller(self, caption: Caption, seed: int) -> Roller:
        return Roller(
            self.model,
            self.codec,
            text.encode(caption),
            self.plan,
            torch.Generator().manual_seed(seed),
            lambda window: _quiet,
            self.size,
        )

    def draw(self, caption: Caption, seed: int) -> Pixels:
        """One window by the model: ``uint8 [17, h, w, 3]``."""
        frames = self.roller(caption, seed).forward()
        return pixels(torch.stack([next(frames) for _ in range(WINDOW)]))

    def render(self, caption: Caption, seed: int) -> Pixels:
        """The same by the renderer."""
        return self.world.render(caption, seed).numpy()

    def through_codec(self, caption: Caption, seed: int) -> Pixels:
        """A true render after the codec: the best that any model over it can do."""
        clip = self.world.render(caption, seed)
        return pixels(self.codec.decode(self.codec.encode(clip[None]))[0])

    def attributes(self, captions: list[Caption], by: Draw) -> Tally:
        tally = Tally()
        for index, caption in enumerate(captions):
            judge(tally, self.oracle, caption, by(caption, 10_000 + index))
        return tally

    def seams(self, captions: list[Caption]) -> float:
        """Median over clips of (step across the seam / median step of the extension), where a
        step is the mean absolute difference of two frames."""
        ratios = []
        for index, caption in enumerate(captions):
            clip = _signed(self.world.render(caption, index))
            frames = self.roller(caption, index).forward(history=clip)
            ahead = torch.stack([clip[-1], *(next(frames) for _ in range(16))])
            steps = (ahead[1:] - ahead[:-1]).abs().mean((1, 2, 3))
            ratios.append(float(steps[0] / steps.median().clamp(min=1e-6)))
        return statistics.median(ratios)

    def given_frame(self, captions: list[Caption]) -> float:
        """Median PSNR (dB) of the first frame as the codec gives it back, against the given
        one. The backend itself hands the given frame out unchanged."""
        values = []
        for index, caption in enumerate(captions):
            clip = self.world.render(caption, index)[:1]
            back = pixels(self.codec.decode(self.codec.encode(clip[None]))[0])
            error = np.square(back.astype(float) - clip.numpy()).mean()
            values.append(10 * np.log10(255**2 / error))
        return statistics.median(values)

    def edits(self, captions: list[Caption], strength: float) -> dict[str, float]:
        """Shares of edits to another place that show it, and that keep the thing's colour and
        shape."""
        tally = Tally()
        for index, caption in enumerate(captions):
            place = PLACES[(PLACES.index(caption.place) + 1 + index % 7) % len(PLACES)]
            other = caption.at(place)
            clip = _signed(self.world.render(caption, index))
            frames = list(self.roller(other, index).edit(clip, strength))
            judge(tally, self.oracle, other, pixels(torch.stack(frames)))
        return {name: tally.share(name) for name in ("place", *THING)}

    def rollout(self, captions: list[Caption], seconds: float) -> dict[str, float]:
        """Shares of two-second windows of long rollouts that show what was asked.

        Windows in which straight motion wraps around are judged like any other.
        """
        return self._windows(captions, seconds, self._endless)

    def rollout_ceiling(self, captions: list[Caption], seconds: float) -> dict[str, float]:
        """The same for true renders after the codec: what the oracle itself misreads in windows
        in which things leave the picture and come back."""
        return self._windows(captions, seconds, self._rendered)

    def _windows(
        self, captions: list[Caption], seconds: float, by: Callable[[Caption, int], Frames]
    ) -> dict[str, float]:
        tally = Tally()
        count = int(seconds * FPS) // WINDOW
        for index, caption in enumerate(captions):
            frames = by(caption, index)
            for _ in range(count):
                window = torch.stack([next(frames) for _ in range(WINDOW)])
                judge(tally, self.oracle, caption, pixels(window))
        return tally.shares()

    def _endless(self, caption: Caption, seed: int) -> Frames:
        return self.roller(caption, seed).forward()

    def _rendered(self, caption: Caption, seed: int) -> Frames:
        start = 0.0
        while True:
            clip = self.world.render(caption, seed, start)
            yield from self.codec.decode(self.codec.encode(clip[None]))[0]
            start += WINDOW / FPS

    def flicker(self, by: Draw, count: int = 20) -> float:
        """VBench temporal flickering on static captions: 1 - mean absolute difference of
        neighbouring frames / 255 (Huang et al. 2024, section 4), averaged over clips."""
        rng = random.Random(5)
        scores = []
        for index in range(count):
            caption = draw(rng, 0, 0)
            thing = Thing(caption.things[0].color, caption.things[0].shape, "still", "medium")
            clip = by(Caption((thing,), caption.place, caption.light), index).astype(float)
            scores.append(1 - np.abs(np.diff(clip, axis=0)).mean() / 255)
        return statistics.mean(scores)

    def seconds_per_window(self, steps: int, repeats: int = 5) -> float:
        """Median seconds for one two-second window in ``steps`` steps, decoding included."""
        caption = unseen(1, 3)[0]
        spent = []
        keep, self.plan = self.plan, replace(self.plan, steps=steps)
        for index in range(repeats):
            began = time.perf_counter()
            self.draw(caption, index)
            spent.append(time.perf_counter() - began)
        self.plan = keep
        return statistics.median(spent)


def simple(count: int, seed: int) -> list[Caption]:
    """One big thing, static camera: for the modes, where the oracle must not be the limit."""
    rng = random.Random(seed)
    made: list[Caption] = []
    for caption in _endless(rng):
        thing = caption.things[0]
        motion = MOTIONS[len(made) % len(MOTIONS)]
        made.append(Caption((Thing(thing.color, thing.shape, motion, "big"),), caption.place))
        if len(made) == count:
            return made
    return made


def _endless(rng: random.Random) -> Iterator[Caption]:
    while True:
        yield draw(rng, 0, 0)


def _quiet(done: int, total: int, latents: torch.Tensor) -> None:
    """Nobody watches a measurement."""


def _signed(clip: torch.Tensor) -> torch.Tensor:
    return clip.float() / 127.5 - 1
