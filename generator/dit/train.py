"""Train the model: ``python -m generator.dit.train --config FILE --codec FILE --data FOLDER
--out FOLDER [--seconds S]``.

Every clip of a batch is one of four tasks: all groups at one noise level (text to video), a
level for each group (diffusion forcing), some groups given clean (continue, precede, connect,
animate), or one group alone, which costs a fifth and teaches shapes, colours and where things
are at which time (the first group alone is a still). Clips that do not start at their beginning
are continued, or seen through noise that does not hide their layout, as in an edit; so text
alone always means a beginning.

The state (weights, averaged weights, optimizers, step) is written atomically to the folder, and
a run that finds one goes on from there. With ``--seconds`` the learning rate falls over the last
part of that time, whatever the number of steps reached by then.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save_file
from torch import Tensor

from generator.dit import optim, text
from generator.dit.cache import Shard
from generator.dit.codec import Codec
from generator.dit.model import Shape, VideoDiT
from generator.dit.native import GROUPS

_JOINT = 96
"""Directions of the difference between two groups' neighbouring frames that are watched."""


class TrainConfig(BaseModel):
    """What a run depends on; written beside its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    width: int = Field(128, description="channels of the model")
    heads: int = 4
    layers: int = 6
    steps: int = Field(20_000, description="steps in all")
    warmup: int = 60
    decay: float = Field(0.25, description="share of the steps at the end over which lr falls")
    lr: float = 2e-3
    batch: int = 32
    single_batch: int = 160
    single_first: int = Field(300, description="steps at the start that are mostly single groups")
    single: float = Field(0.25, description="share of single groups afterwards")
    unconditional: float = Field(0.10, description="share of clips whose things are not said")
    given: float = Field(0.20, description="share of clips with clean groups")
    independent: float = Field(0.10, description="share with a noise level for each group")
    veiled: float = Field(0.2, description="share of late clips under noise, not continued")
    blank: float = Field(0.12, description="share at pure noise")
    seam: float = Field(0.3, description="weight of the error of the step between two groups")
    level_mean: float = Field(-1.1, description="mean of logit t; below 0 leans to noise")
    level_std: float = 1.3
    focus: float = Field(3.0, description="most weight of a token that is unlike its place")
    floor: float = Field(0.25, description="least 1 - t in the weight of the velocity loss")
    average: float = Field(0.99, description="decay of the averaged weights")
    bfloat16: bool = Field(False, description="multiply in bfloat16, where the processor can")
    threads: int = 1


def levels(config: TrainConfig, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Noise levels t: mostly logit-normal towards noise, where the layout is decided; a tenth
    uniform; some pure noise, where sampling starts."""
    t = torch.sigmoid(torch.randn(shape, generator=rng) * config.level_std + config.level_mean)
    pick = torch.rand(shape, generator=rng)
    t = torch.where(pick < 0.10, torch.rand(shape, generator=rng), t)
    return torch.where(pick > 1 - config.blank, torch.zeros(shape), t)


def given_groups(late: Tensor, config: TrainConfig, rng: torch.Generator) -> Tensor:
    """Which groups are given clean: ``bool [B, G]``. Every late clip has some."""
    b = len(late)
    g = torch.arange(GROUPS)
    kind = torch.rand(b, 1, generator=rng)
    cut = 1 + (torch.rand(b, 1, generator=rng) * (GROUPS - 1)).long()
    # Rollouts give two or three groups, before or after.
    usual = 2 + (torch.rand(b, 1, generator=rng) < 0.4).long()
    cut = torch.where(torch.rand(b, 1, generator=rng) < 0.8, usual, cut)
    first = g < 1
    before, after, around = g < cut, g >= cut, (g < cut.clamp(max=GROUPS - 2)) | (g == GROUPS - 1)
    mask = torch.where(kind < 0.15, first, torch.where(kind < 0.65, before, after))
    mask = torch.where(kind > 0.87, around, mask)
    wanted = late[:, None] | (torch.rand(b, 1, generator=rng) < config.given)
    return mask & wanted


Joint = tuple[Tensor, Tensor]
"""See :meth:`generator.dit.codec.Codec.joint`; here of unit gain for white errors."""


def joint_of(codec: Codec) -> Joint:
    before, after = codec.joint(_JOINT)
    gain = torch.sqrt(before.square().sum() + after.square().sum())
    return before / gain, after / gain


def loss_of(
    model: VideoDiT, batch: TrainingBatch, config: TrainConfig, rng: torch.Generator, joint: Joint
) -> Tensor:
    """The training loss of one batch."""
    latents, words, late, start, busy = batch
    b, g = latents.shape[:2]
    t = levels(config, (b, 1), rng).expand(b, g)
    weight = torch.ones(b, g)
    if g > 1:
        alone = torch.rand(b, 1, generator=rng) < config.independent
        t = torch.where(alone, levels(config, (b, g), rng), t)
        veiled = late[:, None] & (torch.rand(b, 1, generator=rng) < config.veiled)
        t = torch.where(veiled, 0.1 + 0.8 * torch.rand(b, 1, generator=rng), t)
        given = given_groups(late, config, rng) & ~veiled
        # Half of the given groups keep a little noise, as generated ones have at rollout.
        clean = torch.where(
            torch.rand(b, 1, generator=rng) < 0.5, 1.0, 0.9 + 0.1 * torch.rand(b, 1, generator=rng)
        )
        t = torch.where(given, clean, t)
        weight = (~given).float()
    drop = torch.rand(b, 1, generator=rng) < config.unconditional
    words = torch.where(drop, text.unsaid(words), words)
    noise = torch.randn(latents.shape, generator=rng)
    level = t[:, :, None, None, None]
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
        guess = model(level * latents + (1 - level) * noise, t, words, start)
    # Places are learned at once; what is in front of them gets the attention.
    focus = (0.4 + busy).clamp(max=config.focus)
    miss = guess - latents
    error = (miss.square().mean(-1) * focus).mean((2, 3))
    error = error / (1 - t).clamp(min=config.floor) ** 2
    loss = (error * weight).sum() / weight.sum()
    if g == 1 or not config.seam:
        return loss
    # Two groups may be wrong in the same way, but not so that a step shows between them. What
    # is given is right, and what follows it must fit.
    miss = miss * weight[:, :, None, None, None]
    step = miss[:, 1:] @ joint[1].T - miss[:, :-1] @ joint[0].T
    seam = (step.square().sum(-1) * torch.maximum(focus[:, 1:], focus[:, :-1])).mean((2, 3))
    seam = seam / (1 - torch.minimum(t[:, 1:], t[:, :-1])).clamp(min=config.floor) ** 2
    pairs = torch.maximum(weight[:, 1:], weight[:, :-1])
    return loss + config.seam * (seam * pairs).sum() / pairs.sum()


def learning_rate(config: TrainConfig, step: int, past: float = 0.0) -> float:
    """Warm up, hold, then fall linearly to a fiftieth (warm-up-stable-decay).

    ``past``: share of the time that is over, 0 when there is no limit; what is further on
    counts, steps or time.
    """
    left = (1 - max(past, step / config.steps)) / config.decay
    return config.lr * min(1.0, (step + 1) / config.warmup) * min(1.0, max(0.02, left))


class TrainingBatch(NamedTuple):
    """``latents [B, G, h, w, C]``, ``words [B, S]``, ``late [B]``, index of the first group, and
    how far each token is from what its place usually shows, 1 on average (``[B, G, h, w]``)."""

    latents: Tensor
    words: Tensor
    late: Tensor
    start: int
    busy: Tensor


class Pool:
    """All shards of a folder in memory, which may be of several native sizes.

    ``usual``: for each grid the median latents of every place, light and camera.
    """

    def __init__(self, folder: Path) -> None:
        self.shards = [Shard.load(path) for path in sorted(folder.glob("*.safetensors"))]
        self.usual = {grid: self._usual(grid) for grid in {s.grid for s in self.shards}}

    def spread(self) -> Tensor:
        """The standard deviation of each latent channel around the usual scene, ``float [C]``."""
        shard = min(self.shards, key=lambda shard: shard.grid)
        words = shard.words[~shard.late].long()
        scene = [words[:, slot] - 2 for slot in text.SCENE_SLOTS]
        far = shard.latents[~shard.late].float() - self.usual[shard.grid][tuple(scene)]
        return far.square().flatten(0, -2).mean(0).sqrt()

    def batch(self, size: int, single: bool, rng: torch.Generator) -> TrainingBatch:
        counts = torch.tensor([float(len(shard.late)) for shard in self.shards])
        shard = self.shards[int(torch.multinomial(counts, 1, generator=rng))]
        # As many tokens whatever the size: ``size`` clips of the smallest.
        rows, columns = shard.grid
        size = max(1, size * min(r * c for r, c in self.usual) // (rows * columns))
        pick = torch.randint(len(shard.late), (size,), generator=rng)
        if not single:
            latents, words = shard.latents[pick].float(), shard.words[pick].long()
            return TrainingBatch(latents, words, shard.late[pick], 0, self._busy(latents, words, 0))
        pick = pick[~shard.late[pick]]
        # Stills are asked for by themselves, other single groups are not: they get a double share.
        start = max(0, int(torch.randint(-1, GROUPS, (1,), generator=rng)))
        latents, words = shard.latents[pick, start : start + 1].float(), shard.words[pick].long()
        return TrainingBatch(
            latents, words, shard.late[pick], start, self._busy(latents, words, start)
        )

    def _usual(self, grid: tuple[int, int]) -> Tensor:
        """The median latents of every place, light and camera, over the clips that start at
        their beginning: ``[places, lights, cameras, G, h, w, C]``."""
        shards = [shard for shard in self.shards if shard.grid == grid]
        words = torch.cat([s.words[~s.late].long() for s in shards])
        latents = torch.cat([s.latents[~s.late] for s in shards])
        counts = [text.SIZES_OF_SLOTS[slot] - 2 for slot in text.SCENE_SLOTS]
        usual = torch.zeros(*counts, *latents.shape[1:])
        scene = words[:, list(text.SCENE_SLOTS)] - 2
        for key in itertools.product(*(range(count) for count in counts)):
            mine = (scene == torch.tensor(key)).all(1)
            if mine.any():
                # The median is not the thing that one clip has there.
                usual[key] = latents[mine].float().median(0).values
        return usual

    def _busy(self, latents: Tensor, words: Tensor, start: int) -> Tensor:
        place, light, camera = (words[:, list(text.SCENE_SLOTS)] - 2).unbind(1)
        usual = self.usual[(latents.shape[2], latents.shape[3])]
        usual = usual[place, light, camera, start : start + latents.shape[1]]
        far = (latents - usual).square().mean(-1)
        return far / far.mean().clamp(min=1e-6)


def export(model: VideoDiT, path: Path, notes: dict[str, str]) -> None:
    """Write the weights as float16 safetensors with the shape in the metadata."""
    tensors = {
        name: value.detach().half().contiguous() for name, value in model.state_dict().items()
    }
    part = path.with_suffix(".part")
    save_file(tensors, part, metadata=model.shape.as_strings() | notes)
    part.rename(path)


def train(
    config: TrainConfig, codec: Codec, data: Path, out: Path, seconds: float | None = None
) -> None:
    """Run until ``config.steps``, or for ``seconds`` in all, stops and restarts counted.

    Writes ``state.pt``, ``dit.safetensors`` (averaged weights) and ``loss.jsonl`` to ``out``.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    pool = Pool(data)
    channels = len(codec.scale)
    model = VideoDiT(Shape(channels, config.width, config.heads, config.layers))
    joint = joint_of(codec)
    for grid, usual in pool.usual.items():
        model.usual(*grid).copy_(usual)
    model.spread.copy_(pool.spread())
    average = copy.deepcopy(model).eval()
    within = torch.bfloat16 if config.bfloat16 else torch.float32
    optimizers = optim.build(model, config.lr, within)
    step, spent, state = 0, 0.0, out / "state.pt"
    if state.exists():
        saved = torch.load(state, weights_only=True)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        for optimizer, values in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        step, spent = saved["step"], saved["seconds"]
    rng = torch.Generator().manual_seed(config.seed + step)
    began = time.monotonic()
    losses: tuple[list[float], list[float]] = ([], [])

    def so_far() -> float:
        return spent + time.monotonic() - began

    def past() -> float:
        return so_far() / seconds if seconds else 0.0

    def save() -> None:
        part = state.with_suffix(".part")
        torch.save(
            {
                "model": model.state_dict(),
                "average": average.state_dict(),
                "optimizers": [o.state_dict() for o in optimizers],
                "step": step,
                "seconds": so_far(),
            },
            part,
        )
        part.rename(state)
        notes = {"step": str(step), "seconds": str(round(so_far()))}
        export(average, out / "dit.safetensors", notes | {"config": config.model_dump_json()})

    with (out / "loss.jsonl").open("a") as log:
        while step < config.steps and past() < 1:
            rate = learning_rate(config, step, past())
            share = 0.85 if step < config.single_first else config.single
            single = float(torch.rand(1, generator=rng)) < share
            size = config.single_batch if single else config.batch
            loss = loss_of(model, pool.batch(size, single, rng), config, rng, joint)
            optim.update(optimizers, model, loss, rate)
            step += 1
            optim.follow(average, model, min(config.average, (1 + step) / (10 + step)))
            losses[single].append(loss.item())
            if step % 25 == 0:
                line = {"step": step, "seconds": round(so_far(), 1), "rate": rate}
                for name, values in zip(("window", "single"), losses, strict=True):
                    line[name] = round(sum(values) / max(1, len(values)), 5)
                    values.clear()
                log.write(json.dumps(line) + "\n")
                log.flush()
                print(line, flush=True)
            if step % 50 == 0:
                save()
    save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="TOML file of TrainConfig")
    parser.add_argument("--codec", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of shards")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--seconds", type=float, help="time for the run, by the clock")
    args = parser.parse_args()
    config = TrainConfig(**tomllib.loads(args.config.read_text()))
    train(config, Codec.load(args.codec), args.data, args.out, args.seconds)


if __name__ == "__main__":
    main()
