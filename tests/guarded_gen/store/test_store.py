"""Opening: tuned, migrated, portable, with typed errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from guarded_gen.errors import ConfigInvalid, StorageFailed
from guarded_gen.settings import Settings
from guarded_gen.store import migrate, open_store
from guarded_gen.store.engine import POSTGRES_SILENT_MS, WRITES
from guarded_gen.store.tables import Base


def test_sqlite_is_durable(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path / "new" / "home"))
    with store.read() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }
    store.close()


def test_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        difference = [
            change
            for change in compare_metadata(context, Base.metadata)
            if "alembic_version" not in str(change)
        ]
    assert difference == []
    store.close()


def test_there_is_one_head() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", migrate.LOCATION)
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrate.revisions()[-1]]
    assert sorted(r.revision for r in script.walk_revisions()) == list(migrate.revisions())


def test_the_subjects_keys_survive_the_move_of_their_table(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    store = open_store(Settings(home=tmp_path))
    config = Config()
    config.set_main_option("script_location", migrate.LOCATION)

    def move(step: Callable[[Config, str], None], to: str) -> None:
        with store.engine.execution_options(**{WRITES: True}).begin() as connection:
            config.attributes["connection"] = connection
            step(config, to)

    def keys() -> list[tuple[str, bytes]]:
        with store.read() as session:
            rows = session.execute(text("SELECT subject, wrapped FROM audit_subject_key"))
            return [(subject, bytes(wrapped)) for subject, wrapped in rows]

    move(command.downgrade, "0023")
    with store.write() as session:
        session.execute(text("INSERT INTO audit_subject_key VALUES ('s', x'0102')"))
    for step, to in ((command.upgrade, "0024"), (command.downgrade, "0023")):
        move(step, to)
        assert keys() == [("s", b"\1\2")]
    store.close()


def test_opening_again_keeps_everything(tmp_path: Path) -> None:
    for _ in range(2):
        store = open_store(Settings(home=tmp_path))
        with store.write() as session:
            session.execute(text("CREATE TABLE IF NOT EXISTS mine (n INTEGER)"))
            session.execute(text("INSERT INTO mine VALUES (1)"))
        store.close()
    store = open_store(Settings(home=tmp_path))
    with store.read() as session:
        assert session.execute(text("SELECT count(*) FROM mine")).scalar_one() == 2
    store.close()


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    with store.write() as session:
        session.execute(text("CREATE TABLE mine (n INTEGER)"))
    with pytest.raises(RuntimeError), store.write() as session:
        session.execute(text("INSERT INTO mine VALUES (1)"))
        raise RuntimeError
    with store.read() as session:
        assert session.execute(text("SELECT count(*) FROM mine")).scalar_one() == 0
    store.close()


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    with store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(ConfigInvalid, match="9999"):
        open_store(Settings(home=tmp_path))


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/db", "postgresql+nodriver://host/db"])
def test_an_impossible_url_is_a_configuration_error(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigInvalid):
        open_store(Settings(home=tmp_path, database_url=url))


def test_an_unreachable_server_is_told(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2"
    with pytest.raises(StorageFailed):
        open_store(Settings(home=tmp_path, database_url=url))


def test_a_writer_that_falls_silent_loses_its_transaction(
    postgres_url: str, tmp_path: Path
) -> None:
    store = open_store(Settings(home=tmp_path, database_url=postgres_url))
    asked = text("SELECT current_setting('idle_in_transaction_session_timeout')")
    with store.read() as session:
        assert session.scalar(asked) == "0"  # a reader holds nobody up
    with pytest.raises(StorageFailed), store.write() as session:
        assert session.scalar(asked) == f"{POSTGRES_SILENT_MS // 1000}s"
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 100"))
        time.sleep(1.5)
        session.execute(text("SELECT 1"))
    with store.write() as session:
        assert session.scalar(text("SELECT 1")) == 1
    store.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "guarded-gen.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(StorageFailed):
        open_store(Settings(home=tmp_path))


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed):
        open_store(Settings(home=tmp_path / "file" / "home"))
