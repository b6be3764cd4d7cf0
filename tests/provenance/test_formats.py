"""Every format that credentials can live in: signed, verified, changed; and odd but whole files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import c2pa
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from provenance import TrustList, Verdict
from provenance.containers import XMP_UUID
from provenance.formats import DNG, FLV, HEIC, QUICKTIME, TS, detect_file
from provenance.isolation import Sandbox
from provenance.manifest import build
from provenance.signer import sign_file
from provenance.verifier import examine, library_settings, verify
from tests.provenance.conftest import Studio
from tests.provenance.test_verifier import box

SVG = (
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    '<rect width="9" height="9" fill="#c33"/></svg>'
)


def still(path: Path, **more: object) -> Path:
    pixels = np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **more)  # type: ignore[arg-type]
    return path


def negative(path: Path) -> Path:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[50706] = 1
    tags[50706] = b"\1\4\0\0"
    return still(path, format="TIFF", tiffinfo=tags)


def heic(path: Path) -> Path:
    data = still(path.with_suffix(".avif")).read_bytes()
    path.write_bytes(data.replace(b"ftypavif", b"ftypheic", 1))
    return path


def drawing(path: Path) -> Path:
    path.write_text(SVG)
    return path


def sound(path: Path) -> Path:
    codec = {"mp3": "libmp3lame", "wav": "pcm_s16le", "flac": "flac"}[path.suffix[1:]]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=44_100)
        stream.layout = "mono"  # type: ignore[attr-defined]
        samples = (np.sin(np.arange(44_100) / 9) * 9_000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.rate = 44_100
        container.mux(stream.encode(frame))  # type: ignore[attr-defined]
        container.mux(stream.encode())  # type: ignore[attr-defined]
    return path


def film(path: Path, **options: str) -> Path:
    with av.open(str(path), "w", options=options) as container:
        codec = "flv" if path.suffix == ".flv" else "libx264"
        stream = container.add_stream(codec, rate=Fraction(24))
        stream.width = stream.height = 64  # type: ignore[attr-defined]
        stream.pix_fmt = "yuv420p"  # type: ignore[attr-defined]
        for _ in range(6):
            pixels = np.full((64, 64, 3), 90, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))  # type: ignore[attr-defined]
        container.mux(stream.encode())  # type: ignore[attr-defined]
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "gif": still, "tiff": still, "webp": still, "avif": still, "jpg": still, "png": still,
    "dng": negative, "heic": heic, "svg": drawing, "mp3": sound, "wav": sound, "flac": sound,
    "mov": film,
}  # fmt: skip


@pytest.mark.parametrize("suffix", MAKERS)
def test_what_can_carry_credentials_is_judged(studio: Studio, tmp_path: Path, suffix: str) -> None:
    source = MAKERS[suffix](tmp_path / f"source.{suffix}")
    assert examine(source, studio.trust).verdict is Verdict.UNSIGNED
    done = sign_file(
        source, tmp_path / f"signed.{suffix}", studio.request(thumbnail=None), studio.identity,
        studio.trust,
    )  # fmt: skip
    report = examine(done.path, studio.trust)
    assert report.verdict is Verdict.TRUSTED, report.findings
    assert examine(done.path, TrustList()).verdict is Verdict.VALID_UNTRUSTED
    data = bytearray(done.path.read_bytes())
    at = data.index(b"#c33") if suffix == "svg" else _media_byte(bytes(data), done.store)
    data[at] ^= 1
    done.path.write_bytes(data)
    changed = examine(done.path, studio.trust)
    assert changed.verdict is Verdict.TAMPERED, (at, changed.findings)


def _media_byte(data: bytes, store: bytes) -> int:
    """A place in the middle of the larger part of the file that is no store."""
    begin = data.find(store[:64])
    begin, end = (begin, begin + len(store)) if begin >= 0 else (0, len(data) // 2)
    after = len(data) - end
    return end + after // 2 if after > begin else begin // 2


def test_kinds_that_hold_no_credentials_are_known(studio: Studio, tmp_path: Path) -> None:
    for suffix, kind in (("ts", TS), ("flv", FLV), ("mov", QUICKTIME)):
        path = film(tmp_path / f"a.{suffix}")
        assert detect_file(path) is kind
        assert examine(path, studio.trust).verdict is Verdict.UNSIGNED
    assert detect_file(negative(tmp_path / "a.dng")) is DNG
    assert detect_file(heic(tmp_path / "a.heic")) is HEIC


def test_odd_but_whole_files_are_unsigned_not_unreadable(studio: Studio, tmp_path: Path) -> None:
    media = studio.source.read_bytes()
    jpeg = still(tmp_path / "a.jpg").read_bytes()
    size = struct.unpack_from(">I", media)[0]
    odd = {
        "long XMP": media + box(b"uuid", XMP_UUID + b"<x>" + b" " * 400_000 + b"</x>"),
        "a text behind the last box": media + b"SAMSUNG trailer, which is no box at all",
        "old QuickTime": box(b"free", b"") + box(b"wide", b"") + media[size:],
        "a fill byte": jpeg[:2] + b"\xff\xff" + jpeg[2:],
        "bytes behind a picture": jpeg + b"more" * 40,
    }
    for name, data in odd.items():
        path = tmp_path / "odd"
        path.write_bytes(data)
        report = examine(path, studio.trust)
        assert report.verdict is Verdict.UNSIGNED, (name, report.findings)


def test_a_server_behind_long_xmp_is_still_told(studio: Studio, tmp_path: Path) -> None:
    xmp = b"<x>" + b" " * 400_000 + b'<d dcterms:provenance="https://example.org/m.c2pa"/></x>'
    path = tmp_path / "far.mp4"
    path.write_bytes(studio.source.read_bytes() + box(b"uuid", XMP_UUID + xmp))
    report = examine(path, studio.trust)
    assert report.verdict is Verdict.REMOTE_ONLY
    assert report.remote_url == "https://example.org/m.c2pa"


def test_a_chain_of_edits_is_read_to_its_end(
    studio: Studio, tmp_path: Path, sandbox: Sandbox
) -> None:
    source = still(tmp_path / "s.jpg", quality=30)
    path = sign_over(studio, source, None, tmp_path / "0.jpg")
    for step in range(1, 35):
        path = sign_over(studio, source, path, tmp_path / f"{step}.jpg")
    report = verify(path, studio.trust, sandbox=sandbox)
    assert report.verdict is Verdict.TRUSTED, report.findings
    assert [i.depth for i in report.ingredients] == list(range(1, 35))


def sign_over(studio: Studio, source: Path, parent: Path | None, out: Path) -> Path:
    """One edit, straight with the library, which is faster than by our own signer."""
    context = c2pa.Context.from_dict(library_settings(studio.trust))
    over = () if parent is None else (parent,)
    definition = build(studio.request(thumbnail=None, ingredients=over))
    builder = c2pa.Builder(definition, context=context)
    if parent is not None:
        entry = {"title": "parent", "relationship": "parentOf", "label": "ingredient-0"}
        with parent.open("rb") as file:
            builder.add_ingredient(entry, "image/jpeg", file)
    signer = c2pa.Signer.from_callback(
        studio.identity.key.sign, c2pa.C2paSigningAlg.ES256, studio.identity.chain_pem.decode()
    )
    with source.open("rb") as read, out.open("w+b") as write:
        builder.sign(signer, "image/jpeg", read, write)
    return out
