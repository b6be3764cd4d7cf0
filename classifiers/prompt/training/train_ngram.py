"""Train the n-gram heads.

``python -m classifiers.prompt.training.train_ngram --data ../shared/data/prompts --out FILE``

One logistic regression per head by averaged SGD over hashed features of the English rows,
weighted so that every style x label cell counts the same. About two minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from classifiers.prompt import ngram
from classifiers.prompt.heads import HEADS
from classifiers.prompt.training import rows as corpus

ALPHA = 3e-6
EMBEDDED = 0.2
"""Share of rows that are copied with harmless scenes around them."""
EPOCHS = 6
MIN_POSITIVES = 20
"""A head with fewer positive (or negative) rows stays silent: zero weights, a bias of -6."""


def matrix(texts: Sequence[str], idf: NDArray[np.float32]) -> sparse.csr_matrix:
    """Features of all texts, csr float32 [len(texts), BUCKETS]."""
    ids, values, ends = [], [], [0]
    for text in texts:
        found, value = ngram.features(text, idf)
        ids.append(found)
        values.append(value)
        ends.append(ends[-1] + len(found))
    return sparse.csr_matrix(
        (np.concatenate(values), np.concatenate(ids), ends), shape=(len(texts), ngram.BUCKETS)
    )


def learn_idf(texts: Sequence[str]) -> NDArray[np.float32]:
    """Smoothed inverse document frequency of every bucket, float32 [BUCKETS]."""
    seen = np.zeros(ngram.BUCKETS, np.int64)
    ones = np.ones(ngram.BUCKETS, np.float32)
    for text in texts:
        seen[ngram.features(text, ones)[0]] += 1
    idf = np.log((1 + len(texts)) / (1 + seen)) + 1
    return idf.astype(np.float16).astype(np.float32)


def fit(train: Sequence[corpus.Row], seed: int) -> dict[str, NDArray[np.generic]]:
    """The tensors of :class:`classifiers.prompt.ngram.NgramScorer`."""
    texts = [row.text for row in train]
    idf = learn_idf(texts)
    x = matrix(texts, idf)
    target = np.stack([row.target for row in train])
    weight = np.stack([row.weight for row in train])
    chance = corpus.cell_probabilities(train) * len(train)
    table = np.zeros((ngram.BUCKETS, len(HEADS)), np.float32)
    bias = np.full(len(HEADS), -6.0, np.float32)
    for number in range(len(HEADS)):
        used = weight[:, number] > 0
        positives = target[used, number].sum()
        if min(positives, used.sum() - positives) < MIN_POSITIVES:
            continue
        model = SGDClassifier(
            loss="log_loss",
            alpha=ALPHA,
            max_iter=EPOCHS,
            tol=None,
            average=True,
            random_state=seed,
        )
        model.fit(
            x[used],
            target[used, number] > 0.5,
            sample_weight=np.minimum(chance[used], 12.0) * weight[used, number],
        )
        table[:, number] = model.coef_[0]
        bias[number] = model.intercept_[0]
    scale = np.maximum(np.abs(table).max(axis=0), 1e-6) / 127
    return {
        "table": np.round(table / scale).astype(np.int8),
        "scale": scale.astype(np.float32),
        "bias": bias,
        "idf": idf.astype(np.float16),
    }


def main() -> None:
    ask = argparse.ArgumentParser(description="train the n-gram heads")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--seed", type=int, default=7)
    options = ask.parse_args()
    train = [row for row in corpus.load(options.data, options.seed)[0] if corpus.english(row)]
    train += corpus.embedded(train, EMBEDDED, options.seed)
    save_file(fit(train, options.seed), options.out)
    print(json.dumps({"rows": len(train), "file": options.out.name}))


if __name__ == "__main__":
    main()
