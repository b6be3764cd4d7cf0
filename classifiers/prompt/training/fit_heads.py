"""Fit the heads once more over the exported encoder, every category with rows enough of its own.

``python -m classifiers.prompt.training.fit_heads --data ../shared/data/prompts --weights FOLDER``

Batches of training hold a rare category once in a while; here each head sees all its rows, with
positives weighing a fixed share. Logistic regression on the int8 encoder's own outputs, so that
the heads also make up for what quantisation moved. Rewrites ``heads.safetensors``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from classifiers.prompt.encoder import EncoderScorer
from classifiers.prompt.heads import HEADS
from classifiers.prompt.training import rows as corpus
from classifiers.prompt.training.train_encoder import material

ROWS = 16_000
POSITIVES = 0.25
"""Share of a head's loss that its positives make up."""
DECAY = 3e-4
STEPS = 60
KEPT = 0.5
"""Share of the heads as the training left them: either alone ranks new sources worse."""


def chosen(rows: Sequence[corpus.Row], count: int, seed: int) -> list[corpus.Row]:
    """``count`` rows, every style x label cell and every source in it well represented."""
    rng = np.random.default_rng(seed)
    chance = corpus.cell_probabilities(rows)
    picked = rng.choice(len(rows), size=min(count, len(rows)), replace=False, p=chance)
    return [rows[i] for i in picked]


def fit(
    pooled: NDArray[np.float32], rows: Sequence[corpus.Row], head: Tensor, bias: Tensor
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights float32 [heads, 384] and biases [heads], from where the training left them."""
    mean, sd = pooled.mean(0), pooled.std(0) + 1e-6
    x = torch.from_numpy((pooled - mean) / sd)
    target = torch.from_numpy(np.stack([row.target for row in rows]))
    weight = torch.from_numpy(np.stack([row.weight for row in rows]))
    positive = (weight * target).sum(0).clamp(min=1e-6)
    negative = (weight * (1 - target)).sum(0).clamp(min=1e-6)
    weight = weight * torch.where(target > 0.5, POSITIVES / positive, (1 - POSITIVES) / negative)
    scale, shift = torch.from_numpy(sd), torch.from_numpy(mean)
    w = nn.Parameter(head * scale)
    b = nn.Parameter(bias + head @ shift)
    solver = torch.optim.LBFGS(
        [w, b], max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        solver.zero_grad()
        found = nn.functional.binary_cross_entropy_with_logits(
            x @ w.T + b, target, weight=weight, reduction="sum"
        )
        total: Tensor = found + DECAY * (w * w).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    solver.step(loss)  # type: ignore[no-untyped-call]
    made = (w / scale).detach()
    return made.numpy(), (b - made @ shift).detach().numpy()


def main() -> None:
    ask = argparse.ArgumentParser(description="fit the heads over the exported encoder")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--weights", type=Path, required=True)
    ask.add_argument("--rows", type=int, default=ROWS)
    ask.add_argument("--seed", type=int, default=7)
    options = ask.parse_args()
    torch.set_num_threads(1)
    rows = chosen(material(options.data, options.seed), options.rows, options.seed)
    file = options.weights / "heads.safetensors"
    scorer = EncoderScorer(
        options.weights / "encoder.onnx",
        options.weights / "embeddings.safetensors",
        file,
        options.weights / "tokenizer.json",
    )
    pooled = scorer.pooled([row.text for row in rows])
    tables = dict(load_file(file))
    head, bias = fit(
        pooled,
        rows,
        torch.from_numpy(tables["head"].copy()),
        torch.from_numpy(tables["bias"].copy()),
    )
    tables["head"] = np.ascontiguousarray(KEPT * tables["head"] + (1 - KEPT) * head)
    tables["bias"] = np.ascontiguousarray(KEPT * tables["bias"] + (1 - KEPT) * bias)
    save_file(tables, file)
    found = {name: int(sum(r.target[n] for r in rows)) for n, name in enumerate(HEADS)}
    print(json.dumps({"rows": len(rows), "positives": found}))


if __name__ == "__main__":
    main()
