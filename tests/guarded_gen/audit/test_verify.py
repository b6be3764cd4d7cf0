"""The tampering matrix: each alteration of the database is named by ``verify``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from guarded_gen.audit import AuditLog, Event, Query, sweep
from guarded_gen.audit.merkle import HASH_BYTES
from guarded_gen.audit.tiles import export_folder, read_resource
from guarded_gen.errors import LogCorrupt, NotFound

SIZE = 600


@pytest.fixture
def filled(log: AuditLog) -> AuditLog:
    def work(tx):
        for n in range(SIZE):
            tx.append(
                Event(
                    "prompt.decision",
                    subject=f"user{n % 7}",
                    decision={"action": "allow"},
                    payload=f"prompt {n}",
                )
            )

    log.write(work)
    log.append(Event("last.one"))
    assert log.verify().ok
    log.close()
    return log


def alter(log: AuditLog, sql: str, **values: object) -> None:
    with log.store.write() as session:
        assert session.execute(text(sql), values).rowcount == 1  # type: ignore[attr-defined]


def flip(log: AuditLog, table: str, column: str, where: str, at: int) -> None:
    with log.store.write() as session:
        row = session.execute(text(f"SELECT {column} FROM {table} WHERE {where}")).scalar_one()
        if isinstance(row, str):
            changed: object = row[:at] + chr(ord(row[at]) ^ 1) + row[at + 1 :]
        else:
            data = bytearray(row)
            data[at] ^= 1
            changed = bytes(data)
        session.execute(text(f"UPDATE {table} SET {column} = :v WHERE {where}"), {"v": changed})


def edit_entry(log: AuditLog) -> None:
    alter(
        log,
        "UPDATE audit_entry SET data = CAST(replace(CAST(data AS TEXT), '\"allow\"', '\"block\"')"
        " AS BLOB), action = 'block' WHERE idx = 300",
    )


def edit_column(log: AuditLog) -> None:
    alter(log, "UPDATE audit_entry SET action = 'block' WHERE idx = 301")


def delete_entry(log: AuditLog) -> None:
    alter(log, "DELETE FROM audit_entry WHERE idx = 302")


def edit_full_tile(log: AuditLog) -> None:
    flip(log, "audit_tile", "hashes", "level = 0 AND n = 1", 47 * HASH_BYTES)


def delete_full_tile(log: AuditLog) -> None:
    alter(log, "DELETE FROM audit_tile WHERE level = 0 AND n = 0")


def edit_edge(log: AuditLog) -> None:
    flip(log, "audit_tree", "edge", "id = 1", 2 + 5 * HASH_BYTES)


def edit_upper_edge(log: AuditLog) -> None:
    with log.store.read() as session:
        edge = session.execute(text("SELECT edge FROM audit_tree")).scalar_one()
    flip(log, "audit_tree", "edge", "id = 1", len(edge) - 1)


def edit_signature(log: AuditLog) -> None:
    with log.store.read() as session:
        note = session.execute(text("SELECT note FROM audit_tree")).scalar_one()
    flip(log, "audit_tree", "note", "id = 1", len(note) - 20)


def edit_kept_checkpoint(log: AuditLog) -> None:
    flip(log, "audit_checkpoint", "note", f"size = {SIZE + 1}", 20)


def edit_payload(log: AuditLog) -> None:
    flip(log, "audit_payload", "sealed", "idx = 303", 60)


def delete_payload(log: AuditLog) -> None:
    alter(log, "DELETE FROM audit_payload WHERE idx = 304")


def swap_payloads(log: AuditLog) -> None:
    with log.store.write() as session:
        a, b = (
            session.execute(
                text("SELECT sealed FROM audit_payload WHERE idx = :i"), {"i": i}
            ).scalar_one()
            for i in (7, 14)
        )
        for i, sealed in ((7, b), (14, a)):
            session.execute(
                text("UPDATE audit_payload SET sealed = :s WHERE idx = :i"), {"s": sealed, "i": i}
            )


def delete_subject_key(log: AuditLog) -> None:
    subject = log.entry(0).subject
    alter(log, "DELETE FROM audit_subject_key WHERE subject = :s", s=subject)


def add_entry(log: AuditLog) -> None:
    alter(
        log,
        "INSERT INTO audit_entry SELECT idx + 1, 'log_forged', time, kind, tenant, subject,"
        f" action, data FROM audit_entry WHERE idx = {SIZE}",
    )


def prune_without_telling(log: AuditLog) -> None:
    alter(log, "UPDATE audit_tree SET minimum = 10 WHERE id = 1")


def entry_as_text(log: AuditLog) -> None:
    alter(log, "UPDATE audit_entry SET data = CAST(data AS TEXT) WHERE idx = 305")


def payload_as_text(log: AuditLog) -> None:
    alter(log, "UPDATE audit_payload SET sealed = CAST(sealed AS TEXT) WHERE idx = 306")


def tile_as_text(log: AuditLog) -> None:
    alter(log, "UPDATE audit_tile SET hashes = CAST(hashes AS TEXT) WHERE level = 0 AND n = 1")


def time_as_text(log: AuditLog) -> None:
    alter(log, "UPDATE audit_entry SET time = 'noon' WHERE idx = 307")


def edge_as_text(log: AuditLog) -> None:
    alter(log, "UPDATE audit_tree SET edge = CAST(edge AS TEXT) WHERE id = 1")


def delete_all_checkpoints(log: AuditLog) -> None:
    alter(log, f"DELETE FROM audit_checkpoint WHERE size = {SIZE + 1}")


MATRIX: list[tuple[Callable[[AuditLog], None], str, str]] = [
    (edit_entry, "entry", "audit_entry idx 300"),
    (edit_column, "entry", "audit_entry idx 301"),
    (delete_entry, "entry", "audit_entry idx 302"),
    (edit_full_tile, "tile", "tile 0/1"),
    (delete_full_tile, "tile", "tile 0/0"),
    (edit_edge, "tile", "right edge"),
    (edit_upper_edge, "tile", "right edge"),
    (edit_signature, "checkpoint", "audit_tree row 1"),
    (edit_kept_checkpoint, "checkpoint", f"audit_checkpoint size {SIZE + 1}"),
    (edit_payload, "payload", "audit_payload idx 303"),
    (delete_payload, "payload", "audit_payload idx 304"),
    (swap_payloads, "payload", "audit_payload idx 7"),
    (delete_subject_key, "payload", "audit_payload idx 0"),
    (add_entry, "entry", f"audit_entry idx {SIZE + 1}"),
    (prune_without_telling, "tree", "audit_tree row 1"),
    (entry_as_text, "entry", "audit_entry 305"),
    (payload_as_text, "payload", "audit_payload 306"),
    (tile_as_text, "tile", "audit_tile 0 1"),
    (time_as_text, "entry", "audit_entry 307"),
    (edge_as_text, "tree", "audit_tree row 1"),
    (delete_all_checkpoints, "checkpoint", f"audit_checkpoint size {SIZE + 1}"),
]


@pytest.mark.parametrize(("tamper", "what", "where"), MATRIX, ids=[m[0].__name__ for m in MATRIX])
def test_every_alteration_is_named(
    filled: AuditLog, tamper, what: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The sweep's workers as threads: what they check is the same, and starting them is quick.
    monkeypatch.setattr(
        sweep,
        "ProcessPoolExecutor",
        lambda workers, context, begin, args: ThreadPoolExecutor(1, "", begin, args),
    )
    tamper(filled)
    report = filled.verify(workers=0)
    assert filled.verify(workers=1) == report
    assert report.first is not None
    assert (report.first.what, report.first.where.startswith(where)) == (what, True), report
    assert {problem.where for problem in report.problems if problem.what != what} == set(), report


def forge_a_decision(log: AuditLog) -> None:
    alter(
        log,
        "UPDATE audit_entry SET data = CAST(replace(CAST(data AS TEXT), '\"allow\"', '\"block\"')"
        " AS BLOB) WHERE idx = 300",
    )


def test_what_was_altered_is_never_shown_exported_or_published(
    filled: AuditLog, tmp_path: Path
) -> None:
    genuine = filled.entry(299)
    forge_a_decision(filled)
    for read in (
        lambda: filled.entry(300),
        lambda: list(filled.entries(Query(oldest_first=True))),
    ):
        with pytest.raises(LogCorrupt, match="300"):
            read()
    with filled.reading() as connection:
        with pytest.raises(LogCorrupt, match="300"):
            export_folder(connection, tmp_path / "site")
        with pytest.raises(LogCorrupt, match="300"):
            read_resource(connection, "tile/entries/001")
        assert read_resource(connection, "tile/entries/000")
    assert not (tmp_path / "site" / "checkpoint").exists()
    assert filled.entry(299) == genuine


def test_an_entry_that_took_another_ones_id_is_told(filled: AuditLog) -> None:
    id = filled.entry(20).id
    alter(filled, "UPDATE audit_entry SET id = 'gone' WHERE idx = 20")
    alter(filled, "UPDATE audit_entry SET id = :i, time = :t WHERE idx = 21",
          i=id, t=filled.entry(19).time)  # fmt: skip
    with pytest.raises((LogCorrupt, NotFound)):
        filled.entry(id)


def test_worker_processes_find_what_one_pass_finds(filled: AuditLog) -> None:
    seen: list[int] = []
    swept = filled.verify(lambda done, total: seen.append(done), workers=2)
    assert swept == filled.verify(workers=0)
    assert (swept.entries, swept.payloads, seen) == (SIZE + 1, SIZE, [SIZE + 1])


def test_a_rolled_back_log_does_not_fit_a_kept_checkpoint(filled: AuditLog) -> None:
    # What a restored backup looks like when somebody kept the newer checkpoint row.
    flip(filled, "audit_tree", "note", "id = 1", 0)
    with filled.store.write() as session:
        session.execute(text("UPDATE audit_checkpoint SET size = size + 5"))
    report = filled.verify()
    assert {p.what for p in report.problems} == {"checkpoint"}
