"""Keypoints: parts, turns and covered copies of a known picture, and never another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from classifiers.base import StreamInfo
from classifiers.frame import FrameGate, KnownCheck, Library
from classifiers.frame.banks import Bank, BankInfo, ItemKind, write_exchange
from classifiers.frame.register import register
from media.clip import Frames, Pixels
from media.keypoints import KEPT, agreement, keypoints
from policies.decision import Signal
from tests.media.pictures import picture

PLAIN = np.full((216, 384, 3), 90, np.uint8)


class Made:
    """A source of one bank that is kept here."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    def version(self) -> str:
        return "1"

    def load(self) -> list[Bank]:
        return [self.bank]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("listed")
    items = []
    for seed in range(3):
        file = folder / f"{seed}.png"
        Image.fromarray(picture(seed)).save(file)
        items += register(file)
    return Library([Made(Bank(BankInfo(name="listed"), tuple(items)))])


def match(library: Library, shown: Pixels, frames: int = 2) -> tuple[Signal, dict]:
    height, width = shown.shape[:2]
    gate = FrameGate((KnownCheck(library),), StreamInfo(width, height, 8.0), seed=1)
    gate.push(Frames(np.stack([np.ascontiguousarray(shown)] * frames), np.arange(frames) / 8, 0))
    report = gate.close()
    return next(s for s in report.signals if s.category == "hash_match"), report.coverage["checks"]


def sticker(pixels: Pixels) -> Pixels:
    out = pixels.copy()
    height, width = out.shape[:2]
    out[height // 3 : 2 * height // 3, width // 4 : 3 * width // 4] = (250, 220, 20)
    return out


def turned(degrees: float) -> Callable[[Pixels], Pixels]:
    def turn(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        how = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        return np.asarray(cv2.warpAffine(pixels, how, (width, height)), np.uint8)

    return turn


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "window": lambda p: p[10:190, 50:370],
    "window, mirrored": lambda p: p[10:190, 50:370, :][:, ::-1],
    "covered": sticker,
    "turned by 10 degrees": turned(10),
    "on its side": lambda p: np.rot90(p[:, 30:]),
    "stretched": lambda p: np.asarray(cv2.resize(p[15:], (450, 200)), np.uint8),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_changed_copy_is_found(change: str, library: Library) -> None:
    found, coverage = match(library, CHANGES[change](picture(1)))
    assert found.score == 1.0
    assert {m["item"].split("@")[0] for m in found.detail["matches"]} == {"1"}
    assert coverage["hash_banks"]["compared"] == 1, "once a scene"


def test_another_picture_is_not_found(library: Library) -> None:
    assert match(library, picture(9))[0].score == 0.0
    assert match(library, CHANGES["window"](picture(8)))[0].score == 0.0


def test_the_same_logo_and_line_of_words_is_not_the_same_picture() -> None:
    def branded(seed: int) -> Pixels:
        out = picture(seed, 360, 640)
        out[320:] = (150, 12, 20)
        line = "BREAKING NEWS: the harbour is open"
        cv2.putText(out, line, (20, 348), 0, 0.8, (255, 255, 255), 2)
        out[16:60, 540:620] = (20, 40, 160)
        cv2.putText(out, "TV 7", (545, 50), 0, 0.9, (255, 255, 0), 2)
        return out

    assert not agreement(keypoints(branded(1)), keypoints(branded(2), KEPT)).same


def test_a_plain_picture_has_no_keypoints_and_is_like_nothing(library: Library) -> None:
    assert len(keypoints(PLAIN)) == 0
    assert not agreement(keypoints(PLAIN), keypoints(PLAIN)).same
    assert match(library, PLAIN)[0].detail["cause"] == "plain_frames"


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), height=st.integers(1, 90), width=st.integers(1, 90))
def test_any_size_is_taken_and_agrees_with_itself(seed: int, height: int, width: int) -> None:
    shown = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    points = keypoints(shown)
    assert agreement(points, points).points <= len(points)
    assert points.places.shape == (len(points), 4)


def test_scenes_that_follow_fast_add_no_load(library: Library) -> None:
    gate = FrameGate((KnownCheck(library),), StreamInfo(384, 216, 24.0), seed=1)
    shown = np.stack([picture(20 + k // 6) for k in range(48)])
    gate.push(Frames(shown, np.arange(48) / 24, 0))
    told = gate.close().coverage["checks"]["hash_banks"]
    assert told["pictures"] == 3
    assert 2 <= told["compared"] <= 4


def test_keypoints_are_left_out_of_lists_for_others_and_where_nobody_wants_them(
    tmp_path: Path,
) -> None:
    Image.fromarray(picture(1)).save(tmp_path / "a.png")
    items = register(tmp_path / "a.png")
    assert [item.kind for item in items].count(ItemKind.KEYPOINTS) == 1
    plain = register(tmp_path / "a.png", with_keypoints=False)
    assert all(item.kind is ItemKind.PICTURE for item in plain)
    assert list(write_exchange(items)) == list(write_exchange(plain))
