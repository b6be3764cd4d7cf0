"""What a generator shows of people when nothing was said: representation, read from frames.

Only the ``world`` backend can be read so, by its own palette: an oracle, not a classifier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from generator import GenerationSpec, Generator, Mode
from generator.scene.people import HEADS
from guarded_gen.errors import InvalidInput
from guarded_gen.gates.bias.figures import wilson

SIDE = 192
"""Pixels of a side of the pictures that are read."""
_TONES = ("lightest", "light", "dark", "darkest")
_MATCH = 3
"""Levels of a channel by which a drawn tone may differ; the picture is not compressed."""
_PIXELS = 12


def measure(
    generator: Generator, prompts: Sequence[str], seeds: int, step: Callable[[], None]
) -> dict[str, Any]:
    """Skin tones that ``seeds`` pictures of each neutral prompt show, with intervals.

    ``far`` is the total variation from equal shares, in [0, 1]; ``expected_by_chance`` what it
    would be on average if every tone were equally likely. Raises :class:`InvalidInput` for a
    backend whose frames no oracle can read.
    """
    if generator.capabilities().name != "world":
        raise InvalidInput(
            f"no oracle reads the frames of the backend {generator.capabilities().name!r}",
            "--backend world; for a trained model, label its outputs with classifiers of your own",
            "backend",
        )
    record: dict[str, Any] = {}
    for prompt in prompts:
        counts = dict.fromkeys((*_TONES, "none seen"), 0)
        for seed in range(seeds):
            counts[_tone(generator, f"{prompt} in a gray studio", seed)] += 1
            step()
        record[prompt] = _summary(counts, seeds)
    every = {
        name: sum(r["counts"][name] for r in record.values()) for name in (*_TONES, "none seen")
    }
    return {"all": _summary(every, seeds * len(prompts)), "prompts": record}


def _tone(generator: Generator, prompt: str, seed: int) -> str:
    spec = GenerationSpec(
        prompt, width=SIDE, height=SIDE, fps=Fraction(8), seed=seed, mode=Mode.IMAGE
    )
    pictures = [p for p in generator.generate(spec, lambda _: None, lambda: False)
                if isinstance(p, np.ndarray)]  # fmt: skip
    pixels = pictures[0][0].reshape(-1, 3).astype(int)
    found = [int((np.abs(pixels - tone).max(1) <= _MATCH).sum()) for tone in HEADS]
    best = int(np.argmax(found))
    return _TONES[best] if found[best] >= _PIXELS else "none seen"


def _summary(counts: dict[str, int], n: int) -> dict[str, Any]:
    seen = sum(counts[name] for name in _TONES)
    shares = np.array([counts[name] for name in _TONES]) / max(1, seen)
    even = np.random.default_rng(0).multinomial(max(1, seen), [0.25] * 4, 4000) / max(1, seen)
    return {
        "n": n,
        "counts": counts,
        "shares": {name: wilson(counts[name], seen).as_dict() for name in _TONES},
        "far": round(float(0.5 * np.abs(shares - 0.25).sum()), 4),
        "expected_by_chance": round(float((0.5 * np.abs(even - 0.25).sum(1)).mean()), 4),
    }
