"""Fit scales, harm and calibration of the ensemble on held-out sources, and write its file.

``python -m classifiers.prompt.training.fit_ensemble --data ../shared/data/prompts --weights FOLDER
--out FILE``

English rows are scored by all scorers, those of other languages by the encoder alone; each has a
calibration of its own. The offsets of ``unsafe`` are then lowered, if need be, until at most the
stated shares of *real* long prompts and of plain captions come near a hold.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import Platt
from classifiers.prompt.encoder import WINDOW, EncoderScorer
from classifiers.prompt.ensemble import (
    ENGLISH,
    LARGEST_DISCOUNT,
    SUBJECTS,
    Scorer,
    ScorerScale,
    combine,
)
from classifiers.prompt.evaluation import average_precision, roc_area
from classifiers.prompt.heads import HEADS, INDEX
from classifiers.prompt.lexicon import LexiconScorer
from classifiers.prompt.ngram import NgramScorer
from classifiers.prompt.profanity import ProfanityScorer
from classifiers.prompt.training import rows as corpus

Floats = NDArray[np.float32]
MIN_POSITIVES = 20
"""A head with fewer held positives gets 0.5 just above what harmless rows reach."""
RARE_SLOPE = 2.0
SAMPLE = 400
"""Rows of one source at most."""
HEAD_PRIOR = 0.2
"""Share of positives that a category's probability assumes; the rows hold far fewer."""
UNSAFE_PRIOR = 0.4
"""The same for ``unsafe``, before the offset is lowered to the operating point."""
HARM = {head: 1.0 for head in HEADS if head not in ("unsafe", *SUBJECTS, "code_abuse")}
HARM_SHARE = 0.25
"""Weight of the mean over the harm categories beside the head that learnt harm itself."""
CHANCE = 0.35
"""Discount for each e-fold of spans, set on real long prompts."""
QUIET = 0.45
"""A harmless prompt should stay below: no rule of the default policy on harm holds at less."""
QUIET_SHARE = {"real": 0.95, "caption": 0.99, "foreign": 0.88}
"""Share of held harmless rows of each kind that does."""
MIX = {"encoder": 1.0, "ngram": 0.2, "profanity": 0.3, "lexicon": 0.15}
"""Weights of the mean, chosen on held-out sources."""
FILES = {
    "encoder": ("prompt_embeddings", "prompt_encoder", "prompt_heads", "prompt_tokenizer"),
    "ngram": ("prompt_ngram",),
    "profanity": ("prompt_profanity",),
    "lexicon": (),
}
MEASURED = (
    "ar",
    "de",
    "en",
    "es",
    "fr",
    "hi",
    "id",
    "it",
    "ja",
    "ko",
    "nl",
    "pt",
    "ru",
    "th",
    "tr",
    "vi",
    "zh",
)


def scorers(folder: Path) -> dict[str, Scorer]:
    """All scorers from their files in ``folder``."""
    return {
        "encoder": EncoderScorer(
            folder / "encoder.onnx",
            folder / "embeddings.safetensors",
            folder / "heads.safetensors",
            folder / "tokenizer.json",
        ),
        "ngram": NgramScorer(folder / "ngram.safetensors"),
        "profanity": ProfanityScorer(folder / "profanity.safetensors"),
        "lexicon": LexiconScorer(),
    }


def cell_weights(held: Sequence[corpus.Row]) -> NDArray[np.float64]:
    """Every style x label cell weighs the same, float64 [N] of mean 1."""
    return corpus.cell_probabilities(held, power=0.5) * len(held)


def balanced(
    label: NDArray[np.float32], mass: NDArray[np.float64], prior: float
) -> NDArray[np.float64]:
    """Row weights with which positives make up ``prior`` of the mass."""
    positive = label > 0.5
    weight = mass.copy()
    weight[positive] *= prior / mass[positive].sum()
    weight[~positive] *= (1 - prior) / mass[~positive].sum()
    return weight * len(label)


def scale_of(found: Floats, mass: NDArray[np.float64], name: str) -> ScorerScale:
    """Mean and spread of every head over the held English rows."""
    usable = np.isfinite(found).all(axis=0) & (found.std(axis=0) > 1e-4)
    mean = np.where(usable, np.average(np.nan_to_num(found), axis=0, weights=mass), 0.0)
    sd = np.where(usable, np.nan_to_num(found).std(axis=0), 1.0)
    weight = np.where(usable, MIX[name], 0.0)
    return ScorerScale(
        weights=FILES[name],
        languages=() if name == "encoder" else ENGLISH,
        mean=tuple(map(float, mean)),
        sd=tuple(map(float, sd)),
        weight=tuple(map(float, weight)),
    )


def harm_weights() -> dict[str, float]:
    """Weight of each head in ``unsafe``: harm itself, and a share for the categories' mean."""
    each = HARM_SHARE / len(HARM)
    return {"unsafe": 1.0 - HARM_SHARE, **dict.fromkeys(HARM, each)}


def harm_of(z: Floats) -> Floats:
    weights = harm_weights()
    total = sum(w * z[:, INDEX[head]] for head, w in weights.items())
    return np.asarray(total / sum(weights.values()), np.float32)


def calibrate(z: Floats, held: Sequence[corpus.Row]) -> dict[str, Platt]:
    """One calibration a head from rows of one kind of language."""
    target = np.stack([row.target for row in held])
    known = np.stack([row.weight for row in held]) > 0
    mass = cell_weights(held)
    found = {}
    for head in HEADS:
        n = INDEX[head]
        value = harm_of(z) if head == "unsafe" else z[:, n]
        used = known[:, n]
        label = target[used, n]
        if min(label.sum(), (1 - label).sum()) < MIN_POSITIVES:
            edge = float(np.quantile(value[used][label < 0.5], 0.995))
            found[head] = Platt(slope=RARE_SLOPE, offset=-RARE_SLOPE * (edge + 0.25))
            continue
        prior = UNSAFE_PRIOR if head == "unsafe" else HEAD_PRIOR
        found[head] = Platt.fit(value[used], label, balanced(label, mass[used], prior))
    return found


def lowered(platt: Platt, scores: Mapping[str, Sequence[Floats]]) -> Platt:
    """The calibration with its offset low enough for every kind in :data:`QUIET_SHARE`.

    ``scores`` holds, for each kind, one array of span scores a prompt.
    """
    wanted = np.log(QUIET / (1 - QUIET))
    offset = platt.offset
    for kind, prompts in scores.items():
        odds = [platt.slope * float(p.max()) - discount(len(p)) for p in prompts]
        offset = min(offset, wanted - float(np.quantile(odds, QUIET_SHARE[kind])))
    return Platt(slope=platt.slope, offset=offset)


def sampled(rows: Sequence[corpus.Row], seed: int) -> list[corpus.Row]:
    """At most :data:`SAMPLE` rows of each source and label."""
    kept: dict[tuple[str, bool], list[corpus.Row]] = {}
    order = np.random.default_rng(seed).permutation(len(rows))
    for i in order:
        kept.setdefault((rows[i].source, rows[i].unsafe), []).append(rows[i])
    return [row for found in kept.values() for row in found[:SAMPLE]]


def real(row: corpus.Row) -> bool:
    """Whether a row is a whole prompt that a user of a video model wrote."""
    return row.source.startswith(("held:seedance", "goku"))


def discount(spans: int) -> float:
    return min(CHANCE * float(np.log(spans)), LARGEST_DISCOUNT)


def ranks(
    short: Sequence[corpus.Row], foreign: Sequence[corpus.Row], english: Floats, other: Floats
) -> dict[str, float]:
    """How harm ranks on each group of held sources: average precision or the ROC area."""

    def of(figure: Callable[..., float], *names: str) -> float:
        used = np.array([row.source in names for row in short])
        label = np.array([row.unsafe for row in short])
        return round(figure(english[used].astype(float), label[used]), 3)

    label = np.array([row.unsafe for row in foreign])
    return {
        "posts_auprc": of(average_precision, "surge"),
        "chat_auprc": of(average_precision, "strongreject", "wildchat"),
        "images_auroc": of(roc_area, "nibbler_unsafe", "parti"),
        "twins_auroc": of(roc_area, "held:overt_mini", "held:overt_unsafe"),
        "foreign_auroc": round(roc_area(other[: len(foreign)].astype(float), label), 3),
    }


def main() -> None:
    ask = argparse.ArgumentParser(description="fit scales and calibration")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--weights", type=Path, required=True, help="folder of the scorers' files")
    ask.add_argument("--seed", type=int, default=7)
    options = ask.parse_args()
    held = sampled(corpus.load(options.data, options.seed)[1], options.seed)
    models = scorers(options.weights)
    long = [r for r in held if real(r)]
    short = [r for r in held if not real(r) and corpus.english(r)]
    foreign = [r for r in held if not real(r) and not corpus.english(r)]

    logits = {name: one.score([r.text for r in short]) for name, one in models.items()}
    mass = cell_weights(short)
    scales = {name: scale_of(found, mass, name) for name, found in logits.items()}

    def z(texts: Sequence[str], english: bool) -> Floats:
        names = models if english else ("encoder",)
        return combine([(models[n].score(texts), scales[n]) for n in names])

    def prompts(rows: Sequence[corpus.Row], english: bool) -> list[Floats]:
        return [harm_of(z(corpus.spans(r.text), english)) for r in rows]

    english_z = combine([(logits[name], scales[name]) for name in logits])
    english = calibrate(english_z, short)
    both = [*foreign, *short]
    other_z = np.concatenate(
        [z([r.text for r in foreign], False), combine([(logits["encoder"], scales["encoder"])])]
    )
    other = calibrate(other_z, both)
    captions = [r for r in short if r.source in ("parti", "held:caption")]
    english["unsafe"] = lowered(
        english["unsafe"],
        {
            "real": prompts([r for r in long if corpus.english(r)], True),
            "caption": [np.array([s]) for s in harm_of(z([r.text for r in captions], True))],
        },
    )
    other["unsafe"] = lowered(
        other["unsafe"],
        {"foreign": prompts([r for r in long if not corpus.english(r)], False)},
    )
    spec = {
        "made_by": f"fit_ensemble, seed {options.seed}, {len(held)} rows of held-out sources",
        "scorers": {name: scale.model_dump() for name, scale in scales.items()},
        "heads": list(HEADS),
        "harm": harm_weights(),
        "english": {h: c.model_dump() for h, c in english.items()},
        "other": {h: c.model_dump() for h, c in other.items()},
        "measured_languages": list(MEASURED),
        "window": WINDOW - 2,
        "chance": CHANCE,
        "thresholds": {"flag": 0.5},
    }
    options.out.write_text(json.dumps(spec, indent=1) + "\n", "utf-8")
    print(json.dumps(ranks(short, foreign, harm_of(english_z), harm_of(other_z))))


if __name__ == "__main__":
    main()
