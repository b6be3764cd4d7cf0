"""A stranger's walk through an export, with the one file and the keys alone."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guarded_gen.audit import AuditLog, Event, Query, auditor
from guarded_gen.audit.export import Enclosed, ExportFormat, export
from guarded_gen.audit.ids import now_ms
from guarded_gen.audit.merkle import leaf_hash
from guarded_gen.audit.note import COSIGNATURE, ML_DSA_44, Signer, signed
from guarded_gen.audit.proof import Prover
from guarded_gen.errors import InvalidInput
from tests.waiting import PATIENCE_S


@given(st.binary(max_size=80), st.integers(0, 511))
def test_its_ed25519_agrees_with_the_library(message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert auditor.signed_by(public, message, signature)
    assert not auditor.signed_by(public, message + b"x", signature)
    assert not auditor.signed_by(public, message, flip(signature, bit))


WITNESS = Signer("w.example/w", Ed25519PrivateKey.from_private_bytes(b"w" * 32), COSIGNATURE)
LATTICE = Signer("pq.example/w", MLDSA44PrivateKey.from_seed_bytes(b"w" * 32), ML_DSA_44)


@settings(deadline=None, max_examples=25)
@given(st.binary(max_size=80), st.integers(0, 8 * 2420 - 1), st.integers(0, 8 * 1312 - 1))
def test_its_ml_dsa_agrees_with_the_library(message: bytes, bit: int, other: int) -> None:
    key = MLDSA44PrivateKey.from_seed_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert auditor.ml_dsa_signed_by(public, message, signature)
    assert not auditor.ml_dsa_signed_by(public, message + b"x", signature)
    assert not auditor.ml_dsa_signed_by(flip(public, other), message, signature)
    assert not auditor.ml_dsa_signed_by(public, message, flip(signature, bit))
    assert not auditor.ml_dsa_signed_by(public, message, signature[:-1])


def flip(data: bytes, bit: int) -> bytes:
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


@pytest.fixture
def exported(log: AuditLog, tmp_path: Path) -> Callable[..., Path]:
    def make(form: ExportFormat = ExportFormat.JSONL) -> Path:
        for n in range(5):
            decision = {"stage": "prompt", "action": "block", "rule_id": f"r{n}"}
            log.append(Event("prompt.decision", subject="bob", decision=decision, payload="words"))
        snapshot = log.snapshot()
        text = snapshot.note.rpartition("\n\n")[0] + "\n"
        from sqlalchemy import text as sql

        with log.store.write() as session:
            session.execute(
                sql(
                    "INSERT INTO audit_cosignature (size, witness, time, note, line)"
                    " VALUES (:s, :w, :t, :n, :l)"
                ),
                [
                    {
                        "s": snapshot.size, "w": witness.name, "t": now_ms(), "n": snapshot.note,
                        "l": witness.cosign(text, now_ms() // 1000).line(),
                    }
                    for witness in (WITNESS, LATTICE)
                ],
            )  # fmt: skip
        log.append(Event("something.else"))
        folder = tmp_path / f"export-{form.value}"
        export(log, folder, Query(kind="prompt.decision"), form, "ops")
        return folder

    return make


def run(folder: Path, log: AuditLog, *more: str) -> dict[str, Any]:
    """In a process that finds nothing but the standard library."""
    program = folder.parent / "verify_export.py"
    shutil.copy(auditor.__file__, program)
    vkey = log.keys.signer.verifier.vkey
    done = subprocess.run(
        [sys.executable, "-I", "-S", program, folder, "--vkey", vkey, "--json", *more],
        capture_output=True, text=True, timeout=PATIENCE_S, cwd=folder.parent,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["ok"] is (done.returncode == 0)
    return found


@pytest.mark.parametrize("form", [ExportFormat.JSONL, ExportFormat.CSV])
def test_a_stranger_proves_an_export(log: AuditLog, exported: Any, form: ExportFormat) -> None:
    found = run(exported(form), log, "--witness", WITNESS.verifier.vkey)
    assert (found["ok"], found["proven"], found["entries"]) == (True, 5, 5), found


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def forge_an_entry(folder: Path) -> None:
    edit(folder / "entries.jsonl", '"block"', '"allow"')


def forge_entry_and_digest(folder: Path) -> None:
    import hashlib

    forge_an_entry(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256((folder / "entries.jsonl").read_bytes()).hexdigest()
    manifest["files"]["entries.jsonl"]["sha256"] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest))


def leave_out_a_proof(folder: Path) -> None:
    next((folder / "proofs").iterdir()).unlink()


def forge_a_proof(folder: Path) -> None:
    path = sorted((folder / "proofs").iterdir())[0]
    lines = path.read_text().split("\n")
    lines[2] = "index 4" if lines[2] != "index 4" else "index 3"
    path.write_text("\n".join(lines))


@pytest.mark.parametrize(
    "forge", [forge_an_entry, forge_entry_and_digest, leave_out_a_proof, forge_a_proof]
)
def test_what_was_changed_is_refused(log: AuditLog, exported: Any, forge: Any) -> None:
    folder = exported()
    forge(folder)
    assert run(folder, log)["ok"] is False


def test_an_ml_dsa_cosignature_is_verified_and_not_taken_on_trust(
    log: AuditLog, exported: Any, tmp_path: Path
) -> None:
    folder, vkey = exported(), LATTICE.verifier.vkey
    assert run(folder, log, "--witness", vkey)["ok"] is True
    file = tmp_path / "policy"
    file.write_text(f"log {log.keys.signer.verifier.vkey}\nwitness w {vkey}\nquorum w\n")
    assert run(folder, log, "--policy", str(file))["ok"] is True
    impostor = Signer("pq.example/w", MLDSA44PrivateKey.from_seed_bytes(b"x" * 32), ML_DSA_44)
    assert run(folder, log, "--witness", impostor.verifier.vkey)["ok"] is False
    text = log.snapshot().note.rpartition("\n\n")[0] + "\n"
    key = auditor.Key(vkey)
    blob = LATTICE.cosign(text, 1_700_000_000).blob
    assert key.signed(text, blob)
    assert not key.signed(text, b"\0" * 8 + blob[8:]), "it commits to its time"
    assert not key.signed(text, blob[:-1] + bytes([blob[-1] ^ 1]))


def test_without_the_witness_nothing_is_proven(log: AuditLog, exported: Any) -> None:
    stranger = Signer("x.example/w", Ed25519PrivateKey.generate(), COSIGNATURE).verifier.vkey
    folder = exported()
    both = ("--witness", WITNESS.verifier.vkey, "--witness", stranger)
    assert "1 of the witnesses" in run(folder, log, *both)["error"]
    assert run(folder, log, *both, "--quorum", "1")["ok"] is True


@given(st.integers(1, 70), st.data())
def test_leaves_and_what_stands_beside_them_give_the_root(size: int, data: st.DataObject) -> None:
    entries = [b"%d" % n for n in range(size)]
    leaves = [leaf_hash(entry) for entry in entries]
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size))
    prover = Prover(lambda level, n: b"".join(leaves[n * 256 :]) if level == 0 else b"")
    beside = prover.beside(start, end, size)
    root = auditor.root_of_range(leaves[start:end], start, size, beside)
    assert root == prover.root(size)
    if end - start > 1:
        with contextlib.suppress(auditor.Refused):
            assert auditor.root_of_range(leaves[start : end - 1], start, size, beside) != root


@pytest.fixture
def period(log: AuditLog, tmp_path: Path) -> Callable[..., Path]:
    """A complete export of bob's decisions, out of others' before, between and after."""

    def make(form: ExportFormat = ExportFormat.JSONL, **query: Any) -> Path:
        for n in range(40):
            decision = {"stage": "prompt", "action": "block" if n % 3 else "allow", "rule_id": "r"}
            who = "bob" if n % 5 == 0 else "eve"
            log.append(Event("prompt.decision", subject=who, decision=decision, payload="words"))
        folder = tmp_path / "period"
        asked = Query(subject="bob", tenant="default", **query)
        export(log, folder, asked, form, "ops", Enclosed(proofs=False, complete=True))
        return folder

    return make


@pytest.mark.parametrize("form", [ExportFormat.JSONL, ExportFormat.CSV])
def test_a_subjects_export_is_proven_complete(
    log: AuditLog, period: Any, form: ExportFormat
) -> None:
    found = run(period(form, action="block"), log)
    assert (found["ok"], found["entries"], found["proven"]) == (True, 5, 5), found
    assert (found["complete"]["start"], found["complete"]["end"]) == (0, 41)


def test_a_period_begins_and_ends_outside_of_itself(
    log: AuditLog, period: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from guarded_gen.audit import complete
    from guarded_gen.audit import log as module

    monkeypatch.setattr(complete, "MARGIN_MS", 0)
    clock = iter(range(1_800_000_000_000, 1_900_000_000_000, 60_000))
    monkeypatch.setattr(module, "now_ms", lambda: next(clock))
    first = 1_800_000_000_000
    folder = period(since=first + 10 * 60_000, until=first + 20 * 60_000)
    found = run(folder, log)
    assert found["ok"], found
    assert 0 < found["complete"]["start"] < found["complete"]["end"] < 40
    asked = Query(subject="bob", since=first + 10 * 60_000, until=first + 20 * 60_000)
    assert found["entries"] == len(list(log.entries(asked))) > 0, found


def sign_again(folder: Path, log: AuditLog) -> None:
    """The operator himself forges: his key signs the manifest anew."""
    import hashlib

    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for name, about in manifest["files"].items():
        about["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    lines = (folder / "entries.jsonl").read_text().splitlines()
    manifest["entries"] = len(lines)
    path.write_text(json.dumps(manifest))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    text = f"{log.keys.signer.name}\n{auditor.EXPORT}\n{digest}\n"
    (folder / "manifest.sig").write_text(signed(text, [log.keys.signer.sign(text)]))


def hide_in_the_list(folder: Path) -> None:
    path = folder / "entries.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def hide_in_the_range(folder: Path) -> None:
    hide_in_the_list(folder)
    path = folder / "range.entries"
    path.write_bytes(path.read_bytes().replace(b'"action":"block"', b'"action":"allow"', 1))


def shorten_the_range(folder: Path) -> None:
    import base64
    import hashlib

    path = folder / "range.entries"
    data = path.read_bytes()
    first = 2 + int.from_bytes(data[:2], "big")
    path.write_bytes(data[first:])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["complete"]["start"] = 1
    left = base64.b64encode(hashlib.sha256(b"\0" + data[2:first]).digest()).decode()
    manifest["complete"]["beside"].insert(0, left)
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("hide", [hide_in_the_list, hide_in_the_range, shorten_the_range])
def test_the_operator_cannot_leave_anything_out(log: AuditLog, period: Any, hide: Any) -> None:
    folder = period(action="block")
    hide(folder)
    sign_again(folder, log)
    found = run(folder, log)
    assert found["ok"] is False
    if hide is shorten_the_range:
        assert "--from 1" in found["error"], found
        assert run(folder, log, "--from", "1")["ok"] is True


def test_a_policy_decides_for_the_stranger_too(
    log: AuditLog, exported: Any, tmp_path: Path
) -> None:
    folder = exported()
    other = Signer("x.example/w", Ed25519PrivateKey.generate(), COSIGNATURE).verifier.vkey
    lines = f"log {log.keys.signer.verifier.vkey}\nwitness a {WITNESS.verifier.vkey}\n"
    lines += f"witness b {other}\n"
    for rule, enough in (("any", True), ("2", False)):
        file = tmp_path / f"policy-{rule}"
        file.write_text(f"{lines}group g {rule} a b\nquorum g\n")
        assert run(folder, log, "--policy", str(file))["ok"] is enough


@given(seed=st.binary(min_size=32, max_size=32))
# Its base64 holds a "+", as a third of all keys do.
@example(seed=(3).to_bytes(32, "big"))
def test_a_policy_reads_every_witness_key(seed: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    vkey = Signer("x.example/w", key, COSIGNATURE).verifier.vkey
    policy = auditor.Policy(f"witness w {vkey}\nquorum w\n".encode())
    found = policy.witnesses["w"]
    assert found is not None
    assert found.public == key.public_key().public_bytes_raw()


def test_a_query_for_a_part_of_what_fits_is_not_complete(log: AuditLog, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        export(
            log, tmp_path / "o", Query(limit=3), ExportFormat.JSONL, "ops", Enclosed(complete=True)
        )
