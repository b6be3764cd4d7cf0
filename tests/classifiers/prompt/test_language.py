from __future__ import annotations

import pytest

from classifiers.prompt.language import LanguageDetector
from classifiers.prompt.normalise import Vocabulary
from tests.classifiers.prompt.foreign import prompts


@pytest.fixture(scope="module")
def detector(words: Vocabulary) -> LanguageDetector:
    return LanguageDetector(words)


def test_no_prompt_in_another_language_is_taken_for_english(detector: LanguageDetector) -> None:
    taken = [(code, text) for code, text in prompts() if detector.detect(text).supported]
    assert taken == []


def test_the_language_is_named(detector: LanguageDetector) -> None:
    texts = {"de": "Eine Katze schläft auf dem Sofa", "zh": "猫在沙发上睡觉"}
    for code, text in texts.items():
        assert detector.detect(text).code == code, text


@pytest.mark.parametrize(
    "text",
    ["a cat", "nude woman", "kill", "a red ball rolls over the street", "hello",
     "cyberpunk city, neon rain, 8k", "a photo of an antique chest", "an avocado on a table",
     "masterpiece, best quality, 1girl, solo, anime", "lol u r so dumb",
     "a café on a rainy evening"],
)  # fmt: skip
def test_english_is_judged_also_when_short(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text).supported


@pytest.mark.parametrize("text", ["", "   ", "12345", "!!!", "🔥🔥"])
def test_a_text_without_letters_is_undetermined(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text).code == "und"
