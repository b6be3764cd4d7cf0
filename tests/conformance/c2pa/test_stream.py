"""Fragmented MP4 as a stream: an initialisation segment with media segments, signed by hand."""

from __future__ import annotations

from pathlib import Path

from provenance import TrustList, Verdict
from provenance.fragments import verify_fragments
from tests.conformance.c2pa.handmade import sign_stream
from tests.provenance.conftest import Studio, studio  # noqa: F401
from tests.provenance.test_fragments import fragmented, split


def test_a_signed_stream(studio: Studio, tmp_path: Path) -> None:  # noqa: F811
    init, pieces = split(fragmented(tmp_path / "source.mp4"))
    first, signed = sign_stream(
        init.read_bytes(), [p.read_bytes() for p in pieces], studio.identity
    )
    init.write_bytes(first)
    for path, data in zip(pieces, signed, strict=True):
        path.write_bytes(data)
    report = verify_fragments(init, pieces, studio.trust)
    assert [s.reason for s in report.segments] == [""] * 3
    assert report.verdict is Verdict.TRUSTED
    # in any order, or only some
    assert verify_fragments(init, pieces[2:], studio.trust).verdict is Verdict.TRUSTED
    assert verify_fragments(init, pieces, TrustList()).verdict is Verdict.VALID_UNTRUSTED
    # one changed segment
    data = bytearray(signed[1])
    data[-5] ^= 1
    pieces[1].write_bytes(data)
    broken = verify_fragments(init, pieces, studio.trust)
    assert broken.verdict is Verdict.TAMPERED
    assert [s.intact for s in broken.segments] == [True, False, True]
    pieces[1].write_bytes(signed[1])
    # a segment in the place of another
    pieces[0].write_bytes(signed[2].replace(b"\x68location\x02", b"\x68location\x00"))
    assert verify_fragments(init, pieces[:1], studio.trust).verdict is Verdict.TAMPERED
