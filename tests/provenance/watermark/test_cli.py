from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from media.encode import encode
from media.encoding import EncodeSettings
from tests.provenance.watermark.clips import clip


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "in.mp4"
    encode(path, iter([clip(240, 426, 12)]), Fraction(12), EncodeSettings(crf=12))
    return path


def test_embed_then_detect(cli: Callable[..., object], video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    made = cli("watermark", "embed", video, "-o", out, "--payload", "00ff00ff00ff00ff", "--json")
    assert made.code == 0, made.err
    assert made.json["payload"] == "00ff00ff00ff00ff"
    assert made.json["psnr"] > 38
    found = cli("watermark", "detect", out, "--json")
    assert found.code == 0, found.err
    assert found.json["payload"] == "00ff00ff00ff00ff"
    assert found.json["key_id"] == made.json["key_id"]
    assert found.json["log10_p"] <= -9
    none = cli("watermark", "detect", video, "--json")
    assert none.code == 1
    assert none.json["found"] is False
    spans = cli("watermark", "detect", out, "--segments", "--json")
    assert [mark["payload"] for mark in spans.json["marks"]] == ["00ff00ff00ff00ff"]


def test_wrong_payloads_and_files_that_are_no_video_are_told(
    cli: Callable[..., object], video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    short = cli("watermark", "embed", video, "-o", out, "--payload", "12", "--json")
    assert short.code != 0
    assert short.json["error"]["code"] == "watermark_payload_invalid"
    assert not out.exists()
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    told = cli("watermark", "detect", text, "--json")
    assert told.code == 1
    assert told.json["error"]["code"] == "unreadable_media"
