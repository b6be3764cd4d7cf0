"""Time the prompt gate: ``python -m benchmarks.prompts [--json FILE]``.

Medians over plain captions, one at a time and in batches, and the worst of hostile texts.
Every text is new, so that the cache never answers.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from pathlib import Path

from classifiers.prompt.classifier import EmbeddedPromptClassifier
from classifiers.registry import WeightsRegistry

_WHO = "a dog/an old man/two dancers/a red car/a paper boat/a robot/three children/a chef".split(
    "/"
)
_DO = "runs along/waits beside/turns around/falls into/looks at/moves past/rests on".split("/")
_WHERE = "the river/a wooden bridge/the market/a tall tower/the snow/a quiet library".split("/")
_LOOK = "at sunset/in slow motion/seen from above/in black and white/at night".split("/")
HOSTILE = {
    "1 MB": "a " * 500_000,
    "50,000 letters": "a" * 50_000,
    "10,000 combining marks": "e" + "\u0301" * 10_000,
    "500 emoji": "🔥" * 500,
    "leet, 20 kB": "n4k3d w0m4n " * 1_650,
    "percent, 20 kB": "%41" * 6_600,
    "20 kB of prose": "the man walks home in the rain and sings a song. " * 400,
}


def captions(count: int, rng: random.Random) -> list[str]:
    pick = rng.choice
    return [
        f"{pick(_WHO)} {pick(_DO)} {pick(_WHERE)} {pick(_LOOK)}, take {rng.randrange(10**6)}"
        for _ in range(count)
    ]


def main() -> None:
    ask = argparse.ArgumentParser(description="time the prompt gate")
    ask.add_argument("--json", type=Path)
    ask.add_argument("--count", type=int, default=200)
    options = ask.parse_args()
    rng = random.Random(1)
    classifier = EmbeddedPromptClassifier(WeightsRegistry(Path("/nonexistent")))
    classifier.classify(captions(20, rng))
    single, spent = [], []
    for text in captions(options.count, rng):
        started, cpu = time.perf_counter(), time.process_time()
        classifier.classify([text])
        single.append(time.perf_counter() - started)
        spent.append(time.process_time() - cpu)
    batch = captions(2 * options.count, rng)
    started, cpu = time.perf_counter(), time.process_time()
    classifier.classify(batch)
    rate = len(batch) / (time.perf_counter() - started)
    cost = 1000 * (time.process_time() - cpu) / len(batch)
    classifier.classify(["ein Boot auf dem Meer"])  # the language model loads on first use
    hostile = {}
    for name, text in HOSTILE.items():
        cpu = time.process_time()
        classifier.classify([text])
        hostile[name] = round(1000 * (time.process_time() - cpu), 1)
    record = {
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "one_prompt_ms": {
            "p50": round(1000 * statistics.median(single), 2),
            "cpu_p50": round(1000 * statistics.median(spent), 2),
            "p95": round(1000 * sorted(single)[int(0.95 * len(single))], 2),
        },
        "batch_prompts_per_s": round(rate, 1),
        "batch_cpu_ms_each": round(cost, 2),
        "hostile_cpu_ms": hostile,
    }
    print(json.dumps(record, indent=2))
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
