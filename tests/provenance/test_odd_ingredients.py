"""Sources of every family of formats that is read stand in the history of what was made of them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from media.open import open_media
from provenance.verdicts import Verdict
from tests.media.pictures import picture
from tests.media.wrappings import WRAPPINGS, clip

from .conftest import Studio

MADE = (
    "heic grid", "avif", "gif, second frame", "tiff", "webp", "apng, default image apart",
    "jpeg", "mkv with sound", "late ts", "flv", "avi", "interlaced",
)  # fmt: skip


def test_sources_of_odd_formats_are_recorded(studio: Studio, tmp_path: Path) -> None:
    still = picture(1, 64, 96)
    sources = []
    for number, wrapping in enumerate(MADE):
        (tmp_path / str(number)).mkdir()
        sources.append(WRAPPINGS[wrapping](tmp_path / str(number), still))
    Image.fromarray(still).save(tmp_path / "b.bmp")
    clip(tmp_path / "c.wmv", [still] * 3, "asf", codec="wmv2")
    clip(tmp_path / "d.h264", [still] * 3)
    sources += [tmp_path / "b.bmp", tmp_path / "c.wmv", tmp_path / "d.h264"]
    assert all(open_media(source).showings for source in sources)
    done = studio.sign(tmp_path / "child.mp4", ingredients=tuple(sources))
    assert done.report.verdict is Verdict.TRUSTED
    told = [(one.title, one.verdict) for one in done.report.ingredients]
    assert told == [(source.name, Verdict.UNSIGNED) for source in sources]
