"""A stranger's walk through an export, with the one file and the keys alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from guarded_gen.audit import AuditLog, Event, Query, auditor
from guarded_gen.audit.export import Format, export
from guarded_gen.audit.ids import now_ms
from guarded_gen.audit.note import COSIGNATURE, Signer
from tests.waiting import PATIENCE_S


@given(st.binary(max_size=80), st.integers(0, 511))
def test_its_ed25519_agrees_with_the_library(message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert auditor.signed_by(public, message, signature)
    assert not auditor.signed_by(public, message + b"x", signature)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not auditor.signed_by(public, message, bytes(flipped))


WITNESS = Signer("w.example/w", Ed25519PrivateKey.from_private_bytes(b"w" * 32), COSIGNATURE)


@pytest.fixture
def exported(log: AuditLog, tmp_path: Path) -> Callable[..., Path]:
    def make(form: Format = Format.JSONL) -> Path:
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
                {
                    "s": snapshot.size, "w": WITNESS.name, "t": now_ms(), "n": snapshot.note,
                    "l": WITNESS.cosign(text, now_ms() // 1000).line(),
                },
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


@pytest.mark.parametrize("form", [Format.JSONL, Format.CSV])
def test_a_stranger_proves_an_export(log: AuditLog, exported: Any, form: Format) -> None:
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


def test_without_the_witness_nothing_is_proven(log: AuditLog, exported: Any) -> None:
    stranger = Signer("x.example/w", Ed25519PrivateKey.generate(), COSIGNATURE).verifier.vkey
    folder = exported()
    both = ("--witness", WITNESS.verifier.vkey, "--witness", stranger)
    assert "1 of the witnesses" in run(folder, log, *both)["error"]
    assert run(folder, log, *both, "--quorum", "1")["ok"] is True
