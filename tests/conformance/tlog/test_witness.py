"""Two operators that watch each other over real HTTP, honest and not."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import Response
from sqlalchemy import text

from guarded_gen.audit import AuditLog, Event, Query, cosigning, watching
from guarded_gen.audit.alerts import Alert
from guarded_gen.audit.cosigning import Cosigned, ask_witness
from guarded_gen.audit.export import ExportFormat, export
from guarded_gen.audit.http import log_router
from guarded_gen.audit.keys import load_witness_keys
from guarded_gen.audit.note import Checkpoint, open_note
from guarded_gen.audit.proof import TlogProof
from guarded_gen.audit.tiles import read_resource, split_bundle
from guarded_gen.audit.watching import Seen, check_log, stale
from guarded_gen.audit.witness import Witness
from guarded_gen.settings import Settings
from guarded_gen.settings.audit import AuditSettings
from guarded_gen.store import open_store
from tests import waiting

OpenAt = Callable[[Path], AuditLog]


@pytest.fixture
def open_at() -> Iterator[OpenAt]:
    opened = []

    def open_(home: Path) -> AuditLog:
        settings = Settings(home=home)
        opened.append(
            AuditLog.open(open_store(settings), settings.keys_folder, f"example.com/{home.name}")
        )
        return opened[-1]

    yield open_
    for log in opened:
        log.close()
        log.store.close()


@pytest.fixture
def alice(open_at: OpenAt, tmp_path: Path) -> AuditLog:
    return open_at(tmp_path / "alice")


@pytest.fixture
def bob(open_at: OpenAt, tmp_path: Path) -> AuditLog:
    return open_at(tmp_path / "bob")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cosigning, watching):
        monkeypatch.setattr(module, "TIMEOUT_SECONDS", waiting.PATIENCE_S)


def witness_of(log: AuditLog, home: Path, *watched: AuditLog) -> Witness:
    signer, more = load_witness_keys(home / "keys", f"witness.example.com/{home.name}")
    return Witness(log, signer, [w.keys.signer.verifier for w in watched], more)


@pytest.fixture
def bobs_witness(bob: AuditLog, alice: AuditLog, tmp_path: Path) -> Witness:
    return witness_of(bob, tmp_path / "bob", alice)


@pytest.fixture
def bobs_url(bob: AuditLog, bobs_witness: Witness, serve: Callable[[FastAPI], str]) -> str:
    app = FastAPI()
    app.include_router(log_router(lambda: bob, lambda: bobs_witness))
    return serve(app)


def fill(log: AuditLog, count: int) -> None:
    log.write(lambda tx: [tx.append(Event("a.b", body={"n": n})) for n in range(count)])


def ask(log: AuditLog, witness: Witness, url: str) -> Cosigned | Alert:
    with httpx.Client() as client:
        return ask_witness(log, witness.signer.verifier, url, client)


def alerts(log: AuditLog) -> list[str]:
    return [entry.body["kind"] for entry in log.entries(Query(kind="witness.alert"))]


def test_a_witness_cosigns_what_only_grows(
    alice: AuditLog, bob: AuditLog, bobs_witness: Witness, bobs_url: str,
    serve: Callable[[FastAPI], str], stranger: ModuleType,
) -> None:  # fmt: skip
    app = FastAPI()
    app.include_router(log_router(lambda: alice))
    url = serve(app)
    for step in (0, 5, 300, 300):
        if step:
            fill(alice, step)
        answer = ask(alice, bobs_witness, bobs_url)
        assert isinstance(answer, Cosigned), answer
        assert answer.size == alice.snapshot().size
        keys = [alice.keys.signer.verifier.vkey, bobs_witness.signer.verifier.vkey]
        _, names = stranger.open_note(stranger.Log(url, keys).get("checkpoint"), keys)
        assert names == ["example.com/alice", "witness.example.com/bob"]
    again = ask(alice, bobs_witness, bobs_url)
    assert isinstance(again, Cosigned)
    assert alerts(bob) == []
    proof = alice.proof(7)
    assert stranger.check_proof(proof.encode(), alice.entry(7).data, keys) == names
    _, cosigners = proof.verify(
        alice.entry(7).data, alice.keys.signer.verifier, [bobs_witness.signer.verifier]
    )
    assert [c.name for c in cosigners] == ["witness.example.com/bob"]


def test_a_client_that_forgot_learns_the_size(
    alice: AuditLog, bobs_witness: Witness, bobs_url: str
) -> None:
    fill(alice, 10)
    ask(alice, bobs_witness, bobs_url)
    with alice.store.write() as session:
        session.execute(text("DELETE FROM audit_cosignature"))
    fill(alice, 10)
    answer = ask(alice, bobs_witness, bobs_url)
    assert isinstance(answer, Cosigned)
    assert answer.size == 20


def request_of(log: AuditLog, old: int = 0, proof: str = "") -> bytes:
    return f"old {old}\n{proof}\n{log.snapshot().note}".encode()


def test_the_statuses_of_the_protocol(
    alice: AuditLog, bob: AuditLog, bobs_witness: Witness, bobs_url: str
) -> None:
    fill(alice, 4)

    def post(body: bytes) -> httpx.Response:
        return waiting.post(f"{bobs_url}/add-checkpoint", content=body)

    good = request_of(alice)
    assert post(b"nonsense").status_code == 400
    assert post(good.replace(b"old 0", b"old 00")).status_code == 400
    assert post(b"old 9\n\n" + alice.snapshot().note.encode()).status_code == 400
    assert post(b"x" * 100_000).status_code == 400
    assert post(request_of(bob)).status_code == 404
    forged = good.replace(b"\n4\n", b"\n5\n")
    assert post(forged).status_code == 403
    first = post(good)
    assert first.status_code == 200
    assert first.text.startswith("— witness.example.com/bob ")
    conflict = post(good)
    assert (conflict.status_code, conflict.text) == (409, "4\n")
    assert conflict.headers["content-type"] == "text/x.tlog.size"
    assert conflict.headers["content-type"].startswith("text/x.tlog.size")
    assert post(request_of(alice, old=4)).status_code == 200
    fill(alice, 4)
    wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    assert post(request_of(alice, old=4, proof=wrong)).status_code == 422


def split(alice: AuditLog, open_at: OpenAt, tmp_path: Path) -> AuditLog:
    """A second history of alice's log, signed with her own key."""
    other = tmp_path / "copy" / "alice"
    shutil.copytree(tmp_path / "alice", other)
    return open_at(other)


def test_a_fork_is_refused_and_recorded_with_both_notes(
    alice: AuditLog, bob: AuditLog, bobs_witness: Witness, bobs_url: str, open_at: OpenAt,
    tmp_path: Path,
) -> None:  # fmt: skip
    fill(alice, 5)
    alice.close()
    shadow = split(alice, open_at, tmp_path)
    alice = open_at(tmp_path / "alice")
    fill(alice, 5)
    fill(shadow, 7)
    assert isinstance(ask(alice, bobs_witness, bobs_url), Cosigned)
    answer = ask(shadow, bobs_witness, bobs_url)
    assert isinstance(answer, Alert)
    assert answer.kind == "fork"
    [alert] = bob.entries(Query(kind="witness.alert"))
    assert alert.body["kind"] == "fork"
    notes = alert.body["evidence"]
    assert notes[0].startswith(alice.snapshot().note)
    assert notes[1] == shadow.snapshot().note
    assert bob.verify().ok


def test_a_rollback_is_told(
    alice: AuditLog, bobs_witness: Witness, bobs_url: str, open_at: OpenAt, tmp_path: Path
) -> None:
    fill(alice, 5)
    alice.close()
    shadow = split(alice, open_at, tmp_path)
    alice = open_at(tmp_path / "alice")
    fill(alice, 50)
    ask(alice, bobs_witness, bobs_url)
    answer = ask(shadow, bobs_witness, bobs_url)
    assert isinstance(answer, Alert)
    assert (answer.kind, "55" in answer.message) == ("rollback", True)


def test_watching_by_url(
    alice: AuditLog, bob: AuditLog, open_at: OpenAt, tmp_path: Path,
    serve: Callable[[FastAPI], str],
) -> None:  # fmt: skip
    shown = [alice]
    app = FastAPI()
    app.include_router(log_router(lambda: shown[0]))
    url = serve(app)

    def check() -> Seen | Alert:
        with httpx.Client() as client:
            return check_log(bob, alice.keys.signer.verifier, url, client)

    fill(alice, 3)
    assert check() == Seen("example.com/alice", 3, 0)
    alice.close()
    shadow = split(alice, open_at, tmp_path)
    shown[0] = grown = open_at(tmp_path / "alice")
    fill(grown, 600)
    assert check() == Seen("example.com/alice", 603, 3)
    shown[0] = shadow
    answer = check()
    assert isinstance(answer, Alert)
    assert answer.kind == "rollback"
    fill(shadow, 700)
    answer = check()
    assert isinstance(answer, Alert)
    assert answer.kind == "fork"
    with httpx.Client() as client:
        gone = check_log(bob, alice.keys.signer.verifier, "http://127.0.0.1:1", client)
    assert isinstance(gone, Alert)
    assert gone.kind == "unreachable"


@pytest.mark.parametrize("change", ["a byte", "the order", "the end"])
def test_published_entries_that_are_not_the_signed_ones_are_told(
    alice: AuditLog, bob: AuditLog, serve: Callable[[FastAPI], str], change: str
) -> None:
    """The tiles stay true, only a bundle is another."""
    app = FastAPI()

    @app.get("/{path:path}")
    def resource(path: str) -> Response:
        with alice.reading() as connection:
            data = read_resource(connection, path)
        if path.startswith("tile/entries/001"):
            entries = split_bundle(data)
            if change == "a byte":
                entries[7] = entries[7][:40] + bytes([entries[7][40] ^ 1]) + entries[7][41:]
            elif change == "the order":
                entries[7], entries[8] = entries[8], entries[7]
            else:
                del entries[-1]
            data = b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)
        return Response(data)

    fill(alice, 300)
    with httpx.Client() as client:
        answer = check_log(bob, alice.keys.signer.verifier, serve(app), client)
    assert isinstance(answer, Alert)
    index = 299 if change == "the end" else 263
    assert (answer.kind, f"entry {index} " in answer.message) == ("invalid", True), answer


def test_cosignatures_outlive_the_next_entry(
    alice: AuditLog, bobs_witness: Witness, bobs_url: str, tmp_path: Path
) -> None:
    fill(alice, 5)
    ask(alice, bobs_witness, bobs_url)
    fill(alice, 3)
    key, theirs = alice.keys.signer.verifier, bobs_witness.signer.verifier
    with alice.reading() as connection:
        cosigned = read_resource(connection, "checkpoint.cosigned").decode()
    opened, signers = open_note(cosigned, [key, theirs])
    assert (Checkpoint.parse(opened.text).size, set(signers)) == (5, {key, theirs})
    done = export(alice, tmp_path / "out", Query(oldest_first=True), ExportFormat.JSONL, "ops")
    assert done.manifest["cosigned_checkpoint"] == cosigned
    found = []
    for path in (tmp_path / "out" / "proofs").iterdir():
        proof = TlogProof.parse(path.read_text())
        assert proof.extra is not None
        _, cosigners = proof.verify(proof.extra, key, [theirs])
        found.append((proof.index, theirs in cosigners))
    assert sorted(found) == [(n, n < 5) for n in range(len(found))]


def test_silence_past_the_limit_is_an_alert(
    alice: AuditLog, bob: AuditLog, bobs_witness: Witness, bobs_url: str
) -> None:
    settings = AuditSettings.model_validate(
        {
            "watch": [{"vkey": alice.keys.signer.verifier.vkey}],
            "witnesses": [{"vkey": bobs_witness.signer.verifier.vkey, "url": bobs_url}],
            "alert_hours": 1,
        }
    )
    ask(alice, bobs_witness, bobs_url)
    for log in (alice, bob):
        with log.reading() as connection:
            assert stale(connection, settings) == []
    with bob.store.write() as session:
        session.execute(text("UPDATE audit_witnessed SET seen = seen - 3700000"))
    with alice.store.write() as session:
        session.execute(text("UPDATE audit_cosignature SET time = time - 3700000"))
    for log in (alice, bob):
        with log.reading() as connection:
            [alert] = stale(connection, settings)
        assert alert.kind == "stale"


def test_only_the_right_kinds_of_keys_are_taken(alice: AuditLog, bobs_witness: Witness) -> None:
    log_key, witness_key = alice.keys.signer.verifier.vkey, bobs_witness.signer.verifier.vkey
    for wrong in (
        {"watch": [{"vkey": witness_key}]},
        {"witnesses": [{"vkey": log_key, "url": "http://x"}]},
        {"watch": [{"vkey": "nonsense"}]},
        {"origin": "with space"},
    ):
        with pytest.raises(ValueError):
            AuditSettings.model_validate(wrong)
