"""A mark on another picture than its own is told; one on its own never is."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.watermark_attacks import h264
from media.encode import EncodeSettings, encode
from provenance.recovery import Mark, PublishedFile, RecoveryState, recover
from provenance.watermark import Detection, Embedder, KeyRing
from provenance.watermark.detector import detect_luma
from provenance.watermark.files import detect_file
from provenance.watermark.segments import scan_file
from provenance.watermark.transplant import agreement, transplanted
from tests.provenance.watermark.clips import KEYS, PAYLOAD, texture

Pixels = NDArray[np.uint8]
HEIGHT, WIDTH, FRAMES = 360, 640, 8


def scene(seed: int) -> Pixels:
    """Rough ground in some places, smooth walls in others, ``uint8 [8, 360, 640, 3]``."""
    rough = texture(HEIGHT, WIDTH + 3 * FRAMES, seed, 0.8)
    where = np.clip(0.5 + 2 * texture(HEIGHT, WIDTH + 3 * FRAMES, seed + 100, 2.2), 0, 1)
    light = 120 + 30 * texture(HEIGHT, WIDTH + 3 * FRAMES, seed + 200, 2.5)
    whole = np.clip(light + 14 * where * rough, 0, 255).astype(np.uint8)
    frames = [whole[:, 3 * i : 3 * i + WIDTH] for i in range(FRAMES)]
    return np.repeat(np.stack(frames)[..., None], 3, axis=3)


def marked(frames: Pixels, keys: KeyRing = KEYS) -> Pixels:
    return Embedder(keys, PAYLOAD, WIDTH, HEIGHT).embed(frames)


def pasted(seed: int, onto: Pixels, keys: KeyRing = KEYS) -> Pixels:
    """The residual of another marked scene, as it is, on these frames."""
    own = scene(seed)
    gap = marked(own, keys).astype(np.int16) - own
    return np.clip(onto.astype(np.int16) + gap, 0, 255).astype(np.uint8)


def read(luma: list[tuple[Pixels, bool]]) -> Detection:
    found = detect_luma(iter(luma), KEYS)
    assert found.payload == PAYLOAD
    return found


ATTACKS: dict[str, Callable[[Pixels], list[tuple[Pixels, bool]]]] = {
    "none": lambda p: [(np.ascontiguousarray(f[..., 1]), False) for f in p],
    "H.264 28": h264(28),
    "resized": lambda p: [(cv2.resize(f[..., 1], (448, 252)), False) for f in p],
    "mirrored": lambda p: [(np.ascontiguousarray(f[:, ::-1, 1]), False) for f in p],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_own_picture_and_another(attack: str) -> None:
    change = ATTACKS[attack]
    own = change(marked(scene(1)))
    honest = agreement(found := read(own), [y for y, _ in own], KEYS)
    assert honest is not None
    assert honest.variety > 0.2 and honest.correlation > 0.7
    assert transplanted(found, [y for y, _ in own], KEYS) is None
    foreign = change(pasted(2, scene(1)))
    assert transplanted(read(foreign), [y for y, _ in foreign], KEYS) is True


def test_a_picture_that_is_smooth_everywhere_tells_nothing() -> None:
    flat = np.full((FRAMES, HEIGHT, WIDTH, 3), 128, dtype=np.uint8)
    luma = ATTACKS["none"](pasted(2, flat))
    told = agreement(found := read(luma), [y for y, _ in luma], KEYS)
    assert told is None or transplanted(found, [y for y, _ in luma], KEYS) is None


def test_nothing_to_measure_is_not_told() -> None:
    luma = ATTACKS["none"](marked(scene(1)))
    found = read(luma)
    assert transplanted(found, [], KEYS) is None
    assert transplanted(Detection(False, 3), [luma[0][0]], KEYS) is None
    assert agreement(found, [np.zeros((64, 64), np.uint8)], KEYS) is None


def written(path: Path, frames: Pixels) -> Path:
    encode(path, iter([np.concatenate([frames] * 3)]), Fraction(12), EncodeSettings(crf=16))
    return path


def test_files_scans_and_the_command_line_tell_it(
    cli: Callable[..., object], tmp_path: Path
) -> None:
    cli("watermark", "detect", written(tmp_path / "plain.mp4", scene(1)), "--json")
    [folder] = tmp_path.rglob("keys/watermark")
    keys = KeyRing.open(folder)
    own = written(tmp_path / "own.mp4", marked(scene(1), keys))
    moved = written(tmp_path / "moved.mp4", pasted(2, scene(1), keys))
    assert detect_file(own, keys).transplanted is None
    assert detect_file(moved, keys).transplanted is True
    assert [s.detection.transplanted for s in scan_file(moved, keys).spans] == [True]
    told = cli("watermark", "detect", moved, "--json")
    assert told.json["transplanted"] is True
    assert "transplanted" in cli("watermark", "detect", moved).out
    plain = cli("watermark", "detect", own)
    assert plain.code == 0 and "transplanted" not in plain.out


class OneFile:
    """A registry that knows one file and nothing of its picture."""

    def __init__(self, payload: bytes) -> None:
        self.file = PublishedFile("c", "m", "0" * 64, b"", "t", "video/mp4", 0, payload)

    def by_watermark(self, payload: bytes) -> PublishedFile | None:
        return self.file if payload == self.file.watermark else None

    by_manifest = by_sha256 = lambda self, _: None

    def nearest(self, picture: object, most: int) -> list[PublishedFile]:
        return []


def test_a_moved_mark_is_refused_even_where_no_fingerprint_is_kept() -> None:
    payload = PAYLOAD.to_bytes(8, "big")
    states = [
        recover(OneFile(payload), marks=[Mark(payload, transplanted=moved)]).state
        for moved in (None, True)
    ]
    assert states == [RecoveryState.UNCONFIRMED, RecoveryState.REFUSED]
