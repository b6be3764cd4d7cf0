"""What a prompt says is *not* there: "no gore, no blood", "safe for work", a negative prompt.

A score rises with a word, also where the word is denied. So a denied word of harm is taken out
before anything is scored, and never raises a category. Only whole phrases go, of listed words:
denying clothes, consent or mercy takes nothing out, nor does a denial that runs on into a scene
("no naked woman lying …" is scored as it stands), or it would hide what follows.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from classifiers.prompt.lexicon import LexiconScorer

FILE = Path(__file__).resolve().parent / "negation.toml"
MAX_ITEM = 3
"""Words of an item of a negative prompt that is taken out; a longer one may be a scene."""
SOLID = frozenset(("zh", "ja", "th", "ko"))
"""Languages that write their words together, or endings onto them."""

_SAFE = re.compile(
    r"\b(?:safe[- ]for[- ]work|sfw|(?:family|kid|kids|child|children)[- ](?:friendly|safe)|"
    r"(?:suitable|appropriate|safe) for (?:all ages|children|kids|families|everyone|all audiences)|"
    r"all[- ]ages|age[- ]appropriate|fully[- ](?:clothed|dressed)|modestly dressed|"
    r"non-?(?:sexual|violent|graphic|explicit)|bloodless|pg(?:-?13)?[- ]rated|rated (?:g|pg)|"
    r"no one (?:is|gets) (?:hurt|harmed|injured|killed)|nobody (?:is|gets) (?:hurt|harmed|injured)|"
    r"harmless|wholesome)\b",
    re.I,
)
"""Clauses that promise a harmless picture. They prove nothing, and they raise nothing."""
_LABEL = re.compile(
    r"(?:^|[\s,.;(\[{\"'])(?:negative[ _-]?prompts?|neg(?:ative)?[ _-]?prompt|"
    r"negatives?(?=\s*[\"']?\s*[:=：])|negativer?[ _-]prompt|prompt n[ée]gati[fv]o?|"
    r"负面提示词?|反向提示词?|負面提示詞?|"
    r"ネガティブ ?プロンプト|부정 ?프롬프트|негативный промпт|--no\b)[\"']?\s*[:=：\-]?\s*[\"'(]?",
    re.I,
)
_ITEMS = re.compile(r"[,，、;|/]|\band\b|\bor\b")
_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_EDGE_AFTER = (
    r"(?![\w'-])(?=\s*(?:[^\w\s]|$)|\s+(?:and|but|or|no|not|in|on|at|with|without|just|only|is|are|"
    r"y|e|et|und|en|dan|ve|и|و|a|the)\b)"
)
"""A denial ends at a sign or a small word; before any other word it is part of a scene."""
_GAPS = re.compile(r"(?:\s*[,，、]\s*)+(?=[,，、.。!?;]|$)")


def without_denied(text: str, language: str) -> str:
    """``text`` of one span without what it denies; itself where it denies nothing harmful."""
    label = _LABEL.search(text)
    if label is not None:
        kept = [_denied_item(item) for item in _ITEMS.split(text[label.end() :])]
        text = text[: label.start()] + ", " + ", ".join(item for item in kept if item)
    text = _SAFE.sub(" ", text)
    for code in dict.fromkeys((language, "en")):
        for pattern in _patterns(code):
            text = pattern.sub(_between, text)
    return _GAPS.sub("", text)


def only_label(text: str) -> bool:
    """Whether ``text`` announces a negative prompt and names nothing yet."""
    label = _LABEL.search(text)
    return label is not None and not _WORD.search(text[: label.start()] + text[label.end() :])


def _between(match: re.Match[str]) -> str:
    # a sign of its own, so that the words before and after do not run into one phrase
    return ", "


def _denied_item(item: str) -> str:
    """What an item of a negative prompt leaves to judge."""
    words = _WORD.findall(item.lower())
    if any(_is(word, _tables()["en"]["never"]) for word in words):
        # no clothes wanted: that asks for something
        return "no " + item.strip()
    return "" if len(words) <= MAX_ITEM else item.strip()


@cache
def _tables() -> dict[str, dict[str, str]]:
    return tomllib.loads(FILE.read_text("utf-8"))


def _is(word: str, listed: str) -> bool:
    return any(
        word.startswith(term[:-1]) if term.endswith("*") else word == term
        for term in listed.split()
    )


def _one(term: str, solid: bool) -> str:
    stem = re.escape(term.rstrip("*"))
    return stem if solid else stem + (r"[\w'-]*" if term.endswith("*") else r"(?:e?s)?")


@cache
def _patterns(code: str) -> tuple[re.Pattern[str], ...]:
    """The patterns of one language; none where it has no table."""
    table = _tables().get(code)
    if table is None:
        return ()
    solid = code in SOLID
    terms = table["terms"].split()
    if code == "en":
        terms += [w for w in LexiconScorer().harmful if not _is(w.rstrip("*"), table["never"])]
    term = "|".join(sorted((_one(t, solid) for t in dict.fromkeys(terms)), key=len, reverse=True))
    also = "|".join(map(re.escape, table.get("also", "").split())) or term
    both = "|".join((also, *map(re.escape, table.get("people", "").split())))
    gap = r"\s*" if solid else r"\s+"
    if solid:
        item = more = rf"(?:(?:{term})\s*)+"
        comma, join = r"\s*[、，,/]\s*", rf"\s*(?:{table['join']})\s*"
        start, end, strict = "", "" if code == "th" else r"(?=\W|$)", ""
    else:
        lead = rf"(?:(?:{both})\s+){{0,3}}" if "also" in table else ""
        item = rf"{lead}(?:{term})(?:\s+(?:{term}|{both})){{0,6}}"
        # what goes on without a denial of its own is denied only as the next word of a list
        more = rf"(?:{term})(?:\s+(?:{term}|{also})){{0,4}}"
        comma, join = r"\s*[,/]\s*", rf",?\s+(?:{table['join']})\s+"
        start = r"(?<![\w'-])"
        end = rf"(?:{_EDGE_AFTER}|(?=\s+(?:{table['join']})\b))"
        strict = rf"(?=\s*(?:[^\w\s]|$)|\s+(?:{table['join']})\b)"
    found = []
    if cue := table.get("before"):
        again = rf"(?:{comma}|{join})(?:{cue}){gap}{item}{end}|(?:{comma}|{join}){more}{strict}"
        body = rf"(?:{cue}){gap}{item}{end}(?:{again})*"
        found.append(re.compile(start + body, re.I))
    if cue := table.get("after"):
        body = rf"{more}(?:(?:{comma}|{join}){more})*{gap}(?:{cue})"
        found.append(re.compile(start + body, re.I))
    return tuple(found)
