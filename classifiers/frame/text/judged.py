"""From what prompt classifiers say of words to what the words in a picture are worth.

Words in a picture have categories of their own (``text_hate`` and so on): that a slogan was read
and found harmless does not mean that anybody looked for hateful symbols.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from classifiers.base import PromptClassifier
from policies.decision import CheckStatus, Signal

SOURCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "text_sexual": ("sexual", "sexual_minors", "ncii"),
        "text_violence": ("violence",),
        "text_hate": ("hate",),
        "text_harassment": ("harassment",),
        "text_self_harm": ("self_harm",),
        "text_illicit": ("illicit", "weapons"),
        "text_extremism": ("extremism",),
        "text_deception": ("elections", "misinformation"),
        "text_privacy": ("privacy",),
        "text_name": ("likeness",),
        "text_brand": ("intellectual_property",),
    }
)
"""Category of words in a picture to categories of prompts; the highest counts."""

UNREAD = "text_unread"
"""Words that no configured classifier judges: another language, another script."""

CATEGORIES = (*SOURCES, UNREAD)

PRIVATE_SCORE = 0.8
"""Score of a telephone number, a street address or a mail address: a pattern, no probability."""

NEWS_SCORE = 0.65
"""Score of what a news programme writes over its pictures, whatever it claims."""

MIN_UNREAD_LETTERS, MIN_UNREAD_WORDS = 4, 3
"""Fewer letters of a foreign script, or words in Latin letters, are a logo or a misreading: of one
or two words nobody can tell the language."""

_LATIN_END = 0x24F
_PHONE = re.compile(r"(?<![\d.,])\+?\(?\d{1,4}\)?(?:[ ./-]?\(?\d{2,4}\)?){1,4}(?![\d.,])")
_PHONE_DIGITS = range(7, 16)
_NEWS = re.compile(
    r"\bbreaking(?: news\b| ?[:!|-])|\bnews ?flash\b|\b(?:live|urgent|alert) ?[:|]"
    r"|\blive from\b|\bnews alert\b",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_STREET = re.compile(
    r"\b\d{1,5}[a-z]?,? (?:[A-Z][\w'.-]* ){1,3}"
    r"(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|court|ct|square|sq|way"
    r"|place|pl|terrace|close|crescent)\b",
    re.IGNORECASE,
)
_NOUGHT = re.compile(r"\b0(?=[A-Za-z])")
_DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}|\d{4} ?[-–] ?\d{4}")


@dataclass(frozen=True, slots=True)
class TextJudgement:
    """What one text is worth: scores in [0, 1] by category of :data:`CATEGORIES`.

    ``failed`` is why a classifier could not judge it, or None.
    """

    scores: Mapping[str, float]
    failed: str | None = None


def judge(texts: Sequence[str], classifiers: Sequence[PromptClassifier]) -> list[TextJudgement]:
    """One judgement a text, in order. What a classifier raises is raised."""
    told: list[list[Signal]] = [[] for _ in texts]
    for classifier in classifiers:
        for into, signals in zip(told, classifier.classify(texts), strict=True):
            into.extend(signals)
    return [_judgement(text, signals) for text, signals in zip(texts, told, strict=True)]


def _judgement(text: str, signals: Iterable[Signal]) -> TextJudgement:
    found: dict[str, float] = {}
    skipped: set[str] = set()
    failed: str | None = None
    for signal in signals:
        if signal.score is not None:
            found[signal.category] = max(signal.score, found.get(signal.category, 0.0))
        elif signal.status is CheckStatus.FAILED:
            failed = signal.reason or "failed"
        else:
            skipped.add(signal.category)
    scores = {
        category: max((found[source] for source in sources if source in found), default=0.0)
        for category, sources in SOURCES.items()
    }
    wanted = {source for sources in SOURCES.values() for source in sources}
    foreign = sum(letter.isalpha() and ord(letter) > _LATIN_END for letter in text)
    words = [word for word in text.split() if sum(letter.isalpha() for letter in word) >= 3]
    long = foreign >= MIN_UNREAD_LETTERS or len(words) >= MIN_UNREAD_WORDS
    scores[UNREAD] = float(long and bool(skipped & wanted - found.keys()))
    if _NEWS.search(text):
        scores["text_deception"] = max(scores["text_deception"], NEWS_SCORE)
    if private(text):
        scores["text_privacy"] = max(scores["text_privacy"], PRIVATE_SCORE)
    return TextJudgement(scores, failed)


def private(text: str) -> bool:
    """Whether a telephone number, a mail address or a street with its number stands in it."""
    # readers of pictures take a capital O for a nought
    if _MAIL.search(text) or _STREET.search(_NOUGHT.sub("O", text)):
        return True
    without_dates = _DATE.sub(" ", text)
    return any(
        sum(letter.isdigit() for letter in match.group()) in _PHONE_DIGITS
        and not re.fullmatch(r"\d+\.?\d*", match.group())
        for match in _PHONE.finditer(without_dates)
    )
