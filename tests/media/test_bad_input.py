"""Whatever comes as a file: frames, or a typed error that names what to do; never more."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from media.clip import Pixels
from media.decode import decode
from media.encode import encode
from media.errors import MediaError, MediaLimitExceeded, UnreadableMedia
from media.limits import MediaLimits
from media.probe import probe

FPS = Fraction(24)


def clip(frames: int = 48, height: int = 96, width: int = 160) -> Pixels:
    texture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    out = np.full((frames, height, width, 3), 110, np.uint8)
    for k in range(frames):
        y, x = k % (height - 32), 2 * k % (width - 32)
        out[k, y : y + 32, x : x + 32] = texture
    return out


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "a.mp4"
    encode(path, iter([clip()]), FPS)
    return path.read_bytes()


def mux(path: Path, frames: Pixels, codec: str, fmt: str, times=None, **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], fmt
        stream.options = {key.replace("_", "-"): value for key, value in options.items()}
        for k, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = k if times is None else int(times[k])
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path: Path, limits: MediaLimits | None = None) -> tuple[int, tuple[int, ...], float]:
    """Frames, shape and time of the last frame, after probing as every caller does."""
    probe(path, limits or MediaLimits())
    seen, last, shape = 0, -1.0, ()
    for frames in decode(path, limits or MediaLimits()):
        assert (np.diff(np.concatenate([[last], frames.times])) > 0).all(), "times rise"
        seen, last, shape = seen + len(frames), float(frames.times[-1]), frames.pixels.shape[1:3]
    return seen, shape, last


@pytest.mark.parametrize(
    "make",
    [
        lambda p: mux(p / "a.mkv", clip(48, 97, 161), "ffv1", "bgr0"),
        lambda p: mux(p / "a.webm", clip(), "libvpx-vp9", "yuva420p"),
        lambda p: mux(
            p / "a.mkv", clip(), "libx265", "yuv420p10le",
            x265_params="log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
        ),
        lambda p: mux(p / "a.gif", clip(), "gif", "rgb8"),
        lambda p: mux(
            p / "a.mkv", clip(), "libx264", "yuv420p",
            times=np.cumsum(np.random.default_rng(0).integers(1, 9, 48)),
        ),
    ],
    ids=["odd size", "alpha", "HDR, 10 bit", "GIF", "variable rate"],
)  # fmt: skip
def test_unusual_but_whole_files_are_read(make: Callable[[Path], Path], tmp_path: Path) -> None:
    seen, shape, _ = read(make(tmp_path))
    assert seen == 48
    assert shape in {(96, 160), (97, 161)}


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "tif"])
def test_images_are_clips_of_one_frame(ending: str, tmp_path: Path) -> None:
    Image.fromarray(clip(1)[0]).save(tmp_path / f"a.{ending}")
    assert read(tmp_path / f"a.{ending}") == (1, (96, 160), 0.0)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_truncated_files_break_off(share: float, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableMedia):
        read(path)


@settings(max_examples=40, deadline=None)
@given(places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=60))
def test_damaged_files_give_frames_or_a_typed_error(
    places: list[tuple[float, int]], whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(whole)
    for at, value in places:
        data[min(len(data) - 1, int(at * len(data)))] = value
    path = tmp_path_factory.mktemp("damaged") / "a.mp4"
    path.write_bytes(data)
    try:
        read(path)
    except MediaError as error:
        assert error.code in {"unreadable_media", "media_limit_exceeded"}


def zero_frames(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        container.start_encoding()


def audio_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        sound = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
        frame.rate, frame.pts = 44_100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    "make",
    [
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(b"hello world" * 100),
        lambda p: p.write_bytes(bytes(100_000)),
        lambda p: p.write_bytes(np.random.default_rng(0).bytes(100_000)),
        lambda p: p.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
        lambda p: p.write_text("ffconcat version 1.0\nfile /etc/passwd\n"),
        lambda p: p.mkdir(),
        lambda p: None,
        zero_frames,
        audio_only,
    ],
    ids=["empty", "text", "zeros", "random", "playlist", "concat", "folder", "missing", "no frame",
         "audio"],
)  # fmt: skip
def test_what_is_no_video_is_unreadable(make: Callable, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    make(path)
    with pytest.raises(UnreadableMedia):
        read(path)


def test_a_header_of_100_hours_costs_nothing(whole: bytes, tmp_path: Path) -> None:
    data = bytearray(whole)
    for tag in (b"mvhd", b"mdhd"):
        at = data.find(tag)
        scale = struct.unpack(">I", data[at + 16 : at + 20])[0]
        data[at + 20 : at + 24] = struct.pack(">I", min(scale * 360_000, 2**32 - 1))
    at = data.find(b"tkhd")
    data[at + 24 : at + 28] = struct.pack(">I", 2**32 - 2)
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    try:
        seen, _, last = read(path)
    except MediaError as error:
        assert error.code in {"media_limit_exceeded", "unreadable_media"}
    else:
        assert (seen, last < 3) == (48, True)


def png_header(path: Path, width: int, height: int) -> None:
    """A PNG that claims a size and holds next to nothing."""
    Image.new("L", (16, 16)).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(data)


@pytest.mark.parametrize(
    "size", [(16_384, 8_640), (30_000, 30_000), (2**31 - 1, 2**31 - 1), (8, 8)]
)
def test_bombs_are_refused_by_their_header(size: tuple[int, int], tmp_path: Path) -> None:
    png_header(tmp_path / "a.png", *size)
    with pytest.raises(MediaError):
        read(tmp_path / "a.png")


def test_limits_hold_while_decoding(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(whole)
    for limits in (
        MediaLimits(max_frames=10),
        MediaLimits(max_seconds=0.5),
        MediaLimits(max_bytes=100),
        MediaLimits(max_side=100),
    ):
        with pytest.raises(MediaLimitExceeded):
            read(path, limits)
