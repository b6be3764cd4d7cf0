"""The benchmark's protocol: its intervals, and going on after a stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import watermark as protocol
from benchmarks import watermark_transplants as transplants
from benchmarks.watermark_clips import write
from tests.provenance.watermark.clips import clip


def test_intervals_are_wilsons() -> None:
    low, high = protocol.wilson(8, 10)
    # Wilson (1927), z = 1.96: 0.490 to 0.943
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert protocol.wilson(0, 0) == (0.0, 1.0)
    assert protocol.wilson(13, 13)[1] == 1.0


def test_a_run_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "clips" / "ground.mp4", iter(clip(144, 256, 4)))
    ran = []

    def counted(pixels: protocol.Pixels) -> list[protocol.Luma]:
        ran.append(len(pixels))
        if len(ran) == 2:
            raise KeyboardInterrupt
        return protocol.ATTACKS["none"](pixels)

    monkeypatch.setattr(protocol, "EVERY", {"one": counted, "two": counted, "three": counted})
    monkeypatch.setattr(protocol, "vmaf", lambda *_: None)
    out = tmp_path / "out.json"
    monkeypatch.setattr(
        "sys.argv", ["watermark", str(tmp_path / "clips"), "--json", str(out), "--frames", "4",
                     "--attacks", "one|two|three"],
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        protocol.main()
    [record] = json.loads(out.read_text())["clips"]
    assert list(record["attacks"]) == ["one"]
    protocol.main()
    assert len(ran) == 4
    [record] = json.loads(out.read_text())["clips"]
    assert list(record["attacks"]) == ["one", "two", "three"]
    told = capsys.readouterr().out
    assert "| three | 1 / 1 |" in told and "wrong payloads: 0" in told


def test_transplants_are_counted_apart_from_honest_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (1, 2):
        write(tmp_path / "clips" / f"ground{seed}.mp4", iter(clip(240, 426, 4, seed)))
    out = tmp_path / "out.json"
    monkeypatch.setattr(transplants, "HONEST", ("none",))
    monkeypatch.setattr(transplants, "MOVED", ("none",))
    monkeypatch.setattr(
        "sys.argv", ["transplants", str(tmp_path / "clips"), "--pairs", "2", "--json", str(out)]
    )
    transplants.main()
    rows = json.loads(out.read_text())
    assert [len(rows[kind]) for kind in ("honest", "transplants")] == [2, 2]
    assert all(row["read"] and not row["told"] for row in rows["honest"])
    told = capsys.readouterr().out
    assert "honest: told 0 of 2 that were read" in told and "wrong payloads 0" in told
