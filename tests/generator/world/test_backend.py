"""The procedural backend draws what was asked, the same each time, in bounded memory."""

import hashlib
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
import torch

import generator
from generator import Cancelled, GenerationSpec, Mode, UnknownBackend, UnsupportedSpec
from generator.world import Caption, Thing
from generator.world.layout import place
from generator.world.render import Renderer
from generator.world.vocabulary import COLORS, MOTIONS, PLACES, SHAPES


def frames(spec: GenerationSpec) -> np.ndarray:
    world = generator.create("world")
    return np.concatenate(list(world.generate(spec, lambda step: None, lambda: False)))


def small(prompt: str = "a big red star moves left", **more) -> GenerationSpec:
    values = {"seconds": 1.0, "width": 96, "height": 64, "fps": Fraction(12)} | more
    return GenerationSpec(prompt, **values)


def test_it_says_that_it_is_no_neural_model() -> None:
    can = generator.create("world").capabilities()
    assert can.neural is False
    assert can.digital_source_type == generator.ALGORITHMIC_MEDIA
    assert "not a neural model" in can.title
    assert can.weights == {}


def test_frames_have_the_asked_size_and_count() -> None:
    out = frames(small(seconds=1.24, fps=Fraction(30000, 1001)))
    assert out.shape == (37, 64, 96, 3)
    assert out.dtype == np.uint8


def test_same_seed_same_frames_other_seed_other_frames() -> None:
    digests = [hashlib.sha256(frames(small(seed=s)).tobytes()).hexdigest() for s in (5, 5, 6)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("color", COLORS)
def test_the_asked_colour_is_seen(color: str) -> None:
    caption = Caption((Thing(color, "circle", "still", "big"),), "studio")
    layout = place(caption, 1.0, 3)
    frame = Renderer(layout, 64, 64).frames(torch.tensor([0.0]))[0]
    thing = layout.placed[0]
    pixel = frame[int(thing.y * 64) + 3, int(thing.x * 64) + 3].float()
    nearest = min(COLORS, key=lambda c: float((pixel - torch.tensor(COLORS[c])).norm()))
    assert nearest == color


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_asked_motion_happens(motion: str) -> None:
    placed = place(Caption((Thing("red", "circle", motion),)), 1.0, 1).placed[0]
    x, y, r = placed.track(torch.arange(0, 2, 0.05))
    dx, dy = float(x[-1] - x[0]), float(y[-1] - y[0])
    match motion:
        case "left" | "right":
            assert (dx < -0.2) == (motion == "left")
            assert abs(dx) > 0.2
            assert abs(dy) < 1e-6
        case "up" | "down":
            assert (dy < -0.2) == (motion == "up")
            assert abs(dy) > 0.2
        case "still":
            assert float(x.std() + y.std() + r.std()) < 1e-6
        case "pulse":
            assert float(r.max() / r.min()) > 1.5
        case "orbit":
            assert float(x.std()) > 0.05
            assert float(y.std()) > 0.05
        case "bounce":
            assert float(y.max() - y.min()) > 0.2
            assert float(x.std()) < 1e-6


def test_straight_motion_never_ends() -> None:
    placed = place(Caption((Thing("red", "circle", "left"),)), 1.0, 1).placed[0]
    x, _, _ = placed.track(torch.arange(0, 600, 0.1))
    assert float(x.max()) < 1.3
    assert float(x.min()) > -0.3


@pytest.mark.parametrize("where", PLACES)
def test_every_place_looks_the_same_small_and_large(where: str) -> None:
    layout = place(Caption((Thing("red", "square", "still"),), where), 1.0, 2)
    large = Renderer(layout, 256, 256).frames(torch.tensor([0.5]))
    little = Renderer(layout, 64, 64).frames(torch.tensor([0.5]))
    shrunk = torch.nn.functional.avg_pool2d(large.permute(0, 3, 1, 2).float(), 4)
    assert float((shrunk - little.permute(0, 3, 1, 2)).abs().mean()) < 6


def test_shapes_differ() -> None:
    seen = [
        Renderer(place(Caption((Thing("red", s, "still", "big"),)), 1.0, 0), 48, 48).frames(
            torch.tensor([0.0])
        )
        for s in SHAPES
    ]
    assert len({f.numpy().tobytes() for f in seen}) == len(SHAPES)


def test_a_still_image() -> None:
    assert frames(small(mode=Mode.IMAGE)).shape == (1, 64, 96, 3)


def test_memory_does_not_grow_with_length() -> None:
    def peak(seconds: float) -> int:
        world = generator.create("world", {"batch_bytes": 200_000})
        tracemalloc.start()
        for _ in world.generate(small(seconds=seconds), lambda step: None, lambda: False):
            pass
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return high

    assert peak(20.0) < peak(2.0) + 400_000


def test_cancel_stops_within_one_batch() -> None:
    world = generator.create("world", {"batch_bytes": 96 * 64 * 3 * 2})
    seen: list[int] = []
    stream = world.generate(small(), lambda step: seen.append(step.index), lambda: len(seen) >= 2)
    got = []
    with pytest.raises(Cancelled):
        for batch in stream:
            got.append(len(batch))
    assert got == [2, 2]


def test_an_error_of_the_callback_comes_through() -> None:
    def stop(step: generator.Step) -> None:
        raise RuntimeError("the gate said no")

    with pytest.raises(RuntimeError, match="the gate said no"):
        list(generator.create("world").generate(small(), stop, lambda: False))


def test_refusals_come_before_any_work() -> None:
    world = generator.create("world")
    for spec in (small(mode=Mode.EDIT), small(width=8192), small(seconds=30_000.0)):
        with pytest.raises(UnsupportedSpec) as caught:
            world.generate(spec, lambda step: None, lambda: False)
        assert caught.value.remedy
    with pytest.raises(UnsupportedSpec):
        small(width=95)
    with pytest.raises(UnsupportedSpec):
        small(seconds=0.0)


def test_unknown_backends_and_settings() -> None:
    assert "world" in generator.available()
    with pytest.raises(UnknownBackend) as caught:
        generator.create("dreams")
    assert "world" in (caught.value.remedy or "")
    with pytest.raises(UnsupportedSpec):
        generator.create("world", {"colour": "red"})
