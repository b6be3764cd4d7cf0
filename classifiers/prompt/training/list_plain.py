"""Lists the words that harmless captions are made of, for :mod:`classifiers.prompt.signs`.

``python -m classifiers.prompt.training.list_plain --data ../shared/data/prompts``
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from pathlib import Path

from classifiers.prompt.lexicon import LexiconScorer
from classifiers.prompt.signs import PLAIN

SOURCES = ("coco", "parti", "t2icompbench")
LEAST = 2
"""Captions that a word stands in."""
CALLED = "pig pigs rat rats cow cows dog dogs monkey monkeys clown clowns"
ANIMALS = frozenset(CALLED.split())
"""Words of the graded list that are insults only when somebody is called so."""


def main() -> None:
    ask = argparse.ArgumentParser(description="list the words of harmless captions")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--out", type=Path, default=PLAIN)
    options = ask.parse_args()
    counts: Counter[str] = Counter()
    with gzip.open(options.data / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["source"] in SOURCES and not row["unsafe"]:
                counts.update(set(re.findall(r"[a-z]+", row["text"].lower())))
    lexicon = LexiconScorer()
    kept = [
        word
        for word, count in counts.items()
        if count >= LEAST and len(word) > 1 and (word in ANIMALS or not lexicon.harmful_word(word))
    ]
    options.out.write_text("\n".join(sorted({*kept, *ANIMALS})) + "\n", "utf-8")


if __name__ == "__main__":
    main()
