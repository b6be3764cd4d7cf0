"""Likeness and consent: only people who enrolled, gone when revoked, nobody else anywhere."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import pytest
from fastapi.testclient import TestClient
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw, ImageFilter
from typer.testing import CliRunner

from classifiers.base import StreamInfo
from classifiers.errors import WeightsMissing
from classifiers.frame import FaceCheck, FrameGate, LikenessCheck, LikenessSettings
from classifiers.frame.faces import BlazeFace
from classifiers.frame.likeness import FaceEmbedder
from classifiers.packages import pull
from classifiers.registry import WeightsRegistry
from guarded_gen.composition.services import Services
from guarded_gen.consent.book import ConsentBook
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.server import app, create_app
from guarded_gen.settings import load
from media.clip import Frames
from media.encode import encode
from media.encoding import EncodeSettings
from policies.decision import CheckStatus, Signal

EVIDENCE = "e" * 64


def portrait(skin: tuple[int, int, int], hair: tuple[int, int, int], seed: int) -> np.ndarray:
    """A drawn face that the detector takes for one."""
    image = Image.new("RGB", (400, 400), (90, 110, 130))
    draw = ImageDraw.Draw(image)

    def oval(x: float, y: float, rx: float, ry: float, colour: tuple[int, int, int]) -> None:
        draw.ellipse([x - rx, y - ry, x + rx, y + ry], fill=colour)

    oval(200, 150, 125, 130, hair)
    draw.rectangle([160, 300, 240, 400], fill=tuple(int(c * 0.9) for c in skin))
    oval(200, 200, 100, 130, skin)
    for x in (160, 240):
        oval(x, 180, 22, 12, (250, 250, 250))
        oval(x, 180, 10, 11, (60, 40, 30))
        oval(x, 180, 5, 5, (0, 0, 0))
        draw.line([(x - 26, 155), (x + 26, 150)], fill=(50, 30, 20), width=7)
    draw.polygon([(200, 185), (180, 235), (220, 235)], fill=tuple(int(c * 0.88) for c in skin))
    oval(200, 275, 38, 13, (170, 70, 70))
    noise = np.random.default_rng(seed).normal(0, 3, (400, 400, 3))
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(2.5)), np.float64)
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


ANNA = ((224, 172, 140), (60, 40, 30))
BEN = ((120, 80, 55), (15, 12, 10))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> WeightsRegistry:
    """The real detector, and an embedding model: a fixed projection of the aligned picture."""
    folder = tmp_path_factory.mktemp("weights")
    registry = WeightsRegistry(folder)
    try:
        pull(registry, "blazeface")
    except WeightsMissing as error:
        pytest.skip(str(error))
    weight = np.random.default_rng(0).normal(size=(3 * 16, 24)).astype(np.float32)
    shape = [1, 3, 112, 112]
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[28, 28], strides=[28, 28]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("MatMul", ["f", "w"], ["y"]),
        ],
        "embedder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 24])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "embedder.onnx")
    registry.add("face_embedder", folder / "embedder.onnx", licence="MIT", source="tests")
    return registry


@pytest.fixture
def book(home: Path) -> ConsentBook:
    services = Services(load())
    yield services.consent
    services.close()


def vector_of(registry: WeightsRegistry, frame: np.ndarray) -> np.ndarray:
    face = BlazeFace(registry.path("blazeface")).detect(frame)[0]
    return FaceEmbedder(registry.path("face_embedder")).embed(frame, face)


def look(registry: WeightsRegistry, book: ConsentBook, frame: np.ndarray, **rules) -> Signal:
    check = LikenessCheck(registry, book, LikenessSettings(**{"enabled": True, **rules}))
    gate = FrameGate((check,), StreamInfo(400, 400, 24.0, 6), seed=1)
    gate.push(Frames(np.stack([frame] * 6), np.arange(6) / 24))
    return gate.close().signals[-1]


def test_faces_are_counted(registry: WeightsRegistry) -> None:
    two = np.concatenate([portrait(*ANNA, 0), portrait(*BEN, 1)], axis=1)
    wall = np.full((400, 800, 3), 120, np.uint8)
    found = []
    for frame in (two, wall):
        gate = FrameGate((FaceCheck(registry),), StreamInfo(800, 400, 24.0, 3))
        gate.push(Frames(np.stack([frame] * 3), np.arange(3) / 24))
        found.append(gate.close().signals[-1])
    assert found[0].score > 0.5
    assert found[0].detail["most_faces"] == 2
    assert found[1].score == 0.0
    assert not found[0].calibrated


def test_recognition_is_off_by_default(registry: WeightsRegistry, book: ConsentBook) -> None:
    book.enroll("anna", ["avatar"], EVIDENCE, np.eye(2, 24, dtype=np.float32))
    found = look(registry, book, portrait(*ANNA, 0), enabled=LikenessSettings().enabled)
    assert (found.status, found.detail["cause"]) == (CheckStatus.SKIPPED, "recognition_off")


def test_only_the_enrolled_are_recognised_until_revoked(
    registry: WeightsRegistry, book: ConsentBook
) -> None:
    assert look(registry, book, portrait(*ANNA, 0)).detail == {"cause": "nobody_enrolled"}
    anna = vector_of(registry, portrait(*ANNA, 0))
    near = {"match": 0.99, "review": 0.98}
    record = book.enroll("anna", ["avatar"], EVIDENCE, anna[None])
    found = look(registry, book, portrait(*ANNA, 5), **near)
    assert found.score == 0.9
    [match] = found.detail["matches"]
    assert match == {"consent": record.id, "band": "match", "scopes": ["avatar"]}
    assert look(registry, book, portrait(*BEN, 5), **near).score == 0.0

    sealed = (book._folder / f"{record.id}.sealed").read_bytes()
    assert anna.tobytes() not in sealed
    book.revoke(record.id)
    assert look(registry, book, portrait(*ANNA, 5)).status is CheckStatus.SKIPPED
    # An old backup of the gallery is of no use: the key is gone.
    (book._folder / f"{record.id}.sealed").write_bytes(sealed)
    assert book.people() == []
    assert not list(book._keys.glob("*.key"))
    with pytest.raises(Conflict):
        book.revoke(record.id)


def test_the_vector_of_somebody_who_did_not_enrol_is_nowhere(
    registry: WeightsRegistry, book: ConsentBook, home: Path
) -> None:
    book.enroll("anna", ["avatar"], EVIDENCE, vector_of(registry, portrait(*ANNA, 0))[None])
    stranger = portrait(*BEN, 3)
    found = look(registry, book, stranger, match=0.999999, review=0.99999)
    assert found.score == 0.0
    vector = vector_of(registry, stranger)
    numbers = [f"{value:.4f}".lstrip("-").encode() for value in vector.tolist()]
    told = repr(found.to_json()).encode()
    files = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert len(files) > 3
    for data in (told, *files):
        assert vector.tobytes() not in data
        assert vector[:4].tobytes() not in data
        assert sum(number in data for number in numbers) < 6


def test_a_lost_key_fails_the_check(registry: WeightsRegistry, book: ConsentBook) -> None:
    record = book.enroll("anna", ["avatar"], EVIDENCE, np.eye(1, 24, dtype=np.float32))
    (book._keys / f"{record.id}.key").write_bytes(b"0" * 32)
    assert look(registry, book, portrait(*ANNA, 0)).status is CheckStatus.FAILED


def test_bad_records_are_refused(book: ConsentBook) -> None:
    good = np.eye(1, 24, dtype=np.float32)
    for scopes, evidence, vectors in (
        ([], EVIDENCE, good),
        (["a"], "", good),
        (["a"], EVIDENCE, np.full((1, 24), np.nan, np.float32)),
        (["a"], EVIDENCE, np.zeros((0, 24), np.float32)),
    ):
        with pytest.raises(InvalidInput):
            book.enroll("anna", scopes, evidence, vectors)
    with pytest.raises(NotFound):
        book.get("../../etc/passwd")
    assert list(book.records()) == []


def png(frame: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, "PNG")
    return buffer.getvalue()


def run(*args: str | Path) -> dict:
    """A command in this process."""
    done = CliRunner().invoke(app, ["consent", *map(str, args), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_people_are_enrolled_and_forgotten_by_command(
    registry: WeightsRegistry, home: Path, tmp_path: Path
) -> None:
    shutil.copytree(registry.folder, home / "weights")
    (tmp_path / "a.png").write_bytes(png(portrait(*ANNA, 0)))
    (tmp_path / "form.pdf").write_bytes(b"signed")
    form = ("--scope", "avatar", "--evidence", tmp_path / "form.pdf")
    id = run("enrol", "anna", tmp_path / "a.png", *form)["id"]
    sealed = (home / "consent" / f"{id}.sealed").read_bytes()
    [listed] = run("list")["consents"]
    assert (listed["subject"], listed["state"], len(listed["evidence"])) == ("anna", "valid", 64)
    assert run("revoke", id)["state"] == "revoked"
    assert not (home / "consent" / f"{id}.sealed").exists()
    assert not list((home / "keys" / "consent").glob("*.key"))
    assert sealed, "a backup of the gallery stays unreadable: its key is gone"


def test_people_are_enrolled_and_forgotten_by_the_api(
    registry: WeightsRegistry, home: Path
) -> None:
    shutil.copytree(registry.folder, home / "weights")
    services = Services(load())
    client = TestClient(create_app(services, worker=False))
    two = np.concatenate([portrait(*ANNA, 0), portrait(*BEN, 1)], axis=1)
    wall = np.full((200, 200, 3), 120, np.uint8)
    fields = {"subject": "anna", "scopes[]": ["avatar"], "valid_days": "30"}

    def post(*frames: np.ndarray, **changes: object):
        files = [("pictures[]", ("p.png", png(frame), "image/png")) for frame in frames]
        files.append(("evidence", ("form.pdf", b"signed", "application/pdf")))
        return client.post("/v1/consents", data={**fields, **changes}, files=files)

    for wrong, code in (
        (post(two), "invalid_input"),
        (post(wall), "invalid_input"),
        (post(), "missing_required_parameter"),
        (post(portrait(*ANNA, 0), valid_days="0"), "invalid_value"),
    ):
        assert wrong.status_code == 400
        assert wrong.json()["code"] == code, wrong.text
    made = post(portrait(*ANNA, 0), portrait(*ANNA, 1))
    assert made.status_code == 200, made.text
    consent = made.json()
    assert (consent["state"], consent["scopes"]) == ("valid", ["avatar"])
    [person] = services.consent.people()
    assert len(person.vectors) == 2
    left = [file for file in home.rglob("*") if file.is_file() and file.suffix != ".tflite"]
    assert not [file for file in left if b"IHDR" in file.read_bytes()], "no picture was kept"
    assert client.get("/v1/consents").json()["data"] == [consent]
    assert client.get(f"/v1/consents/{consent['id']}").json() == consent
    assert client.get("/v1/consents/con_1").status_code == 404

    encode(home / "c.mp4", [np.full((4, 64, 64, 3), 90, np.uint8)], Fraction(8), EncodeSettings())

    def character(id: str) -> int:
        clip = ("c.mp4", (home / "c.mp4").read_bytes(), "video/mp4")
        sent = client.post(
            "/v1/videos/characters", data={"name": "Anna", "consent_id": id}, files={"video": clip}
        )
        return sent.status_code

    assert character(consent["id"]) == 200
    gone = client.delete(f"/v1/consents/{consent['id']}")
    assert gone.json()["state"] == "revoked"
    assert services.consent.people() == []
    assert character(consent["id"]) == 409
    assert client.delete(f"/v1/consents/{consent['id']}").status_code == 409
    kinds = [entry.kind for entry in services.log.entries()]
    assert {"consent.enrolled", "consent.revoked"} <= set(kinds)
    services.close()
