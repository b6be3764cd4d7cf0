"""A home from before there was one production line: what was held there goes on here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from generator.spec import Mode
from guarded_gen.composition.services import Services
from guarded_gen.settings import load
from guarded_gen.store import migrate

from .conftest import Site
from .test_held_everywhere import allowed_by_a_person, asked_by_api, asked_here, files, go_on

BEFORE = "0011"
"""The newest revision of the version before the production line."""
__all__ = ["files"]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], Site]]:
    sites: list[Site] = []

    def close() -> None:
        while sites:
            site = sites.pop()
            site.app.state.api.jobs.close()
            site.services.close()

    def again() -> Site:
        close()
        services = Services(
            load(home=tmp_path / "home", backend="dit", review={"undo": 0, "double_rate": 0})
        )
        sites.append(Site(services))
        return sites[-1]

    yield again
    close()


def put_back(home: Path, shape: Callable[[sqlite3.Connection], None]) -> None:
    """The database in the schema of before, with every row that had a place there."""
    new = home / "guarded-gen.db"
    old = home / "old.db"
    engine = create_engine(f"sqlite:///{old}")
    config = Config()
    config.set_main_option("script_location", migrate.LOCATION)
    with engine.execution_options(guarded_gen_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
    engine.dispose()
    with sqlite3.connect(old) as database:
        database.execute("ATTACH DATABASE ? AS now", (str(new),))
        for (table,) in database.execute(
            "SELECT name FROM main.sqlite_master WHERE type = 'table'"
        ).fetchall():
            if table in ("alembic_version", "person") or table.startswith("sqlite_"):
                continue
            there, here = (
                {row[1] for row in database.execute(f"PRAGMA {name}.table_info({table})")}
                for name in ("now", "main")
            )
            columns = ", ".join(f'"{column}"' for column in sorted(here & there))
            database.execute(
                f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table}"
            )
        shape(database)
    database.close()
    for file in home.glob(f"{new.name}*"):
        file.unlink()
    old.rename(new)


def untyped(database: sqlite3.Connection, id: str, references: list[str]) -> dict[str, Any]:
    """A request with plain strings for references; returns the outputs of its stages."""
    [(text,)] = database.execute("SELECT request FROM job WHERE id = ?", (id,))
    request = {k: v for k, v in json.loads(text).items() if k not in ("format", "label")}
    request = json.dumps({**request, "references": references})
    database.execute("UPDATE job SET request = ?, stage = 'generate' WHERE id = ?", (request, id))
    rows = database.execute("SELECT stage, output FROM job_stage WHERE job = ?", (id,))
    return {stage: json.loads(output) for stage, output in rows}


def keep(database: sqlite3.Connection, id: str, stage: str, output: dict[str, Any]) -> None:
    database.execute(
        "UPDATE job_stage SET output = ? WHERE job = ? AND stage = ?",
        (json.dumps(output), id, stage),
    )


def test_what_was_held_before_is_decided_and_goes_on(
    opened: Callable[[], Site], files: dict[str, Path]
) -> None:
    site = opened()
    by_api = asked_by_api(site, files, Mode.IMAGE_TO_VIDEO)
    assert go_on(site, by_api).review == "pending"
    by_command = asked_here(site, files, Mode.IMAGE_TO_VIDEO)
    home = site.services.settings.home
    [stored] = [
        f"inputs/{by_api}/{file.name}"
        for file in (site.services.settings.media_folder / "inputs" / by_api).iterdir()
    ]
    site.app.state.api.jobs.close()
    site.services.close()

    def shape(database: sqlite3.Connection) -> None:
        outputs = untyped(database, by_api, [stored])
        [prompt], judged = outputs["prompt"]["judged"], outputs["reference"]["judged"]
        keep(database, by_api, "prompt", prompt)
        keep(database, by_api, "reference", {"judged": judged, "halt": "held", "draft": stored})
        outputs = untyped(database, by_command, [str(files["still"])])
        keep(database, by_command, "prompt", outputs["prompt"]["judged"][0])
        database.execute(
            "DELETE FROM job_stage WHERE job = ? AND stage = 'reference'", (by_command,)
        )

    put_back(home, shape)
    site = opened()
    assert site.services.log.verify().ok
    for stage in ("reference", "output"):
        allowed_by_a_person(site, by_api, stage)
        job = go_on(site, by_api)
    assert (job.status, job.error) == ("completed", None)
    stages = [made["stage"] for made in job.decisions]
    assert stages == ["prompt", "reference", "review", "output", "review"]
    allowed_by_a_person(site, by_command, "reference")
    job = go_on(site, by_command)
    assert "generate" not in site.app.state.api.jobs.book.outputs(by_command)
    assert (job.review, job.decisions[-1]["stage"]) == ("pending", "reference"), "judged anew"
    assert site.services.log.verify().ok
