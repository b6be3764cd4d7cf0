"""Word weights of a public offensive-language model, as one more and very different judge.

The model is ``alt-profanity-check`` 1.9.1 (MIT, Victor Zhou, Menelaos Kotoglou, Dimitrios
Mistriotis): tf-idf over single words and a linear margin. It comes as pickled scikit-learn
objects, which are never loaded here: the words were hashed and the numbers copied once, by
``classifiers.prompt.training.convert_profanity``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt.heads import HEADS, INDEX

_WORD = re.compile(r"(?u)\b\w\w+\b")
SPEAKS_OF = ("unsafe", "sexual", "hate", "harassment")
"""The heads that offensive words are evidence for."""


def word_keys(words: Iterable[str]) -> NDArray[np.uint64]:
    """64-bit keys of words (BLAKE2b), so that the file holds no list of insults."""
    digests = [hashlib.blake2b(w.encode("utf-8", "replace"), digest_size=8) for w in words]
    return np.frombuffer(b"".join(d.digest() for d in digests), "<u8").astype(np.uint64)


class ProfanityScorer:
    """Margins of the model, from ``keys`` uint64 [n] (sorted), ``idf`` and ``coef`` float32 [n]."""

    name = "profanity"
    heads = HEADS
    width = len(HEADS)

    def __init__(self, file: Path) -> None:
        from safetensors.numpy import load_file

        tensors = load_file(file)
        self._keys = tensors["keys"].view(np.uint64)
        self._idf = tensors["idf"]
        self._coef = tensors["coef"]
        self._intercept = float(tensors["intercept"][0])

    def margins(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Signed distances to the model's boundary, float32 [len(texts)]; high is offensive."""
        found = np.full(len(texts), self._intercept, np.float32)
        for row, text in enumerate(texts):
            words = _WORD.findall(text.lower())
            if not words:
                continue
            keys, counts = np.unique(word_keys(words), return_counts=True)
            at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            known = self._keys[at] == keys
            value = counts[known] * self._idf[at[known]]
            norm = float(np.sqrt((value * value).sum()))
            if norm:
                found[row] += float(value @ self._coef[at[known]]) / norm
        return found

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Margins on the heads in :data:`SPEAKS_OF`, NaN elsewhere, float32 [N, heads]."""
        logits = np.full((len(texts), len(HEADS)), np.nan, np.float32)
        logits[:, [INDEX[h] for h in SPEAKS_OF]] = self.margins(texts)[:, None]
        return logits
