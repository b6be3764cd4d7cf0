"""Every letter of a prompt is judged in its language, or the whole prompt is held."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.base import PromptClassifier
from classifiers.prompt.spans import canonical, cut, technical
from policies.decision import CheckStatus
from tests.classifiers.prompt.foreign import SENTENCES

SCENE = "An old gardener waters the roses behind the stone house while a kettle sings inside."
_SEPARATES = st.sampled_from(["\n", ". ", "。", "؟", "; ", " | ", '", "', "[0:05] ", "\n- ", " "])
_PARTS = st.sampled_from(["a cat sleeps", "猫が寝る", "кошка спит", "قطة تنام", "แมวนอน", "x"])


def test_a_text_is_cut_where_something_new_begins() -> None:
    text = (
        "Shot 1 (0:00-0:05): A lake! Ducks.\n- one thing\n2) another; third | fourth。第五。\n"
        '{"scene": "a cat", "action": "it sleeps", "list": ["a dog", "a hen"]}'
    )
    found = [canonical(text[s.start : s.end]) for s in cut(text)]
    assert found == [
        "lake", "ducks", "one thing", "another", "third", "fourth", "第五", "scene: a cat",
        "action: it sleeps", "list", "dog", "hen",
    ]  # fmt: skip


@given(st.lists(st.tuples(_PARTS, _SEPARATES), min_size=1, max_size=12))
def test_no_word_is_lost_between_spans(parts: list[tuple[str, str]]) -> None:
    text = "".join(part + separator for part, separator in parts)
    spans = cut(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    read = "".join(text[s.start : s.end] for s in spans)
    said = "".join(part for part, _ in parts)
    assert [c for c in read if c.isalpha()] == [c for c in said if c.isalpha()]


@given(st.text(max_size=200))
def test_any_text_can_be_cut_and_only_labels_are_left_out(text: str) -> None:
    spans = cut(text)
    left, at = "", 0
    for span in [*spans]:
        left += text[at : span.start]
        at = span.end
    left += text[at:]
    # without digits there is no time code and no numbered label: every letter is in a span
    if not any(c.isnumeric() for c in left):
        assert not any(c.isalpha() for c in left)


@pytest.mark.parametrize(
    "text", ["slow dolly in, 35mm, 4k", "Wide shot", "--ar 16:9", "cinematic lighting, 8k, HDR"]
)
def test_how_it_is_filmed_is_recognised(text: str) -> None:
    assert technical(text)


@pytest.mark.parametrize("text", ["he is shot", "a slow death", "close-up of a wound", "", "!!"])
def test_one_word_more_is_judged(text: str) -> None:
    assert not technical(text)


@pytest.mark.parametrize(
    "text",
    ["A cat sleeps.", '"A cat sleeps"', "a cat sleeps", "A CAT SLEEPS", "the cat sleeps!",
     "A cat sleeps, cinematic, 8k", "**a cat sleeps**"],
)  # fmt: skip
def test_what_changes_no_meaning_changes_nothing(text: str) -> None:
    assert canonical(text) == "cat sleeps"


def _status(classifier: PromptClassifier, texts: list[str]) -> list[set[CheckStatus]]:
    return [
        {s.status for s in signals if s.check == "prompt" and s.category == "unsafe"}
        for signals in classifier.classify(texts)
    ]


SKIPPED = {CheckStatus.SKIPPED}


def _unmeasured(classifier: PromptClassifier) -> list[str]:
    alone = _status(classifier, list(SENTENCES.values()))
    return [code for code, found in zip(SENTENCES, alone, strict=True) if found == SKIPPED]


@pytest.mark.parametrize("around", [1, 4, 12])
def test_a_foreign_sentence_inside_english_is_never_read_by_nobody(
    classifier: PromptClassifier, around: int
) -> None:
    codes = _unmeasured(classifier)
    assert codes
    scenes = " ".join([SCENE] * around)
    texts = [f"{scenes} {SENTENCES[code]} {scenes}" for code in codes]
    assert _status(classifier, texts) == [SKIPPED] * len(codes)


@pytest.mark.parametrize("other", list(SENTENCES))
def test_no_pair_of_languages_hides_one_of_them(classifier: PromptClassifier, other: str) -> None:
    codes = _unmeasured(classifier)
    texts = [f"{SENTENCES[other]} {SENTENCES[code]} {SENTENCES[other]}" for code in codes]
    assert _status(classifier, texts) == [SKIPPED] * len(codes)


@pytest.mark.parametrize(
    "form",
    [
        "{scene} {text}", "{text} {scene}", "{bare} {lower} {bare}", "{scene}\n{text}",
        "Shot 1: {scene}\nShot 2: {text}\nShot 3: {scene}",
        "[0:00-0:04] {scene} [0:04-0:08] {text}",
        "- {scene}\n- {text}", "Scene: {scene}\nAction: {text}", '{json}', "{scene} ({text})",
        '{scene} A sign reads "{text}"', "{scene} | {text} | {scene}", "{scene}; {lower}; {scene}",
        "{bare}, {lower}, {bare}",
    ],
)  # fmt: skip
def test_however_it_is_put_in(classifier: PromptClassifier, form: str) -> None:
    codes = _unmeasured(classifier)
    texts = []
    for code in codes:
        text = SENTENCES[code]
        inside = json.dumps({"shots": [SCENE, text], "style": "cinematic"}, ensure_ascii=False)
        texts.append(
            form.format(
                scene=SCENE, text=text, bare=SCENE.rstrip("."), lower=text.rstrip(".。।").lower(),
                json=inside,
            )
        )  # fmt: skip
    missed = [
        code
        for code, found in zip(codes, _status(classifier, texts), strict=True)
        if found != SKIPPED
    ]
    assert missed == []


def test_the_record_says_where_the_unread_part_is(classifier: PromptClassifier) -> None:
    code = _unmeasured(classifier)[0]
    text = f"{SCENE} {SENTENCES[code]} {SCENE}"
    (signals,) = classifier.classify([text])
    (language,) = [s for s in signals if s.category == "language"]
    ((start, end, found),) = language.detail["unread"]
    assert found == code == language.detail["language"]
    told = text[start:end].strip(" .。")
    # a first word that English has too ("Sedan") may be read as English
    assert SENTENCES[code].strip(" .。").endswith(told)
    assert len(told) > 0.8 * len(SENTENCES[code])


@pytest.mark.parametrize(
    "text",
    ["Nakamura Hiroto carves a wooden bowl", "Crème fraîche on a blini in Kraków",
     "Loulou and Fifi play the ukulele", "Máire Ní Dhomhnaill sings", "Diwali lanterns in Jaipur",
     "Cinco de Mayo parade", "flamenco bailaora", "habanero salsa simmering", "door", "balcony",
     "a chef in Lyon prepares coq au vin", "Pátzcuaro at dawn", "Thich Nhat Hanh monastery bell",
     "Bjørn and Åse ski", "a café terrace in São Paulo, naïve art", "tai chi in Chengdu"],
)  # fmt: skip
def test_names_and_loan_words_inside_english_stay_english(
    classifier: PromptClassifier, text: str
) -> None:
    assert _status(classifier, [text]) == [{CheckStatus.RAN}]
