"""Words in the picture: read, judged by the prompt gate's classifiers, told with time and place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from classifiers.base import StreamInfo
from classifiers.frame import FrameGate, GateReport, TextCheck
from classifiers.frame.text.check import WEIGHTS, paragraphs
from classifiers.frame.text.judged import CATEGORIES, judge, private
from classifiers.frame.text.reader import TextLine
from classifiers.registry import WeightsRegistry
from media.clip import Frames, Pixels
from policies.decision import CheckStatus, Signal
from tests.weights import fetched

SLOGAN, TICKER = "DOWN WITH THE MARTIANS", "BREAKING NEWS: polls are closed"


@dataclass
class Words:
    """A classifier of prompts that knows one enemy, and counts what it was asked."""

    asked: list[str] = field(default_factory=list)
    breaks: str = ""
    name: str = "words"
    categories: tuple[str, ...] = ("hate", "misinformation", "violence")
    weights: tuple[str, ...] = ()

    def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
        self.asked.extend(prompts)
        return [self._one(text) for text in prompts]

    def _one(self, text: str) -> tuple[Signal, ...]:
        if self.breaks and self.breaks in text:
            return (Signal.failed(self.name, "hate", "broken"),)
        if not text.isascii():
            return tuple(
                Signal.skipped(self.name, c, "unsupported_language") for c in self.categories
            )
        hate = 0.9 if "martians" in text.lower() else 0.01
        return (
            Signal.ran(self.name, "hate", hate),
            Signal.ran(self.name, "misinformation", 0.1),
            Signal.ran(self.name, "violence", 0.0),
        )


def frame(*lines: tuple[str, int, int, float], seed: int = 0) -> Pixels:
    """720p blocks of colour with words on them: text, x, y of its foot, scale."""
    blocks = np.random.default_rng(seed).integers(70, 150, (9, 16, 3), dtype=np.uint8)
    made = np.kron(blocks, np.ones((80, 80, 1), np.uint8))
    for text, x, y, scale in lines:
        thick = max(2, round(2 * scale))
        cv2.putText(made, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), thick)
    return made


def look(check: TextCheck, frames: list[Pixels], fps: float = 1.0) -> GateReport:
    gate = FrameGate((check,), StreamInfo(1280, 720, fps, len(frames)), seed=1)
    for k, pixels in enumerate(frames):
        gate.push(Frames(pixels[None], np.array([k / fps]), k))
    return gate.close()


def of(report: GateReport, category: str) -> Signal:
    return next(s for s in report.signals if s.category == category)


@pytest.fixture(scope="module")
def registry() -> WeightsRegistry:
    return fetched(*WEIGHTS)


def test_words_are_told_with_time_and_place_and_sealed(registry: WeightsRegistry) -> None:
    words = Words()
    report = look(
        TextCheck(registry, lambda: (words,)),
        [frame(), frame((SLOGAN, 240, 200, 2.0), (TICKER, 40, 690, 1.4), seed=1)],
    )
    hate = of(report, "text_hate")
    assert (hate.status, hate.score) == (CheckStatus.RAN, 0.9)
    assert hate.segments[0].start == 1.0
    [place] = hate.detail["places"]
    x, y, width, height = place["box"]
    assert place["time"] == 1.0
    assert abs(x - 240) < 20 and abs(y + height - 205) < 25 and 500 < width < 900 and height < 90
    assert of(report, "text_deception").score >= 0.6
    assert of(report, "text_violence").score == 0.0
    assert {s.category for s in report.signals} == {"undecodable", *CATEGORIES}
    # What was read may be somebody's name or number: it is for a reviewer, never for the log.
    read = [word["text"] for word in report.sealed["text"]["words"]]
    assert SLOGAN in read and any("polls" in text for text in read)
    assert "MARTIANS" not in repr([s.to_json() for s in report.signals]) + repr(report.coverage)


def test_words_that_stay_are_judged_once_and_new_ones_are_seen(registry: WeightsRegistry) -> None:
    words = Words()
    still, later = frame((SLOGAN, 240, 200, 2.0)), frame(("A HARMLESS SIGN", 240, 200, 2.0))
    look(TextCheck(registry, lambda: (words,)), [still, still, still, later])
    assert words.asked.count(SLOGAN) == 1
    assert "A HARMLESS SIGN" in words.asked


def test_a_slogan_on_several_lines_and_one_on_its_head(registry: WeightsRegistry) -> None:
    words = Words()
    broken = frame(("DOWN WITH", 300, 200, 2.0), ("THE MARTIANS", 300, 280, 2.0))
    turned = np.ascontiguousarray(frame((SLOGAN, 240, 200, 2.0))[::-1, ::-1])
    look(TextCheck(registry, lambda: (words,)), [broken, turned])
    assert words.asked.count(SLOGAN) == 1


def test_a_failure_of_the_judge_fails_every_category(registry: WeightsRegistry) -> None:
    report = look(
        TextCheck(registry, lambda: (Words(breaks="MARTIANS"),)), [frame((SLOGAN, 240, 200, 2.0))]
    )
    assert {of(report, c).status for c in CATEGORIES} == {CheckStatus.FAILED}


def test_without_words_everything_ran(registry: WeightsRegistry) -> None:
    report = look(TextCheck(registry, lambda: (Words(),)), [frame()])
    assert {(of(report, c).status, of(report, c).score) for c in CATEGORIES} == {
        (CheckStatus.RAN, 0.0)
    }


@pytest.mark.parametrize(("classifiers", "cause"), [(False, "no_prompt_classifier"),
                                                    (True, "weights_missing")])  # fmt: skip
def test_what_is_missing_was_not_assessed(tmp_path: Path, classifiers: bool, cause: str) -> None:
    check = TextCheck(WeightsRegistry(tmp_path), lambda: (Words(),) if classifiers else ())
    report = look(check, [frame()])
    assert {(of(report, c).reason, of(report, c).detail["cause"]) for c in CATEGORIES} == {
        ("not_assessed", cause)
    }


def test_words_of_another_language_are_told() -> None:
    [chinese, sign, english] = judge(["欢迎光临本店", "é", "welcome to our shop"], [Words()])
    assert chinese.scores["text_unread"] == 1.0
    assert sign.scores["text_unread"] == english.scores["text_unread"] == 0.0


@pytest.mark.parametrize(
    "text",
    ["Call +44 20 7946 0123", "(555) 010-4477", "020 7946 0123", "jane.doe@example.org",
     "12 Oak Street, Springfield", "12 0ak Street, Springfield", "221B Baker street"],
)  # fmt: skip
def test_personal_data_is_seen(text: str) -> None:
    assert private(text)


@pytest.mark.parametrize(
    "text",
    ["12.03.2027", "2019-2024", "2026-11-28", "0 1 2 3 4 5 6 7 8 9", "1200", "SPEED LIMIT 30",
     "HOME 2 AWAY 1", "3.14159265358979", "GATE 14", "$1,200,000", "12:45"],
)  # fmt: skip
def test_other_numbers_are_none(text: str) -> None:
    assert not private(text)


def test_lines_that_stand_together_are_one_paragraph() -> None:
    def line(text: str, x: float, y: float, height: float = 20) -> TextLine:
        wide = x + 10 * len(text)
        return TextLine(text, 1.0, ((x, y), (wide, y), (wide, y + height), (x, y + height)))

    found = paragraphs(
        [line("two", 100, 125), line("one", 100, 100), line("far", 100, 400),
         line("large", 100, 150, 90), line("beside", 145, 101)]
    )  # fmt: skip
    assert [[x.text for x in group] for group in found] == [
        ["one", "beside", "two"], ["far"], ["large"]
    ]  # fmt: skip
