"""The policy commands as a user runs them, the page "Write a policy" included."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import policies
from guarded_gen.server import app
from policies import Context, Signal, Stage, evaluate
from policies.history import HistoryBuilder
from policies.taxonomy import HARM

GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(__file__).parents[2] / "docs" / "write-policy.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(home: Path) -> Callable[..., Ran]:
    """The command line inside this process: a new one for each call costs two seconds."""
    runner = CliRunner()

    def run(*args: object) -> Ran:
        done = runner.invoke(app, [str(arg) for arg in args])
        return Ran(done.exit_code, done.stdout)

    return run


def test_check_lists_all_mistakes_with_positions(cli: Callable) -> None:
    done = cli("policy", "check", GOLDEN / "eight.yaml")
    assert done.code == 1
    assert "13 mistakes" in done.out
    assert done.out.count("remedy:") == 13
    as_json = cli("policy", "check", GOLDEN / "eight.yaml", "--json")
    assert as_json.code == 1
    [found] = as_json.json
    assert not found["valid"]
    assert {(i["line"], i["column"]) for i in found["issues"]} >= {(6, 15), (14, 15), (46, 25)}
    assert {i["code"] for i in found["issues"]} >= {
        "unknown_category", "out_of_range", "unknown_key", "bad_condition", "unreachable",
        "relaxes", "duplicate_key", "default_allows",
    }  # fmt: skip


def test_check_passes_the_library_and_names_a_missing_file(cli: Callable) -> None:
    assert cli("policy", "check", *policies.library()).code == 0
    done = cli("policy", "check", "no-such-policy", "--json")
    assert done.code == 2
    assert done.json["error"]["code"] == "policy_not_found"


def test_show_prints_the_effective_policy(cli: Callable) -> None:
    base = cli("policy", "show", "eu", "--json").json
    germany = cli("policy", "show", "eu", "--jurisdiction", "DE", "--age", "teen", "--json").json
    assert germany["base_digest"] == base["digest"] != germany["digest"]
    assert germany["lineage"] == ["default@1", "symbols", "eu-teen"]
    assert "SM-1 (floor)" in cli("policy", "show", "eu", "--jurisdiction", "DE").out
    assert cli("policy", "show", "eu", "--jurisdiction", "XX").code == 2
    assert cli("policy", "show", "eu", "--age", "baby").code == 2


def test_a_failing_example_fails_the_command(cli: Callable, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(BLOCKS[0].replace("score: 0.6, expect: block", "score: 0.6, expect: allow"))
    report = tmp_path / "report.xml"
    done = cli("policy", "test", path, "--junit", report)
    assert done.code == 1
    assert "ACME-1" in done.out and "1 failed" in done.out
    assert 'failures="1"' in report.read_text()


def test_the_page_works_from_nothing_to_a_tested_overlay(cli: Callable, tmp_path: Path) -> None:
    policy, cases = tmp_path / "acme.yaml", tmp_path / "cases.yaml"
    policy.write_text(BLOCKS[0])
    cases.write_text(next(block for block in BLOCKS if block.startswith("cases:")))
    assert cli("policy", "check", policy).code == 0
    assert cli("policy", "test", policy).code == 0
    tested = cli("policy", "test", policy, "--cases", cases, "--json")
    assert tested.code == 0, tested.out
    assert tested.json[0]["not_run"] == 0
    shown = cli("policy", "show", policy, "--age", "teen", "--jurisdiction", "DE", "--json").json
    assert [r["at_least"] for r in shown["rules"] if r["id"] == "SELF-1"] == [0.3]
    draft = cli("policy", "rollout", "propose", policy, "--reason", "mascot", "--json").json
    digest = draft["digest"][:12]
    steps = (("shadow",), ("canary", "--percent", "5"), ("active",))
    for step in steps:
        assert cli("policy", "rollout", "move", digest, *step, "--reason", "on").code == 0
    assert cli("policy", "rollout", "move", digest, "draft", "--reason", "x").code == 2
    listed = cli("policy", "rollout", "list", "--json").json
    assert listed["active"]["digest"] == draft["digest"]
    replayed = cli("policy", "replay", policy, "--json")
    assert replayed.code == 0
    assert replayed.json["decisions"] == 0


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    builder = HistoryBuilder()
    default = policies.load("default")
    for i in range(40):
        named = (*HARM, "disguise")
        signals = [Signal.ran("c", c, i / 40 if c == "gore" else 0.0) for c in named]
        action = evaluate(default, Stage.PROMPT, signals, Context()).action
        builder.add(f"dec_{i}", Stage.PROMPT, signals, Context(), action)
    path = tmp_path / "history.npz"
    builder.build().save(path)
    return path


def test_replay_prints_a_table_json_and_csv(cli: Callable, kept: Path) -> None:
    report = cli("policy", "replay", "strict", "--history", kept, "--json").json
    assert report["decisions"] == 40
    assert set(report["by_category"]) == {"gore"}
    done = cli("policy", "replay", "strict", "--history", kept, "--csv")
    head, *rows = done.out.strip().splitlines()
    assert head.startswith("stage,before,after,rule,category,tenant,count,samples")
    assert len(rows) == len(report["changes"])
    shown = cli("policy", "replay", "strict", "--history", kept, "--against", "default").out
    assert "of 40 decisions change" in shown and "gore" in shown
    assert cli("policy", "replay", "strict", "--history", kept, "--tenant", "a").code == 2
    assert cli("policy", "replay", "strict", "--since", "yesterday").code == 2


def test_categories(cli: Callable) -> None:
    assert "sexual_minors" in cli("policy", "categories").out
    assert len(cli("policy", "categories", "--json").json) == len(policies.taxonomy.CATEGORIES)
    assert json.dumps(cli("policy", "categories", "--json").json)
