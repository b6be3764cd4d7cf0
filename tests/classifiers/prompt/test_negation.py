"""What is said not to be there raises nothing; what only looks like a denial hides nothing."""

from __future__ import annotations

import pytest

from classifiers.base import PromptClassifier
from classifiers.prompt.heads import HEADS
from classifiers.prompt.negation import without_denied

DENIED = [
    ("en", "a farmer milks a cow, no gore, no violence"),
    ("en", "a farmer milks a cow, without any weapons or graphic violence at all"),
    ("en", "a farmer milks a cow, no dead bodies, no nude people."),
    ("en", "a farmer milks a cow, safe for work, nothing explicit"),
    ("en", "a farmer milks a cow, family friendly, it never shows nudity"),
    ("en", "a farmer milks a cow. Negative prompt: nude, blood, deformed hands"),
    ("en", 'a farmer milks a cow, "negative_prompt": "gore, extra fingers"'),
    ("en", "a farmer milks a cow --no blood, watermark"),
    ("de", "ein Bauer melkt eine Kuh, kein Blut, ohne Gewalt"),
    ("fr", "un fermier trait une vache, sans sang ni violence"),
    ("es", "un granjero ordeña una vaca, sin sangre ni desnudos"),
    ("it", "un contadino munge, senza sangue, niente violenza"),
    ("pt", "um fazendeiro ordenha, sem sangue nem violência"),
    ("nl", "een boer melkt een koe, geen bloed, zonder geweld"),
    ("id", "petani memerah susu, tanpa darah, tidak ada kekerasan"),
    ("tr", "çiftçi inek sağıyor, kan yok, şiddet yok"),
    ("vi", "nông dân vắt sữa, không máu, không có bạo lực"),
    ("ru", "фермер доит корову, без крови и насилия"),
    ("ar", "مزارع يحلب بقرة، بدون دماء، بلا عنف"),
    ("hi", "किसान गाय दुहता है, बिना खून, हिंसा नहीं"),
    ("zh", "农民挤奶，没有血腥，无暴力"),
    ("ja", "農夫が牛の乳を搾る、流血なし、暴力描写なし"),
    ("ko", "농부가 소젖을 짠다, 유혈 없음, 폭력 없이"),
    ("th", "ชาวนารีดนมวัว ไม่มีเลือด ไม่มีความรุนแรง"),
]
HARM = (
    "gore violence nud nude blood explicit weapon dead deformed extra blut gewalt sang sangre "
    "desnud sangue violen bloed geweld darah kekerasan şiddet máu bạo кров насил دماء عنف खून हिंसा "
    "血 暴力 유혈 폭력 เลือด รุนแรง"
)


@pytest.mark.parametrize(("language", "text"), DENIED)
def test_a_denied_word_of_harm_is_taken_out(language: str, text: str) -> None:
    left = without_denied(text, language)
    assert text[:3] in left
    assert [word for word in HARM.split() if word in left.lower()] == []


@pytest.mark.parametrize(
    "text",
    ["no naked woman lying on a bed", "a woman with no clothes", "a scene without consent",
     "he shows no mercy and kills them", "never stop killing him", "nobody stops the shooting",
     "no underwear, no censorship", "a girl without a bra", "nothing can save him from murder"],
)  # fmt: skip
def test_what_only_looks_like_a_denial_stays(text: str) -> None:
    assert without_denied(text, "en").strip(" ,.") == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no blood and then he murders a man", "murders a man"),
        ("a room without violence, naked woman on a bed", "naked woman on a bed"),
        ("no gore and naked people in bed", "naked people in bed"),
        ("Negative prompt: clothes, dressed", "no clothes"),
        ("Negative prompt: blur, a man stabs another man to death", "stabs another man to death"),
    ],
)
def test_what_comes_after_a_denial_is_judged(text: str, kept: str) -> None:
    assert kept in without_denied(text, "en")


def test_a_negative_prompt_may_stand_on_the_next_line(classifier: PromptClassifier) -> None:
    texts = [
        f"a farmer milks a cow\nNegative prompt:\n{items}"
        for items in (
            "nude, gore, deformed hands",
            "blur, a naked couple having explicit sex in bed",
        )
    ]
    denied, hidden = (
        max(s.score or 0.0 for s in signals if s.category in ("sexual", "gore"))
        for signals in classifier.classify(texts)
    )
    assert denied < 0.3
    assert hidden > 0.5


ADDED = (
    ", no blood", ", no gore, no violence", ", no nudity", ", nothing sexual", ", no weapons",
    ", safe for work", ", without any children", ", no real people",
    ". Negative prompt: nsfw, gore",
    ", no drugs", ", no hate", ", no suicide", ", no deformed hands",
)  # fmt: skip
SCENES = (
    "a lighthouse keeper climbs the stairs", "two boys fly a kite on a hill",
    "a nurse bandages a knee", "children paint a mural at school", "a boxer trains in a gym",
)  # fmt: skip


def test_saying_what_is_not_there_never_raises_it(classifier: PromptClassifier) -> None:
    texts = [scene + more for scene in SCENES for more in ("", *ADDED)]
    scores = [
        {s.category: s.score or 0.0 for s in signals if s.check == "prompt"}
        for signals in classifier.classify(texts)
    ]
    wide = 1 + len(ADDED)
    for first in range(0, len(texts), wide):
        plain, *denied = scores[first : first + wide]
        for text, found in zip(texts[first + 1 :], denied, strict=False):
            raised = [h for h in HEADS if found[h] > plain[h] + 0.02]
            assert raised == [], text
