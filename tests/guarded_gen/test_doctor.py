"""The doctor finds what is broken, names a remedy, and changes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from guarded_gen import settings as config
from guarded_gen.composition.services import Services
from guarded_gen.server import app
from guarded_gen.upkeep import doctor
from tests.waiting import PATIENCE_S


def ask(home: Path, **env: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code, and the findings by check."""
    result = CliRunner().invoke(
        app, ["doctor", "--json"], env={"GUARDED_GEN_HOME": str(home), **env}
    )
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(result.stdout)["findings"]:
        found.setdefault(one["check"], []).append(one)
    return result.exit_code, found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doctor") / "home"
    services = Services(config.load(home=folder))
    _ = services.log, services.identity
    services.close()
    return folder


def test_a_sound_home_has_warnings_at_most(home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (home / "keys").rglob("*")}
    code, found = ask(home)
    states = {name: [one["state"] for one in some] for name, some in found.items()}
    assert code == 0, found
    assert set(found) == set(doctor.CHECKS)
    assert states["database"] == states["store"] == states["keys"] == ["ok"]
    assert "warn" in states["certificate"], "the development certificate"
    for some in found.values():
        assert all(one["remedy"] for one in some if one["state"] != "ok")
    assert {path: path.stat().st_mtime_ns for path in (home / "keys").rglob("*")} == before


def test_what_is_missing_is_named_and_not_made(tmp_path: Path) -> None:
    code, found = ask(tmp_path / "none")
    assert code == 1
    assert found["home"][0]["state"] == "fail"
    assert "guarded-gen init" in found["home"][0]["remedy"]
    assert not (tmp_path / "none").exists()


def test_each_trouble_is_found(home: Path, tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("no folder")
    home.chmod(0o755)
    try:
        code, found = ask(
            home,
            GUARDED_GEN_LIMITS__MIN_FREE_BYTES=str(2**62),
            GUARDED_GEN_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        )
    finally:
        home.chmod(0o700)
    assert code == 1
    assert found["home"][0]["state"] == "fail"
    assert "chmod 700" in found["home"][0]["remedy"]
    assert found["disk"][0]["state"] == "fail"
    code, found = ask(
        home,
        GUARDED_GEN_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        GUARDED_GEN_STORAGE_URL=str(taken / "below"),
    )
    assert code == 1
    assert found["database"][0]["state"] == "fail"
    assert found["store"][0]["state"] == "fail"
    assert "clock" not in found, "it asks the database, of which the failure is told already"


def test_a_check_that_hangs_is_given_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hung = threading.Event()

    def hang(services: Services) -> Iterator[Any]:
        hung.wait(PATIENCE_S)
        yield from ()

    monkeypatch.setattr(doctor, "CHECKS", {"store": hang})
    services = Services(config.load(home=home))
    try:
        [found] = doctor.examine(services, lambda name: None, within_s=0.1)
    finally:
        hung.set()
        services.close()
    assert (found.state, found.check) == (doctor.HealthState.FAIL, "store")
