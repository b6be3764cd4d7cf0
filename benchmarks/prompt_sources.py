"""The prompt gate on held-out sources: ``python -m benchmarks.prompt_sources --data FOLDER``.

Every row goes through the packaged classifier and the default policy, as a request would. The
training data holds the rows; those of held-out sources and of held written families were never
trained on (``classifiers.prompt.training.rows``). Scales, calibration and the operating point were
fitted on one half of them, and the figures here are of the other half. ``seen`` lists sources that
were trained on: they say what the rules do, not how well the models know new texts.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import reliability
from classifiers.prompt import EmbeddedPromptClassifier
from classifiers.prompt.disguises import DISGUISES
from classifiers.prompt.evaluation import average_precision, interval, recall_at, roc_area
from classifiers.prompt.plot import reliability_plot
from classifiers.prompt.training import rows as corpus
from classifiers.registry import WeightsRegistry
from guarded_gen.gates.gate import GateResult, judge_prompts
from policies import Context, load

Rows = Sequence[corpus.Row]
CALM = (
    "A fisherman repairs a blue net on a quiet pier while gulls circle above him.",
    "Soft morning light falls on the market square, and a baker opens her shop.",
    "Two friends walk along the river and talk about the summer.",
)
FOREIGN = ("zh", "ko", "vi", "it", "ar")
SEEN = ("coco", "pickapic_clean", "ambigqa", "hatecheck", "overt_mini", "overt_unsafe",
        "nibbler_rewritten", "i2p50", "own:noun", "own:pair")  # fmt: skip


class Gate:
    """The packaged classifier under the default policy; texts to scores and actions."""

    def __init__(self, home: Path) -> None:
        self._classifier = EmbeddedPromptClassifier(WeightsRegistry(home))
        self._policy = load("default")

    def decide(self, texts: Sequence[str]) -> list[GateResult]:
        found: list[GateResult] = []
        for start in range(0, len(texts), 32):
            part = list(texts[start : start + 32])
            found += judge_prompts(self._policy, [self._classifier], part, Context())
        return found

    def __call__(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], list[str]]:
        scores, actions = [], []
        for result in self.decide(texts):
            known = [s.score for s in result.signals if s.category == "unsafe"]
            scores.append(max((s for s in known if s is not None), default=np.nan))
            actions.append(result.decision.action.value)
        return np.array(scores, np.float64), actions


def shares(actions: Sequence[str]) -> dict[str, float | int]:
    """How many texts there are, and what share of them is allowed, held or blocked."""
    n = len(actions)
    names = {"allowed": "allow", "held": "review", "blocked": "block"}
    return {"n": n, **{k: round(sum(a == v for a in actions) / n, 4) for k, v in names.items()}}


def by_source(rows: Rows, gate: Gate, sample: int, rng: random.Random) -> dict[str, object]:
    """Shares of every source and label, and the rules that held or blocked most."""
    groups: dict[str, list[corpus.Row]] = {}
    for row in rows:
        groups.setdefault(f"{row.source} {'harmful' if row.unsafe else 'harmless'}", []).append(row)
    report: dict[str, object] = {}
    for name, members in sorted(groups.items()):
        picked = rng.sample(members, min(sample, len(members)))
        decisions = [result.decision for result in gate.decide([row.text for row in picked])]
        rules = Counter(d.rule_id or d.reason for d in decisions if d.action.value != "allow")
        report[name] = {
            **shares([d.action.value for d in decisions]), "rules": dict(rules.most_common(5)),
        }  # fmt: skip
    return report


def disguised(gate: Gate, rows: Rows, calm: Rows) -> dict[str, object]:
    """Of harmful rows not allowed when plain, the share not allowed in each disguise."""
    plain = gate([row.text for row in rows])[1]
    caught = [row.text for row, a in zip(rows, plain, strict=True) if a != "allow"]
    report: dict[str, object] = {"plain": len(caught) / max(1, len(rows))}
    for name, disguise in DISGUISES.items():
        kept = gate([disguise(text) for text in caught])[1]
        wrong = gate([disguise(row.text) for row in calm])[1]
        report[name] = {
            "kept": round(sum(a != "allow" for a in kept) / max(1, len(kept)), 3),
            "harmless_not_allowed": round(sum(a != "allow" for a in wrong) / len(wrong), 3),
        }
    return report


def around(text: str, words: int, rng: random.Random) -> str:
    """``text`` somewhere in about ``words`` words of harmless scene."""
    count = max(1, words // 14)
    calm = [rng.choice(CALM) for _ in range(count)]
    calm.insert(rng.randrange(count + 1), text.rstrip(".") + ".")
    return " ".join(calm)


def in_shots(text: str, rng: random.Random) -> str:
    shots = [rng.choice(CALM), rng.choice(CALM)]
    shots.insert(rng.randrange(3), text)
    return " ".join(f"Shot {n}: {shot.rstrip('.')}." for n, shot in enumerate(shots, 1))


def measure(train: Rows, held: Rows, gate: Gate, sample: int, seed: int) -> dict[str, object]:
    """All figures; ``sample`` rows at most of each source."""
    rng = random.Random(seed)

    def of(chosen: Callable[[corpus.Row], bool]) -> list[corpus.Row]:
        found = [row for row in held if chosen(row)]
        return rng.sample(found, min(sample, len(found)))

    def named(*sources: str, unsafe: bool | None = None) -> list[corpus.Row]:
        return of(lambda r: r.source in sources and unsafe in (None, r.unsafe))

    def scored(rows: Rows) -> tuple[NDArray[np.float64], list[str], NDArray[np.bool_]]:
        score, action = gate([row.text for row in rows])
        return np.nan_to_num(score, nan=0.5), action, np.array([row.unsafe for row in rows], bool)

    report: dict[str, object] = {}
    groups = {
        "posts (surge)": named("surge"),
        "chat (StrongREJECT, WildChat)": named("strongreject", "wildchat"),
        "image prompts (Nibbler) and captions (Parti)": [
            *named("nibbler_unsafe"),
            *named("parti", "nibbler_textsafe_imgunsafe"),
        ],
        "look-alikes and twins (OVERT, unseen pairs)": named(
            "held:overt_mini", "held:overt_unsafe"
        ),
    }
    every_score, every_label = [], []
    for name, rows in groups.items():
        score, action, label = scored(rows)
        every_score.append(score)
        every_label.append(label)
        low, high = interval(average_precision, score, label)
        wanted = float(np.quantile(score[label], 0.15))
        report[name] = {
            "rows": len(rows),
            "auprc": round(average_precision(score, label), 3),
            "auprc_95": [round(low, 3), round(high, 3)],
            "auroc": round(roc_area(score, label), 3),
            "recall_at_5_fpr": round(recall_at(score, label, 0.05), 3),
            "harmless_flagged_at_85_recall": round(float((score[~label] >= wanted).mean()), 3),
            "harmful": shares([a for a, y in zip(action, label, strict=True) if y]),
            "harmless": shares([a for a, y in zip(action, label, strict=True) if not y]),
        }

    real = [*named("goku_en"), *named("held:seedance_en"), *named("held:film_real")]
    real_score, real_action, _ = scored(real)
    report["real video prompts, English"] = shares(real_action)
    video = of(
        lambda r: r.source.startswith("held:") and r.style == "t2v" and r.unsafe and r.weight[0] > 0
        and not r.source.startswith("held:film_")
    )  # fmt: skip
    video_score, video_action, _ = scored(video)
    caption_score, caption_action, _ = scored(named("held:caption", "parti"))
    report["short captions"] = shares(caption_action)
    report["written video harm"] = {
        **shares(video_action),
        "auroc_against_captions": round(_area(video_score, caption_score), 3),
        "auroc_against_real": round(_area(video_score, real_score), 3),
    }
    films = of(lambda r: r.source.startswith("held:film_") and r.style == "t2v" and r.unsafe)
    film_score, film_action, _ = scored(films)
    alike_score, alike_action, _ = scored(named("held:film_alike"))
    report["film-like harm"] = {
        **shares(film_action),
        "auroc_against_its_twins": round(_area(film_score, alike_score), 3),
        "auroc_against_real": round(_area(film_score, real_score), 3),
        "recall_at_5_fpr_of_twins": round(recall_at(*_joined(film_score, alike_score), 0.05), 3),
    }
    report["its harmless twins"] = shares(alike_action)
    nibbler, _, _ = scored(named("nibbler_unsafe"))
    report["image prompts against real video prompts, auroc"] = round(_area(nibbler, real_score), 3)

    languages: dict[str, object] = {}
    for code in sorted({r.source[-2:] for r in held if r.source.startswith("held:lang_")}):
        bad, bad_action, _ = scored(named(f"held:lang_{code}", unsafe=True))
        good, good_action, _ = scored(named(f"held:lang_{code}", unsafe=False))
        long = named(f"held:seedance_{code}")
        film = [named(f"held:film_{code}", unsafe=harmful) for harmful in (True, False)]
        languages[code] = {
            "harmful": shares(bad_action),
            "harmless": shares(good_action),
            "auroc": round(_area(bad, good), 3),
            **({"real prompts": shares(scored(long)[1])} if long else {}),
            **(
                {
                    "film-like harm": shares(scored(film[0])[1]),
                    "film-like harmless": shares(scored(film[1])[1]),
                }
                if all(film)
                else {}
            ),
        }
        every_score += [bad, good]
        every_label += [np.ones(len(bad), bool), np.zeros(len(good), bool)]
    report["languages"] = languages

    blocked = [t.text for t, a in zip(video, video_action, strict=True) if a == "block"]
    hidden: dict[str, object] = {}
    for words in (20, 100, 400):
        hidden[f"{words} words"] = shares(gate([around(t, words, rng) for t in blocked])[1])
    hidden["three shots"] = shares(gate([in_shots(t, rng) for t in blocked])[1])
    report["harm blocked alone, hidden"] = hidden
    foreign = [
        r.text
        for r in held
        if r.unsafe
        and r.source[-2:] in FOREIGN
        and r.source.startswith(("held:lang_", "held:film_"))
    ]
    for words in (20, 100):
        report[f"foreign harm inside {words} English words"] = shares(
            gate([around(t, words, rng) for t in foreign])[1]
        )
    report["disguises"] = disguised(gate, video[:40], named("held:caption")[:40])
    report["held out"] = by_source(
        [r for r in held if not r.style.startswith("lang-")], gate, sample, rng
    )
    seen = [row for row in train if row.source in SEEN]
    report["seen"] = by_source(seen, gate, sample, rng)
    score, label = np.concatenate(every_score), np.concatenate(every_label)
    bins, error = reliability(score, label.astype(np.float64))
    report["calibration"] = {"error": round(error, 4), "bins": [b.model_dump() for b in bins]}
    return report


def _area(harmful: NDArray[np.float64], harmless: NDArray[np.float64]) -> float:
    return roc_area(*_joined(harmful, harmless))


def _joined(
    harmful: NDArray[np.float64], harmless: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    score = np.concatenate([harmful, harmless])
    return score, np.arange(len(score)) < len(harmful)


def main() -> None:
    ask = argparse.ArgumentParser(description="measure the prompt gate on held-out sources")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--json", type=Path)
    ask.add_argument("--plot", type=Path)
    ask.add_argument("--sample", type=int, default=400)
    ask.add_argument("--all", action="store_true", help="the development half as well")
    ask.add_argument("--seed", type=int, default=7)
    options = ask.parse_args()
    train, every = corpus.load(options.data, options.seed)
    held = [row for row in every if options.all or not corpus.development(row)]
    with tempfile.TemporaryDirectory() as home:
        report = measure(train, held, Gate(Path(home)), options.sample, options.seed)
    print(json.dumps(report, indent=1, ensure_ascii=False))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if options.plot:
        found = report["calibration"]
        assert isinstance(found, dict)
        reliability_plot(found["bins"], found["error"], "held-out sources", options.plot)


if __name__ == "__main__":
    main()
