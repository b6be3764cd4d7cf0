from __future__ import annotations

import pytest

from classifiers.prompt.language import LanguageDetector
from classifiers.prompt.normalise import Vocabulary
from tests.classifiers.prompt.foreign import ROMANISED, SENTENCES, prompts

MEASURED = "en de fr es it pt nl id tr vi zh ja ko th hi ar ru"
AROUND = "Two friends walk along the river, {} while gulls circle above the pier."


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


@pytest.fixture(scope="module")
def measured(words: Vocabulary) -> LanguageDetector:
    return LanguageDetector(words, MEASURED.split())


UNMEASURED = {code: text for code, text in SENTENCES.items() if code not in MEASURED.split()}


@pytest.mark.parametrize("count", [5, 10])
def test_a_few_words_of_an_unmeasured_language_inside_english_are_found(
    measured: LanguageDetector, count: int
) -> None:
    missed = []
    for text in (*UNMEASURED.values(), *ROMANISED.values()):
        words = text.rstrip(".").split()
        for start in range(0, max(1, len(words) - count + 1), 2):
            part = " ".join(words[start : start + count])
            if all(run.language.supported for run in measured.runs(AROUND.format(part))):
                missed.append(part)
    # short pieces that could be names, or English
    assert len(missed) <= {5: 6, 10: 0}[count], missed


def test_a_measured_language_is_named_also_in_a_few_words(measured: LanguageDetector) -> None:
    found = [
        (code, measured.detect(text).code) for code, text in prompts() if code in MEASURED.split()
    ]
    wrong = [pair for pair in found if pair[0] != pair[1]]
    assert len(wrong) <= 0.2 * len(found), wrong
    assert sum(named not in MEASURED.split() for _, named in wrong) <= 0.1 * len(found), wrong


def test_what_stands_around_names_a_short_line(measured: LanguageDetector) -> None:
    text = "Realismo cinematográfico japonés, atmósfera poética de primavera"
    assert not measured.detect(text).supported or measured.detect(text).code in MEASURED.split()
    assert {run.language.code for run in measured.runs(text, "es")} == {"es"}
    other = "Sitten tuntematon näyttää ikkunassa hitaasti sen"
    assert not all(run.language.supported for run in measured.runs(other, "es"))


@pytest.mark.parametrize(
    "text",
    ["see https://example.com/ajax/libs/vueroute.min.js and @mlthompson", "sunset.final_cut.mp4"],
)
def test_addresses_and_file_names_are_of_no_language(measured: LanguageDetector, text: str) -> None:
    assert measured.detect(text).supported
