"""List the words of the harmless training texts, beyond those that the tokenizer knows whole.

``python -m classifiers.prompt.training.list_words --data ../shared/data/prompts --out FILE``

One word a line, by falling frequency. Words of posts are left out: they hold misspellings.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path

from classifiers.prompt.training import rows as corpus
from classifiers.prompt.training import written

SOURCES = (
    "coco",
    "t2icompbench",
    "pickapic_clean",
    "ambigqa",
    "aart",
    "ailuminate",
    "advbench",
    "i2p50",
    "nibbler_rewritten",
)
LEAST = 4
"""Occurrences from which a word is no slip of the pen."""
_WORD = re.compile(r"\b[a-z]{3,}\b")


def main() -> None:
    ask = argparse.ArgumentParser(description="list English words")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--out", type=Path, required=True)
    options = ask.parse_args()
    counts: Counter[str] = Counter()
    for row in corpus.read(options.data):
        if row.source in SOURCES:
            counts.update(_WORD.findall(row.text))
    for row in written.rows(7):
        if not row.source.startswith("held:"):
            counts.update(dict.fromkeys(_WORD.findall(row.text), LEAST))
    words = [word for word, count in counts.most_common() if count >= LEAST]
    options.out.write_text("\n".join(words) + "\n", "utf-8")


if __name__ == "__main__":
    main()
