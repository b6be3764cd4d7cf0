"""Sentences with deeds of their own in sixteen languages, harmful and harmless beside each other.

``breadth.toml`` holds no sentence and no deed of the held ones. Camera words come from ``films.toml``
where a language has them there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from classifiers.prompt.training.written.grammar import Family, lines
from classifiers.prompt.training.written.tongues import group

HERE = Path(__file__).resolve().parent
HARMS = {
    "hurt": ("violence",), "gore": ("gore", "violence"), "hate": ("hate",), "join": ("extremism",),
    "plot": (), "cruel": ("violence",), "self": ("self_harm",), "lewd": ("sexual",),
    "crime": ("illicit",), "fake": ("misinformation",), "told": (),
}  # fmt: skip
VARIANTS = 4
"""Rows of one sentence: alone, with camera words, beside a harmless one."""
CALM_VARIANTS = 4


def _families(
    code: str, kinds: Mapping[str, str], film: Mapping[str, str]
) -> list[Family]:
    style = f"t2v-{group(code)}"
    fine = (*lines(kinds["alike"]), *lines(kinds["real"]), *lines(kinds["tender"]))
    slots: dict[str, Sequence[str]] = {
        "calm": fine,
        "front": (*film.get("front", "").split("|"), ""),
        "back": (*film.get("back", "").split("|"), ""),
    }

    def shown(texts: Sequence[str]) -> list[str]:
        ways = ("{it}", "{it}", "{front}{it}", "{front}{it}{back}", "{it}. {calm}", "{calm}. {it}")
        return [way.replace("{it}", text) for text in texts for way in ways]

    found = [
        Family(f"breadth_{code}", style, False, shown(fine), CALM_VARIANTS * len(fine), (), slots)
    ]
    for kind, heads in HARMS.items():
        texts = lines(kinds[kind])
        count = VARIANTS * len(texts)
        found.append(
            Family(f"breadth_{code}_{kind}", style, True, shown(texts), count, heads, slots)
        )
    return found


def _read(file: str) -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((HERE / file).read_text("utf-8"))


_FILMS = _read("films.toml")
FAMILIES = tuple(
    family
    for code, kinds in _read("breadth.toml").items()
    for family in _families(code, kinds, _FILMS.get(code, {}))
)
