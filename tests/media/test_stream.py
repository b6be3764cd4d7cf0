"""Decode, probe and encode, on real files."""

from __future__ import annotations

import errno
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media.decode import decode
from media.encode import Encoder, encode
from media.encoding import EncodeSettings
from media.errors import EncodeFailed, MediaLimitExceeded, UnreadableMedia
from media.limits import MediaLimits
from media.probe import probe


def ramp(frames: int, height: int = 64, width: int = 96) -> np.ndarray:
    """Smooth frames that differ from each other, so that an encoder keeps them apart."""
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x * 2, y * 3, x + y], -1)
    return np.stack([(base + 5 * t) % 230 for t in range(frames)]).astype(np.uint8)


def test_what_is_encoded_comes_back_frame_by_frame(tmp_path: Path) -> None:
    clip = np.full((30, 64, 96, 3), 0, np.uint8)
    clip[...] = (np.arange(30, dtype=np.uint8) * 8)[:, None, None, None]
    path = tmp_path / "clip.mp4"
    assert encode(path, iter([clip[:7], clip[7:]]), Fraction(24), EncodeSettings(crf=5)) == 30
    info = probe(path)
    assert (info.width, info.height, info.fps, info.frames) == (96, 64, 24, 30)
    assert info.codec == "h264"
    assert info.pixel_format == "yuv420p"
    decoded = list(decode(path))
    pixels = np.concatenate([batch.pixels for batch in decoded])
    times = np.concatenate([batch.times for batch in decoded])
    assert pixels.shape == clip.shape
    assert np.abs(pixels.astype(int) - clip).max() <= 6
    np.testing.assert_allclose(times, np.arange(30) / 24, atol=1e-3)


def test_the_index_comes_before_the_data(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encode(path, iter([ramp(5)]), Fraction(24))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_batches_stay_below_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encode(path, iter([ramp(40)]), Fraction(24))
    small = MediaLimits(batch_bytes=64 * 96 * 3 * 4)
    assert max(len(batch) for batch in decode(path, small)) == 4


def test_a_failed_clip_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Encoder(tmp_path / "a.mp4", 96, 64, Fraction(24)) as out:
        out.write(ramp(3))
        raise RuntimeError
    with pytest.raises(EncodeFailed), Encoder(tmp_path / "b.mp4", 96, 64, Fraction(24)):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4.part").symlink_to("/dev/full")
    with pytest.raises(EncodeFailed, match=os.strerror(errno.ENOSPC)):
        encode(tmp_path / "clip.mp4", iter([ramp(60, 256, 256)]), Fraction(24))


def test_an_unwritable_folder_is_found_before_the_first_frame(tmp_path: Path) -> None:
    with pytest.raises(EncodeFailed):
        Encoder(tmp_path / "missing" / "clip.mp4", 96, 64, Fraction(24))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64])
def test_what_is_no_video_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableMedia):
        probe(path)
    with pytest.raises(UnreadableMedia):
        list(decode(path))


def test_a_playlist_cannot_make_us_read_another_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    encode(secret, iter([ramp(5)]), Fraction(24))
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"ffconcat version 1.0\nfile {secret}\n")
    with pytest.raises(UnreadableMedia):
        probe(playlist)
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
    with pytest.raises(UnreadableMedia):
        probe(playlist)


def test_limits_are_typed(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encode(path, iter([ramp(48)]), Fraction(24))
    for limits in (
        MediaLimits(max_bytes=100),
        MediaLimits(max_side=64),
        MediaLimits(min_side=80),
        MediaLimits(max_seconds=1),
    ):
        with pytest.raises(MediaLimitExceeded):
            probe(path, limits)
    with pytest.raises(MediaLimitExceeded):
        list(decode(path, MediaLimits(max_frames=10)))


def test_a_truncated_file_says_so_after_its_good_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encode(path, iter([ramp(48, 256, 256)]), Fraction(24))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    good = 0
    with pytest.raises(UnreadableMedia):
        for batch in decode(path):
            good += len(batch)
    assert 0 < good < 48


def test_rotation_in_the_container_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    from PIL import Image

    Image.fromarray(ramp(1)[0]).save(path)
    frames = list(decode(path))
    assert frames[0].pixels.shape == (1, 64, 96, 3)
    with av.open(str(path)) as container:
        assert container.format.name == "png_pipe"
