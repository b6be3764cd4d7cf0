"""Distil the model to few steps: ``python -m generator.dit.distill --weights FILE --data FOLDER
--out FOLDER [--steps 4] [--seconds S]``.

Progressive distillation (Salimans & Ho 2022) together with the guidance (Meng et al. 2023): over
each interval of its own schedule the student's one unguided step is taught to land where the
teacher lands in two guided steps. All tasks of the training stay in it: whole windows, stills,
given groups, and sampling that begins at a noised source, as edits do.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field
from rich.progress import Progress
from torch import Tensor

from generator.dit import optim
from generator.dit.backend import load_model
from generator.dit.model import VideoDiT
from generator.dit.sample import SamplingPlan, guided
from generator.dit.train import Pool, TrainConfig, TrainingBatch, export, given_groups


class DistillConfig(BaseModel):
    """What a distillation depends on; written beside its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    steps: int = Field(4, description="steps of the student's schedule")
    guidance: float = Field(2.0, description="the teacher's")
    emphasis: float = Field(2.0, description="the teacher's")
    updates: int = 20_000
    batch: int = 16
    single_batch: int = 64
    single: float = Field(0.2, description="share of single groups")
    edits: float = Field(0.3, description="share of batches that begin at a noised source")
    lr: float = 6e-4
    warmup: int = 20
    floor: float = Field(0.25, description="least 1 - t in the weight of the loss")
    focus: float = Field(3.0, description="most weight of a token that is unlike its place")
    average: float = Field(0.98, description="decay of the averaged weights")
    bfloat16: bool = False
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Noised:
    """Latents ``z`` on their way, with the level ``[B, G]`` of each group.

    ``given``: ``bool [B, G]``, groups that stay; ``start``: the first group's place in a window.
    """

    z: Tensor
    level: Tensor
    given: Tensor
    start: int = 0


def teach(
    teacher: VideoDiT, noised: Noised, words: Tensor, times: list[float], plan: SamplingPlan
) -> Tensor:
    """The clean latents that a student must predict at ``times[0]``, so that one step of its
    own lands at ``times[-1]`` where the teacher's steps through ``times`` land.
    """
    z, level, given = noised.z, noised.level, noised.given
    held = given[:, :, None, None, None]
    at = z
    for now, after in pairwise(times):
        here = torch.where(given, level, torch.full_like(level, now))
        guess = guided(teacher, at, here, words, plan, now, noised.start)
        moved = at + (after - now) / max(1e-3, 1 - now) * (guess - at)
        at = torch.where(held, z, moved)
    return z + (1 - times[0]) / (times[-1] - times[0]) * (at - z)


def loss_of(
    student: VideoDiT,
    teacher: VideoDiT,
    batch: TrainingBatch,
    config: DistillConfig,
    rng: torch.Generator,
) -> Tensor:
    """The loss of one batch over one random interval of the student's schedule."""
    latents, words, late, start, busy = batch
    b, g = latents.shape[:2]
    begin = 0.0
    if float(torch.rand(1, generator=rng)) < config.edits:
        begin = 0.5 * float(torch.rand(1, generator=rng))
    plan = SamplingPlan(2 * config.steps, config.guidance, emphasis=config.emphasis, compared=2)
    times = plan.levels(begin)
    at = 2 * int(torch.randint(config.steps, (1,), generator=rng))
    given = torch.zeros(b, g, dtype=torch.bool)
    if g > 1:
        given = given_groups(late, TrainConfig(), rng)
    # Half of the given groups keep a little noise, as in training.
    trust = 0.9 + 0.1 * torch.rand(b, 1, generator=rng)
    trust = torch.where(torch.rand(b, 1, generator=rng) < 0.5, 1.0, trust)
    level = torch.where(given, trust, times[at])
    noise = torch.randn(latents.shape, generator=rng)
    wide = level[:, :, None, None, None]
    z = wide * latents + (1 - wide) * noise
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
        with torch.no_grad():
            target = teach(teacher, Noised(z, level, given, start), words, times[at : at + 3], plan)
        guess = student(z, level, words, start)
    focus = (0.4 + busy).clamp(max=config.focus)
    error = ((guess - target).square().mean(-1) * focus).mean((2, 3))
    error = error / max(config.floor, 1 - times[at]) ** 2
    weight = (~given).float()
    return (error * weight).sum() / weight.sum()


def distil(
    config: DistillConfig,
    weights: Path,
    data: Path,
    out: Path,
    seconds: float | None = None,
) -> None:
    """Run for ``config.updates``, or for ``seconds`` by the clock; the rate falls to nothing
    over the second half.

    Writes ``dit.safetensors`` (averaged weights) and ``loss.jsonl`` to ``out``.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    teacher = load_model(weights)
    student = copy.deepcopy(teacher).train().requires_grad_(True)
    average = copy.deepcopy(teacher)
    pool = Pool(data)
    within = torch.bfloat16 if config.bfloat16 else torch.float32
    optimizers = optim.build(student, config.lr, within)
    rng = torch.Generator().manual_seed(config.seed)
    began, update, losses = time.monotonic(), 0, []

    def past() -> float:
        clock = (time.monotonic() - began) / seconds if seconds else 0.0
        return max(clock, update / config.updates)

    with (out / "loss.jsonl").open("a") as log, Progress() as progress:
        task = progress.add_task("distilling", total=1.0)
        while past() < 1:
            single = float(torch.rand(1, generator=rng)) < config.single
            batch = pool.batch(config.single_batch if single else config.batch, single, rng)
            loss = loss_of(student, teacher, batch, config, rng)
            rate = config.lr * min(1.0, (update + 1) / config.warmup, max(0.02, 2 * (1 - past())))
            optim.update(optimizers, student, loss, rate)
            update += 1
            optim.follow(average, student, min(config.average, (1 + update) / (10 + update)))
            losses.append(loss.item())
            progress.update(task, completed=past())
            if len(losses) == 25 or past() >= 1:
                spent = round(time.monotonic() - began, 1)
                line = {"update": update, "seconds": spent, "loss": sum(losses) / len(losses)}
                log.write(json.dumps(line) + "\n")
                log.flush()
                losses.clear()
                notes = {"distilled": config.model_dump_json(), "updates": str(update)}
                export(average, out / "dit.safetensors", notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="the teacher's safetensors")
    parser.add_argument("--data", type=Path, required=True, help="folder of shards")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, default=4, help="steps of the student")
    parser.add_argument("--guidance", type=float, default=2.0, help="the teacher's")
    parser.add_argument("--emphasis", type=float, default=2.0, help="the teacher's")
    parser.add_argument("--seconds", type=float, help="time for the run, by the clock")
    parser.add_argument("--bfloat16", action="store_true", help="where the processor can")
    args = parser.parse_args()
    config = DistillConfig(
        steps=args.steps,
        guidance=args.guidance,
        emphasis=args.emphasis,
        bfloat16=args.bfloat16,
    )
    distil(config, args.weights, args.data, args.out, args.seconds)


if __name__ == "__main__":
    main()
