"""Every way of binding a file, in every container that the C2PA library signs.

Sources: C2PA 2.4, sections 11.2 (compressed and update manifests), 15.12, 18.5 to 18.9, A.5.
"""

from __future__ import annotations

import hashlib
import io
import random
import struct
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import c2pa
import cbor2
import pytest

from provenance import TrustList, Verdict
from provenance.bmff_hash import bmff_digest
from provenance.containers import C2PA_UUID, iterate_boxes, read_container
from provenance.examination import examine, library_settings, signing_chains
from provenance.formats import MP4, detect_file
from provenance.jumbf import parse_store
from provenance.limits import ProvenanceLimits
from provenance.verdicts import VerificationReport
from tests.conformance.c2pa.handmade import EXCLUSIONS, assertion, box
from tests.conformance.c2pa.made import MAKERS, film, gif, put, sign, still, update
from tests.provenance.conftest import Studio, studio  # noqa: F401
from tests.provenance.handmade import CREATED, Hand, Stamper, identity, mp4, old_root, store

LIMITS = ProvenanceLimits()
ROOT = old_root("Root of the parts")
TRUST = TrustList.of(identity(root=ROOT))
COMPRESSED = {"core__prefer_compress_manifests": True, "builder__prefer_box_hash": True}
BOXED = {
    "jpg": ("image/jpeg", lambda: still("JPEG", restart_marker_blocks=2)),
    "png": ("image/png", lambda: still("PNG")),
    "gif": ("image/gif", gif),
}


def codes(report: VerificationReport) -> set[str]:
    return {f.code for f in report.findings}


def outside(path: Path) -> list[int]:
    """The places of bytes that do not belong to the credentials."""
    kind = detect_file(path)
    assert kind is not None
    places = read_container(path, kind, LIMITS).store_places
    size = path.stat().st_size
    return [i for i in range(size) if not any(p.start <= i < p.end for p in places)]


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)


@pytest.mark.parametrize("suffix", MAKERS)
def test_no_changed_byte_is_trusted(studio: Studio, tmp_path: Path, suffix: str) -> None:  # noqa: F811
    """A changed byte outside of the credentials is never trusted, unless it is told."""
    mime, make = MAKERS[suffix]
    data = sign(make(), mime, studio.identity, studio.trust)
    path = put(tmp_path, f"made.{suffix}", data)
    whole = examine(path, studio.trust)
    assert whole.verdict is Verdict.TRUSTED, whole.findings
    assert whole.steps[6].detail.endswith("by our own hash and the library's")
    assert whole.file["mime"] == mime
    left_out = {i for u in whole.uncovered for i in range(u["offset"], u["offset"] + u["size"])}
    brands = set(range(8, struct.unpack_from(">I", data)[0])) if data[4:8] == b"ftyp" else set()
    places = [i for i in outside(path) if i not in left_out | brands]
    choice = random.Random(suffix)
    for at in choice.sample(places, 12):
        put(tmp_path, path.name, flipped(data, at, choice.randrange(8)))
        verdict = examine(path, studio.trust).verdict
        assert verdict in (Verdict.TAMPERED, Verdict.UNREADABLE, Verdict.UNSIGNED), at


@pytest.mark.parametrize("suffix", BOXED)
def test_compressed_manifests_and_box_hashes(
    studio: Studio,  # noqa: F811
    tmp_path: Path,
    suffix: str,
) -> None:
    mime, make = BOXED[suffix]
    data = sign(make(), mime, studio.identity, studio.trust, **COMPRESSED)
    path = put(tmp_path, f"made.{suffix}", data)
    assert data.count(b"brob") == 1 and b"c2pa.hash.boxes" not in data
    whole = examine(path, studio.trust)
    assert whole.verdict is Verdict.TRUSTED, whole.findings
    assert whole.steps[6].detail == "c2pa.hash.boxes, by our own hash and the library's"
    assert whole.signer is not None and whole.signer.trusted
    choice = random.Random(suffix)
    for at in choice.sample(outside(path), 12):
        put(tmp_path, path.name, flipped(data, at, choice.randrange(8)))
        assert not examine(path, studio.trust).intact, at
    # inside the compressed box nothing can be changed either
    begin = data.index(b"brob") + 4
    for at in choice.sample(range(begin, begin + 2_000), 6):
        put(tmp_path, path.name, flipped(data, at, choice.randrange(8)))
        assert not examine(path, studio.trust).intact, at


def test_a_box_that_was_added_or_moved(studio: Studio, tmp_path: Path) -> None:  # noqa: F811
    data = sign(still("PNG"), "image/png", studio.identity, studio.trust, **COMPRESSED)
    body = b"Comment\0anybody's words"
    text = struct.pack(">I4s", len(body), b"tEXt") + body
    text += struct.pack(">I", zlib.crc32(text[4:]))
    at = data.index(b"IDAT") - 4
    path = put(tmp_path, "added.png", data[:at] + text + data[at:])
    added = examine(path, studio.trust)
    assert added.verdict is Verdict.TAMPERED
    assert any("tEXt" in f.message for f in added.findings), added.findings
    put(tmp_path, path.name, data + b"words behind the end")
    behind = examine(path, studio.trust)
    assert behind.verdict is not Verdict.TRUSTED or "uncovered.bytes" in codes(behind)


def test_a_compressed_manifest_that_unfolds_without_end(
    studio: Studio,  # noqa: F811
    tmp_path: Path,
) -> None:
    data = sign(still("PNG"), "image/png", studio.identity, studio.trust, **COMPRESSED)
    path = put(tmp_path, "bomb.png", data)
    small = ProvenanceLimits(max_store_bytes=8_000)
    report = examine(path, studio.trust, limits=small)
    assert report.verdict is Verdict.UNREADABLE
    assert codes(report) == {"limit.store"}


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "mp4", "mov", "avif"])
def test_update_manifests_of_the_library(studio: Studio, tmp_path: Path, suffix: str) -> None:  # noqa: F811
    """The credentials have grown since the hash was made; the file is as it was."""
    mime, make = MAKERS[suffix]
    first = sign(make(), mime, studio.identity, studio.trust)
    data = update(first, mime, studio.identity, studio.trust)
    path = put(tmp_path, f"updated.{suffix}", data)
    report = examine(path, studio.trust)
    assert report.verdict is Verdict.TRUSTED, report.findings
    assert report.steps[6].detail.endswith("by our own hash and the library's")
    assert report.findings == ()
    places = outside(path)
    for at in random.Random(suffix).sample(places[len(places) // 2 :], 4):
        put(tmp_path, path.name, flipped(data, at))
        assert examine(path, studio.trust).verdict is Verdict.TAMPERED, at


def test_an_update_is_the_last_box_or_it_is_none(studio: Studio, tmp_path: Path) -> None:  # noqa: F811
    first = sign(film("mp4", "libx264"), "video/mp4", studio.identity, studio.trust)
    data = update(first, "video/mp4", studio.identity, studio.trust)
    path = put(tmp_path, "moved.mp4", data + box(b"free", b"\0" * 8))
    assert examine(path, studio.trust).verdict is not Verdict.TRUSTED


@pytest.mark.parametrize("kilobytes", [1, 64])
def test_media_hashed_in_pieces(studio: Studio, tmp_path: Path, kilobytes: int) -> None:  # noqa: F811
    data = sign(
        film("mp4", "libx264"),
        "video/mp4",
        studio.identity,
        studio.trust,
        core__merkle_tree_chunk_size_in_kb=kilobytes,
        core__merkle_tree_max_proofs=0,
    )
    path = put(tmp_path, "pieces.mp4", data)
    report = examine(path, studio.trust)
    assert report.verdict is Verdict.TRUSTED, report.findings
    assert report.steps[6].detail.endswith("by our own hash and the library's")
    assert report.uncovered == () or all(u["blank"] for u in report.uncovered)
    media = data.rindex(b"mdat")
    for at in (media + 6, media + 30, len(data) - 3):
        put(tmp_path, path.name, flipped(data, at))
        assert examine(path, studio.trust).verdict is not Verdict.TRUSTED, at


# parts of a file that have hashes of their own


def chunk(kind: bytes, body: bytes) -> bytes:
    made = struct.pack(">I4s", len(body), kind) + body
    return made + struct.pack(">I", zlib.crc32(made[4:]))


def in_parts(second: bytes, *, optional: bool = True) -> bytes:
    """A PNG with a second part behind it; the hash of the whole covers both, each has its own."""
    picture = still("PNG")
    signer = identity(root=ROOT)
    at = picture.index(b"IDAT") - 4

    def whole(parts: dict[str, Any]) -> bytes:
        hand = Hand(signer, assertions={"c2pa.actions.v2": CREATED})
        manifest = store(hand.manifest(parts))
        return picture[:at] + chunk(b"caBX", manifest) + picture[at:] + second

    def parts(hashes: list[bytes], size: int, length: int) -> dict[str, Any]:
        rules = {"alg": "sha256", "pad": b"", "name": "by hand"}
        left = [{"start": at, "length": length}]
        said: dict[str, Any] = {
            "c2pa.hash.data": {**rules, "exclusions": left, "hash": hashes[0]},
            "c2pa.hash.data.part": {**rules, "exclusions": left, "hash": hashes[1]},
            "c2pa.hash.data.part__1": {**rules, "hash": hashes[2]},
        }

        def part(start: int, length: int, label: str, **more: Any) -> dict[str, Any]:
            digest = hashlib.sha256(assertion(label, said[label])[8:]).digest()
            return {
                "location": {"byteOffset": start, "length": length},
                "hashAssertion": {"url": f"self#jumbf=c2pa.assertions/{label}", "hash": digest},
                **more,
            }

        listed = [
            part(0, size, "c2pa.hash.data.part"),
            part(size, len(second), "c2pa.hash.data.part__1", optional=optional),
        ]
        return {**said, "c2pa.hash.multi-asset": {"parts": listed}}

    guess = whole(parts([b"\0" * 32] * 3, 20_000, 20_000))
    length = len(guess) - len(picture) - len(second)
    size = len(picture) + length
    draft = whole(parts([b"\0" * 32] * 3, size, length))
    assert len(draft) == len(guess)
    without = draft[:at] + draft[at + length :]
    hashes = [hashlib.sha256(part).digest() for part in (without, without[: len(picture)], second)]
    return whole(parts(hashes, size, length))


@pytest.mark.parametrize(
    ("optional", "kept", "verdict"),
    [
        (True, True, Verdict.TRUSTED),
        (True, False, Verdict.NOT_JUDGED),  # the C2PA library does not read parts
        (False, False, Verdict.TAMPERED),
    ],
)
def test_parts_with_hashes_of_their_own(
    tmp_path: Path, optional: bool, kept: bool, verdict: Verdict
) -> None:
    second = b"the second part" * 40
    data = in_parts(second, optional=optional)
    path = put(tmp_path, "parts.png", data if kept else data[: -len(second)])
    report = examine(path, TRUST)
    assert report.verdict is verdict, report.findings


def test_a_changed_part(tmp_path: Path) -> None:
    data = in_parts(b"the second part" * 40)
    path = put(tmp_path, "parts.png", flipped(data, len(data) - 20))
    assert examine(path, TRUST).verdict is Verdict.TAMPERED


# what a leaf of a stream's tree covers


def test_the_offset_of_a_box_stands_in_a_leaf_unless_there_is_a_hash_of_the_whole() -> None:
    """A minimal vector. ``encypher-c2pa`` leaves the offsets out of every leaf (1.7.1), the C2PA
    library puts them into every leaf; 18.6.2 leaves them out beside a hash of the whole only."""
    media = box(b"moof", b"\1" * 8) + box(b"mdat", b"\2" * 8)
    place = box(b"uuid", C2PA_UUID, b"\0" * 4, b"merkle\0", cbor2.dumps({}))
    segment = io.BytesIO(place + media)
    boxes = list(iterate_boxes(segment, len(segment.getvalue()), LIMITS))
    said: dict[str, Any] = {"exclusions": EXCLUSIONS, "alg": "sha256", "merkle": [{}]}
    first = struct.pack(">Q", len(place)) + media[:16]
    second = struct.pack(">Q", len(place) + 16) + media[16:]
    label = "c2pa.hash.bmff.v3"
    assert (
        bmff_digest(segment, label, said, boxes, LIMITS) == hashlib.sha256(first + second).digest()
    )
    said["hash"] = b"\0" * 32
    assert bmff_digest(segment, label, said, boxes, LIMITS) == hashlib.sha256(media).digest()


# whom the C2PA library believes


def test_a_time_stampers_anchor_vouches_for_no_signer(studio: Studio, tmp_path: Path) -> None:  # noqa: F811
    """A time-stamp authority's root issues a signer: neither we nor the library believe it."""
    stamper = Stamper(datetime.now(UTC) - timedelta(days=20))
    trust = TRUST.with_timestamps(stamper.root.certificate)
    media = studio.source.read_bytes()
    attack = put(tmp_path, "attack.mp4", mp4(media, Hand(identity(root=stamper.root))))
    report = examine(attack, trust)
    assert report.verdict is Verdict.VALID_UNTRUSTED
    assert codes(report) == {"signer.unknown_issuer"}
    made = parse_store(read_container(attack, MP4, LIMITS).stores[0], LIMITS)
    for chains, state in ((signing_chains(made), "Valid"), ((), "Trusted")):
        context = c2pa.Context.from_dict(library_settings(trust, chains))
        with attack.open("rb") as file:
            assert c2pa.Reader("video/mp4", file, context=context).get_validation_state() == state
    # its stamps on a known signer's claim count as before
    expired = identity(
        root=ROOT, begin=datetime.now(UTC) - timedelta(days=30), life=timedelta(days=20)
    )
    good = put(tmp_path, "good.mp4", mp4(media, Hand(expired, stamp=stamper.token)))
    assert examine(good, trust).verdict is Verdict.TRUSTED
    # and a signers' authority stamps nothing
    wrong = Stamper(datetime.now(UTC) - timedelta(days=20), root=ROOT)
    backdated = put(tmp_path, "back.mp4", mp4(media, Hand(expired, stamp=wrong.token)))
    assert examine(backdated, trust).verdict is Verdict.VALID_UNTRUSTED


@pytest.mark.parametrize("suffix", ["jpg", "mp4"])
def test_words_in_the_padding_of_a_signature_are_told(
    studio: Studio,  # noqa: F811
    tmp_path: Path,
    suffix: str,
) -> None:
    mime, make = MAKERS[suffix]
    data = sign(make(), mime, studio.identity, studio.trust)
    assert examine(put(tmp_path, f"made.{suffix}", data), studio.trust).findings == ()
    at = data.index(b"cpadY") + 4 + 500
    words = b"anybody's words"
    path = put(tmp_path, f"filled.{suffix}", data[:at] + words + data[at + len(words) :])
    report = examine(path, studio.trust)
    assert report.verdict is Verdict.TRUSTED
    assert codes(report) == {"uncovered.padding"}
