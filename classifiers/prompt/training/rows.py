"""Rows to train on and rows held out, read from the training file and from the grammars.

Whole sources are held out, never random rows: neighbours of a training row in the validation
set make a score that no new source reaches.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt.training import labels

HELD_OUT = (
    "surge",  # posts
    "strongreject", "wildchat",  # chat
    "nibbler_unsafe", "nibbler_textsafe_imgunsafe", "parti",  # captions
)  # fmt: skip
MAX_CHARS = 2_000
"""Longer rows are cut: the encoder's window sees a tenth of that."""


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
    """All usable rows of ``folder/train.jsonl.gz``; raises ``OSError`` when there is none."""
    rows = []
    with gzip.open(folder / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            source, category = item["source"], item["category"]
            if labels.dropped(source, category):
                continue
            text = item["text"].strip()[:MAX_CHARS]
            unsafe = bool(item["unsafe"])
            target, weight = labels.row_vectors(source, category, unsafe, text)
            rows.append(Row(text, unsafe, source, item["style"], category, target, weight))
    return rows


def split(rows: Iterable[Row], held_out: Sequence[str] = HELD_OUT) -> tuple[list[Row], list[Row]]:
    """``(train, validation)`` by source; written rows marked ``held`` are never trained on."""
    train: list[Row] = []
    validation: list[Row] = []
    for row in rows:
        outside = row.source in held_out or row.source.startswith("held:")
        (validation if outside else train).append(row)
    return train, validation


def cell_probabilities(rows: Sequence[Row], power: float = 0.5) -> NDArray[np.float64]:
    """How often to draw each row, float64 [len(rows)], sum 1.

    Every style x label cell weighs the same; inside a cell sources weigh by their size to
    ``power``, so that a large source does not drown the small ones.
    """
    cells: dict[tuple[str, bool], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, row in enumerate(rows):
        cells[(row.style, row.unsafe)][row.source].append(i)
    chance = np.zeros(len(rows))
    for sources in cells.values():
        total = sum(len(members) ** power for members in sources.values())
        for members in sources.values():
            chance[members] = len(members) ** power / total / len(members) / len(cells)
    return chance / chance.sum()
