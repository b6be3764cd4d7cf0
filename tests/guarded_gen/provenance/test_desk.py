"""A published clip, its copies, and what the desk and the resolution API say of them."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from openai.types import ContentProvenanceCheck
from PIL import Image

from guarded_gen.api.softbinding import create_router
from guarded_gen.origin.registry import SqlRegistry
from guarded_gen.origin.service import Asking, OriginService, content_provenance_check
from guarded_gen.settings import Settings
from guarded_gen.store import open_store
from provenance import ManifestRequest, TrustList, Verdict, ensure_development_chain
from provenance.containers import C2PA_UUID, XMP_UUID
from provenance.fingerprint import (
    CODE_BITS,
    ISCC_ALGORITHM,
    PDQ_ALGORITHM,
    iscc_value,
    pdq_value,
    video_code,
)
from provenance.isolation import Sandbox
from provenance.jumbf import parse_store
from provenance.limits import ProvenanceLimits
from provenance.manifest import SoftBinding
from provenance.picture import KeyFrames, look
from provenance.reading import Reading, read
from provenance.recovery import (
    WATERMARK_ALGORITHM,
    WATERMARK_ALGORITHMS,
    Mark,
    PublishedFile,
    RecoveryState,
    recover,
)
from provenance.report import Evidence, Origin, State
from provenance.signer import SignedFile, sign_file
from provenance.watermark import KeyRing, parse_payload
from provenance.watermark.files import embed_file

PAYLOAD = "00112233445566ff"


def scene(path: Path, seed: int, width: int = 480, height: int = 360, frames: int = 24) -> Path:
    """A textured picture that the camera pans over."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(30, 220, (height // 16 + 8, width // 16 + 8, 3))
    base = np.kron(blocks, np.ones((16, 16, 1))) + rng.normal(
        0, 6, ((height // 16 + 8) * 16, (width // 16 + 8) * 16, 3)
    )
    pan = (base[i : i + height, 2 * i : 2 * i + width] for i in range(frames))
    return encode(path, (np.clip(p, 0, 255).astype(np.uint8) for p in pan), crf=12)


def encode(path: Path, frames: Iterator[np.ndarray], crf: int) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = None
        for pixels in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(24))
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": str(crf), "preset": "veryfast"}
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def frames_of(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


@dataclass(frozen=True)
class House:
    folder: Path
    desk: OriginService
    signed: SignedFile
    published: PublishedFile
    keys: Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("desk")
    settings = Settings(home=folder / "home")
    settings.home.mkdir()
    store = open_store(settings)
    identity = ensure_development_chain(settings.keys_folder)
    trust = TrustList.of(identity)
    keys = settings.keys_folder / "watermark"
    number, bits = parse_payload(PAYLOAD)
    source = scene(folder / "source.mp4", 1)
    embed_file(source, folder / "marked.mp4", KeyRing.open(keys), number, payload_bits=bits)
    payload = bytes.fromhex(PAYLOAD)
    request = ManifestRequest(
        "a clip",
        "world",
        "1",
        watermark=SoftBinding.watermark(WATERMARK_ALGORITHM, payload),
        content_id="clip_1",
    )
    signed = sign_file(folder / "marked.mp4", folder / "clip.mp4", request, identity, trust)
    with OriginService(
        identity,
        trust,
        SqlRegistry(store),
        keys,
        asking=Asking(prove=lambda file: (7, {"tlog_proof": file.manifest_label})),
    ) as desk:
        code = video_code(folder / "marked.mp4", CODE_BITS)
        picture = replace(look(signed.path), iscc=code.raw)
        published = desk.publish(signed, "clip_1", watermark=payload, picture=picture)
        yield House(folder, desk, signed, published, keys)
    store.close()


@pytest.fixture(scope="module")
def copy(house: House) -> Path:
    """Re-encoded at CRF 24: the credentials are gone."""
    return encode(house.folder / "copy.mp4", frames_of(house.signed.path), crf=24)


def test_the_published_file_is_ours(house: House) -> None:
    report = house.desk.report(house.signed.path, deep=False)
    assert report.origin is Origin.OURS
    assert "made by generative AI" in report.headline
    states = {f.kind: f.state for f in report.findings}
    assert states[Evidence.CREDENTIALS] is State.FOUND
    assert states[Evidence.WATERMARK] is State.NOT_CHECKED
    assert states[Evidence.DETECTOR] is State.NOT_CHECKED


def test_a_stripped_copy_is_recovered_with_its_manifest_and_proof(house: House, copy: Path) -> None:
    report = house.desk.report(copy)
    assert report.verification.verdict is Verdict.UNSIGNED
    assert report.origin is Origin.OURS_RECOVERED
    assert report.recovery.match is not None
    assert report.recovery.match.manifest_label == house.signed.manifest_label
    assert report.recovery.match.store == house.signed.store
    assert report.recovery.proof == {"tlog_proof": house.signed.manifest_label}
    assert report.recovery.match.log_index == 7
    answer = content_provenance_check(report)
    # as the official client reads answers: leniently, so that our additions may stand
    parsed = ContentProvenanceCheck.construct(**answer)
    assert parsed.object == "content_provenance_check"
    assert parsed.results[0].outcome == "not_detected"
    assert [(r["type"], r["outcome"]) for r in answer["results"]] == [
        ("c2pa", "not_detected"),
        ("watermark", "detected"),
        ("fingerprint", "detected"),
    ]
    assert answer["results"][1]["content_id"] == "clip_1"
    json.dumps(answer)


def broken_claim(data: bytes) -> bytes:
    return data.replace(b"c2pa.claim.v2\0", b"c2pa.claim.v9\0")


def named_server(data: bytes) -> bytes:
    """The published clip without its credentials, naming a server instead."""
    at = data.index(C2PA_UUID) - 8
    size = struct.unpack_from(">I", data, at)[0]
    xmp = XMP_UUID + b'<d dcterms:provenance="https://example.org/m.c2pa"/>'
    pad = size - 8 - len(xmp)
    return data[:at] + struct.pack(">I4s", size, b"uuid") + xmp + b" " * pad + data[at + size :]


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_copy_turned_by_the_display_matrix_is_ours(
    house: House, tmp_path: Path, degrees: int
) -> None:
    """As phones turn videos: the pixels are stored as they were, and shown otherwise."""
    path = tmp_path / "turned.mp4"
    with av.open(str(house.signed.path)) as source, av.open(str(path), "w") as out:
        stream = source.streams.video[0]
        target = out.add_stream_from_template(stream)
        target.set_display_rotation(degrees)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = target
                out.mux(packet)
    assert house.desk.report(path).origin is Origin.OURS_RECOVERED


def many_boxes(data: bytes) -> bytes:
    return data + struct.pack(">I4s", 8, b"free") * 30_000


@pytest.mark.parametrize(
    ("change", "verdict", "lost"),
    [
        (broken_claim, Verdict.MALFORMED, "not well-formed"),
        (named_server, Verdict.REMOTE_ONLY, "on a server"),
        (many_boxes, Verdict.UNREADABLE, "damaged"),
    ],
)
def test_never_blind_whatever_the_credentials_are(
    house: House, tmp_path: Path, change: Callable[[bytes], bytes], verdict: Verdict, lost: str
) -> None:
    path = tmp_path / "changed.mp4"
    path.write_bytes(change(house.signed.path.read_bytes()))
    report = house.desk.report(path)
    assert report.verification.verdict is verdict, report.verification.findings
    assert report.origin is Origin.OURS_RECOVERED
    assert lost in report.explanation
    assert "no provenance" not in report.headline.lower()


def test_a_named_server_is_never_told_as_no_provenance(house: House, tmp_path: Path) -> None:
    path = tmp_path / "far.jpg"
    app1 = b'http://ns.adobe.com/xap/1.0/\0<d dcterms:provenance="https://example.org/m"/>'
    Image.new("RGB", (64, 64), (9, 99, 199)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + data[2:])
    report = house.desk.report(path)
    assert report.verification.verdict is Verdict.REMOTE_ONLY
    assert report.origin is Origin.REMOTE
    answer = content_provenance_check(report)
    assert not answer["results"][0]["checked"]
    assert "server" in answer["summary"] and "no provenance" not in answer["summary"].lower()


def test_a_transplanted_mark_is_refused_and_told(house: House, copy: Path) -> None:
    """The mark of one video over the picture of another."""
    with Sandbox(memory_bytes=3 * 1024**3) as sandbox:
        reading = read(copy, house.keys, sandbox)
    [mark] = reading.marks
    assert mark.payload.hex() == PAYLOAD and reading.picture is not None
    same = recover(house.desk.registry, marks=[mark], picture=reading.picture)
    assert same.state is RecoveryState.RECOVERED
    other = look(scene(house.folder / "other.mp4", 2))
    moved = recover(house.desk.registry, marks=[mark], picture=other)
    assert moved.state is RecoveryState.REFUSED and moved.match is not None
    assert moved.similarity is not None and moved.similarity < 50
    alone = recover(house.desk.registry, marks=[mark])
    assert alone.state is RecoveryState.UNCONFIRMED
    unknown = recover(house.desk.registry, marks=[Mark(b"\1" * 8)], picture=other)
    assert unknown.state is RecoveryState.NOT_FOUND
    likeness_only = recover(house.desk.registry, picture=reading.picture)
    assert likeness_only.state is RecoveryState.SIMILAR


def test_a_mirrored_crop_is_confirmed_by_its_geometry(house: House, copy: Path) -> None:
    def crop() -> Iterator[np.ndarray]:
        for pixels in frames_of(house.signed.path):
            yield np.ascontiguousarray(pixels[10:340, 10:460][:, ::-1])

    path = encode(house.folder / "crop.mp4", crop(), crf=20)
    with Sandbox(memory_bytes=3 * 1024**3) as sandbox:
        reading = read(path, house.keys, sandbox)
    if not reading.marks:
        pytest.skip("the detector did not read this small crop; nothing to confirm")
    found = recover(house.desk.registry, marks=reading.marks, picture=reading.picture)
    assert found.state is RecoveryState.RECOVERED


def test_a_hostile_file_is_read_in_a_child(house: House) -> None:
    broken = house.folder / "broken.mp4"
    broken.write_bytes(house.signed.path.read_bytes()[:4000])
    report = house.desk.report(broken)
    assert report.verification.verdict in (Verdict.TAMPERED, Verdict.UNREADABLE)
    assert {f.kind: f.state for f in report.findings}[Evidence.WATERMARK] is State.NOT_CHECKED
    with Sandbox(memory_bytes=3 * 1024**3) as sandbox:
        tight = ProvenanceLimits(picture_seconds=0.001)
        assert read(house.signed.path, house.keys, sandbox, tight).problem.startswith("limit.time")
        assert isinstance(read(broken, house.keys, sandbox), Reading)


def test_publishing_twice_changes_nothing(house: House) -> None:
    before = house.desk.registry.count()
    house.desk.registry.publish(house.published)
    assert house.desk.registry.count() == before == 1
    assert house.desk.registry.by_sha256(house.signed.sha256) is not None
    keys = house.published.picture.keys if house.published.picture else None
    assert keys is not None
    again = KeyFrames.from_bytes(keys.to_bytes())
    assert again.pixels.shape == keys.pixels.shape
    assert np.abs(again.pixels.astype(int) - keys.pixels).mean() < 6


CONTRACT = {
    "/matches/byBinding": {"get", "post"},
    "/matches/byContent": {"post"},
    "/manifests/{manifestId}": {"get"},
    "/services/supportedAlgorithms": {"get"},
}
PARAMETERS = {
    ("/matches/byBinding", "get"): {"value", "alg", "maxResults"},
    ("/matches/byBinding", "post"): {"maxResults"},
    ("/matches/byContent", "post"): {"alg", "maxResults", "hintAlg", "hintValue"},
    ("/manifests/{manifestId}", "get"): {"manifestId", "returnActiveManifest"},
    ("/services/supportedAlgorithms", "get"): set(),
}
"""Paths, methods and parameters of the Soft Binding Resolution API 1.0."""


@pytest.fixture
def client(house: House) -> TestClient:
    app = FastAPI()
    service = house.desk.soft_bindings()
    app.include_router(create_router(lambda _: service, most_bytes=10_000_000))
    return TestClient(app)


def test_the_api_has_the_contracts_operations(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {path: set(ops) for path, ops in document["paths"].items()} == CONTRACT
    for (path, method), names in PARAMETERS.items():
        operation = document["paths"][path][method]
        assert {p["name"] for p in operation.get("parameters", [])} == names


def test_queries_by_binding(client: TestClient, house: House) -> None:
    value = base64.b64encode(bytes.fromhex(PAYLOAD)).decode()
    label = house.signed.manifest_label
    expected = {"matches": [{"manifestId": label, "similarityScore": 100}]}
    for named in WATERMARK_ALGORITHMS:  # manifests made earlier give the same payload the old name
        asked = {"alg": named, "value": value}
        assert client.get("/matches/byBinding", params=asked).json() == expected
        assert client.post("/matches/byBinding", json=asked).json() == expected
    none = asked | {"value": base64.b64encode(b"12345678").decode()}
    assert client.get("/matches/byBinding", params=none).json() == {"matches": []}
    code = video_code(house.signed.path, CODE_BITS)
    assert code.raw == video_code(house.folder / "marked.mp4", CODE_BITS).raw
    short = video_code(house.signed.path, 64)
    off_by_one = code.raw[:-1] + bytes([code.raw[-1] ^ 1])
    for raw in (iscc_value(code), code.raw, code.iscc.encode(), short.raw, off_by_one):
        value = base64.b64encode(raw).decode()
        by_iscc = client.get("/matches/byBinding", params={"alg": ISCC_ALGORITHM, "value": value})
        [match] = by_iscc.json()["matches"]
        assert match["manifestId"] == label
        assert match["similarityScore"] >= 99
    picture = look(house.signed.path)
    for alg, raw, found in (
        (ISCC_ALGORITHM, bytes(b ^ 0xFF for b in code.raw), []),
        (PDQ_ALGORITHM, bytes(32), []),
        (PDQ_ALGORITHM, pdq_value(picture.hashes), expected["matches"]),
    ):
        value = base64.b64encode(raw).decode()
        answer = client.get("/matches/byBinding", params={"alg": alg, "value": value})
        assert answer.json() == {"matches": found}


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"alg": WATERMARK_ALGORITHM, "value": "***"}, 400),
        ({"alg": "com.example.mark", "value": "AAAA"}, 400),
        ({"alg": WATERMARK_ALGORITHM}, 400),
        ({"alg": ISCC_ALGORITHM, "value": "AAAA"}, 400),
        ({"alg": PDQ_ALGORITHM, "value": "AAAA"}, 400),
        ({"alg": WATERMARK_ALGORITHM, "value": "AAAA", "maxResults": 0}, 400),
        ({"alg": WATERMARK_ALGORITHM, "value": "A" * 4000}, 414),
    ],
)
def test_wrong_queries(client: TestClient, params: dict[str, Any], status: int) -> None:
    answer = client.get("/matches/byBinding", params=params)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_queries_by_content(client: TestClient, house: House, copy: Path) -> None:
    answer = client.post(
        "/matches/byContent", content=copy.read_bytes(), headers={"content-type": "video/mp4"}
    )
    assert answer.status_code == 200
    assert answer.json()["matches"][0]["manifestId"] == house.signed.manifest_label
    by_code = client.post(
        "/matches/byContent", params={"alg": ISCC_ALGORITHM},
        content=copy.read_bytes(), headers={"content-type": "video/mp4"},
    )  # fmt: skip
    [match] = by_code.json()["matches"]
    assert match["manifestId"] == house.signed.manifest_label
    assert match["similarityScore"] >= 90
    text = client.post(
        "/matches/byContent", content=b"hello", headers={"content-type": "text/plain"}
    )
    assert text.status_code == 415
    junk = client.post(
        "/matches/byContent", content=b"junk" * 50, headers={"content-type": "video/mp4"}
    )
    assert junk.json() == {"matches": []}


def test_manifests_are_given_out(client: TestClient, house: House) -> None:
    label = house.signed.manifest_label
    whole = client.get(f"/manifests/{label}")
    assert whole.headers["content-type"] == "application/c2pa"
    assert whole.content == house.signed.store
    active = client.get(f"/manifests/{label}", params={"returnActiveManifest": True})
    parsed = parse_store(active.content, ProvenanceLimits())
    assert [m.label for m in parsed.manifests] == [label]
    assert client.get("/manifests/urn:c2pa:none").status_code == 404
    assert client.get("/manifests/none").status_code == 400
    listed = client.get("/services/supportedAlgorithms").json()
    assert listed == {
        "watermarks": [
            {"alg": "org.guarded-gen.watermark.2", "watermarks": True},
            {"alg": "org.guarded-gen.watermark.1", "watermarks": True},
        ],
        "fingerprints": [{"alg": ISCC_ALGORITHM}, {"alg": PDQ_ALGORITHM}],
    }


def test_reports_do_not_change_the_registry(house: House, copy: Path) -> None:
    """Nothing about the asker or the asked is kept."""
    before = house.desk.registry.count()
    house.desk.report(house.signed.path, deep=False)
    assert house.desk.registry.count() == before


def test_our_clip_inside_a_foreign_video_is_told_as_a_part_with_its_times(house: House) -> None:
    before = list(frames_of(scene(house.folder / "before.mp4", 9, frames=72)))
    after = list(frames_of(scene(house.folder / "after.mp4", 8, frames=60)))
    ours = list(frames_of(house.signed.path))
    mixed = encode(house.folder / "mixed.mp4", iter([*before, *ours, *after]), crf=24)
    report = house.desk.report(mixed)
    found = report.recovery
    assert (found.state, found.part) == (RecoveryState.RECOVERED, True)
    assert found.match is not None and found.match.content_id == "clip_1"
    [(start, end)] = found.spans
    assert abs(start - 3) < 0.5
    assert 3 < end < 4.5, "the last frames of a fast pan through CRF 24 hold little"
    assert report.origin is Origin.OURS_RECOVERED
    assert (
        report.headline == "A part of this file is a copy of a video that this service generated."
    )
    assert "0:03" in report.explanation
    assert "Nothing is said of the rest" in report.explanation
    assert report.to_json()["recovery"]["part"] is True
    assert found.to_json()["spans"]


def test_every_mark_of_a_video_is_judged_by_what_is_shown_there(house: House) -> None:
    payload = bytes.fromhex(PAYLOAD)
    own = look(house.signed.path)
    other = look(scene(house.folder / "elsewhere.mp4", 5))
    there = Mark(payload, None, ((1.0, 2.0),), 60.0, own)
    moved = Mark(payload, None, ((7.0, 8.0),), 60.0, other)
    found = recover(house.desk.registry, marks=[moved, there], picture=other)
    assert (found.state, found.spans) == (RecoveryState.RECOVERED, ((1.0, 2.0),))
    [second] = found.others
    assert (second.state, second.spans) == (RecoveryState.REFUSED, ((7.0, 8.0),))
    assert not Mark(payload, None, ((0.0, 59.5),), 60.0).part
    told = house.desk.proven(found)
    proofs = {"tlog_proof": house.published.manifest_label}
    assert [one.proof for one in (told, *told.others)] == [proofs, proofs], "of each, not the first"
