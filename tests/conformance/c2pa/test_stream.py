"""Fragmented MP4 as a stream: an initialisation segment with media segments, signed by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from provenance import SigningIdentity, TrustList, Verdict
from provenance.examination import examine
from provenance.fragments import verify_fragments
from provenance.merkle import leads_up
from provenance.sentences import credentials
from tests.conformance.c2pa.handmade import EXCLUSIONS, manifest, sign_stream
from tests.conformance.c2pa.independent import bmff_digest
from tests.provenance.conftest import Studio, studio  # noqa: F401
from tests.provenance.handmade import c2pa_box
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


@pytest.fixture
def stream(studio: Studio, tmp_path: Path) -> tuple[Path, list[Path]]:  # noqa: F811
    init, pieces = split(fragmented(tmp_path / "source.mp4"))
    first, signed = sign_stream(
        init.read_bytes(), [p.read_bytes() for p in pieces], studio.identity
    )
    init.write_bytes(first)
    for path, data in zip(pieces, signed, strict=True):
        path.write_bytes(data)
    return init, pieces


def test_a_changed_initialisation_segment(
    stream: tuple[Path, list[Path]],
    studio: Studio,  # noqa: F811
) -> None:
    init, pieces = stream
    data = bytearray(init.read_bytes())
    data[data.rindex(b"moov") + 40] ^= 1
    init.write_bytes(data)
    assert verify_fragments(init, pieces, studio.trust).verdict is Verdict.TAMPERED


def test_order_gaps_and_repetition_are_told(
    stream: tuple[Path, list[Path]],
    studio: Studio,  # noqa: F811
) -> None:
    init, (a, b, c) = stream
    told = {
        "segments.order": (b, a, c),
        "segments.gap": (a, c),
        "segments.repeated": (a, a, b),
    }
    for code, given in told.items():
        report = verify_fragments(init, given, studio.trust)
        assert report.verdict is Verdict.TRUSTED
        assert [f.code for f in report.whole.findings] == [code]
    assert verify_fragments(init, (a, b, c), studio.trust).whole.findings == ()


def test_a_segment_that_is_bound_to_nothing_is_no_accusation(
    stream: tuple[Path, list[Path]],
    studio: Studio,  # noqa: F811
    tmp_path: Path,
) -> None:
    init, pieces = stream
    (tmp_path / "other").mkdir()
    _, foreign = split(fragmented(tmp_path / "other" / "source.mp4"))
    report = verify_fragments(init, [pieces[0], foreign[0]], studio.trust)
    assert report.verdict is Verdict.MALFORMED
    assert [f.code for f in report.whole.failures] == ["segment.unbound"]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_every_row_of_a_tree_is_a_valid_root(count: int) -> None:
    """Whatever row the manifest signs, each leaf leads up to it, and no other does."""
    leaves = [hashlib.sha256(bytes([i])).digest() for i in range(count)]
    rows = [leaves]
    while len(rows[-1]) > 1:
        last = rows[-1]
        pairs = [last[i : i + 2] for i in range(0, len(last), 2)]
        rows.append([hashlib.sha256(b"".join(p)).digest() if len(p) == 2 else p[0] for p in pairs])
    for height, row in enumerate(rows):
        for place, leaf in enumerate(leaves):
            proof, index = [], place
            for lower in rows[:height]:
                if index ^ 1 < len(lower):
                    proof.append(lower[index ^ 1])
                index //= 2
            assert leads_up("sha256", leaf, place, count, proof, row)
            assert not leads_up("sha256", b"\0" * 32, place, count, proof, row)
            assert not leads_up("sha256", leaf, place, count, [*proof, leaf], row)
            assert not leads_up("sha256", leaf, count, count, proof, row)


def test_a_stream_on_the_command_line(
    stream: tuple[Path, list[Path]],
    studio: Studio,  # noqa: F811
    tmp_path: Path,
    cli: Any,
) -> None:
    init, pieces = stream
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(studio.identity.root_pem)
    page = tmp_path / "page.html"
    words = ["verify", str(init), "--trust", str(anchors), "--credentials-only"]
    words += [w for p in pieces for w in ("--segment", str(p))]
    good = cli(*words, "--json", "--html", str(page))
    assert good.code == 0
    assert good.json["verdict"] == "trusted"
    assert [s["intact"] for s in good.json["file"]["segments"]] == [True] * 3
    assert "media segments" in page.read_text()
    data = bytearray(pieces[1].read_bytes())
    data[-5] ^= 1
    pieces[1].write_bytes(data)
    bad = cli(*words, "--json")
    assert (bad.code, bad.json["verdict"]) == (1, "tampered")
    assert bad.json["findings"][0]["where"] == "segment 2"


def test_a_live_stream_is_judged_segment_by_segment_and_never_trusted(
    studio: Studio,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Each segment is signed by itself (chapter 19): a change is found, a gap cannot be."""
    init, pieces = split(fragmented(tmp_path / "source.mp4"))
    for path in pieces:
        path.write_bytes(live(path.read_bytes(), studio.identity))
    report = verify_fragments(init, pieces, studio.trust)
    assert report.verdict is Verdict.NOT_JUDGED, report.whole.findings
    assert [s.intact for s in report.segments] == [True] * 3
    assert "stream.live" in {f.code for f in report.whole.findings}
    data = bytearray(pieces[1].read_bytes())
    data[-5] ^= 1
    pieces[1].write_bytes(data)
    broken = verify_fragments(init, pieces, studio.trust)
    assert broken.verdict is Verdict.TAMPERED
    assert [(s.intact, s.proven) for s in broken.segments] == [
        (True, False),
        (False, True),
        (True, False),
    ]


def live(segment: bytes, identity: SigningIdentity) -> bytes:
    """A media segment with a manifest of its own, in front of everything."""

    def whole(digest: bytes) -> bytes:
        binding = {"exclusions": EXCLUSIONS, "alg": "sha256", "hash": digest, "name": "by hand"}
        return c2pa_box(manifest(identity, binding, "urn:c2pa:segment")) + segment

    rules = {"exclusions": EXCLUSIONS, "alg": "sha256"}
    return whole(bmff_digest(whole(b"\0" * 32), rules))


def test_a_do_not_train_assertion_is_told_in_words(studio: Studio, tmp_path: Path) -> None:  # noqa: F811
    told = {
        "notAllowed": "train AI models is not allowed",
        "constrained": "allowed under conditions only",
    }
    for use, words in told.items():
        signed = studio.sign(tmp_path / f"{use}.mp4", training_mining=use)
        sentence = credentials(examine(signed.path, studio.trust)).sentence
        assert words in sentence
    silent = studio.sign(tmp_path / "silent.mp4", training_mining=None)
    assert "train AI" not in credentials(examine(silent.path, studio.trust)).sentence
