"""Fit scales, harm and calibration of the ensemble on held-out sources, and write its file.

``python -m classifiers.prompt.training.fit_ensemble --data ../shared/data/prompts --weights FOLDER
--out FILE``

Only the half of the held rows that is for development takes part (``rows.development``); the other
half is what figures are reported on.

Rows are cut into spans and windows as the gate cuts them. English ones are scored by all scorers,
those of other languages by the encoder alone; each kind has a calibration of its own. ``unsafe`` is
fitted on all rows, every category on the harmful ones alone. The offsets of ``unsafe`` are then
set so that the default policy holds the stated shares of harmless rows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import Platt
from classifiers.prompt.encoder import WINDOW, EncoderScorer
from classifiers.prompt.ensemble import (
    ENGLISH,
    HARM,
    SUBJECTS,
    Ensemble,
    EnsembleSpec,
    Scorer,
    ScorerScale,
)
from classifiers.prompt.evaluation import average_precision, recall_at, roc_area
from classifiers.prompt.heads import HEADS, INDEX
from classifiers.prompt.lexicon import LexiconScorer
from classifiers.prompt.ngram import NgramScorer
from classifiers.prompt.profanity import ProfanityScorer
from classifiers.prompt.signs import Signs
from classifiers.prompt.training import rows as corpus
from classifiers.prompt.training.reading import Cutter, ReadRow
from policies import load

Floats = NDArray[np.float32]
MIN_POSITIVES = 12
"""A head with fewer positive rows gets 0.5 just above what the others reach."""
RARE_SLOPE = 2.0
SAMPLE = 400
"""Rows of one source at most."""
SUBJECT_PRIOR = 0.08
"""Share of positives that a subject's probability assumes; the rows hold far fewer."""
SHARE_PRIOR = 0.3
"""The same for a category among harmful rows."""
UNSAFE_PRIOR = 0.4
"""The same for ``unsafe``, before the offset moves to the operating point."""
CATEGORIES = tuple(head for head in HEADS if head not in (HARM, *SUBJECTS))
HARM_SHARE = 0.25
"""Weight of the mean over the harm categories beside the head that learnt harm itself."""
CHANCE = 0.45
"""Discount for each e-fold of spans, set on real long prompts."""
HELD_BACK = {
    "real": 0.045, "caption": 0.008, "alike": 0.10, "foreign": 0.06, "foreign_real": 0.11,
}  # fmt: skip
"""Most of each kind of harmless held rows that the default policy may hold."""
HIGHEST_SHIFT = 1.5
"""Most that the operating point may raise the offset of ``unsafe``, in log-odds."""
REAL = ("goku_en", "held:seedance_en", "held:film_real")
"""Prompts of users of video models, and such as they write."""
MIX = {"encoder": 1.0, "ngram": 0.25, "profanity": 0.15, "lexicon": 0.2}
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


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows with their stretches: logits of each scorer, float32 [stretches, heads].

    The stretches of row ``i`` are ``first[i]`` to ``first[i + 1]``, not included.
    """

    rows: tuple[ReadRow, ...]
    codes: tuple[str, ...]
    first: NDArray[np.int64]
    logits: Mapping[str, Floats]

    def worst(self, values: Floats) -> Floats:
        """The largest value of each row's stretches, float32 [rows, …]."""
        return np.maximum.reduceat(values, self.first[:-1], axis=0)

    def mask(self, chosen: Callable[[ReadRow], bool]) -> NDArray[np.bool_]:
        return np.array([chosen(row) for row in self.rows], bool)


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


def read(models: Mapping[str, Scorer], cutter: Cutter, held: Sequence[corpus.Row]) -> Scored:
    """Cut and score ``held``; the English scorers leave NaN where they do not read."""
    rows = tuple(cutter.cut(held))
    parts = [part for row in rows for part in row.parts]
    codes = tuple(part.code for part in parts)
    native = [i for i, code in enumerate(codes) if code in ENGLISH]
    logits = {}
    for name, model in models.items():
        if name == "encoder":
            logits[name] = model.score([part.text for part in parts])
            continue
        found = np.full((len(parts), len(HEADS)), np.nan, np.float32)
        found[native] = model.score([parts[i].text for i in native])
        logits[name] = found
    first = np.cumsum([0, *(len(row.parts) for row in rows)])
    return Scored(rows, codes, first, logits)


def balanced(
    label: NDArray[np.float32], mass: NDArray[np.float64], prior: float
) -> NDArray[np.float64]:
    """Row weights with which positives make up ``prior`` of the mass."""
    positive = label > 0.5
    weight = mass.copy()
    weight[positive] *= prior / mass[positive].sum()
    weight[~positive] *= (1 - prior) / mass[~positive].sum()
    return weight * len(label)


def scales(scored: Scored) -> dict[str, ScorerScale]:
    """Mean and spread of every head over the stretches of held English rows."""
    english = [row for row in scored.rows if row.english]
    mass = dict(
        zip(map(id, english), corpus.cell_probabilities([r.row for r in english]), strict=True)
    )
    each = np.concatenate(
        [np.full(len(r.parts), mass.get(id(r), 0.0) / len(r.parts)) for r in scored.rows]
    )
    used = each > 0
    made = {}
    for name, logits in scored.logits.items():
        found = logits[used]
        usable = np.isfinite(found).all(axis=0) & (found.std(axis=0) > 1e-4)
        mean = np.where(usable, np.average(np.nan_to_num(found), axis=0, weights=each[used]), 0.0)
        sd = np.where(usable, np.nan_to_num(found).std(axis=0), 1.0)
        weight = np.where(usable, MIX[name], 0.0)
        made[name] = ScorerScale(
            weights=FILES[name],
            languages=() if name == "encoder" else ENGLISH,
            mean=tuple(map(float, mean)),
            sd=tuple(map(float, sd)),
            weight=tuple(map(float, weight)),
        )
    return made


def harm_weights() -> dict[str, float]:
    """Weight of each head in ``unsafe``: harm itself, and a share for the categories' mean."""
    named = [head for head in CATEGORIES if head != "code_abuse"]
    return {HARM: 1.0 - HARM_SHARE, **dict.fromkeys(named, HARM_SHARE / len(named))}


def calibrate(worst: Floats, harm: Floats, rows: Sequence[corpus.Row]) -> dict[str, Platt]:
    """One calibration a head from the worst stretches of rows: z [N, heads], harm [N]."""
    target = np.stack([row.target for row in rows])
    trust = np.stack([row.weight for row in rows])
    harmful = target[:, INDEX[HARM]] > 0.5
    mass = corpus.cell_probabilities(rows) * len(rows)
    found = {}
    for head in HEADS:
        n = INDEX[head]
        used = (trust[:, n] > 0) & (harmful if head in CATEGORIES else True)
        value = harm if head == HARM else worst[:, n]
        label = target[used, n]
        if min(label.sum(), (1 - label).sum()) < MIN_POSITIVES:
            edge = float(np.quantile(value[used][label < 0.5], 0.98))
            found[head] = Platt(slope=RARE_SLOPE, offset=-RARE_SLOPE * edge)
            continue
        prior = (
            UNSAFE_PRIOR if head == HARM else (SHARE_PRIOR if head in CATEGORIES else SUBJECT_PRIOR)
        )
        found[head] = Platt.fit(
            value[used], label, balanced(label, mass[used] * trust[used, n], prior)
        )
    return found


def held_back(p: Floats) -> NDArray[np.bool_]:
    """Whether a rule of the default policy on harm would hold each prompt; p [N, heads]."""
    lowest: dict[str, float] = {}
    for rule in load("default").rules:
        if "prompt" in rule.stage and rule.when is None and rule.category in (HARM, *CATEGORIES):
            lowest[rule.category] = min(rule.low, lowest.get(rule.category, 1.0))
    found = np.zeros(len(p), bool)
    for head, threshold in lowest.items():
        found |= p[:, INDEX[head]] >= threshold
    return found


def kind(row: ReadRow) -> str:
    """What a harmless row stands for in :data:`HELD_BACK`; empty for the rest."""
    source = row.row.source
    if row.row.unsafe:
        return ""
    if source in REAL:
        return "real"
    if source in ("parti", "held:caption", "held:lookalike"):
        return "caption"
    if source in ("held:overt_mini", "held:film_alike"):
        return "alike"
    if source.startswith("held:seedance_"):
        return "foreign_real"
    return "foreign" if source.startswith(("held:lang_", "held:film_")) else ""


def operating(spec: EnsembleSpec, scored: Scored, z: Floats, foreign: bool) -> float:
    """The shift of the offset of ``unsafe`` with which no kind is held more than stated."""
    wanted = {k: v for k, v in HELD_BACK.items() if k.startswith("foreign") == foreign}
    used = [n for n, row in enumerate(scored.rows) if kind(row) in wanted]
    kinds = np.array([kind(scored.rows[n]) for n in used])

    def fits(shift: float) -> bool:
        held = held_back(prompts(_shifted(spec, foreign, shift), scored, z, used))
        return all(held[kinds == k].mean() <= share for k, share in wanted.items())

    low, high = -4.0, HIGHEST_SHIFT
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _shifted(spec: EnsembleSpec, foreign: bool, shift: float) -> EnsembleSpec:
    name = "other" if foreign else "english"
    table = dict(spec.other if foreign else spec.english)
    table[HARM] = Platt(slope=table[HARM].slope, offset=table[HARM].offset + shift)
    return spec.model_copy(update={name: table})


def prompts(
    spec: EnsembleSpec, scored: Scored, z: Floats, used: Sequence[int] | None = None
) -> Floats:
    """Probabilities of whole prompts, float32 [rows, heads], as the gate has them.

    Of the rows ``used`` alone, where they are named. The lists of names take no part.
    """
    ensemble = Ensemble(spec, dict.fromkeys(spec.scorers, LexiconScorer()))
    signs = Signs(spec.heads, LexiconScorer())
    p = ensemble.probabilities(z, scored.codes)
    found = []
    for n in range(len(scored.rows)) if used is None else used:
        rows = p[scored.first[n] : scored.first[n + 1]]
        found.append(signs.required(ensemble.whole(rows), scored.rows[n].parts, rows, {}))
    return np.stack(found)


def sampled(rows: Sequence[corpus.Row], seed: int) -> list[corpus.Row]:
    """At most :data:`SAMPLE` rows of each source and label."""
    kept: dict[tuple[str, bool], list[corpus.Row]] = {}
    order = np.random.default_rng(seed).permutation(len(rows))
    for i in order:
        kept.setdefault((rows[i].source, rows[i].unsafe), []).append(rows[i])
    return [row for found in kept.values() for row in found[:SAMPLE]]


def fit(scored: Scored, made_by: str) -> tuple[EnsembleSpec, Floats]:
    """The spec, and the z-scores of all stretches with it."""
    spec = EnsembleSpec(
        made_by=made_by,
        scorers=scales(scored),
        heads=HEADS,
        harm=harm_weights(),
        english={},
        other={},
        measured_languages=MEASURED,
        window=WINDOW - 2,
        chance=CHANCE,
        thresholds={"flag": 0.5},
    )
    z, alone = z_scores(spec, scored)
    ensemble = Ensemble(spec, dict.fromkeys(spec.scorers, LexiconScorer()))
    english = scored.mask(lambda row: row.english)
    worst, harm = scored.worst(z), scored.worst(ensemble.harm(z))
    rows = [row.row for row in scored.rows]
    spec = spec.model_copy(
        update={
            "english": calibrate(
                worst[english], harm[english], [r for r, e in zip(rows, english, strict=True) if e]
            ),
            # rows of other languages are few: English ones read by the encoder alone join them
            "other": calibrate(scored.worst(alone), scored.worst(ensemble.harm(alone)), rows),
        }
    )
    for foreign in (False, True):
        spec = _shifted(spec, foreign, operating(spec, scored, z, foreign))
    return spec, z


def z_scores(spec: EnsembleSpec, scored: Scored) -> tuple[Floats, Floats]:
    """Z-scores of all stretches as the gate has them, and by the encoder alone."""
    from classifiers.prompt.ensemble import combine

    every = combine([(scored.logits[n], scale) for n, scale in spec.scorers.items()])
    return every, combine([(scored.logits["encoder"], spec.scorers["encoder"])])


def ranks(scored: Scored, p: Floats) -> dict[str, float]:
    """How ``unsafe`` ranks on each group of held sources, and what the policy would hold."""
    score = p[:, INDEX[HARM]].astype(float)
    held = held_back(p)
    label = scored.mask(lambda row: row.row.unsafe)
    source = np.array([row.row.source for row in scored.rows])
    trusted = scored.mask(lambda row: row.row.weight[INDEX[HARM]] > 0)

    def of(figure: Callable[..., float], *names: str) -> float:
        used = np.isin(source, names) & trusted
        return round(figure(score[used], label[used]), 3)

    foreign = scored.mask(lambda row: row.row.source.startswith("held:lang_"))
    real = np.isin(source, REAL)
    films = scored.mask(lambda row: row.row.source.startswith("held:film_"))
    video = (
        scored.mask(
            lambda row: (
                row.row.source.startswith("held:") and row.row.style == "t2v" and row.row.unsafe
            )
        )
        & trusted
    )
    told, elsewhere = films & video, films & ~real & (source != "held:film_alike") & ~video
    video &= ~films
    alike = source == "held:film_alike"
    captions = np.isin(source, ("parti", "held:caption", "held:lookalike"))
    found = {
        "posts_auprc": of(average_precision, "surge"),
        "chat_auprc": of(average_precision, "strongreject", "wildchat"),
        "images_auroc": of(roc_area, "nibbler_unsafe", "parti"),
        "twins_auroc": of(roc_area, "held:overt_mini", "held:overt_unsafe"),
        "foreign_auroc": round(roc_area(score[foreign], label[foreign]), 3),
        "video_captions_auroc": round(roc_area(*_two(score, video, captions)), 3),
        "video_captions_recall_at_5": round(recall_at(*_two(score, video, captions), 0.05), 3),
        "video_real_auroc": round(roc_area(*_two(score, video, real)), 3),
        "films_alike_auroc": round(roc_area(*_two(score, told, alike)), 3),
        "films_real_auroc": round(roc_area(*_two(score, told, real)), 3),
        "foreign_films_auroc": round(roc_area(score[elsewhere], label[elsewhere]), 3),
        "nibbler_real_auroc": round(roc_area(*_two(score, source == "nibbler_unsafe", real)), 3),
    }
    for name in (
        "surge",
        "strongreject",
        "wildchat",
        "nibbler_unsafe",
        "parti",
        "goku_en",
        "held:seedance_en",
        "held:overt_unsafe",
        "held:overt_mini",
    ):
        for harmful in (True, False):
            used = (source == name) & (label == harmful) & trusted
            if used.any():
                found[f"held {name} {'bad' if harmful else 'ok'}"] = round(
                    float(held[used].mean()), 3
                )
    found["held films bad"] = round(float(held[told].mean()), 3)
    found["held films alike"] = round(float(held[alike].mean()), 3)
    found["held foreign films bad"] = round(float(held[elsewhere & label].mean()), 3)
    found["held foreign films ok"] = round(float(held[elsewhere & ~label].mean()), 3)
    listed = scored.mask(lambda row: row.row.source.startswith("held:seedance_"))
    found["held foreign real"] = round(
        float(held[listed & (source != "held:seedance_en")].mean()), 3
    )
    found["held written video harm"] = round(float(held[video].mean()), 3)
    found["held foreign bad"] = round(float(held[foreign & label].mean()), 3)
    found["held foreign ok"] = round(float(held[foreign & ~label].mean()), 3)
    return found


def _two(
    score: NDArray[np.float64], bad: NDArray[np.bool_], ok: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return np.r_[score[bad], score[ok]], np.arange(bad.sum() + ok.sum()) < bad.sum()


def main() -> None:
    ask = argparse.ArgumentParser(description="fit scales and calibration")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--weights", type=Path, required=True, help="folder of the scorers' files")
    ask.add_argument("--words", type=Path, default=WORDS)
    ask.add_argument("--seed", type=int, default=7)
    options = ask.parse_args()
    every = corpus.load(options.data, options.seed)[1]
    held = sampled([row for row in every if corpus.development(row)], options.seed)
    models = scorers(options.weights)
    encoder = models["encoder"]
    assert isinstance(encoder, EncoderScorer)
    scored = read(models, Cutter(options.words, encoder, MEASURED), held)
    made_by = f"fit_ensemble, seed {options.seed}, {len(scored.rows)} rows of the development half"
    spec, z = fit(scored, made_by)
    options.out.write_text(spec.model_dump_json(indent=1) + "\n", "utf-8")
    print(json.dumps(ranks(scored, prompts(spec, scored, z)), indent=1))


WORDS = Path(__file__).resolve().parents[1] / "weights" / "words.json"

if __name__ == "__main__":
    main()
