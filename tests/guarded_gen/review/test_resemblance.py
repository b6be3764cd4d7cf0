"""Sketches of refused prompts: small changes are seen through, nothing else is told."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from guarded_gen.review import keyed_bits, resemblance
from guarded_gen.review.resemblance import NEAR, Resemblance, sketch
from guarded_gen.settings import load
from guarded_gen.store import open_store

KEY = b"k" * 32
TEXT = "an old lighthouse keeper walks along the cliff at dusk while gulls circle above him"


def bits(a: bytes | None, b: bytes | None) -> int:
    assert a is not None
    assert b is not None
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()


@given(st.permutations(TEXT.split()))
def test_case_marks_and_order_of_halves_change_little(words: list[str]) -> None:
    plain = sketch(KEY, "t", TEXT)
    assert bits(plain, sketch(KEY, "t", f"  {TEXT.upper()}!!! ")) == 0
    cut = words.index("cliff")
    turned = " ".join([*TEXT.split()[cut:], *TEXT.split()[:cut]])
    assert bits(plain, sketch(KEY, "t", turned)) <= NEAR


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_has_a_sketch_or_is_too_short(a: str, b: str) -> None:
    found = sketch(KEY, "t", a)
    assert found is None or len(found) == 32
    assert found == sketch(KEY, "t", a)
    sketch(KEY, "t", a + b)


def test_another_key_or_tenant_has_another_sketch() -> None:
    plain = sketch(KEY, "t", TEXT)
    assert bits(plain, sketch(b"j" * 32, "t", TEXT)) > NEAR
    assert bits(plain, sketch(KEY, "u", TEXT)) > NEAR
    assert bits(plain, sketch(KEY, "t", "a red ball rolls over green grass towards a fence")) > NEAR


def test_what_stands_is_found_for_its_time_and_what_was_overturned_is_not(tmp_path: Path) -> None:
    store = open_store(load(home=tmp_path))
    now = [10**12]
    known = Resemblance(store, KEY, 1.0, lambda: now[0])

    def found() -> bool:
        now[0] += 3_000
        return known.near("t", known.sketch("t", TEXT.replace("gulls", "seagulls")))

    assert not found()
    with store.write() as session:
        words = known.sketch("t", TEXT)
        resemblance.note(session, "d1", "t", words, pending=True, clock=known.clock)
    assert not found(), "a person has still to decide"
    with store.write() as session:
        keyed_bits.settle(session, "d1", True)
    assert found()
    assert not known.near("u", known.sketch("u", TEXT))
    with store.write() as session:
        keyed_bits.settle(session, "d1", False)
    assert not found()
    with store.write() as session:
        keyed_bits.settle(session, "d1", True)
    assert found()
    now[0] += 86_400_000
    assert not found()
    store.close()
