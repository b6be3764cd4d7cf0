"""The commands as a user runs them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from guarded_gen.audit import AuditLog, Event
from guarded_gen.server import app
from guarded_gen.settings import Settings
from guarded_gen.store import open_store

Cli = Callable[..., Any]


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run the command inside this process: the same code, without loading it each time."""

    def run_(*args: object, env: dict[str, str] | None = None) -> Ran:
        with monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            done = CliRunner().invoke(app, [str(arg) for arg in args])
        return Ran(done.exit_code, done.stdout, done.stderr)

    return run_


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def ids(home: Path) -> Iterator[list[str]]:
    """A home with five recorded decisions."""
    settings = Settings(home=home)
    store = open_store(settings)
    log = AuditLog.open(store, settings.keys_folder)
    found = [
        log.append(
            Event(
                "prompt.decision",
                subject="bob",
                decision={"stage": "prompt", "action": "block", "rule_id": f"r{n}"},
                payload=f"prompt {n}",
            )
        )
        for n in range(5)
    ]
    log.close()
    store.close()
    yield found


def test_list_show_and_verify(run: Cli, ids: list[str]) -> None:
    listed = run("audit", "list", "--limit", "2", "--json")
    assert [entry["id"] for entry in listed.json] == [ids[4], ids[3]]
    shown = run("audit", "show", ids[2], "--payload", "appeal", "--json")
    assert shown.json["payload"] == "prompt 2"
    assert run("audit", "list", "--kind", "payload.read", "--json").json[0]["related"] == ids[2]
    verified = run("audit", "verify")
    assert (verified.code, "clean: 6 entries" in verified.out) == (0, True)


def test_verify_names_the_edited_row_and_exits_with_1(cli: Cli, ids: list[str], home: Path) -> None:
    with sqlite3.connect(home / "guarded-gen.db") as database:
        database.execute(
            "UPDATE audit_entry SET data = CAST(replace(CAST(data AS TEXT), 'block', 'allow')"
            " AS BLOB) WHERE idx = 3"
        )
    database.close()
    verified = cli("audit", "verify")
    assert verified.code == 1
    assert verified.out.startswith(f"first bad row: audit_entry idx 3 ({ids[3]})")
    assert cli("audit", "verify", "--json").json["problems"][0]["index"] == 3


def test_a_pending_erasure_is_told_and_finished(run: Cli, ids: list[str], home: Path) -> None:
    reader = sqlite3.connect(home / "guarded-gen.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM audit_payload").fetchone() == (5,)
    erased = run("audit", "erase", "--subject", "bob", "--reason", "asked")
    assert erased.code == 4, erased
    assert "pending: a reader" in erased.out
    still = run("audit", "erasures", "--json")
    assert (still.code, len(still.json["pending"])) == (4, 1)
    reader.close()
    assert run("audit", "erasures").code == 0
    assert run("audit", "list", "--kind", "payload.erasure_completed", "--json").json


def test_a_rolled_back_database_is_refused_until_that_is_accepted(
    run: Cli, ids: list[str], home: Path, tmp_path: Path
) -> None:
    assert run("audit", "show", ids[0], "--payload", "one").code == 0
    copy = tmp_path / "copy.db"
    shutil.copy(home / "guarded-gen.db", copy)
    assert run("audit", "show", ids[0], "--payload", "two").code == 0
    for path in home.glob("guarded-gen.db*"):
        path.unlink()
    shutil.copy(copy, home / "guarded-gen.db")
    refused = run("audit", "list")
    assert (refused.code, "log_rolled_back" in refused.err or "once had" in refused.err) == (
        1,
        True,
    )
    verified = run("audit", "verify")
    assert (verified.code, "high-water mark" in verified.out) == (1, True)
    accepted = run("audit", "accept-rollback", "--reason", "the disk died")
    assert accepted.code == 0, accepted
    assert run("audit", "verify").code == 0
    assert run("audit", "list").code == 0


def test_a_home_with_signs_that_urls_use(run: Cli, tmp_path: Path) -> None:
    odd = tmp_path / "100%25 odd?home#1"
    done = run("audit", "verify", env={"GUARDED_GEN_HOME": str(odd)})
    assert done.code == 0, done
    assert (odd / "guarded-gen.db").is_file()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("100")] == [odd.name]


def test_a_forged_decision_is_told_and_goes_nowhere(
    run: Cli, ids: list[str], home: Path, tmp_path: Path
) -> None:
    with sqlite3.connect(home / "guarded-gen.db") as database:
        database.execute(
            "UPDATE audit_entry SET data = CAST(replace(CAST(data AS TEXT), 'block', 'allow')"
            " AS BLOB), action = 'allow' WHERE idx = 3"
        )
    database.close()
    assert run("audit", "show", ids[2]).code == 0
    for command in (
        ("show", ids[3]),
        ("search", "--action", "allow"),
        ("export", "--out", tmp_path / "out"),
        ("publish", tmp_path / "site"),
        ("proof", ids[3], "-o", tmp_path / "proof"),
    ):
        done = run("audit", *command)
        assert done.code == 1, (command, done)
        assert "altered" in done.err, (command, done.err)
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert not (tmp_path / "site" / "checkpoint").exists()


def test_a_proof_is_checked_without_the_database(run: Cli, ids: list[str], tmp_path: Path) -> None:
    file = tmp_path / "one.tlog-proof"
    made = run("audit", "proof", ids[1], "-o", file, "--json")
    vkey = made.json["verifier_key"]
    elsewhere = {"GUARDED_GEN_HOME": str(tmp_path / "elsewhere")}
    checked = run("audit", "check-proof", file, "--vkey", vkey, "--json", env=elsewhere)
    assert (checked.code, checked.json["entry"]["id"]) == (0, ids[1])
    assert not (tmp_path / "elsewhere").exists()
    file.write_text(file.read_text().replace("index 1", "index 2"))
    broken = run("audit", "check-proof", file, "--vkey", vkey, "--json", env=elsewhere)
    assert (broken.code, broken.json["error"]["code"]) == (1, "bad_proof")
    file.write_bytes(b"\xff\xfe")
    assert run("audit", "check-proof", file, "--vkey", vkey).code == 1


def test_erase_says_the_root_before_and_after(run: Cli, ids: list[str]) -> None:
    done = run("audit", "erase", "--subject", "bob", "--reason", "asked", "--json").json
    assert (done["payloads"], done["root_before"] == done["root_after"]) == (5, True)
    shown = run("audit", "show", ids[0], "--payload", "look", "--json")
    assert (shown.code, shown.json["error"]["code"]) == (1, "payload_erased")
    assert run("audit", "verify").code == 0


def test_a_kept_checkpoint_shows_a_rollback(run: Cli, ids: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "published"
    run("audit", "publish", folder)
    kept = folder / "checkpoint"
    assert run("audit", "verify", "--checkpoint", kept).code == 0
    note = kept.read_text()
    other = run("audit", "verify", "--checkpoint", kept, env={
        "GUARDED_GEN_HOME": str(tmp_path / "other")
    })  # fmt: skip
    assert other.code == 1
    assert note.count("\n") == 5


def test_search_export_and_statements(run: Cli, ids: list[str], tmp_path: Path) -> None:
    found = run("audit", "search", "--rule", "r3", "--json")
    assert [entry["id"] for entry in found.json] == [ids[3]]
    found = run("audit", "search", "--text", "PROMPT 1", "--reason", "appeal", "--json")
    assert [entry["id"] for entry in found.json] == [ids[1]]
    assert run("audit", "search", "--text", "x").code == 2
    assert run("audit", "search", "--since", "yesterday").code == 2
    out = tmp_path / "out"
    made = run("audit", "export", "--out", out, "--format", "csv", "--action", "block", "--json")
    assert made.json["entries"] == 5
    assert run("audit", "export", "--out", tmp_path / "x", "--format", "xml").code == 2
    sent = tmp_path / "dsa.json"
    run("audit", "dsa", "--out", sent)
    assert [s["puid"] for s in json.loads(sent.read_text())["statements"]] == ids


def test_prune_and_witness_have_nothing_to_do(run: Cli, ids: list[str]) -> None:
    assert run("audit", "prune", "--dry-run", "--json").json["entries"] == 0
    round_ = run("audit", "witness", "--json")
    assert (round_.code, round_.json["alerts"]) == (0, [])
    assert round_.json["log_key"].count("+") >= 2
