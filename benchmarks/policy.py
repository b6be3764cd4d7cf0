"""Times of the policy room. Run: ``python -m benchmarks.policy [--history OUT.npz] [--json]``.

Medians of repeated runs in processor time of this process, so that other work on the machine
counts less. Every figure stands beside its target.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

import policies
from policies import AgeMode, Context, Policy, Rule, Signal, Stage, evaluate
from policies.history import SCALE, History, StageHistory
from policies.replay import actions, reference, replay
from policies.taxonomy import HARM

CONDITIONS = (
    "strikes > 1",
    "scores.violence > 0.4",
    "has_reference",
    'jurisdiction == "US-CA"',
    '"neural" in capabilities',
    "duration > 5.0",
    "scores.sexual > 0.2 && strikes >= 1",
    'tenant == "t1"',
    'backend != "world"',
    'age_mode == "teen"',
)


def rules(count: int, conditions: int) -> tuple[Rule, ...]:
    """``count`` rules over all categories with spread thresholds, the first with conditions."""
    return tuple(
        Rule(
            id=f"R-{i}",
            category=HARM[i % len(HARM)],
            stage=(Stage.PROMPT, Stage.OUTPUT),
            at_least=round(0.2 + 0.7 * ((i * 7) % 10) / 10, 2),
            action=("allow", "review", "block")[i % 3],
            reason="reason",
            age_mode=((), (AgeMode.TEEN,), ())[i % 3],
            jurisdictions=("EU", "GB") if i % 4 == 3 else (),
            when=CONDITIONS[i] if i < conditions else None,
        )
        for i in range(count)
    )


def policy(count: int, conditions: int = 0) -> Policy:
    default = policies.load("default")
    return Policy(
        id="bench", version="1", floor=(), rules=rules(count, conditions), required=default.required
    )


def contexts() -> list[Context]:
    return [
        Context(
            tenant=f"t{i % 7}",
            jurisdiction=("DE", "US-CA", "GB", "JP")[i % 4],
            age_mode=AgeMode.TEEN if i % 3 == 0 else AgeMode.ADULT,
            strikes=i % 4,
            backend="dit",
            capabilities=frozenset({"neural", "t2v"}),
            duration=float(2 + i % 8),
            faces=0,
        )
        for i in range(84)
    ]


def history(n: int, seed: int = 0) -> History:
    """``n`` generated prompt decisions with scores as a classifier gives them: mostly low."""
    rng = np.random.default_rng(seed)
    scores = {
        c: np.minimum((rng.random(n, np.float32) ** 5 * SCALE).astype(np.int32), SCALE)
        for c in HARM
    }
    known = contexts()
    block = StageHistory(
        ids=np.char.add("dec_", np.arange(n).astype(np.str_)),
        context=rng.integers(0, len(known), n, np.int32),
        action=np.zeros(n, np.uint8),
        empty=np.zeros(n, np.bool_),
        scores=scores,
        calibrated={},
        gaps={},
    )
    made = History({Stage.PROMPT: block}, tuple(known))
    block.action[:] = actions(policies.load("default"), made)[Stage.PROMPT]
    return made


def median(run: Callable[[], object], calls: int = 1, repeats: int = 9) -> float:
    """Seconds of processor time for one call, the median of ``repeats`` runs."""
    run()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(calls):
            run()
        times.append((time.process_time() - start) / calls)
    return statistics.median(times)


def decisions(count: int, conditions: int) -> float:
    made = policy(count, conditions)
    rng = random.Random(1)
    asked = [
        ([Signal.ran("c", c, rng.random() ** 2) for c in HARM], rng.choice(contexts()))
        for _ in range(500)
    ]

    def run() -> None:
        for signals, context in asked:
            evaluate(made, Stage.PROMPT, signals, context)

    return median(run) / len(asked)


def digest() -> float:
    made = policy(40, 10)

    def run() -> None:
        made.__dict__.pop("digest", None)
        made.__dict__.pop("canonical", None)
        _ = made.digest

    return median(run, repeats=15)


def loading(count: int) -> float:
    written = [
        rule.model_dump(mode="json", exclude_defaults=True)
        | {"at_least": round(0.1 + i / 1000, 4), "examples": [{"score": 0.95, "expect": "block"}]}
        for i, rule in enumerate(rules(count, 10))
    ]
    for rule in written:
        rule.update(action="block", category=random.Random(rule["id"]).choice(HARM))
        rule.update(tenants=[f"t-{rule['id']}"])
    text = yaml.safe_dump(
        {"policy": "big", "version": "1", "extends": "default", "rules": written}, sort_keys=False
    )
    return median(lambda: policies.loads(text), repeats=5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=Path, help="keep the generated history in this file")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()

    recorded = history(wanted.rows)
    if wanted.history:
        recorded.save(wanted.history)
    forty, with_conditions = policy(40), policy(40, 10)
    sample = History(
        {Stage.PROMPT: recorded.blocks[Stage.PROMPT].take(np.arange(2_000))}, recorded.contexts
    )
    row = median(lambda: reference(forty, sample), repeats=3) / 2_000
    results = {
        "decision, 40 rules (µs)": (decisions(40, 0) * 1e6, 25),
        "decision, 40 rules, 10 conditions (µs)": (decisions(40, 10) * 1e6, 45),
        "digest, 40 rules (ms)": (digest() * 1e3, 2),
        "load and check, 200 rules (ms)": (loading(200) * 1e3, 200),
        f"replay, {wanted.rows:,} decisions, 40 rules (s)": (
            median(lambda: actions(forty, recorded), repeats=5),
            0.6,
        ),
        "the same row by row (s, from 2,000)": (row * wanted.rows, None),
        "replay with report against the default (s)": (
            median(lambda: replay(forty, recorded), repeats=3),
            None,
        ),
        "replay with 10 conditions (s)": (
            median(lambda: actions(with_conditions, recorded), repeats=1),
            None,
        ),
    }
    if wanted.json:
        print(json.dumps({name: {"value": v, "target": t} for name, (v, t) in results.items()}))
        return
    for name, (value, target) in results.items():
        goal = "" if target is None else f"  target {target:g}"
        print(f"{name:<52} {value:>10.3f}{goal}")


if __name__ == "__main__":
    main()
