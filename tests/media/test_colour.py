"""What we write is what a player that believes tags shows; what we read is what a file names."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from media.decode import decode
from media.encode import Encoder
from media.encoding import EncodeSettings

WIDE = 32
BARS = [
    (r, g, b) for level in (255, 191) for r in (level, 0) for g in (level, 0) for b in (level, 0)
]
"""100 % and 75 % colour bars (ITU-R BT.471), and black."""


def bars() -> np.ndarray:
    return np.repeat(np.repeat(np.array([BARS], np.uint8), WIDE, 1), 64, 0)


def planes(frame: av.VideoFrame) -> list[np.ndarray]:
    return [
        np.frombuffer(bytes(p), np.uint8).reshape(p.height, p.line_size)[:, : p.width].astype(float)
        for p in frame.planes
    ]


def shown(y: float, u: float, v: float) -> np.ndarray:
    """BT.709, limited range, as ITU-R BT.709-6 table 3 defines it: RGB in codes of 0 to 255."""
    luma, cb, cr = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    red, blue = luma + 1.5748 * cr, luma + 1.8556 * cb
    green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152
    return np.round(255 * np.array([red, green, blue]))


def test_colour_bars_survive_a_player_that_believes_the_tags(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with Encoder(path, 16 * WIDE, 64, Fraction(24), EncodeSettings(crf=1)) as out:
        out.write(np.stack([bars()] * 3))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    told = (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc)
    assert told == (1, 1, 1, 1), "bt709, limited"
    y, u, v = planes(frame)
    for n, wanted in enumerate(BARS):
        at = n * WIDE + WIDE // 2
        got = shown(y[32, at], u[16, at // 2], v[16, at // 2])
        assert np.abs(got - wanted).max() <= 1, (wanted, got)


@pytest.mark.parametrize("matrix", [Colorspace.ITU709, Colorspace.ITU601])
@pytest.mark.parametrize("whole", [ColorRange.MPEG, ColorRange.JPEG])
def test_matrix_and_range_are_believed(
    matrix: Colorspace, whole: ColorRange, tmp_path: Path
) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 16 * WIDE, 64, "yuv444p"
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, whole
        frame = av.VideoFrame.from_ndarray(bars(), format="rgb24").reformat(
            format="yuv444p", dst_colorspace=matrix, src_color_range=ColorRange.JPEG,
            dst_color_range=whole,
        )  # fmt: skip
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    got = next(decode(path)).pixels[0][32, WIDE // 2 :: WIDE]
    assert np.abs(got.astype(int) - np.array(BARS)).max() <= 4


def test_ten_bits_are_judged_as_eight(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 16 * WIDE, 64, "yuv444p10le"
        stream.codec_context.colorspace = Colorspace.ITU709
        frame = av.VideoFrame.from_ndarray(bars(), format="rgb24").reformat(
            format="yuv444p10le", dst_colorspace=Colorspace.ITU709
        )
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    got = next(decode(path)).pixels[0][32, WIDE // 2 :: WIDE]
    assert np.abs(got.astype(int) - np.array(BARS)).max() <= 3
