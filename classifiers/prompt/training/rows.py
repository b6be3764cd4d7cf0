"""Rows to train on and rows held out, read from the training file and from the grammars.

Whole sources are held out, never random rows: neighbours of a training row in the validation
set make a score that no new source reaches.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt.training import labels

HELD_OUT = (
    "surge",  # posts
    "strongreject",
    "wildchat",  # chat
    "nibbler_unsafe",
    "nibbler_textsafe_imgunsafe",
    "parti",  # captions
    "goku_en",  # real video prompts
)
HELD_SHARE = 3
"""Every third prompt of the video list and every fifth pair of look-alikes stays out as well: the
list is the only one in other languages, the pairs the only ones of their kind."""
HELD_PAIRS = 5
MAX_CHARS = 2_000
"""Longer rows are cut: the encoder's window sees a tenth of that."""
SPAN_CHARS = 160
"""Real prompts are learnt in spans of about so many characters, as they are read."""
FILES = ("train.jsonl.gz", "train2.jsonl.gz")
_SENTENCE = re.compile(r"(?<=[.!?。！？।])\s*|\n+")
_LISTED = ("de", "es", "fr", "hi", "ja", "ko", "pt", "th", "tr", "vi", "zh")
_LATIN = ("de", "es", "fr", "pt", "tr", "vi")


@dataclass(frozen=True, slots=True)
class Row:
    """One text with ``target`` and ``weight``, float32 [heads]; ``style`` is t2v, t2i, chat…"""

    text: str
    unsafe: bool
    source: str
    style: str
    category: str
    target: NDArray[np.float32]
    weight: NDArray[np.float32]


def read(folder: Path) -> list[Row]:
    """All usable rows of the training files in ``folder``; raises ``OSError`` without them."""
    rows: list[Row] = []
    for file in FILES:
        seen: dict[str, int] = defaultdict(int)
        with gzip.open(folder / file, "rt", encoding="utf-8") as lines:
            for line in lines:
                rows += _read(json.loads(line), seen)
    return rows


def load(folder: Path, seed: int) -> tuple[list[Row], list[Row]]:
    """``(train, validation)`` of everything: the files' rows and our own."""
    from classifiers.prompt.training import written

    found = read(folder)
    return split([*found, *written.rows(seed), *plain_words(found, seed)])


def _read(item: dict[str, str], seen: dict[str, int]) -> list[Row]:
    source, category, style = item["source"], item["category"], item["style"]
    if labels.dropped(source, category):
        return []
    number = seen[source]
    seen[source] += 1
    unsafe = bool(item["unsafe"])
    text = item["text"].strip()
    target, weight = labels.row_vectors(source, category, unsafe, text)
    held = source in HELD_OUT
    if source.startswith("seedance_"):
        language = source.removeprefix("seedance_")
        held = number % HELD_SHARE == 0
        if language != "en":
            style = f"t2v-{'latin' if language in _LATIN else 'other'}"
    if source.startswith("overt_"):
        held = number % HELD_PAIRS == 0
    if held:
        name = source if source in HELD_OUT else f"held:{source}"
        return [Row(text[:MAX_CHARS], unsafe, name, style, category, target, weight)]
    if style == "t2v" or style.startswith("t2v-"):
        return [Row(t, unsafe, source, style, category, target, weight) for t in spans(text)]
    return [Row(text[:MAX_CHARS], unsafe, source, style, category, target, weight)]


def spans(text: str) -> list[str]:
    """A long prompt as stretches of whole sentences and lines, the way the gate reads it."""
    found: list[str] = []
    for part in (p.strip() for p in _SENTENCE.split(text)):
        if not part:
            continue
        if found and len(found[-1]) + len(part) < SPAN_CHARS and len(part) % 3:
            found[-1] += f" {part}"
        else:
            found.append(part)
    return found


def english(row: Row) -> bool:
    """Whether a training row is English; those of other languages have styles of their own."""
    return not row.style.startswith(("t2v-", "lang-"))


def plain_words(rows: Sequence[Row], seed: int) -> list[Row]:
    """Single words and word pairs out of harmless captions: a bare noun accuses nobody."""
    rng = np.random.default_rng(seed)
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.source in ("coco", "t2icompbench"):
            words = re.findall(r"[a-z]+", row.text.lower())
            for word in words:
                counts[word] += len(word) > 2
            for a, b in pairwise(words):
                counts[f"{a} {b}"] += len(a) > 2 and len(b) > 2
    single = sorted(w for w, n in counts.items() if n >= 4 and " " not in w)
    pairs = sorted(w for w, n in counts.items() if n >= 3 and " " in w)
    made = []
    for name, texts, most in (("own:noun", single, 2_500), ("own:pair", pairs, 2_500)):
        chosen = rng.permutation(len(texts))[:most]
        target, weight = labels.vectors(False, (), True, 1.0)
        made += [Row(texts[i], False, name, "t2v", "", target, weight) for i in chosen]
    return made


FRAMES = (
    "{a} {it}",
    "{it} {b}",
    "{a}. {it}. {b}",
    "{a}\n{it}",
    "{it}, {b}",
    "{a}, {it}",
    "Shot 1: {a} Shot 2: {it}",
    "Shot 1: {it}. Shot 2: {b}",
    "0-4s: {a} 4-8s: {it} 8-12s: {b}",
    '{"scene": "{a}", "action": "{it}"}',
    '{"shots": ["{it}", "{b}"]}',
    "- {a}\n- {it}\n- {b}",
    "1. {it}\n2. {b}",
    "Subject: {it}\nBackground: {b}",
    "Style: {a}. Action: {it}",
    "{it}. Negative prompt: text, watermark, blurry, extra fingers",
    "{it}, no text, no watermark",
    "{a}. no logo. {it}",
    "{it} -> {b}",
    "while {a}, {it}",
)
"""How a row may stand among harmless scenes: prose, shots, JSON, lists, keys and values."""


def embedded(rows: Sequence[Row], share: float, seed: int) -> list[Row]:
    """Copies of ``share`` of the rows with harmless scenes around them, their label unchanged.

    Harmful and harmless rows alike, before, behind or on both sides, also in other languages.
    """
    rng = np.random.default_rng(seed)
    calm = [r.text for r in rows if not r.unsafe and r.style.startswith("t2") and len(r.text) < 130]
    found = []
    for row in rows:
        if rng.random() < share and len(row.text) <= 220:
            before, behind = (calm[rng.integers(len(calm))] for _ in range(2))
            way = FRAMES[rng.integers(len(FRAMES))]
            text = way.replace("{it}", row.text).replace("{a}", before).replace("{b}", behind)
            found.append(replace(row, text=text))
    return found


def split(rows: Iterable[Row], held_out: Sequence[str] = HELD_OUT) -> tuple[list[Row], list[Row]]:
    """``(train, validation)`` by source; written rows marked ``held`` are never trained on."""
    train: list[Row] = []
    validation: list[Row] = []
    for row in rows:
        outside = row.source in held_out or row.source.startswith("held:")
        (validation if outside else train).append(row)
    return train, validation


def development(row: Row) -> bool:
    """Whether a held row serves to choose and calibrate; the other half only to report.

    By the text alone, so that rows that join later move no other row.
    """
    return hashlib.sha256(row.text.encode("utf-8", "replace")).digest()[0] % 2 == 0


STYLE_MASS = {
    "t2v": 3.0,
    "t2i": 2.0,
    "chat": 1.2,
    "social": 1.0,
    "t2v-latin": 1.4,
    "t2v-other": 1.4,
}
"""How much of the learning goes to each style: most to what the product is for."""
SOURCE_MASS = {
    "seedance_en": 8.0,
    **dict.fromkeys((f"seedance_{code}" for code in _LISTED), 4.0),
    "own:breadth_fine": 5.0,
    "own:breadth_tender": 4.0,
    "own:breadth_violence": 3.0,
    "own:breadth_unnamed": 3.0,
    "own:gallery": 3.0,
    "own:variety_fine": 4.0,
    "own:variety_care": 6.0,
    "overt_unsafe": 2.0,
    "overt_mini": 5.0,
    "i2p50": 0.5,
    "nibbler_rewritten": 0.7,
    "tdavidson": 0.7,
    "ambigqa": 0.6,
}
"""Sources of real prompts and of pairs count for more than their few rows, noisy ones for less."""


def cell_probabilities(rows: Sequence[Row], power: float = 0.5) -> NDArray[np.float64]:
    """How often to draw each row, float64 [len(rows)], sum 1.

    Every style weighs :data:`STYLE_MASS`, half of it harmful; inside a style and label sources
    weigh by their size to ``power`` times :data:`SOURCE_MASS`, so that a large source does not
    drown the small ones.
    """
    cells: dict[tuple[str, bool], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, row in enumerate(rows):
        cells[(row.style, row.unsafe)][row.source].append(i)
    chance = np.zeros(len(rows))
    for (style, _), sources in cells.items():
        mass = {s: len(m) ** power * _weight(s) for s, m in sources.items()}
        scale = STYLE_MASS.get(style, 1.0) / sum(mass.values())
        for source, members in sources.items():
            chance[members] = mass[source] * scale / len(members)
    return chance / chance.sum()


def _weight(source: str) -> float:
    # single sentences teach more than another filling of a template
    usual = 2.0 if source.startswith("own:variety") else 1.0
    return SOURCE_MASS.get(source, usual)
