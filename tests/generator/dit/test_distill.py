"""A student is taught to land where its teacher lands."""

import json
from pathlib import Path

import pytest
import torch

from generator.dit import text
from generator.dit.backend import WEIGHTS, load_model
from generator.dit.cache import make
from generator.dit.codec import Codec
from generator.dit.distill import DistillConfig, Noised, distil, teach
from generator.dit.model import Shape, VideoDiT
from generator.dit.sample import SamplingPlan
from generator.dit.train import TrainConfig, train
from generator.world.caption import Caption, Thing

WORDS = text.encode(Caption((Thing("red", "circle", "left"),), "sea"))[None]
PLAIN = SamplingPlan(8, 1.0)


@pytest.fixture(scope="module")
def teacher() -> VideoDiT:
    torch.manual_seed(0)
    return VideoDiT(Shape(channels=48, width=32, heads=2, layers=2)).eval()


def test_one_step_of_the_teacher_is_its_own_prediction(teacher: VideoDiT) -> None:
    z = torch.randn(1, 5, 4, 4, 48)
    level, given = torch.full((1, 5), 0.25), torch.zeros(1, 5, dtype=torch.bool)
    with torch.no_grad():
        target = teach(teacher, Noised(z, level, given), WORDS, [0.25, 0.5], PLAIN)
        assert torch.allclose(target, teacher(z, level, WORDS), atol=1e-5)


def test_the_target_lands_where_two_steps_land(teacher: VideoDiT) -> None:
    z = torch.randn(1, 5, 4, 4, 48)
    given = torch.tensor([[True, False, False, False, True]])
    level = torch.where(given, 1.0, 0.2)
    with torch.no_grad():
        target = teach(teacher, Noised(z, level, given), WORDS, [0.2, 0.4, 0.7], PLAIN)
        lands = z + (0.7 - 0.2) / (1 - 0.2) * (target - z)
        at = z
        for now, after in ((0.2, 0.4), (0.4, 0.7)):
            guess = teacher(at, torch.where(given, 1.0, now), WORDS)
            moved = at + (after - now) / (1 - now) * (guess - at)
            at = torch.where(given[:, :, None, None, None], z, moved)
    assert torch.allclose(lands, at, atol=1e-5)
    assert torch.equal(target[given], z[given])


def test_a_distillation_lowers_its_loss_and_exports(tmp_path: Path) -> None:
    codec = Codec.load(WEIGHTS / "codec.safetensors")
    data = tmp_path / "shards"
    data.mkdir()
    make(codec, 16, seed=3, jitter=0.2).save(data / "a.safetensors")
    small = TrainConfig(width=32, heads=2, layers=1, batch=6, single_batch=12, steps=40)
    train(small, codec, data, tmp_path / "teacher")
    config = DistillConfig(updates=100, batch=4, single_batch=8, warmup=5, emphasis=0)
    distil(config, tmp_path / "teacher" / "dit.safetensors", data, tmp_path / "student")
    lines = [
        json.loads(line) for line in (tmp_path / "student" / "loss.jsonl").read_text().splitlines()
    ]
    assert [line["update"] for line in lines] == [25, 50, 75, 100]
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert load_model(tmp_path / "student" / "dit.safetensors").shape.width == 32
