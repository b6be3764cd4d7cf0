"""Exports: the same entries in three formats, with proofs that need nothing else."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pyarrow.parquet
import pytest

from guarded_gen.audit import AuditLog, Event, Query
from guarded_gen.audit.export import COLUMNS, Enclosed, ExportFormat, export
from guarded_gen.audit.note import Verifier
from guarded_gen.audit.proof import TlogProof
from guarded_gen.errors import StorageFailed


@pytest.fixture
def filled(log: AuditLog) -> AuditLog:
    log.write(
        lambda tx: [
            tx.append(
                Event(
                    "prompt.decision",
                    tenant="=cmd()" if n == 5 else "t",
                    subject="bob",
                    decision={"action": "block", "rule_id": "r", "scores": {"hate": 0.5}},
                    payload="secret",
                )
            )
            for n in range(300)
        ]
    )
    return log


@pytest.mark.parametrize("form", list(ExportFormat))
def test_an_export_holds_the_entries_and_a_manifest(
    filled: AuditLog, tmp_path: Path, form: ExportFormat
) -> None:
    folder = tmp_path / "out"
    query = Query(kind="prompt.decision", subject="bob", tenant="t", oldest_first=True)
    done = export(filled, folder, query, form, "ops")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest == done.manifest
    assert manifest["entries"] == manifest["proofs"] == 299
    name = f"entries.{form.value}"
    assert (
        manifest["files"][name]["sha256"]
        == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    )
    assert "bob" not in (folder / "manifest.json").read_text()
    if form is ExportFormat.CSV:
        with (folder / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        ids = [row["id"] for row in rows]
        assert rows[0]["rule_id"] == "r"
    elif form is ExportFormat.JSONL:
        rows = [json.loads(line) for line in (folder / name).read_text().splitlines()]
        ids = [row["id"] for row in rows]
        assert rows[0] == filled.entry(ids[0]).to_json()
    else:
        table = pyarrow.parquet.read_table(folder / name)
        assert table.column_names == list(COLUMNS)
        ids = table["id"].to_pylist()
    assert ids == [entry.id for entry in filled.entries(query)]
    verifier = Verifier.parse(manifest["verifier_key"])
    for id in (ids[0], ids[150], ids[-1]):
        proof = TlogProof.parse((folder / "proofs" / f"{id}.tlog-proof").read_text())
        assert proof.extra == filled.entry(id).data
        proof.verify(proof.extra, verifier)
    newest = next(filled.entries())
    assert (newest.id, newest.kind) == (manifest["recorded_as"], "log.exported")


def test_no_cell_of_a_csv_is_a_formula(filled: AuditLog, tmp_path: Path) -> None:
    export(filled, tmp_path / "out", Query(), ExportFormat.CSV, "ops", Enclosed(proofs=False))
    with (tmp_path / "out" / "entries.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'=cmd()" in cells
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)


def test_an_earlier_export_is_not_overwritten(filled: AuditLog, tmp_path: Path) -> None:
    export(filled, tmp_path / "out", Query(limit=1), ExportFormat.JSONL, "ops")
    with pytest.raises(StorageFailed):
        export(filled, tmp_path / "out", Query(limit=1), ExportFormat.JSONL, "ops")
