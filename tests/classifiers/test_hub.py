"""Models of the hub: by commit and hash, from a server only when that is allowed."""

from __future__ import annotations

import http.server
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from classifiers.base import StreamInfo
from classifiers.errors import UnsafeWeightsFormat, WeightsMismatch, WeightsMissing
from classifiers.frame import FrameGate, ModelSpec
from classifiers.frame.profile import model_check
from classifiers.hub import HubModel, NetworkRefused, pull
from classifiers.registry import WeightsRegistry
from media.clip import Frames
from media.hashing import sha256_file
from policies.decision import CheckStatus

_path = Path(__file__).parent / "frame" / "tiny.py"
_spec = importlib.util.spec_from_file_location("tiny_for_hub", _path)
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

REPO, COMMIT = "example/nsfw", "0123456789abcdef" * 2 + "01234567"
FILES = ("config.json", "preprocessor_config.json", "model.safetensors")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.vit(tmp_path_factory.mktemp("hub") / "model")


@pytest.fixture
def registry(tmp_path: Path) -> WeightsRegistry:
    return WeightsRegistry(tmp_path / "weights")


def model(folder: Path, **changes: object) -> HubModel:
    files = {name: sha256_file(folder / name) for name in FILES}
    fields = {"repo": REPO, "revision": COMMIT, "files": files, "licence": "MIT", **changes}
    return HubModel.model_validate(fields)


@pytest.fixture
def hub(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """A server like the hub's: ``resolve`` redirects to where the bytes lie."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            start = f"/{REPO}/resolve/{COMMIT}/"
            if self.path.startswith(start):
                self.send_response(302)
                self.send_header("Location", f"/cdn/{self.path.removeprefix(start)}")
                self.end_headers()
                return
            file = folder / self.path.removeprefix("/cdn/")
            self.send_response(200 if file.is_file() else 404)
            self.end_headers()
            if file.is_file():
                self.wfile.write(file.read_bytes())

        def log_message(self, *args: object) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def test_without_leave_no_server_is_asked(
    registry: WeightsRegistry, folder: Path, hub: tuple[str, list[str]]
) -> None:
    with pytest.raises(NetworkRefused, match="huggingface"):
        pull(registry, "nsfw", model(folder), endpoint=hub[0])
    assert hub[1] == []
    assert not [name for name in registry.names() if name.startswith("nsfw/")]


@pytest.mark.parametrize("offline", [True, False])
def test_a_model_comes_at_its_commit_and_runs(
    registry: WeightsRegistry, folder: Path, hub: tuple[str, list[str]], offline: bool
) -> None:
    where = {"folder": folder} if offline else {"allow_network": True, "endpoint": hub[0]}
    pins = pull(registry, "nsfw", model(folder), **where)
    assert {pin.name for pin in pins} == {f"nsfw/{name}" for name in FILES}
    assert {pin.source for pin in pins} == {f"https://huggingface.co/{REPO} at {COMMIT}"}
    assert bool(hub[1]) is not offline
    assert all(COMMIT in path or path.startswith("/cdn/") for path in hub[1])
    spec = ModelSpec(name="nsfw", labels={"nsfw": "sexual", "sfw": ""}, hub=model(folder))
    gate = FrameGate((model_check(spec, registry),), StreamInfo(64, 48, 24.0, 6))
    gate.push(Frames(np.full((6, 48, 64, 3), 90, np.uint8), np.arange(6) / 24))
    assert gate.close().signals[-1].status is CheckStatus.RAN


def test_other_bytes_are_refused_and_nothing_stays(
    registry: WeightsRegistry, folder: Path, hub: tuple[str, list[str]]
) -> None:
    digests = model(folder).files
    wrong = model(folder, files={**digests, "model.safetensors": "0" * 64})
    absent = model(folder, files={**digests, "tokenizer.json": "0" * 64})
    for named, error in ((wrong, WeightsMismatch), (absent, WeightsMissing)):
        for where in ({"folder": folder}, {"allow_network": True, "endpoint": hub[0]}):
            with pytest.raises(error):
                pull(registry, "nsfw", named, **where)
    assert not [file for file in registry.folder.rglob("*") if file.is_file()]


def test_a_pickle_under_a_safe_name_is_refused(registry: WeightsRegistry, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "model.safetensors").write_bytes(b"\x80\x04" + bytes(64))
    digest = sha256_file(tmp_path / "bad" / "model.safetensors")
    named = HubModel(repo=REPO, revision=COMMIT, files={"model.safetensors": digest}, licence="MIT")
    with pytest.raises(UnsafeWeightsFormat):
        pull(registry, "bad", named, folder=tmp_path / "bad")


@pytest.mark.parametrize(
    "changes",
    [
        {"revision": "main"},
        {"repo": "../../etc"},
        {"files": {}},
        {"files": {"../x.json": "0" * 64}},
        {"files": {"model.bin": "0" * 64}},
        {"files": {"config.json": "12"}},
    ],
)
def test_what_could_move_or_run_is_no_setting(folder: Path, changes: dict) -> None:
    with pytest.raises(ValidationError):
        model(folder, **changes)
