"""Hash banks: the exchange format, an exact index, hot reload, the vPDQ rule."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.base import StreamInfo
from classifiers.frame import FolderSource, FrameGate, KnownCheck, Library
from classifiers.frame.banks import (
    BankInvalid,
    Item,
    item_of,
    read_exchange,
    write_exchange,
)
from classifiers.frame.hamming import PdqIndex
from media.clip import Frames, Pixels
from media.hashing import distance, pdq, to_hex
from policies.decision import CheckStatus, Signal

_path = Path(__file__).parents[2] / "media" / "test_hashing.py"
_spec = importlib.util.spec_from_file_location("pictures_of_test_hashing", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
picture = _module.picture


def pan(seed: int, frames: int = 48) -> Pixels:
    """A camera that pans over a picture, 240 x 160."""
    wide = picture(seed, 180, 400)
    return np.stack([wide[10:170, 2 * k : 2 * k + 240] for k in range(frames)])


def line_of(clip: Pixels, every: int = 2) -> str:
    rows = [f"{to_hex(pdq(f)[0])},100,{k / 24:.3f}" for k, f in enumerate(clip[::every])]
    return f"vpdq {json.dumps(rows)}\n"


def look(library: Library, clip: Pixels) -> tuple[dict[str, Signal], dict]:
    gate = FrameGate((KnownCheck(library),), StreamInfo(240, 160, 24.0, len(clip)), seed=1)
    for k in range(0, len(clip), 8):
        part = clip[k : k + 8]
        gate.push(Frames(part, np.arange(k, k + len(part)) / 24, k))
    report = gate.close()
    return {s.category: s for s in report.signals}, report.coverage["checks"]["hash_banks"]


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.sampled_from([0, 5, 30_000]), near=st.integers(0, 60))
def test_the_index_finds_exactly_what_a_scan_finds(seed: int, size: int, near: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 256, (size, 32), dtype=np.uint8)
    wanted = rng.integers(0, 256, 32, dtype=np.uint8)
    for k in range(min(size, 40)):
        bits = np.unpackbits(wanted)
        bits[rng.choice(256, near, replace=False)] ^= 1
        hashes[(k * 7) % size] = np.packbits(bits)
    expected = np.flatnonzero(distance(hashes, wanted) <= 31) if size else np.zeros(0)
    assert PdqIndex(hashes).query(wanted).tolist() == expected.tolist()


def test_exchange_format_there_and_back() -> None:
    rng = np.random.default_rng(0)
    digests = rng.integers(0, 256, (6, 32), dtype=np.uint8)
    items = [
        item_of("a", [(0, digests[0], 100)]),
        item_of("b", [(k, digests[k], 100) for k in range(1, 6)]),
    ]
    back = list(read_exchange(write_exchange(items)))
    assert [i.hashes.tolist() for i in back] == [i.hashes.tolist() for i in items]
    assert [i.frames for i in back] == [1, 5]


@pytest.mark.parametrize(
    "line", ["pdq 00", "vpdq [", 'vpdq ["00,1,2"]', "vpdq []", "vpdq 7", "pdq " + "0" * 5_000_000]
)
def test_a_wrong_line_refuses_the_whole_list(line: str) -> None:
    with pytest.raises(BankInvalid, match="line 2"):
        list(read_exchange([f"pdq {'0' * 64}", line]))


def test_other_signals_are_passed_over() -> None:
    assert list(read_exchange(["", "video_md5 d41d8cd98f00b204e9800998ecf8427e", "# x"])) == []


def test_known_clip_is_found_and_another_is_not(tmp_path: Path) -> None:
    (tmp_path / "listed.txt").write_text(line_of(pan(1)))
    library = Library([FolderSource(tmp_path)])
    found, coverage = look(library, pan(1))
    assert found["hash_match"].score == 1.0
    assert found["hash_match"].detail["matches"][0]["bank"] == "listed"
    assert found["hash_match"].segments[0].start == 0.0
    assert coverage["banks"] == ["listed"]
    assert found["own_output"].status is CheckStatus.SKIPPED
    assert look(library, pan(2))[0]["hash_match"].score == 0.0


def test_a_part_of_a_listed_clip_scores_below_a_match(tmp_path: Path) -> None:
    (tmp_path / "listed.txt").write_text(line_of(pan(1, 72)))
    library = Library([FolderSource(tmp_path)])
    mixed = np.concatenate([pan(3), pan(1, 36), pan(4)])
    assert 0.05 < look(library, mixed)[0]["hash_match"].score < 0.5
    whole = np.concatenate([pan(3), pan(1, 72), pan(4)])
    assert look(library, whole)[0]["hash_match"].score == 1.0


def test_banks_are_reloaded_while_running(tmp_path: Path) -> None:
    library = Library([FolderSource(tmp_path)])
    assert look(library, pan(1))[0]["hash_match"].reason == "not_assessed"
    file = tmp_path / "listed.txt"
    file.write_text(line_of(pan(1)))
    (tmp_path / "listed.toml").write_text('action = "review"\ncategory = "extremism"\n')
    found = look(library, pan(1))[0]["hash_match"]
    assert found.score == 0.4
    assert found.detail["matches"][0]["category"] == "extremism"
    file.write_text(line_of(pan(2)))
    os.utime(file, ns=(1, 1))
    assert look(library, pan(1))[0]["hash_match"].score == 0.0


def test_our_own_output_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "ours.txt").write_text(line_of(pan(1)))
    (tmp_path / "ours.toml").write_text('action = "own"\n')
    found = look(Library([FolderSource(tmp_path)]), pan(1))[0]
    assert found["own_output"].score == 1.0
    assert found["hash_match"].reason == "not_assessed"


def test_a_broken_bank_fails_the_check(tmp_path: Path) -> None:
    (tmp_path / "listed.txt").write_text("pdq 12\n")
    found, _ = look(Library([FolderSource(tmp_path)]), pan(1, 9))
    assert found["hash_match"].status is CheckStatus.FAILED
    assert found["hash_match"].reason == "bank_invalid"
    (tmp_path / "listed.txt").write_text("")
    (tmp_path / "listed.toml").write_text("action = 7")
    found, _ = look(Library([FolderSource(tmp_path)]), pan(1, 9))
    assert found["hash_match"].status is CheckStatus.FAILED


def test_plain_frames_cannot_be_told_apart(tmp_path: Path) -> None:
    (tmp_path / "listed.txt").write_text(line_of(pan(1)))
    plain = np.full((24, 160, 240, 3), 90, np.uint8)
    found = look(Library([FolderSource(tmp_path)]), plain)[0]["hash_match"]
    assert found.status is CheckStatus.SKIPPED
    assert found.detail == {"cause": "plain_frames"}


def test_plain_hashes_of_an_item_are_left_out() -> None:
    item = item_of("x", [(0, np.zeros(32, np.uint8), 10), (1, np.ones(32, np.uint8), 90)])
    assert isinstance(item, Item)
    assert item.frame.tolist() == [1]
