"""The output gate in the pipeline: a listed clip is blocked and never written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from media.decode import decode
from media.hashing import pdq, to_hex

PROMPT = "a big red circle moves to the right over a checkered field"
ARGS = ("--seconds", "2", "--size", "256x192", "--seed", "7", "--backend", "world", "--json")


def test_a_registered_picture_is_found_cropped(cli: Callable, tmp_path: Path, home: Path) -> None:
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (9, 16, 3), dtype=np.uint8))
    picture = coarse.resize((480, 270), Image.Resampling.BICUBIC)
    picture.save(tmp_path / "a.png")
    added = cli("banks", "add", "mine", tmp_path / "a.png", "--category", "gore", "--json")
    assert added.code == 0, added.err
    listed, own = cli("banks", "list", "--json").json["banks"]
    assert own["where"] == "published"
    assert listed["category"] == "gore"
    assert listed["items"] > 1, "one picture, many views"
    picture.crop((24, 14, 456, 256)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        tmp_path / "b.png"
    )
    found = cli("scan", tmp_path / "b.png", "--json")
    assert found.code == 3, found.err
    assert found.json["findings"][0]["rule_id"] == "BANK-1"
    assert cli("banks", "add", "No Name", tmp_path / "a.png").code == 2


def ban(home: Path, clip: Path) -> None:
    rows = [
        f"{to_hex(pdq(picture)[0])},100,{time:.3f}"
        for frames in decode(clip)
        for picture, time in zip(frames.pixels, frames.times, strict=True)
    ]
    (home / "banks").mkdir(parents=True)
    (home / "banks" / "banned.txt").write_text(f"vpdq {json.dumps(rows)}\n")


def test_a_banned_clip_is_blocked_and_never_written(
    cli: Callable, tmp_path: Path, home: Path
) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    done = cli("generate", PROMPT, "-o", first, *ARGS)
    assert done.code == 0, done.err
    excused = {m["category"] for m in done.json["decisions"][-1]["decision"]["not_assessed"]}
    assert {"sexual_minors", "gore", "violence", "hate", "self_harm"} <= excused
    seen = cli("scan", first, "--json")
    assert (seen.code, seen.json["decision"]["action"]) == (4, "review")
    nobody = {m["category"] for m in seen.json["decision"]["missing"] if m["reason"] == "no_check"}
    assert {"sexual_minors", "gore", "violence", "hate", "self_harm"} <= nobody
    report = cli("verify", first, "--json").json["manifest"]["assertions"]
    told = report["org.guarded-gen.attestation"]["gates"][-1]
    assert {m["category"] for m in told["not_assessed"]} == excused
    coverage = done.json["decisions"][-1]["coverage"]
    assert coverage["frames"] == 48
    assert coverage["checks"]["hash_banks"]["status"] == "skipped"
    ban(home, first)
    scanned = cli("scan", first, "--json")
    assert scanned.code == 3
    assert scanned.json["findings"][0]["category"] == "hash_match"

    again = cli("generate", PROMPT, "-o", second, *ARGS)
    assert again.code == 3, again.err
    last = again.json["decisions"][-1]
    assert last["decision"]["rule_id"] == "BANK-1"
    assert not second.exists()
    assert not [file for file in (home / "work").rglob("*") if file.is_file()]
    stopped = last["coverage"].get("preview", {}).get("stopped_after")
    assert stopped is None or 2 * stopped < last["coverage"]["preview"]["of"]
    kinds = {entry["kind"] for entry in cli("audit", "list", "--json").json}
    assert "output.decision" in kinds
