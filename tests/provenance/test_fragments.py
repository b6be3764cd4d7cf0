"""Fragmented MP4: as one file, and as an initialisation segment with media segments."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from provenance import Verdict
from provenance.fragments import verify_fragments
from provenance.verifier import examine
from tests.provenance.conftest import Studio


def fragmented(path: Path) -> Path:
    rng = np.random.default_rng(1)
    flags = "frag_keyframe+empty_moov+default_base_moof"
    with av.open(str(path), "w", options={"movflags": flags}) as container:
        stream = container.add_stream("libx264", rate=Fraction(24))
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.options = {"g": "6", "preset": "ultrafast"}
        for _ in range(18):
            pixels = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def split(path: Path) -> tuple[Path, list[Path]]:
    """The initialisation segment and the media segments of a fragmented file."""
    data = path.read_bytes()
    init, segments, offset = b"", [b""], 0
    while offset < len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        piece = data[offset : offset + size]
        if kind in (b"moof", b"mdat"):
            if kind == b"moof":
                segments.append(b"")
            segments[-1] += piece
        elif kind != b"mfra":
            init += piece
        offset += size
    first = path.with_name("init.mp4")
    first.write_bytes(init)
    names = []
    for index, piece in enumerate(segments[1:]):
        names.append(path.with_name(f"segment{index}.m4s"))
        names[-1].write_bytes(piece)
    return first, names


def test_a_fragmented_file_is_signed_and_verified_whole(studio: Studio, tmp_path: Path) -> None:
    done = studio.sign(tmp_path / "signed.mp4", fragmented(tmp_path / "source.mp4"))
    assert examine(done.path, studio.trust).verdict is Verdict.TRUSTED
    data = bytearray(done.path.read_bytes())
    at = data.rindex(b"mdat") + 20
    data[at] ^= 1
    done.path.write_bytes(data)
    assert examine(done.path, studio.trust).verdict is Verdict.TAMPERED


def test_segments_that_no_manifest_binds_are_not_intact(studio: Studio, tmp_path: Path) -> None:
    plain, segments = split(fragmented(tmp_path / "source.mp4"))
    assert len(segments) == 3
    unsigned = verify_fragments(plain, segments, studio.trust)
    assert unsigned.verdict is Verdict.UNSIGNED and unsigned.segments == ()
    # a whole file's manifest binds the whole file: its pieces are not bound one by one
    done = studio.sign(tmp_path / "signed.mp4", tmp_path / "source.mp4")
    init, pieces = split(done.path)
    report = verify_fragments(init, pieces, studio.trust)
    assert report.verdict is Verdict.TAMPERED
    assert [s.intact for s in report.segments] == [False] * 3
    assert all(s.reason for s in report.segments)
    missing = verify_fragments(init, [tmp_path / "none.m4s"], studio.trust)
    assert missing.verdict is Verdict.TAMPERED
