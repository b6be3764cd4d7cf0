"""Taking entries out: CSV, JSON lines or Parquet, with a manifest and offline proofs."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guarded_gen.audit.auditor import EXPORT
from guarded_gen.audit.complete import (
    RANGE,
    EntryRange,
    asked_for,
    described,
    range_of,
    write_range,
)
from guarded_gen.audit.event import Event, LogEntry
from guarded_gen.audit.ids import iso, now_ms
from guarded_gen.audit.integrate import read_snapshot
from guarded_gen.audit.note import signed
from guarded_gen.audit.proof import Prover, TlogProof
from guarded_gen.audit.search import Query, search
from guarded_gen.audit.tiles import COSIGNED, newest_cosigned, tile_reader
from guarded_gen.errors import ConfigInvalid, StorageFailed

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog

COLUMNS = (
    "index",
    "id",
    "time",
    "kind",
    "tenant",
    "subject",
    "actor",
    "action",
    "rule_id",
    "reason",
    "policy_digest",
    "categories",
    "related",
    "commit",
    "decision",
    "body",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS_AT_ONCE = 4096


class ExportFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Export:
    """What was written: ``manifest`` stands in ``manifest.json``."""

    folder: Path
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What goes with the entries: one offline proof each; with ``complete`` also all other
    entries of the period."""

    proofs: bool = True
    complete: bool = False


def export(
    log: AuditLog,
    folder: Path,
    query: Query,
    form: ExportFormat,
    actor: str,
    enclosed: Enclosed | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Export:
    """Write the entries that fit into ``folder`` and put on record that this was done.

    ``entries.<format>`` holds the entries, ``proofs/<id>.tlog-proof`` one offline proof each,
    against the checkpoint in ``checkpoint.cosigned`` where a witness (with a witness policy its
    quorum) cosigned one that holds the entry, else against the newest one in ``checkpoint``;
    ``manifest.json`` names query, counts, digests and the log's verifier key, and ``manifest.sig``
    is the log's signature over it; an outsider checks all of it with
    :mod:`guarded_gen.audit.auditor`.

    For a complete one ``range.entries`` holds all entries of the query's period, with which an
    outsider proves that no further one fits. It then answers as of one checkpoint, the cosigned
    one if there is one. Raises :class:`ConfigInvalid` when Parquet is asked for without its
    library, :class:`StorageFailed` when the folder holds an earlier export.
    """
    enclosed = enclosed or Enclosed()
    proofs, complete = enclosed.proofs, enclosed.complete
    if form is ExportFormat.PARQUET:
        _parquet()
    if (folder / "manifest.json").exists():
        raise StorageFailed(f"{folder} already holds an export", "give another folder")
    asked = asked_for(query, log.keys) if complete else {}
    folder.mkdir(parents=True, exist_ok=True)
    entry = log.append(
        Event("log.exported", "-", actor=actor, body={"format": form.value, "query": _shown(query)})
    )
    with log.reading() as connection:
        snapshot = read_snapshot(connection)
        prover = Prover(tile_reader(connection, snapshot))
        cosigned = newest_cosigned(connection, policy=log.witness_policy)
        count = 0
        newest = snapshot.size if cosigned is None else cosigned.size
        whole: EntryRange | None = None
        if complete:
            whole = range_of(connection, query, newest, snapshot.minimum)

        def hits() -> Iterator[LogEntry]:
            nonlocal count
            for hit in search(connection, query, log.keys):
                if whole is not None and hit.index >= whole.size:
                    continue
                count += 1
                if count % 256 == 0:
                    progress(count)
                if proofs:
                    size, note = snapshot.size, snapshot.note
                    if cosigned is not None and hit.index < cosigned.size:
                        size, note = cosigned.size, cosigned.note
                    path = tuple(prover.inclusion(hit.index, size))
                    proof = TlogProof(hit.index, path, note, hit.data).encode()
                    target = folder / "proofs" / f"{hit.id}.tlog-proof"
                    target.parent.mkdir(exist_ok=True)
                    target.write_text(proof, encoding="utf-8")
                yield hit

        target = folder / f"entries.{form.value}"
        _WRITERS[form](target, hits())
        files = [target]
        described_range = None
        if whole is not None:
            beside = write_range(connection, log.keys, prover, whole, folder, progress)
            files.append(folder / RANGE)
            note = snapshot.note if cosigned is None else cosigned.note
            described_range = described(whole, note, asked, beside)
        consistency = (
            []
            if cosigned is None
            else [
                base64.b64encode(node).decode()
                for node in prover.consistency(cosigned.size, snapshot.size)
            ]
        )
    (folder / "checkpoint").write_text(snapshot.note, encoding="utf-8")
    if cosigned is not None:
        (folder / COSIGNED).write_text(cosigned.note, encoding="utf-8")
    manifest = {
        "made": iso(now_ms()),
        "recorded_as": entry,
        "query": _shown(query),
        "format": form.value,
        "entries": count,
        "proofs": count if proofs else 0,
        "files": {
            file.name: {"sha256": _digest(file), "bytes": file.stat().st_size} for file in files
        },
        "complete": described_range,
        "origin": log.keys.signer.name,
        "verifier_key": log.keys.signer.verifier.vkey,
        "checkpoint": snapshot.note,
        "cosigned_checkpoint": None if cosigned is None else cosigned.note,
        "consistency": consistency,
    }
    data = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    (folder / "manifest.json").write_bytes(data)
    # No checkpoint: its second line would be a number.
    text = f"{log.keys.signer.name}\n{EXPORT}\n{hashlib.sha256(data).hexdigest()}\n"
    (folder / "manifest.sig").write_text(
        signed(text, [signer.sign(text) for signer in log.keys.signers]), encoding="utf-8"
    )
    return Export(folder, manifest)


def flat(entry: LogEntry) -> dict[str, Any]:
    """One row of CSV and Parquet; nested values as JSON."""
    decision = entry.decision or {}
    trace = decision.get("trace", ())
    return {
        "index": entry.index,
        "id": entry.id,
        "time": iso(entry.time),
        "kind": entry.kind,
        "tenant": entry.tenant,
        "subject": entry.subject,
        "actor": entry.actor,
        "action": entry.action,
        "rule_id": decision.get("rule_id"),
        "reason": decision.get("reason"),
        "policy_digest": decision.get("policy_digest"),
        "categories": ",".join(sorted({m["category"] for m in trace if "category" in m})),
        "related": entry.related,
        "commit": entry.commit,
        "decision": _json(entry.decision),
        "body": _json(entry.body),
    }


def _write_csv(target: Path, entries: Iterable[LogEntry]) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for entry in entries:
            writer.writerow([_cell(value) for value in flat(entry).values()])


def _cell(value: Any) -> str:
    # A spreadsheet runs a cell that begins so; tenants and actors name themselves.
    shown = "" if value is None else str(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _write_jsonl(target: Path, entries: Iterable[LogEntry]) -> None:
    with target.open("w", encoding="utf-8") as file:
        for entry in entries:
            file.write(json.dumps(entry.to_json(), ensure_ascii=False, separators=(",", ":")))
            file.write("\n")


def _write_parquet(target: Path, entries: Iterable[LogEntry]) -> None:
    arrow, parquet = _parquet()
    types = {"index": arrow.int64()}
    schema = arrow.schema([(name, types.get(name, arrow.string())) for name in COLUMNS])
    with parquet.ParquetWriter(target, schema) as writer:
        rows: list[dict[str, Any]] = []
        for entry in entries:
            rows.append(flat(entry))
            if len(rows) == _ROWS_AT_ONCE:
                writer.write_table(arrow.Table.from_pylist(rows, schema))
                rows = []
        writer.write_table(arrow.Table.from_pylist(rows, schema))


_WRITERS: dict[ExportFormat, Callable[[Path, Iterable[LogEntry]], None]] = {
    ExportFormat.CSV: _write_csv,
    ExportFormat.JSONL: _write_jsonl,
    ExportFormat.PARQUET: _write_parquet,
}


def write_entries(form: ExportFormat, target: Path, entries: Iterable[LogEntry]) -> None:
    """Write entries as one file, without proofs and manifest. Raises :class:`ConfigInvalid` when
    Parquet is asked for without its library."""
    _WRITERS[form](target, entries)


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigInvalid(
            "writing Parquet needs pyarrow", "install guarded-gen[parquet]"
        ) from error
    return pyarrow, pyarrow.parquet


def _json(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else None


def _shown(query: Query) -> dict[str, Any]:
    # The subject's own name stays out of log and manifest.
    return {k: v for k, v in asdict(query).items() if v is not None and k != "subject"}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
