from __future__ import annotations

import hashlib
import http.server
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

from classifiers.errors import (
    UnknownWeights,
    UnsafeWeightsFormat,
    WeightsMismatch,
    WeightsMissing,
)
from classifiers.registry import WeightsRegistry
from media.hashing import sha256_file


@pytest.fixture
def array(tmp_path: Path) -> Path:
    file = tmp_path / "made" / "table.npy"
    file.parent.mkdir()
    np.save(file, np.arange(6, dtype=np.float32))
    return file


def registry(folder: Path, file: Path, name: str = "table.npy", url: str = "") -> WeightsRegistry:
    folder.mkdir(exist_ok=True)
    pins = folder / "pins.toml"
    pins.write_text(
        f'[weights.table]\nfile = "{name}"\nsha256 = "{sha256_file(file)}"\n'
        f'size = {file.stat().st_size}\ndelivery = "fetched"\nlicence = "CC0-1.0"\n'
        f'source = "made by a test"\nurl = "{url}"\n'
    )
    return WeightsRegistry(folder, pins=pins)


def test_installed_file_is_found_and_verified(tmp_path: Path, array: Path) -> None:
    known = registry(tmp_path / "weights", array)
    with pytest.raises(WeightsMissing) as missing:
        known.path("table")
    assert missing.value.remedy
    assert known.install("table", array) == known.path("table")
    assert [s.state for s in known.status()] == ["present"]


def test_one_changed_byte_is_a_mismatch_also_after_a_good_look_up(
    tmp_path: Path, array: Path
) -> None:
    known = registry(tmp_path / "weights", array)
    file = known.install("table", array)
    known.path("table")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(WeightsMismatch):
        known.path("table")
    file.unlink()
    with pytest.raises(WeightsMissing):
        known.path("table")
    assert [s.state for s in known.status()] == ["weights_missing"]


def test_a_wrong_file_does_not_replace_a_good_one(tmp_path: Path, array: Path) -> None:
    known = registry(tmp_path / "weights", array)
    good = known.install("table", array)
    other = tmp_path / "other.npy"
    np.save(other, np.zeros(6, np.float32))
    with pytest.raises(WeightsMismatch):
        known.install("table", other)
    assert sha256_file(good) == known.pin("table").sha256
    assert [p.name for p in good.parent.iterdir() if p.suffix == ".npy"] == ["table.npy"]


@pytest.mark.parametrize("kind", ["pickle", "objects", "suffix"])
def test_what_could_run_code_is_refused_even_when_pinned(tmp_path: Path, kind: str) -> None:
    file = tmp_path / ("model.pt" if kind == "suffix" else "model.npy")
    if kind == "objects":
        np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    else:
        file.write_bytes(pickle.dumps({"a": 1}))
    known = registry(tmp_path / "weights", file, name=file.name)
    with pytest.raises(UnsafeWeightsFormat):
        known.install("table", file)
    (tmp_path / "weights" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UnsafeWeightsFormat):
        known.path("table")


def test_an_empty_safetensors_header_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"\xff" * 64)
    known = registry(tmp_path / "weights", file, name=file.name)
    with pytest.raises(UnsafeWeightsFormat):
        known.install("table", file)


def test_fetch_verifies_what_came(tmp_path: Path, array: Path) -> None:
    served = {"/good": array.read_bytes(), "/bad": b"x" * array.stat().st_size}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.get(self.path)
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        with pytest.raises(WeightsMissing):
            registry(tmp_path / "weights", array, url=f"{base}/none").fetch("table")
        with pytest.raises(WeightsMismatch):
            registry(tmp_path / "weights", array, url=f"{base}/bad").fetch("table")
        known = registry(tmp_path / "weights", array, url=f"{base}/good")
        assert hashlib.sha256(known.fetch("table").read_bytes()).hexdigest()
        assert known.path("table").is_file()
    finally:
        server.shutdown()


def test_own_pins_extend_and_never_redefine(tmp_path: Path, array: Path) -> None:
    folder = tmp_path / "weights"
    known = registry(folder, array)
    with pytest.raises(UnknownWeights):
        known.path("nothing")
    (folder / "weights.toml").write_text((folder / "pins.toml").read_text())
    with pytest.raises(WeightsMismatch, match="redefines"):
        WeightsRegistry(folder, pins=folder / "pins.toml")
    assert "table" in WeightsRegistry(folder).names()


def test_a_pin_cannot_leave_its_folder(tmp_path: Path, array: Path) -> None:
    with pytest.raises(WeightsMismatch):
        registry(tmp_path / "weights", array, name="a/../../x.npy")


def test_every_shipped_file_is_present_and_has_licence_and_source() -> None:
    for status in WeightsRegistry(Path("/nonexistent")).status():
        if status.pin.delivery == "packaged":
            assert status.state == "present", status.pin.name
        assert status.pin.licence
        assert status.pin.source
