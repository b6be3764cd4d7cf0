"""One request the whole way, as a user runs it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from media.decode import decode
from media.probe import probe
from tests.conftest import ROOT
from tests.waiting import PATIENCE_S

PROMPT = "a big red circle moves to the right over the sea at sunset"
DISALLOWED = "explicit pornography, naked people having sex"


@pytest.fixture
def clip(cli: Callable, tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    done = cli(
        "generate", PROMPT, "-o", path, "--seconds", "1", "--size", "256x192", "--seed", "5",
        "--backend", "world", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert [d["decision"]["action"] for d in done.json["decisions"]] == ["allow", "allow"]
    return path


def kinds(cli: Callable) -> list[str]:
    return [entry["kind"] for entry in cli("audit", "list", "--json").json]


def test_a_harmless_prompt_becomes_a_trusted_clip(cli: Callable, clip: Path, home: Path) -> None:
    info = probe(clip)
    assert (info.width, info.height, info.frames, info.fps) == (256, 192, 24, 24)
    assert sum(len(batch) for batch in decode(clip)) == 24
    report = cli("verify", clip, "--json")
    assert report.code == 0
    assert report.json["verdict"] == "trusted"
    assert set(kinds(cli)) >= {
        "prompt.decision", "clip.generated", "output.decision", "clip.signed", "clip.published",
    }  # fmt: skip
    assert cli("audit", "verify").code == 0
    assert not list((home / "work").iterdir()), "the draft is gone"
    assert PROMPT.encode() not in clip.read_bytes(), "the manifest tells no prompt"


def test_the_same_seed_gives_the_same_frames(cli: Callable, clip: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    args = ("--seconds", "1", "--size", "256x192", "--seed", "5", "--backend", "world")
    assert cli("generate", PROMPT, "-o", again, *args).code == 0
    manifest_free = [next(decode(path)).pixels for path in (clip, again)]
    # the mark carries an id of its own in each clip, so pixels agree up to the mark
    difference = manifest_free[0].astype(int) - manifest_free[1]
    assert abs(difference).mean() < 3


def test_a_disallowed_prompt_is_blocked_before_the_generator(
    cli: Callable, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "no.mp4"
    done = cli("generate", DISALLOWED, "-o", path, "--json")
    assert done.code == 3
    [decision] = done.json["decisions"]
    assert decision["decision"]["action"] == "block"
    assert decision["decision"]["rule_id"]
    assert decision["decision"]["reason"]
    assert not path.exists()
    assert not (home / "work").exists() or not list((home / "work").iterdir())
    assert kinds(cli) == ["prompt.decision"]


def test_without_its_weights_the_prompt_gate_holds(
    cli: Callable, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "source"
    root = Path(__file__).parents[2]
    for package in ("guarded_gen", "classifiers", "generator", "provenance", "policies", "media"):
        shutil.copytree(root / package, copied / package)
    removed = 0
    for weights in (copied / "classifiers").rglob("*"):
        if weights.suffix in {".safetensors", ".onnx", ".npy"}:
            weights.unlink()
            removed += 1
    assert removed
    monkeypatch.chdir(copied)
    done = cli(
        "generate", PROMPT, "-o", tmp_path / "no.mp4", "--json", env={"PYTHONPATH": str(copied)}
    )
    assert done.code == 4, done.err
    assert done.json["state"] == "held_for_review"
    [decision] = done.json["decisions"]
    assert decision["decision"]["action"] == "review"
    assert not (tmp_path / "no.mp4").exists()


def test_one_flipped_bit_is_told(cli: Callable, clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    data[data.rindex(b"mdat") + 1000] ^= 1
    clip.write_bytes(data)
    done = cli("verify", clip, "--json")
    assert done.json["verdict"] == "tampered"
    assert done.code == 1


def test_a_remux_is_unsigned(cli: Callable, clip: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    with av.open(str(clip)) as source, av.open(str(copy), "w") as target:
        stream = source.streams.video[0]
        out = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = out
                target.mux(packet)
    assert cli("verify", copy, "--json").json["verdict"] == "unsigned"


def test_an_edited_row_is_named(cli: Callable, clip: Path, home: Path) -> None:
    database = sqlite3.connect(home / "guarded-gen.db")
    tables = [
        (table, column)
        for (table,) in database.execute("select name from sqlite_master where type='table'")
        for (_, column, *_) in database.execute(f"pragma table_info({table})")
    ]
    [(table, column)] = [
        (t, c)
        for t, c in tables
        if c in {"body", "entry", "data"} and "entr" in t
    ]  # fmt: skip
    [(rowid, value)] = database.execute(
        f"select rowid, {column} from {table} order by rowid limit 1 offset 1"
    )
    raw = value if isinstance(value, bytes) else value.encode()
    edited = raw.replace(b"generator", b"generatoR", 1)
    assert edited != raw
    database.execute(
        f"update {table} set {column} = ? where rowid = ?",
        (edited if isinstance(value, bytes) else edited.decode(), rowid),
    )
    database.commit()
    done = cli("audit", "verify", "--json")
    assert done.code == 1
    assert done.json["ok"] is False
    assert "1" in str(done.json["problems"][0])


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("", "-o", "x.mp4"), 2),
        ((" \n", "-o", "x.mp4"), 2),
        (("x" * 100_000, "-o", "x.mp4"), 2),
        ((b"\xff\xfe broken", "-o", "x.mp4"), 2),
        (("bell \x07", "-o", "x.mp4"), 2),
        ((PROMPT, "-o", "x.mp4", "--size", "99999x2"), 2),
        ((PROMPT, "-o", "x.mp4", "--size", "many"), 2),
        ((PROMPT, "-o", "x.mp4", "--size", "511x512"), 2),
        ((PROMPT, "-o", "x.mp4", "--seconds", "36000"), 2),
        ((PROMPT, "-o", "x.mp4", "--seconds", "0"), 2),
        ((PROMPT, "-o", "x.mp4", "--seconds", "nan"), 2),
        ((PROMPT, "-o", "x.mp4", "--backend", "sora"), 2),
        ((PROMPT, "-o", "missing/folder/x.mp4"), 1),
    ],
)
def test_bad_input_is_a_typed_error(
    cli: Callable, home: Path, monkeypatch: pytest.MonkeyPatch, args: tuple, code: int
) -> None:
    home.mkdir()
    monkeypatch.chdir(home)
    done = cli("generate", *args, "--json")
    assert done.code == code, done.err
    error = done.json["error"]
    assert error["code"] != "internal_error"
    assert error["message"]
    assert error["remedy"]
    assert "Traceback" not in done.err
    assert not (home / "x.mp4").exists()


def test_a_file_that_is_no_video_is_unreadable(cli: Callable, tmp_path: Path) -> None:
    path = tmp_path / "note.mp4"
    path.write_text("this is a note")
    done = cli("verify", path, "--json")
    assert done.code == 1
    assert done.json["verdict"] == "unreadable"


def test_moderate_reads_and_writes_lines(cli: Callable, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a dog runs on the beach", "id": 1}\n{"text": "two cats"}\n')
    done = cli("moderate", "--file", source, "--out", tmp_path / "out.jsonl")
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["text"] for line in lines] == ["a dog runs on the beach", "two cats"]
    assert lines[0]["id"] == 1
    for line in lines:
        assert 0 <= line["unsafe"] <= 1
        assert line["action"] in {"allow", "review", "block"}
        assert all(0 <= score <= 1 for score in line["scores"].values())


def test_a_disk_that_refuses_fails_the_clip_and_is_on_record(
    cli: Callable, home: Path, tmp_path: Path
) -> None:
    """No file may grow past 3 MB, as this draft does and nothing before it."""
    assert cli("init").code == 0
    output = tmp_path / "x.mp4"
    args = ("generate", PROMPT, "-o", output, "--size", "1024x1024", "--seconds", "2", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "guarded_gen.cli", *args],
        env=os.environ | {"PYTHONPATH": str(ROOT), "GUARDED_GEN_HOME": str(home)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000)),
        capture_output=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1, done.stderr.decode()
    assert json.loads(done.stdout)["error"]["code"] == "encode_failed"
    assert b"Traceback" not in done.stderr
    assert not output.exists()
    assert not list((home / "work").iterdir())
    assert kinds(cli)[-1] == "clip.failed" or kinds(cli)[0] == "clip.failed"
    assert cli("audit", "verify").code == 0
