"""The mark in the formats of stills, after what happens to stills."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from provenance.watermark import Embedder
from provenance.watermark.files import detect_file
from tests.provenance.watermark.clips import KEYS, PAYLOAD, clip

STILL = Image.fromarray(Embedder(KEYS, PAYLOAD, 960, 540, strength=1.2).embed(clip(540, 960, 1))[0])


@pytest.mark.parametrize("ending", ["png", "webp", "jpg"])
def test_a_still_keeps_the_mark_cropped_shrunk_and_coded_again(ending: str, tmp_path: Path) -> None:
    published = tmp_path / f"still.{ending}"
    STILL.save(published)
    with Image.open(published) as still:
        copies = {
            "cropped": (still.crop((240, 135, 720, 405)), {"format": "PNG"}),
            "shrunk": (still.resize((317, 178), Image.Resampling.BOX), {"format": "PNG"}),
            "JPEG 50": (still.convert("RGB"), {"format": "JPEG", "quality": 50}),
        }
    read = {"published": detect_file(published, KEYS).payload}
    for name, (copy, how) in copies.items():
        path = tmp_path / name
        copy.save(path, **how)
        read[name] = detect_file(path, KEYS).payload
    assert read == dict.fromkeys(read, PAYLOAD)
