"""Training lowers the loss, goes on where it stopped, and exports what the backend loads."""

import json
from pathlib import Path

import pytest
import torch

from generator.dit.backend import WEIGHTS, load_model
from generator.dit.cache import Shard, make
from generator.dit.codec import Codec
from generator.dit.model import Shape, VideoDiT
from generator.dit.native import PATCH
from generator.dit.optim import orthogonal
from generator.dit.train import (
    Pool,
    TrainConfig,
    given_groups,
    joint_of,
    learning_rate,
    levels,
    loss_of,
    train,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    codec = Codec.load(WEIGHTS / "codec.safetensors")
    make(codec, 24, seed=3, jitter=0.2).save(folder / "a.safetensors")
    return folder


def config(**more: object) -> TrainConfig:
    values = {"width": 32, "heads": 2, "layers": 1, "batch": 6, "single_batch": 12, "warmup": 5}
    return TrainConfig(**(values | {"steps": 50, "single_first": 0} | more))  # type: ignore[arg-type]


def test_shards_are_deterministic(data: Path) -> None:
    codec = Codec.load(WEIGHTS / "codec.safetensors")
    again = make(codec, 24, seed=3, jitter=0.2)
    kept = Shard.load(data / "a.safetensors")
    assert torch.equal(kept.latents, again.latents)
    assert torch.equal(kept.words, again.words)


def test_batches_of_every_size_have_as_many_tokens(data: Path, tmp_path: Path) -> None:
    codec = Codec.load(WEIGHTS / "codec.safetensors")
    make(codec, 24, seed=4, jitter=0.2, width=112).save(tmp_path / "wide.safetensors")
    (tmp_path / "square.safetensors").symlink_to(data / "a.safetensors")
    pool = Pool(tmp_path)
    rng = torch.Generator().manual_seed(0)
    shapes = {tuple(pool.batch(14, False, rng).latents.shape[:4]) for _ in range(30)}
    assert shapes == {(14, 5, 4, 4), (8, 5, 4, 7)}
    model = VideoDiT(Shape(len(codec.scale), 32, 2, 1))
    model.usual(4, 7).copy_(pool.usual[4, 7])
    batch = next(b for b in iter(lambda: pool.batch(14, False, rng), None) if len(b.late) == 8)
    assert torch.isfinite(loss_of(model, batch, config(), rng, joint_of(codec)))


def test_the_loss_falls_and_a_run_goes_on(data: Path, tmp_path: Path) -> None:
    codec = Codec.load(WEIGHTS / "codec.safetensors")
    train(config(), codec, data, tmp_path)
    train(config(steps=100), codec, data, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "loss.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [25, 50, 75, 100]
    assert lines[-1]["single"] < lines[0]["single"]
    model = load_model(tmp_path / "dit.safetensors")
    assert model.shape.width == 32


def test_late_clips_always_have_given_groups() -> None:
    rng = torch.Generator().manual_seed(0)
    late = torch.rand(500, generator=rng) < 0.5
    given = given_groups(late, config(), rng)
    assert given[late].any(1).all()
    assert not given.all(1).any()
    assert 0.1 < given[~late].any(1).float().mean() < 0.4


def test_levels_lean_to_noise() -> None:
    t = levels(config(), (4000, 1), torch.Generator().manual_seed(0))
    assert float(t.min()) == 0
    assert float(t.max()) <= 1
    assert 0.2 < float(t.median()) < 0.35


def test_the_rate_warms_up_holds_and_falls() -> None:
    c = config(steps=100)
    rates = [learning_rate(c, k) for k in range(100)]
    assert rates[0] < rates[4] == rates[60] == c.lr
    assert rates[-1] < 0.1 * c.lr


def test_the_rate_follows_the_clock_when_there_is_less_of_it_than_steps() -> None:
    c = config(steps=1000, decay=0.25)
    assert learning_rate(c, 100, past=0.7) == c.lr
    assert learning_rate(c, 100, past=0.875) == pytest.approx(c.lr / 2)
    assert learning_rate(c, 100, past=1.0) == pytest.approx(c.lr / 50)


def test_a_run_ends_with_its_time(data: Path, tmp_path: Path) -> None:
    codec = Codec.load(WEIGHTS / "codec.safetensors")
    train(config(steps=100_000), codec, data, tmp_path, seconds=0.5)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] < 5000
    assert 0.5 <= state["seconds"] < 60


def test_the_joint_of_two_groups_is_the_step_between_their_frames() -> None:
    codec = Codec.load(WEIGHTS / "codec.safetensors")
    before, after = codec.joint(2 * len(codec.scale))
    latents = torch.randn(1, 2, 1, 1, len(codec.scale), generator=torch.Generator().manual_seed(2))
    frames = codec.flat(latents).view(2, 4, PATCH * PATCH * 3)
    usual = codec.mean.view(4, PATCH * PATCH * 3)
    step = (frames[1, 0] - usual[0]) - (frames[0, 3] - usual[3])
    seen = after @ latents[0, 1, 0, 0] - before @ latents[0, 0, 0, 0]
    assert float(seen.square().sum()) == pytest.approx(float(step.square().sum()), rel=1e-3)


def test_updates_are_orthogonal() -> None:
    for shape in ((24, 64), (64, 24)):
        u = orthogonal(torch.randn(shape, generator=torch.Generator().manual_seed(1)), 5)
        values = torch.linalg.svdvals(u)
        assert float(values.min()) > 0.3
        assert float(values.max()) < 1.4
