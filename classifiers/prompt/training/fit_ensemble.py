"""Fit scales and calibration of the ensemble on held-out sources, and write its file.

``python -m classifiers.prompt.training.fit_ensemble --data ../shared/data/prompts --out FILE
--scorer ngram=FILE …``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import Platt
from classifiers.prompt.ensemble import SUBJECTS, ScorerScale, combine, largest_excess
from classifiers.prompt.heads import HEADS, INDEX
from classifiers.prompt.spans import canonical
from classifiers.prompt.training import rows as corpus

BENIGN_QUANTILE = 0.98
MIN_POSITIVES = 5
HEAD_PRIOR = 0.15
"""Share of positives that a category's probability assumes; the rows hold far fewer."""
UNSAFE_PRIOR = 0.4
"""The same for ``unsafe``: with it, 0.5 flags just under 1 % of the held plain captions."""
CONTEXT_ONLY = ("minors", "sexual_minors", *SUBJECTS)
"""Heads whose excess never raises ``unsafe``: they say what is shown, not that it harms, and
plain captions lie so far from them that any mention of the subject would stand out."""
FILES = {
    "prompt_encoder": "encoder.onnx", "prompt_tokenizer": "tokenizer.json",
    "prompt_ngram": "ngram.safetensors", "prompt_profanity": "profanity.safetensors",
}  # fmt: skip
SCORERS = {
    "encoder": ("prompt_encoder", "prompt_tokenizer"), "ngram": ("prompt_ngram",),
    "profanity": ("prompt_profanity",), "lexicon": (),
}  # fmt: skip
MIX = {"encoder": 1.0, "ngram": 0.15, "profanity": 0.5, "lexicon": 0.15}
"""Weights of the mean, chosen on held-out sources."""


def cell_weights(held: Sequence[corpus.Row]) -> NDArray[np.float64]:
    """Every style x label cell weighs the same, float64 [N] of mean 1."""
    chance = corpus.cell_probabilities(held, power=1.0)
    return chance * len(held)


def balanced(
    label: NDArray[np.float32], mass: NDArray[np.float64], prior: float | None = None
) -> NDArray[np.float64]:
    """Row weights with which positives make up ``prior`` of the mass (:data:`HEAD_PRIOR`)."""
    prior = HEAD_PRIOR if prior is None else prior
    positive = label > 0.5
    weight = mass.copy()
    weight[positive] *= prior / mass[positive].sum()
    weight[~positive] *= (1 - prior) / mass[~positive].sum()
    return weight * len(label)


def fit(
    logits: dict[str, NDArray[np.float32]],
    files: Mapping[str, tuple[str, ...]],
    mix: dict[str, float],
    held: Sequence[corpus.Row],
    made_by: str,
) -> dict[str, object]:
    """The JSON of :class:`classifiers.prompt.ensemble.EnsembleSpec`."""
    target = np.stack([row.target for row in held])
    known = np.stack([row.weight for row in held]) > 0
    unsafe = np.array([row.unsafe for row in held])
    mass = cell_weights(held)
    scales: dict[str, ScorerScale] = {}
    for name, found in logits.items():
        usable = np.isfinite(found).all(axis=0) & (found.std(axis=0) > 1e-4)
        mean = np.where(usable, np.average(np.nan_to_num(found), axis=0, weights=mass), 0.0)
        sd = np.where(usable, np.nan_to_num(found).std(axis=0), 1.0)
        weight = np.where(usable, mix[name], 0.0)
        scales[name] = ScorerScale(
            weights=files[name], mean=tuple(map(float, mean)), sd=tuple(map(float, sd)),
            weight=tuple(map(float, weight)),
        )  # fmt: skip
    z = combine([(logits[name], scales[name]) for name in logits])
    heads, calibration, excess = [], {}, np.zeros(len(HEADS))
    benign = np.zeros(len(HEADS))
    for head in HEADS[1:]:
        n = INDEX[head]
        rows_used = known[:, n]
        positives = target[rows_used, n].sum()
        if not any(scale.weight[n] > 0 for scale in scales.values()):
            continue
        heads.append(head)
        benign[n] = np.quantile(z[~unsafe, n], BENIGN_QUANTILE)
        if min(positives, rows_used.sum() - positives) >= MIN_POSITIVES:
            label = target[rows_used, n]
            even = balanced(label, mass[rows_used])
            calibration[head] = Platt.fit(z[rows_used, n], label, even)
            excess[n] = 1.0
        else:
            calibration[head] = Platt(slope=2.0, offset=float(-2.0 * (benign[n] + 1)))
            excess[n] = 0.5
        if head in CONTEXT_ONLY:
            excess[n] = 0.0
    n = INDEX["unsafe"]
    benign[n], excess[n] = np.quantile(z[~unsafe, n], BENIGN_QUANTILE), 1.0
    harm = largest_excess(z, benign.astype(np.float32), excess.astype(np.float32))
    even = balanced(unsafe.astype(np.float32), mass, UNSAFE_PRIOR)
    calibration["unsafe"] = Platt.fit(harm, unsafe, even)
    return {
        "made_by": made_by,
        "scorers": {name: scale.model_dump() for name, scale in scales.items()},
        "heads": ["unsafe", *heads],
        "benign": benign.tolist(),
        "excess": excess.tolist(),
        "thresholds": {"flag": 0.5},
        "calibration": {h: c.model_dump() for h, c in calibration.items()},
    }


def main() -> None:
    ask = argparse.ArgumentParser(description="fit scales and calibration")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--weights", type=Path, required=True, help="folder of the scorers' files")
    ask.add_argument("--seed", type=int, default=7)
    options = ask.parse_args()
    from classifiers.prompt.classifier import BUILDERS
    from classifiers.prompt.training import written

    _, held = corpus.split(corpus.read(options.data) + written.rows(options.seed))
    files = {name: options.weights / file for name, file in FILES.items()}
    used = [name for name, needs in SCORERS.items() if all(files[n].exists() for n in needs)]
    texts = [canonical(row.text) for row in held]
    logits = {name: BUILDERS[name](files).score(texts) for name in used}
    made_by = f"fit_ensemble, seed {options.seed}, {len(held)} rows of held-out sources"
    spec = fit(logits, SCORERS, MIX, held, made_by)
    options.out.write_text(json.dumps(spec, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
