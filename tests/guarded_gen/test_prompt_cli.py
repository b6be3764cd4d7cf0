from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from guarded_gen.server import app

HARMFUL = "a naked couple having explicit sex in bed"
HARMLESS = "a big red circle moves over the sea at sunset"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("GUARDED_GEN_HOME", str(tmp_path / "home"))

    def call(*args: object) -> Result:
        return CliRunner().invoke(app, [str(a) for a in args])

    return call


def test_texts_are_judged_in_order(run) -> None:  # type: ignore[no-untyped-def]
    done = run("moderate", HARMLESS, HARMFUL, "--json")
    assert done.exit_code == 0, done.output
    first, second = json.loads(done.output)
    assert first["action"] == "allow"
    assert first["unsafe"] < 0.5 < second["unsafe"]
    assert second["action"] == "block"
    assert second["scores"]["sexual"] > 0.8
    assert second["rule_id"]


def test_a_file_keeps_its_lines_and_keys(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    swedish = "En katt sover på soffan medan barnen leker i trädgården"
    texts = [HARMLESS, HARMFUL, swedish, "", "x" * 60_000]
    source.write_text("".join(json.dumps({"text": t, "id": i}) + "\n" for i, t in enumerate(texts)))
    done = run("moderate", "--file", source, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == [0, 1, 2, 3, 4]
    assert [line["action"] for line in lines[:3]] == ["allow", "block", "review"]
    assert lines[2]["unsafe"] is None
    assert any(c.get("reason") == "unsupported_language" for c in lines[2]["checks"])
    assert lines[4]["unsafe"] is None and lines[4]["action"] == "review"


@pytest.mark.parametrize("line", ["not json", "[]", '{"txt": 1}', '{"text": 5}', "\xff"])
def test_a_bad_line_is_named_and_nothing_is_written(run, tmp_path: Path, line: str) -> None:  # type: ignore[no-untyped-def]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"text": "a cat"}\n' + line.encode("latin-1") + b"\n")
    done = run("moderate", "--file", source, "--out", out, "--json")
    assert done.exit_code == 2
    assert "line 2" in done.output
    assert not out.exists()
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".jsonl"] == ["in.jsonl"]


def test_neither_text_nor_file_is_a_usage_error(run) -> None:  # type: ignore[no-untyped-def]
    assert run("moderate").exit_code == 2


def test_the_evaluation_writes_its_report_and_plot(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source = tmp_path / "rows.jsonl"
    rows = [(HARMFUL, True, "sexual"), (HARMLESS, False, ""), ("a chef chops onions", False, "")]
    source.write_text(
        "".join(json.dumps({"text": t, "unsafe": u, "category": c}) + "\n" for t, u, c in rows)
    )
    plot, out = tmp_path / "plot.png", tmp_path / "report.json"
    done = run("eval", "prompts", source, "--plot", plot, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(out.read_text())
    assert record["figures"]["auroc"]["value"] == 1.0
    assert len(record["robustness"]) > 20
    assert plot.read_bytes()[:4] == b"\x89PNG"
    source.write_text('{"text": "a cat"}\n')
    assert run("eval", "prompts", source).exit_code == 2
