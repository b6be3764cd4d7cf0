"""Whatever a picture is wrapped in: the same hash, the same mark, the same outcome of the gate."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from classifiers.frame import FolderSource, KnownCheck, Library, scan
from classifiers.frame.banks import write_exchange
from classifiers.frame.register import register
from media.clip import Pixels
from media.hashing import distance, pdq
from media.open import open_media
from media.tone import Transfer
from provenance.watermark import KeyRing
from provenance.watermark.embedder import Embedder
from provenance.watermark.files import detect_file

from .pictures import picture
from .wrappings import (
    FURTHER,
    SAMPLE_ENTRY,
    WRAPPINGS,
    clip,
    grown,
    heif_grid,
    iso_box,
    motion_photo,
    other,
)

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


@pytest.mark.parametrize("wrapping", FURTHER)
def test_what_shows_on_a_further_look_is_judged_by_name(
    wrapping: str, pictures: tuple[dict[int, Pixels], KnownCheck], tmp_path: Path
) -> None:
    made, known = pictures
    make, name = FURTHER[wrapping]
    report = scan(make(tmp_path, made[1]), (known,), seed=0).report
    hits = {s.detail.get("showing"): s.score for s in report.signals if s.category == "hash_match"}
    assert hits[name] == 1.0, hits
    assert name in [told["name"] for told in report.coverage["showings"]]


def test_what_nothing_looks_at_is_told_by_name(tmp_path: Path) -> None:
    shape = (128, 160, 3)
    heic = heif_grid(tmp_path / "a.heic", other(shape), "hevc", further=other(shape))
    assert told_of(heic) == {"track"}
    with av.open(str(tmp_path / "a.mkv"), "w") as box:
        box.set_chapters([{"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000),
                           "metadata": {"title": "one"}}])  # fmt: skip
        stream = box.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(other(shape), format="rgb24")
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    assert told_of(tmp_path / "a.mkv") == {"subtitles"}
    # The sound of a motion photo is sound too.
    assert told_of(motion_photo(tmp_path, other(shape))) == {"sound", "trailing_bytes"}
    stereo = clip(
        tmp_path / "s.mp4", [other(shape)] * 3, options={"x264-params": "frame-packing=3"}
    )
    assert told_of(stereo) == {"projection"}
    sphere = clip(tmp_path / "p.mp4", [other(shape)] * 3)
    flat = struct.pack(">IIIIII", 0, 0, 0, 0, 0, 0)
    equirectangular = iso_box(b"proj", iso_box(b"prhd", bytes(16)), iso_box(b"equi", flat[:20]))
    spherical = iso_box(b"sv3d", iso_box(b"svhd", bytes(4), b"us\0"), equirectangular)
    assert told_of(grown(sphere, SAMPLE_ENTRY, spherical)) == {"projection"}


def told_of(path: Path) -> set[str]:
    signals = scan(path, (), seed=0).report.signals
    return {s.category for s in signals if s.reason == "not_assessed"}


def test_an_hdr_heic_is_tone_mapped(tmp_path: Path) -> None:
    grey = np.full((128, 128, 3), 148, np.uint8)
    plain = heif_grid(tmp_path / "a.heic", grey, "hevc")
    wide = heif_grid(tmp_path / "b.heic", grey, "hevc", transfer=16)
    assert open_media(wide).info.transfer is Transfer.PQ
    assert scan(wide, (), seed=0).report.coverage["hdr"]["transfer"] == Transfer.PQ.value
    shown = [float(next(open_media(p).frames()).pixels.mean()) for p in (plain, wide)]
    # 58 % of PQ is diffuse white, 203 cd/m2 (ITU-R BT.2408), which SDR shows far brighter.
    assert shown[0] == pytest.approx(148, abs=3)
    assert shown[1] > 190
