"""HDR as SDR: by the standards' own numbers, and through a real HDR file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.frame import FlashCheck, scan
from media.decode import decode
from media.probe import probe
from media.tone import Transfer, hlg_to_scene, pq_to_light, roll_off, to_sdr


def pq_signal(nits: float) -> float:
    y = np.power(nits / 10_000, 2610 / 16384)
    return float(np.power((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y), 78.84375))


def patch(signal: float) -> np.ndarray:
    return np.full((8, 8, 3), round(signal * 65535), np.uint16)


def test_the_curves_meet_the_standards_points() -> None:
    # ST 2084: 0.5081 is 100 cd/m2; BT.2408: 58 % of PQ and 75 % of HLG are reference white
    assert pq_to_light(np.array([0.0, 0.5081, 1.0])) == pytest.approx([0, 100, 10_000], rel=1e-3)
    assert pq_to_light(np.array([0.58]))[0] == pytest.approx(203, rel=0.02)
    assert hlg_to_scene(np.array([0.0, 0.5, 1.0])) == pytest.approx([0, 1 / 12, 1], abs=1e-4)
    white = 1000 * hlg_to_scene(np.array([0.75]))[0] ** 1.2
    assert white == pytest.approx(203, rel=0.02)


@given(st.floats(0, 60), st.floats(0, 60))
def test_rolling_off_keeps_order_and_range(a: float, b: float) -> None:
    low, high = sorted((a, b))
    first, second = roll_off(np.array([low, high], np.float32))
    assert 0 <= first <= second < 1.0001
    if high <= 0.6:
        assert second == pytest.approx(high, abs=1e-6)


def test_brightness_is_what_a_viewer_sees() -> None:
    black, grey, white, sun = (
        int(to_sdr(patch(pq_signal(nits)), Transfer.PQ).mean()) for nits in (0.01, 40, 203, 1000)
    )
    assert black < 5
    assert grey == pytest.approx(124, abs=4), "a fifth of white"
    assert 220 <= white < sun <= 255
    assert to_sdr(patch(0.75), Transfer.HLG).mean() == pytest.approx(white, abs=4)


def film(path: Path, frames: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=Fraction(24))
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p10le"
        stream.options = {
            "x265-params": "log-level=none:colorprim=bt2020:transfer=smpte2084:"
            "colormatrix=bt2020nc:crf=10"
        }
        for k, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb48le").reformat(
                format="yuv420p10le", dst_colorspace="ITU709"
            )
            frame.pts, frame.time_base = k, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_a_flash_between_20_and_200_nits_is_seen_in_pq(tmp_path: Path) -> None:
    """Read as SDR, PQ's code values lie close together and hide how strong a flash is."""
    dark, bright = (
        np.full((96, 160, 3), round(pq_signal(nits) * 65535), np.uint16) for nits in (20, 200)
    )
    path = film(tmp_path / "hdr.mp4", [bright if (k // 2) % 2 else dark for k in range(48)])
    assert probe(path).transfer is Transfer.PQ
    first = next(decode(path)).pixels
    assert first[0].mean() == pytest.approx(89, abs=8), "20 cd/m2 is a tenth of white"
    assert first[2].mean() > 215
    done = scan(path, (FlashCheck(),))
    assert next(s for s in done.report.signals if s.category == "flash").score == 1.0
    assert done.report.coverage["hdr"]["transfer"] == "smpte2084"


def test_sdr_is_left_alone(tmp_path: Path) -> None:
    from media.encode import encode

    path = tmp_path / "sdr.mp4"
    encode(path, iter([np.full((4, 96, 160, 3), 120, np.uint8)]), Fraction(24))
    assert probe(path).transfer is None
    assert abs(int(next(decode(path)).pixels.mean()) - 120) <= 2
    assert "hdr" not in scan(path, (FlashCheck(),)).report.coverage
