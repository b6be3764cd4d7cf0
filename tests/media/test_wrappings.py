"""Whatever a picture is wrapped in: the same hash, the same mark, the same outcome of the gate."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from classifiers.frame import FolderSource, KnownCheck, Library, scan
from classifiers.frame.banks import write_exchange
from classifiers.frame.register import register
from media.clip import Pixels
from media.hashing import distance, pdq
from media.open import open_media
from provenance.watermark import KeyRing
from provenance.watermark.embedder import Embedder
from provenance.watermark.files import detect_file

from .pictures import picture
from .wrappings import WRAPPINGS

PAYLOAD = 0x0123456789ABCDEF
KEYS = KeyRing.from_secrets(bytes(range(32)))
SIZE = (384, 512)
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, Pixels], KnownCheck]:
    """Three marked pictures, and a check that knows them from a block bank."""
    folder = tmp_path_factory.mktemp("bank")
    mark = Embedder(KEYS, PAYLOAD, SIZE[1], SIZE[0], strength=1.6)
    made = {seed: mark.embed(picture(seed, *SIZE)[None])[0] for seed in SEEDS}
    for seed, pixels in made.items():
        Image.fromarray(pixels).save(folder / f"{seed}.png")
        lines = write_exchange(register(folder / f"{seed}.png"))
        (folder / f"bank{seed}.txt").write_text("".join(f"{line}\n" for line in lines))
    return made, KnownCheck(Library([FolderSource(folder)]))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_wrapping_changes_nothing(
    wrapping: str, seed: int, pictures: tuple[dict[int, Pixels], KnownCheck], tmp_path: Path
) -> None:
    made, known = pictures
    path = WRAPPINGS[wrapping](tmp_path, made[seed])
    media = open_media(path)
    # PDQ: the shown picture is the one that was put in.
    shown = [frame for batch in media.frames() for frame in batch.pixels]
    truth = pdq(made[seed])[0]
    assert min(int(distance(pdq(frame)[0], truth)) for frame in shown) <= 12
    # The gate: found in the bank of what is blocked.
    report = scan(path, (known,), seed=0).report
    hits = [s.score for s in report.signals if s.category == "hash_match"]
    assert max(hit for hit in hits if hit is not None) == 1.0
    assert next(s for s in report.signals if s.category == "undecodable").score == 0.0
    # The mark.
    found = detect_file(path, KEYS)
    assert found.payload == PAYLOAD, wrapping
