"""The network's contract: shapes, groups, guidance, determinism."""

import random

import pytest
import torch

from generator.dit import text
from generator.dit.model import Shape, VideoDiT
from generator.dit.sample import Given, SamplingPlan, guided, sample
from generator.world.caption import Caption, Thing, draw


@pytest.fixture(scope="module")
def model() -> VideoDiT:
    torch.manual_seed(0)
    return VideoDiT(Shape(channels=128, width=32, heads=2, layers=2)).eval()


def words(count: int = 1) -> torch.Tensor:
    rng = random.Random(0)
    return torch.stack([text.encode(draw(rng)) for _ in range(count)])


@pytest.mark.parametrize(("groups", "rows", "columns"), [(1, 4, 4), (5, 4, 7), (3, 7, 4)])
def test_any_number_of_groups_has_its_shape(
    model: VideoDiT, groups: int, rows: int, columns: int
) -> None:
    z = torch.randn(2, groups, rows, columns, 128)
    out = model(z, torch.rand(2, groups), words(2))
    assert out.shape == z.shape
    assert torch.isfinite(out).all()


def test_what_a_scene_usually_looks_like_is_where_the_prediction_starts() -> None:
    torch.manual_seed(0)
    model = VideoDiT(Shape(channels=128, width=32, heads=2, layers=2)).eval()
    model.usual(4, 7).normal_()
    said = words(3)
    scenery = model.scenery(said, 1, 4, (4, 7))
    place, light, camera = (said[:, list(text.SCENE_SLOTS)] - 2).unbind(1)
    assert torch.equal(scenery, model.usual(4, 7)[place, light, camera, 1:])
    assert torch.equal(model.scenery(text.unsaid(said), 1, 4, (4, 7)), scenery)
    assert not model.scenery(torch.zeros_like(said), 0, 5, (4, 7)).any()
    model.spread.fill_(1e-4)
    out = model(torch.randn(3, 4, 4, 7, 128), torch.zeros(3, 4), said, 1)
    assert torch.allclose(out, scenery, atol=1e-2)


def test_every_word_has_its_own_token() -> None:
    one = text.encode(Caption((Thing("red", "circle", "left"),), "sea"))
    two = text.encode(Caption((Thing("red", "circle", "left"), Thing("blue", "star")), "sea"))
    assert one.shape == two.shape == (text.COUNT,)
    assert (one[4:8] == text.ABSENT).all()
    assert torch.equal(one[:4], two[:4])
    assert (two > text.ABSENT).all()
    nothing = text.unsaid(one)
    assert (nothing[:8] == text.UNCONDITIONAL).all()
    assert torch.equal(nothing[8:], one[8:])


def test_given_groups_come_out_untouched(model: VideoDiT) -> None:
    known = torch.randn(1, 5, 4, 4, 128)
    given = torch.tensor([True, True, False, False, True])
    noise = torch.randn(1, 5, 4, 4, 128)
    out = sample(model, words(), noise, SamplingPlan(3), Given(given, known))
    assert torch.equal(out[:, given], known[:, given])
    assert torch.isfinite(out).all()


def test_noise_alone_decides(model: VideoDiT) -> None:
    noise = torch.randn(1, 5, 4, 4, 128)
    first, second = (sample(model, words(), noise, SamplingPlan(3)) for _ in range(2))
    assert torch.equal(first, second)


def test_steps_are_counted_and_levels_rise(model: VideoDiT) -> None:
    seen: list[tuple[int, int]] = []
    sample(
        model, words(), torch.randn(1, 1, 4, 4, 128), SamplingPlan(5),
        on_step=lambda done, total, latents: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(k, 5) for k in range(1, 6)]
    levels = SamplingPlan(7, shift=3.0).levels(0.4)
    assert levels == sorted(levels)
    assert levels[0] == pytest.approx(0.4)
    assert levels[-1] == pytest.approx(1.0)


def test_emphasis_adds_what_a_shape_has_over_the_average_shape(model: VideoDiT) -> None:
    said = text.encode(Caption((Thing("red", "star", "left"),), "sea"))[None]
    z, level = torch.randn(1, 2, 4, 4, 128), torch.full((1, 2), 0.5)
    shapes = len(text.SLOTS[text.SHAPE_SLOTS[0]])
    answers = []
    for word in range(2, 2 + shapes):
        other = said.clone()
        other[:, text.SHAPE_SLOTS[0]] = word
        answers.append(model(z, level, other))
    plain = model(z, level, said)
    expected = plain + 1.5 * (plain - torch.stack(answers).mean(0))
    with torch.no_grad():
        found = guided(model, z, level, said, SamplingPlan(8, 1.0, emphasis=1.5), 0.5)
    assert torch.allclose(found, expected, atol=1e-4)
