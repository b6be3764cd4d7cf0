"""People as a file: applied twice it changes nothing, a mistake changes nothing, an admin stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from guarded_gen.audit import AuditLog, Query
from guarded_gen.errors import Conflict, InvalidInput
from guarded_gen.review.people import add_person, authenticate
from guarded_gen.review.people_file import MAX_BYTES, apply_people, read_people
from guarded_gen.review.roles import Role
from guarded_gen.server import app
from guarded_gen.settings import Settings
from guarded_gen.store import open_store
from guarded_gen.store.tables.review import Person

FILE = """
[[person]]
name = "ada"
roles = ["admin"]

[[person]]
name = "Zoë"
roles = ["reviewer", "lead", "reviewer"]
tenants = ["acme"]
"""


@pytest.fixture
def log(home: Path):
    where = Settings(home=home)
    store = open_store(where)
    made = AuditLog.open(store, where.keys_folder)
    yield made
    made.close()
    store.close()


def apply(log: AuditLog, tmp_path: Path, text: str, **how: bool):
    file = tmp_path / "people.toml"
    file.write_text(text, "utf-8")
    return apply_people(log, "test", read_people(file), **how)


def people(log: AuditLog) -> dict[str, tuple]:
    with log.store.read() as session:
        return {p.name: (p.roles, p.tenants, p.active) for p in session.scalars(select(Person))}


def test_a_file_is_applied_once_however_often(log: AuditLog, tmp_path: Path) -> None:
    done = apply(log, tmp_path, FILE)
    assert done.added == ["ada", "Zoë"]
    assert people(log) == {
        "ada": (["admin"], [], True),
        "Zoë": (["lead", "reviewer"], ["acme"], True),
    }
    with log.store.read() as session:
        who = authenticate(session, "Zoë", done.tokens["Zoë"])
    assert who is not None and who.roles == {Role.LEAD, Role.REVIEWER}
    size = log.snapshot().size
    again = apply(log, tmp_path, FILE)
    assert (again.added, again.changed, again.unchanged) == ([], [], ["ada", "Zoë"])
    assert again.tokens == {}
    assert log.snapshot().size == size


def test_a_change_takes_effect_and_is_on_record(log: AuditLog, tmp_path: Path) -> None:
    apply(log, tmp_path, FILE)
    done = apply(log, tmp_path, FILE.replace('"acme"]', '"acme"]\nactive = false'))
    assert (done.changed, people(log)["Zoë"][2]) == (["Zoë"], False)
    [entry] = log.entries(Query(kind="person.changed", limit=1))
    assert entry.body["active"] is False
    assert entry.actor == "test"


def test_whoever_is_not_named_goes_only_when_asked(log: AuditLog, tmp_path: Path) -> None:
    add_person(log, "test", "bob", {Role.REVIEWER})
    assert apply(log, tmp_path, FILE).unlisted == ["bob"]
    assert people(log)["bob"][2]
    rehearsed = apply(log, tmp_path, FILE, prune=True, dry_run=True)
    assert (rehearsed.unlisted, people(log)["bob"][2]) == (["bob"], True)
    assert apply(log, tmp_path, FILE, prune=True).unlisted == ["bob"]
    assert not people(log)["bob"][2]


def test_a_dry_run_adds_nobody(log: AuditLog, tmp_path: Path) -> None:
    done = apply(log, tmp_path, FILE, dry_run=True)
    assert (done.added, done.tokens, people(log)) == (["ada", "Zoë"], {}, {})


def test_an_admin_is_left_or_nothing_changes(log: AuditLog, tmp_path: Path) -> None:
    apply(log, tmp_path, FILE)
    before, size = people(log), log.snapshot().size
    for text, how in (
        (FILE.replace('"admin"', '"auditor"'), {}),
        (FILE.replace('["admin"]', '["admin"]\nactive = false'), {}),
        ('[[person]]\nname = "new"\nroles = ["lead"]\n', {"prune": True}),
    ):
        with pytest.raises(Conflict, match="no active admin"):
            apply(log, tmp_path, text, **how)
        assert (people(log), log.snapshot().size) == (before, size)


def test_whom_the_identity_provider_vouches_for_is_left_alone(
    log: AuditLog, tmp_path: Path
) -> None:
    apply(log, tmp_path, FILE)
    with log.store.write() as session:
        session.scalars(select(Person).where(Person.name == "Zoë")).one().external = "x"
    with pytest.raises(Conflict, match="identity provider"):
        apply(log, tmp_path, FILE)
    assert (
        apply(log, tmp_path, FILE.split('[[person]]\nname = "Zoë"')[0], prune=True).unlisted == []
    )
    assert people(log)["Zoë"][2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Field required"), ("person = 1", "person"), ("[[person]", "no TOML"),
        ('[[person]]\nname = "a"\nroles = []', "roles"),
        ('[[person]]\nname = "a"\nroles = ["king"]', "no role king"),
        ('[[person]]\nname = " a"\nroles = ["lead"]', "spaces"),
        ('[[person]]\nname = "a"\nroles = ["lead"]\npassword = "x"', "Extra inputs"),
        ('[[person]]\nname = "a"\nroles = ["lead"]\nactive = "no"', "boolean"),
        ('[[person]]\nname = "a"\nroles = ["lead"]\n' * 2, "stands twice"),
        ("#" * (MAX_BYTES + 1), "more than"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(log: AuditLog, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        apply(log, tmp_path, text)
    assert people(log) == {}


def test_the_command(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.toml"
    file.write_text(FILE, "utf-8")
    runs = [CliRunner().invoke(app, ["people", "import", str(file), "--json"]) for _ in range(2)]
    first, second = (json.loads(run.stdout) for run in runs)
    assert first["tokens"].keys() == {"ada", "Zoë"}
    assert (second["unchanged"], second["tokens"]) == (["ada", "Zoë"], {})
    missing = CliRunner().invoke(app, ["people", "import", str(tmp_path / "no"), "--json"])
    assert missing.exit_code == 2
    assert json.loads(missing.stdout)["error"]["code"] == "invalid_input"
