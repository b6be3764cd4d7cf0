"""Sampling: from noise to latents by the rectified-flow equation, with groups held fixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from generator.dit import text
from generator.dit.model import VideoDiT

OnLatents = Callable[[int, int, Tensor], None]
"""Called after each step with (steps done, steps in all, predicted clean latents)."""


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How to sample. ``shift`` above 1 spends more steps near noise, where the layout forms;
    guidance acts only below the level ``guide_until``.

    ``emphasis`` guides by contrast: besides "this caption rather than none" also "this shape
    rather than the average shape", which small models say too quietly. It acts from the level
    ``emphasis_from`` on, when the layout stands, and costs as many more predictions a step as
    other shapes are ``compared``: all five, or a random choice of fewer.
    """

    steps: int = 12
    guidance: float = 2.5
    shift: float = 2.0
    guide_until: float = 0.9
    emphasis: float = 0.0
    emphasis_from: float = 0.3
    compared: int = len(text.SLOTS[text.SHAPE_SLOTS[0]]) - 1

    def levels(self, start: float = 0.0) -> list[float]:
        """``steps + 1`` rising noise levels from ``start`` to 1."""
        s = torch.linspace(1, 0, self.steps + 1)
        s = self.shift * s / (1 + (self.shift - 1) * s)
        return (1 - s * (1 - start)).tolist()


@dataclass(frozen=True, slots=True)
class Given:
    """Groups that are known: ``groups`` ``bool [G]``, ``latents`` clean, shaped like the noise.

    ``trust``: the level at which they are shown to the model; below 1 a little noise hides the
    small errors of groups that a model drew, so that they do not grow from window to window.
    """

    groups: Tensor
    latents: Tensor
    trust: float = 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """Clean latents to begin from, at a level in [0, 1)."""

    latents: Tensor
    level: float


@torch.inference_mode()
def sample(
    model: VideoDiT,
    words: Tensor,
    noise: Tensor,
    plan: SamplingPlan,
    given: Given | None = None,
    source: Source | None = None,
    on_step: OnLatents | None = None,
) -> Tensor:
    """Latents ``[B, G, h, w, C]`` for the captions ``words [B, S]``.

    ``noise``: standard normal ``[B, G, h, w, C]``; the result depends on nothing else by chance.
    ``given``: groups that are known already; ``source``: what to begin from (editing).
    """
    b, g = noise.shape[:2]
    z, start = noise, 0.0
    if source is not None:
        start = source.level
        z = start * source.latents + (1 - start) * noise
    times = plan.levels(start)
    guess = z
    shown = None if given is None else given.trust * given.latents + (1 - given.trust) * noise
    for index, (now, after) in enumerate(pairwise(times)):
        level = torch.full((b, g), now)
        if given is not None and shown is not None:
            level[:, given.groups] = given.trust
            z = torch.where(given.groups[None, :, None, None, None], shown, z)
        guess = guided(model, z, level, words, plan, now)
        if on_step is not None:
            on_step(index + 1, plan.steps, guess)
        z = z + (after - now) / max(1e-3, 1 - now) * (guess - z)
    if given is not None:
        guess = torch.where(given.groups[None, :, None, None, None], given.latents, guess)
    return guess


def guided(
    model: VideoDiT,
    z: Tensor,
    level: Tensor,
    words: Tensor,
    plan: SamplingPlan,
    now: float,
    start: int = 0,
) -> Tensor:
    """The clean latents ``[B, G, h, w, C]`` as the plan's guidance predicts them from ``z``.

    ``level``: t of each group ``[B, G]``; ``now``: that of the groups that are being sampled,
    which decides what guidance acts; ``start``: index of the first group in a full window.
    """
    said = guess = None
    if plan.guidance != 1 and now < plan.guide_until:
        nothing = text.unsaid(words)
        both = model(
            torch.cat([z, z]), torch.cat([level, level]), torch.cat([words, nothing]), start
        )
        said, unsaid = both.chunk(2)
        guess = unsaid + plan.guidance * (said - unsaid)
    if said is None or guess is None:
        said = guess = model(z, level, words, start)
    if plan.emphasis and plan.emphasis_from <= now < plan.guide_until:
        guess = guess + plan.emphasis * _contrast(model, z, level, words, start, said, plan)
    return guess


def _contrast(
    model: VideoDiT,
    z: Tensor,
    level: Tensor,
    words: Tensor,
    start: int,
    said: Tensor,
    plan: SamplingPlan,
) -> Tensor:
    """The prediction ``said`` for ``words`` less the mean over all shapes of the things they
    name, or an estimate of that mean from some of the shapes."""
    count = len(text.SLOTS[text.SHAPE_SLOTS[0]])
    steps = list(range(1, count))
    if plan.compared < len(steps):
        steps = [steps[k] for k in torch.randperm(len(steps))[: plan.compared].tolist()]
    variants = []
    for step in steps:
        other = words.clone()
        for slot in text.SHAPE_SLOTS:
            named = other[:, slot] > text.ABSENT
            turned = (other[:, slot] - 2 + step) % count + 2
            other[:, slot] = torch.where(named, turned, other[:, slot])
        variants.append(other)
    n = len(words)
    rest = (len(steps), *([1] * (z.ndim - 1)))
    answers = model(z.repeat(rest), level.repeat(len(steps), 1), torch.cat(variants), start)
    others = answers.view(len(steps), n, *answers.shape[1:]).mean(0)
    return (count - 1) / count * (said - others)
