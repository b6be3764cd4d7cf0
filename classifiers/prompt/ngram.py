"""Hashed word and character n-grams with one logistic head per category.

The cheapest judge and the floor of the ensemble: it knows wordings, not meanings. Features of
a lower-cased text: words and word pairs, and all character runs of 2 to 5, hashed into one
table; tf is 1 + ln(count), times idf, each of the two blocks scaled to unit length (feature
hashing: Weinberger et al., 2009).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BUCKETS = 1 << 18
HALF = BUCKETS >> 1
"""Words hash into the lower half of the table, characters into the upper."""
CHAR_RUNS = (2, 3, 4, 5)
MAX_CHARS = 4_000
"""Only so much of a text is looked at in one call; callers cut longer texts into windows."""

_WORD = re.compile(r"\w+|[^\w\s]")
_SPACE = re.compile(r"\s+")
_PRIME = np.uint64(0x9E3779B97F4A7C15)

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


def _char_hashes(text: str) -> Ids:
    points = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    found = []
    with np.errstate(over="ignore"):
        for run in CHAR_RUNS:
            if len(points) < run:
                break
            value = np.full(len(points) - run + 1, run, np.uint64)
            for offset in range(run):
                value = (value ^ points[offset : len(points) - run + 1 + offset]) * _PRIME
                value ^= value >> np.uint64(29)
            found.append(value)
    if not found:
        return np.empty(0, np.int64)
    return (np.concatenate(found) % np.uint64(HALF)).astype(np.int64) + HALF


def _word_hashes(text: str) -> Ids:
    words = [w.encode("utf-8", "replace") for w in _WORD.findall(text)]
    hashes = [zlib.crc32(w) % HALF for w in words]
    hashes += [zlib.crc32(b + b"\x1f" + a) % HALF for a, b in pairwise(words)]
    return np.array(hashes, np.int64)


def features(text: str, idf: Floats) -> tuple[Ids, Floats]:
    """``(bucket numbers, values)`` of one text, both [n]; each block has unit length."""
    text = _SPACE.sub(" ", text[:MAX_CHARS].lower()).strip()
    ids, values = [], []
    for hashes in (_word_hashes(text), _char_hashes(f" {text} ")):
        unique, counts = np.unique(hashes, return_counts=True)
        value = (1 + np.log(counts)).astype(np.float32) * idf[unique]
        norm = float(np.sqrt((value * value).sum()))
        ids.append(unique)
        values.append(value / norm if norm else value)
    return np.concatenate(ids), np.concatenate(values)


class NgramScorer:
    """Scores texts with the weights of one safetensors file.

    ``table`` int8 [BUCKETS, heads], ``scale`` and ``bias`` float32 [heads], ``idf`` float16
    [BUCKETS].
    """

    name = "ngram"
    heads: tuple[str, ...] = ()

    def __init__(self, file: Path) -> None:
        from safetensors.numpy import load_file

        tensors = load_file(file)
        self._table = tensors["table"]
        self._scale = tensors["scale"]
        self._bias = tensors["bias"]
        self._idf = tensors["idf"].astype(np.float32)

    @property
    def width(self) -> int:
        return len(self._bias)

    def score(self, texts: Sequence[str]) -> Floats:
        """Logits, float32 [len(texts), heads]. About 0.3 ms for a caption."""
        logits = np.empty((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            ids, values = features(text, self._idf)
            logits[row] = values @ self._table[ids].astype(np.float32)
        return logits * self._scale + self._bias
