"""The oracle reads true renders, and the measurements count what it says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from generator.dit.backend import WEIGHTS, DiTGenerator, load_model
from generator.dit.codec import Codec
from generator.dit.data import Clips
from generator.dit.evaluate.measure import Bench, Tally, judge, simple, unseen
from generator.dit.evaluate.oracle import Oracle
from generator.dit.native import SIZES, Size
from generator.dit.sample import SamplingPlan
from generator.world import Caption, Thing


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


@pytest.mark.parametrize("size", SIZES)
def test_true_renders_are_read_right(size: Size) -> None:
    tally = Tally()
    world, oracle = Clips(*size), Oracle(size)
    for index, caption in enumerate(simple(8, 1)):
        judge(tally, oracle, caption, world.render(caption, index).numpy())
    assert tally.share("place") == tally.share("light") == tally.share("color") == 1
    assert tally.share("motion") >= 0.85
    assert tally.share("shape") >= 0.85


def test_what_was_not_asked_for_counts_as_wrong(oracle: Oracle) -> None:
    shown = Caption((Thing("red", "star", "left", "big"),), "sea")
    asked = Caption((Thing("blue", "star", "left", "big"),), "city", "dim")
    tally = Tally()
    judge(tally, oracle, asked, Clips().render(shown, 1).numpy())
    assert tally.shares() == {
        "place": 0, "light": 0, "camera": 1, "color": 0, "shape": 0, "motion": 0,
    }  # fmt: skip
    assert tally.confused["place", "city", "sea"] == 1


def test_noise_holds_no_thing(oracle: Oracle) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), np.uint8)
    assert oracle.read(noise).things == ()


def test_unseen_captions_are_the_same_each_time() -> None:
    assert unseen(5, 1) == unseen(5, 1) != unseen(5, 2)


def test_the_shipped_model_shows_the_asked_place_and_colour() -> None:
    bench = Bench(
        load_model(WEIGHTS / "dit.safetensors"),
        Codec.load(WEIGHTS / "codec.safetensors"),
        SamplingPlan(4, 1.0, emphasis=1.0),
    )
    with torch.inference_mode():
        shares = bench.attributes(simple(8, 2), bench.draw).shares()
        assert shares["place"] == 1
        assert shares["light"] == 1
        assert shares["color"] >= 0.8
        assert shares["shape"] >= 0.6
        assert shares["motion"] >= 0.5
        assert bench.flicker(bench.draw, 2) > 0.9
        assert bench.given_frame(simple(3, 2)) > 30


def test_a_sheet_has_a_row_for_every_label_and_says_that_it_is_not_signed() -> None:
    from generator.dit.evaluate.sheet import sheet

    clip = np.full((24, 128, 128, 3), 200, np.uint8)
    page = np.asarray(sheet([("one", clip), ("two", clip[:1])]))
    assert page.shape == (16 + 2 * (128 + 16), 8 * 128, 3)
    assert (page[32:160] == 200).all()
    assert (page[176:, :128] == 200).all()
    assert (page[176:, 128:] == 255).all()
    assert (page[:16] != 255).any()


def test_a_sheet_that_these_weights_drew_is_kept(tmp_path: Path) -> None:
    from generator.dit.evaluate.sheet import write

    weights = " ".join(sorted(DiTGenerator().capabilities().weights.values()))
    note = PngInfo()
    note.add_text("weights", weights)
    path = tmp_path / "sheet.png"
    Image.new("RGB", (8, 8)).save(path, pnginfo=note)
    before = path.read_bytes()
    write(path, keep=True)
    assert path.read_bytes() == before
