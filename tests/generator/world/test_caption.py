"""The caption language goes out and comes back; free prompts lose nothing in silence."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.world import Caption, Thing, draw, read, write


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_what_is_written_is_read_back(seed: int, phrased: bool) -> None:
    rng = random.Random(seed)
    caption = draw(rng, two=0.5, pan=0.5)
    reading = read(write(caption, rng if phrased else None))
    assert reading.caption == caption
    assert reading.unexpressed == ()
    assert reading.assumed == ()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400))
def test_any_text_has_a_reading(prompt: str) -> None:
    assert read(prompt) == read(prompt)


def test_a_free_prompt() -> None:
    reading = read("A huge crimson ball bouncing on the beach under a gloomy light, 4k, cinematic")
    assert reading.caption.things == (Thing("red", "circle", "bounce", "big"),)
    assert reading.caption.place == "sea"
    assert reading.caption.light == "dim"
    assert "cinematic" in " ".join(reading.unexpressed)
    assert "camera: static" in reading.assumed


def test_what_cannot_be_drawn_is_said() -> None:
    reading = read("a white horse running through a city at sunset")
    assert reading.caption.things[0].color == "white"
    assert reading.caption.place == "city"
    said = " | ".join(reading.unexpressed)
    assert "horse" in said
    assert "sunset" in said
    assert "running (drawn as: moves right)" in said


def test_the_colour_of_a_place_is_no_second_thing() -> None:
    reading = read("a red circle moves right over a big green meadow")
    assert [(thing.color, thing.shape) for thing in reading.caption.things] == [("red", "circle")]
    assert reading.caption.place == "meadow" and not reading.unexpressed
    reading = read("a red circle over a purple sea")
    assert len(reading.caption.things) == 1
    assert reading.unexpressed == ("purple sea",)
    assert len(read("a red circle and something green over the meadow").caption.things) == 2


def test_two_of_a_kind_are_two_things() -> None:
    reading = read("two big stars in the night sky")
    assert [(thing.shape, thing.size) for thing in reading.caption.things] == [("star", "big")] * 2
    assert read("two dogs run over the sea").unexpressed == ("dogs run", "two")


def test_verbs_and_nouns_of_one_spelling() -> None:
    assert read("a red star circles around").caption.things == (Thing("red", "star", "orbit"),)
    assert read("two blue circles").caption.things[0].shape == "circle"


def test_words_outside_the_language_are_refused() -> None:
    with pytest.raises(ValueError, match="color"):
        Thing("beige", "circle")
    with pytest.raises(ValueError, match="place"):
        Caption((Thing("red", "circle"),), "moon")
    with pytest.raises(ValueError, match="one or two"):
        Caption(())


def test_a_very_long_prompt_is_read_in_bounded_time() -> None:
    reading = read("a red circle " * 20_000)
    assert any("further words" in lost for lost in reading.unexpressed)
