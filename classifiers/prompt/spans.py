"""A prompt as the pieces that are judged one by one: sentences, shots, values, list items.

A verdict on a whole text lets the part pass that the model did not weigh. So a text is cut
wherever a writer would say that something new begins: at the ends of sentences in any script
(UAX #29 lists the terminators), at line breaks and bullets, between the values of JSON, also of
broken JSON, at shots and time codes, and where the script changes. Nothing but separators lies
between two spans, and a test holds that every letter stands in one.

Time codes, shot labels and the grammar of cameras say how something is filmed, not what is
seen. They are recognised by closed lists and not scored; whatever holds one word more is.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).resolve().parent / "grammar.toml"
"""The closed lists: words of cameras, labels of shots."""


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` of the reading that was cut."""

    start: int
    end: int


_TABLE = tomllib.loads(FILE.read_text("utf-8"))
_CAMERA = frozenset(word for block in _TABLE["camera"].values() for word in block.split())
_SMALL = frozenset(_TABLE["small"]["words"].split())
_LABELS = "|".join(
    sorted((re.escape(w) for w in _TABLE["labels"]["words"].split()), key=len, reverse=True)
)
_TIME = (
    r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
    r"(?:\s*(?:[-–—~→]|to)\s*\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?)?"
)
_SECONDS = (
    r"\d{1,3}(?:[.,]\d+)?\s*(?:s|sec)?\s*[-–—~]\s*\d{1,3}(?:[.,]\d+)?\s*"
    r"(?:seconds?|secs?|sekunden|secondes|segundos|secondi|s|秒|초|с|сек|วินาที|giây|saniye)(?![^\W\d_])"
)
_LABEL = (
    rf"(?:第\s*)?[\d一二三四五六七八九十]*\s*[个個]?(?:{_LABELS})\s*#?\s*[\d一二三四五六七八九十]+"
)
_CODE = re.compile(
    rf"[\[(（【]?\s*(?:(?<![\d:.])(?:{_TIME}|{_SECONDS})(?!\d)"
    rf"|(?<![^\W\d_])(?:{_LABEL})(?![^\W\d_]))"
    r"\s*[\])）】]?\s*[:：.\-–—|]*\s*",
    re.I,
)
"""A time code or a numbered label of a shot, with the signs that set it off."""
_END = re.compile(
    r"(?:[\n\r\u2028\u2029\x0b\x0c]|\\n|\\t)+(?:\s*(?:[-*•▪‣●◦·–—>#+]+|\(?\d{1,2}[.)])\s+)?"
    r"|(?<=[.!?…])[\"'”’»)\]]*\s+"
    r"|[。！？｡．؟۔।॥។៖።፧၊။՞⸮‼⁇⁈⁉]+[\"'”’»」』）)]*\s*"
    r"|[;；؛]\s*|\s[|•▪‣●◦→⇒]+\s"
    r"|\s*[{}\[\]]+\s*(?:,\s*)?|(?<=[\"”'])\s*,\s*(?=[\"“'{\[])"
)
"""Where a span ends: separators only, so nothing that could mean something is lost."""
_BLANK = re.compile(r"[^\w]*")
_WORD = re.compile(r"[^\W_]+")
_EDGE = re.compile(r"^[\s\W_]+|[\s\W_]+$")
_PAIR = re.compile(r"[\"”]\s*[:：]\s*[\"“]?")
_MARKUP = re.compile(r"[*_`#\"“”„«»「」『』]+")
_ARTICLE = re.compile(r"^(?:an?|the)\s+(?=\w)")
_SPACE = re.compile(r"\s+")
_COUNTED = rf"(?:{_LABELS}|{'|'.join(_TABLE['keys']['words'].split())})[ _-]?\d+"
_KEY = re.compile(rf"^{_COUNTED}\s*[:：]\s*")
"""A key of JSON that only counts."""
_THINGS: dict[str, str] = _TABLE["things"]
_DOER = "".join(rf"(?<!\b{word} )" for word in _TABLE["doers"]["words"].split())
_THING = re.compile(rf"{_DOER}\b({'|'.join(map(re.escape, _THINGS))})(e?s)?\b")
"""Not behind somebody who does it: who is shooting star players shoots."""
_COUNTED_WORD = re.compile(_COUNTED, re.I)


def cut(text: str) -> list[Span]:
    """The spans of ``text`` in order, without blank ones; linear in the length."""
    spans: list[Span] = []
    at = 0
    marks = [*_END.finditer(text), *_CODE.finditer(text)]
    for mark in sorted(marks, key=lambda m: (m.start(), m.end())):
        if mark.start() > at:
            spans += _by_script(text, at, mark.start())
        at = max(at, mark.end())
    if at < len(text):
        spans += _by_script(text, at, len(text))
    return spans


def _by_script(text: str, start: int, end: int) -> list[Span]:
    """One stretch, cut where letters of another script begin; blank pieces left out.

    A single letter of another script (an ``α``, a ``Я`` on a sign) starts no span.
    """
    runs: list[list[int]] = []
    kinds: list[int] = []
    for at in range(start, end):
        char = text[at]
        if not char.isalpha():
            continue
        kind = script(char)
        if kinds and kinds[-1] == kind:
            runs[-1][1] = at + 1
        else:
            runs.append([at, at + 1])
            kinds.append(kind)
    if len(set(kinds)) > 1:
        kept: list[list[int]] = []
        kept_kinds: list[int] = []
        for run, kind in zip(runs, kinds, strict=True):
            if kept and (kind == kept_kinds[-1] or run[1] - run[0] < 2):
                kept[-1][1] = run[1]
            else:
                kept.append(run)
                kept_kinds.append(kind)
        starts = [start, *(run[0] for run in kept[1:])]
        bounds = list(zip(starts, [*starts[1:], end], strict=True))
    else:
        bounds = [(start, end)]
    return [Span(a, b) for a, b in bounds if not _BLANK.fullmatch(text, a, b)]


def script(char: str) -> int:
    """A number for the script of a letter: 0 Latin, 1 Han, kana and Hangul, else its block.

    Han, kana and Hangul stand together in one sentence, so they are one.
    """
    code = ord(char)
    if code < 0x250 or 0x1E00 <= code <= 0x1EFF:
        return 0
    if 0x2E80 <= code <= 0x9FFF or 0xAC00 <= code <= 0xD7FF or 0x20000 <= code <= 0x3FFFF:
        return 1
    if 0x1100 <= code <= 0x11FF or 0xF900 <= code <= 0xFAFF or 0xFF66 <= code <= 0xFFDC:
        return 1
    # the blocks of one script lie together but for extensions; 0x80 apart is another script
    return 2 + (code // 0x80 if code < 0x1000 else 0x100 + code // 0x100)


def counted(word: str) -> bool:
    """Whether a word is a label with its number, ``part5``: its digit stands for no letter."""
    return _COUNTED_WORD.fullmatch(word) is not None


def technical(text: str) -> bool:
    """Whether every word is one of the camera's, or a number: "slow dolly in, 35 mm, 4k"."""
    words = _WORD.findall(text.lower())
    # "with" on a line of its own is a piece of a sentence that goes on
    return any(w not in _SMALL for w in words) and all(
        w in _CAMERA or (w[0].isdigit() and len(w) <= 6) for w in words
    )


def without_camera(text: str) -> str:
    """``text`` without those items of its comma list that are all camera or quality words."""
    if "," not in text and "，" not in text and "、" not in text:
        return text
    items = re.split(r"[,，、]", text)
    kept = [item for item in items if not technical(item)]
    return text if len(kept) == len(items) else ",".join(kept)


def canonical(text: str) -> str:
    """How a span reaches the models, so that what changes no meaning changes no score.

    Lower case; without quotation marks and markup, signs at both ends, a key that only counts,
    a leading article, and items that only speak of the camera; a harmless thing whose name holds a
    word of harm under another name.
    """
    text = without_camera(_MARKUP.sub(" ", _PAIR.sub(": ", text.lower())))
    text = _KEY.sub("", _EDGE.sub("", text))
    text = _SPACE.sub(" ", _ARTICLE.sub("", _EDGE.sub("", text)))
    return _THING.sub(lambda m: _THINGS[m.group(1)] + ("s" if m.group(2) else ""), text)
