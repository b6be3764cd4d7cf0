"""What a stranger sees of a log: over HTTP, as a folder, and as offline proofs."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from guarded_gen.audit import AuditLog, Event
from guarded_gen.audit.tiles import export_folder
from tests.waiting import PATIENCE_S


def fill(log: AuditLog, count: int) -> None:
    log.write(lambda tx: [tx.append(Event("a.b", body={"n": n})) for n in range(count)])


@pytest.fixture
def vkey(log: AuditLog) -> str:
    return log.keys.signer.verifier.vkey


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1000])
def test_a_stranger_can_audit_the_log(
    log: AuditLog, url: str, vkey: str, stranger: ModuleType, size: int
) -> None:
    fill(log, size)
    found, entries = stranger.Log(url, [vkey]).audit()
    assert found == size
    assert [json.loads(entry)["body"]["n"] for entry in entries] == list(range(size))


def test_the_stranger_runs_as_a_program(log: AuditLog, url: str, vkey: str) -> None:
    fill(log, 300)
    program = Path(__file__).with_name("stranger.py")
    done = subprocess.run(
        [sys.executable, program, url, vkey], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.stdout == "300 entries, consistent with the signed checkpoint\n", done.stderr


def test_an_empty_log_has_a_checkpoint_and_no_tiles(
    log: AuditLog, url: str, vkey: str, stranger: ModuleType
) -> None:
    there = stranger.Log(url, [vkey])
    assert there.checkpoint()[:2] == (0, stranger.H(b""))
    assert there.status("tile/0/000.p/1") == 404
    assert there.status("tile/entries/000.p/1") == 404


def test_the_log_only_grows(log: AuditLog, url: str, vkey: str, stranger: ModuleType) -> None:
    there = stranger.Log(url, [vkey])
    before: list[bytes] = []
    for step in (1, 6, 200, 100):
        fill(log, step)
        size, entries = there.audit()
        assert entries[: len(before)] == before
        assert size == len(before) + step
        before = entries


def test_resources_are_cached_as_the_specification_wants(
    log: AuditLog, url: str, vkey: str, stranger: ModuleType
) -> None:
    fill(log, 300)
    there = stranger.Log(url, [vkey])
    there.audit()
    assert there.headers["checkpoint"]["content-type"] == "text/plain; charset=utf-8"
    assert "max-age=1," in there.headers["checkpoint"]["cache-control"]
    tiles = {name: found for name, found in there.headers.items() if name != "checkpoint"}
    assert set(tiles) == {
        "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1",
        "tile/entries/000", "tile/entries/001.p/44",
    }  # fmt: skip
    for found in tiles.values():
        assert found["content-type"] == "application/octet-stream"
        assert "immutable" in found["cache-control"]
    assert there.headers["tile/entries/000"]["content-encoding"] == "gzip"


def test_partial_tiles_stay_available_and_never_change(
    log: AuditLog, url: str, vkey: str, stranger: ModuleType
) -> None:
    there = stranger.Log(url, [vkey])
    fill(log, 40)
    hashes, bundle = there.get("tile/0/000.p/40"), there.get("tile/entries/000.p/40")
    fill(log, 500)
    assert there.get("tile/0/000.p/40") == hashes
    assert there.get("tile/entries/000.p/40") == bundle
    assert there.get("tile/0/000")[: len(hashes)] == hashes


@pytest.mark.parametrize(
    "name",
    [
        "tile/0/001", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/041", "tile/00/000",
        "tile/0/0", "tile/0/0000", "tile/0/x000/000", "tile/64/000", "tile/1/000.p/2",
        "tile/2/000.p/1", "tile/0/000.p/41", "tile/-1/000", "tile/entries/x999/x999/x999/999",
        "tile/0/%2e%2e/000", "tile/entries", "tile/0/000/",
    ],
)  # fmt: skip
def test_what_the_log_does_not_have_is_not_served(
    log: AuditLog, url: str, vkey: str, stranger: ModuleType, name: str
) -> None:
    fill(log, 40)
    there = stranger.Log(url, [vkey])
    assert there.status("tile/0/000.p/40") == 200
    assert there.status(name) == 404


def test_offline_proofs_convince_a_stranger(log: AuditLog, vkey: str, stranger: ModuleType) -> None:
    fill(log, 777)
    for index in random.Random(1).sample(range(777), 20):
        entry = log.entry(index)
        proof = log.proof(index).encode()
        assert stranger.check_proof(proof, entry.data, [vkey]) == ["example.com/audit"]
        with pytest.raises(stranger.Refused):
            stranger.check_proof(proof, entry.data + b" ", [vkey])


def test_a_folder_export_is_the_same_log(
    log: AuditLog, vkey: str, stranger: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    for step in (300, 300):
        fill(log, step)
        with log.reading() as connection:
            export_folder(connection, folder)
        there = stranger.Log("", [vkey])
        there.get = lambda name: (folder / name).read_bytes()
        assert there.audit()[0] == log.snapshot().size
    assert not list(folder.rglob("*.part"))


def test_the_stranger_is_not_easily_pleased(
    log: AuditLog, vkey: str, stranger: ModuleType, tmp_path: Path
) -> None:
    fill(log, 300)
    folder = tmp_path / "out"
    with log.reading() as connection:
        export_folder(connection, folder)
    there = stranger.Log("", [vkey])
    there.get = lambda name: (folder / name).read_bytes()
    for name in ("checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"):
        path = folder / name
        good = path.read_bytes()
        at = good.index(b"\n3") + 1 if name == "checkpoint" else 31
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises((stranger.Refused, ValueError)):
            there.audit()
        path.write_bytes(good)
    there.audit()
