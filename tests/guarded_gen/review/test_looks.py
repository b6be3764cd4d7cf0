"""Refused pictures are known again, by their tenant and without the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select

from generator.spec import Mode
from guarded_gen.composition.lines import make_clip
from guarded_gen.composition.services import Services
from guarded_gen.production.outcome import ClipState
from guarded_gen.production.request import ClipRequest, FileReference
from guarded_gen.review import keyed_bits, looks
from guarded_gen.review.looks import RefusedLooks, keyed
from guarded_gen.settings import load
from guarded_gen.store import open_store
from guarded_gen.store.tables.review import RefusedLook, ReviewCase
from media.hashing import pdq, to_hex
from media.limits import MediaLimits

KEY = b"k" * 32
LIMITS = MediaLimits()


def scenery(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(20, 235, (9, 14, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((240, 160), Image.Resampling.BICUBIC)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_the_key_hides_the_bits_and_keeps_the_distances(a: bytes, b: bytes) -> None:
    pair = np.frombuffer(a + b, np.uint8).reshape(2, 32)
    hidden = keyed(KEY, "t", pair)
    assert (
        np.bitwise_count(pair[0] ^ pair[1]).sum() == np.bitwise_count(hidden[0] ^ hidden[1]).sum()
    )
    assert not np.array_equal(hidden, keyed(KEY, "u", pair))
    assert not np.array_equal(hidden, keyed(b"j" * 32, "t", pair))


def test_copies_are_known_while_the_refusal_stands(tmp_path: Path) -> None:
    store = open_store(load(home=tmp_path))
    now = [10**12]
    known = RefusedLooks(store, KEY, 1.0, lambda: now[0])
    refused, copy, other = (tmp_path / f"{name}.jpg" for name in ("refused", "copy", "other"))
    scenery(1).save(refused)
    scenery(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((300, 200)).save(copy, quality=40)
    scenery(2).save(other)

    def found(path: Path, tenant: str = "t") -> bool:
        now[0] += 3_000
        return known.near(tenant, known.of(tenant, path, LIMITS))

    assert not known.any("t")
    with store.write() as session:
        bits = known.of("t", refused, LIMITS)
        looks.note(session, "d1", "t", bits, pending=True, clock=lambda: now[0])
    assert not found(copy), "a person has still to decide"
    with store.write() as session:
        keyed_bits.settle(session, "d1", True)
    assert found(copy) and not found(other)
    assert not found(copy, "u"), "another tenant's list is its own"
    with store.write() as session:
        keyed_bits.settle(session, "d1", False)
    assert not found(copy)
    store.close()


def test_a_plain_picture_is_not_kept(tmp_path: Path) -> None:
    store = open_store(load(home=tmp_path))
    plain = tmp_path / "plain.png"
    Image.new("RGB", (200, 200), (90, 90, 90)).save(plain)
    assert RefusedLooks(store, KEY, 1.0).of("t", plain, LIMITS) is None
    store.close()


def test_a_refused_reference_that_comes_again_is_told_on_the_next_case(
    home: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    scenery(5).save(picture)
    again = tmp_path / "again.jpg"
    scenery(5).save(again, quality=60)
    (home / "banks").mkdir(parents=True)
    digest = to_hex(pdq(np.asarray(scenery(5)))[0])
    (home / "banks" / "banned.txt").write_text(f"pdq {digest}\n")
    wanted = ClipRequest(
        prompt="a big red circle moves to the right over a checkered field",
        seconds=0.5, width=128, height=128, backend="dit", mode=Mode.IMAGE_TO_VIDEO,
        references=(FileReference(path=str(picture)),),
    )  # fmt: skip
    services = Services(load())
    done = make_clip(services, wanted, tmp_path / "one.mp4")
    assert done.state is ClipState.BLOCKED
    with services.store.read() as session:
        (kept,) = session.scalars(select(RefusedLook))
    assert digest not in kept.bits.hex()
    services.close()
    (home / "banks" / "banned.txt").unlink()  # the list is gone; what was refused is not
    services = Services(load())
    copied = wanted.model_copy(update={"references": (FileReference(path=str(again)),)})
    done = make_clip(services, copied, tmp_path / "two.mp4")
    assert done.state is ClipState.HELD
    with services.store.read() as session:
        (case,) = session.scalars(select(ReviewCase))
    assert case.details["resembles_refused"] is True
    services.close()
