"""Film-like prompts in twelve languages, harmful and harmless with the same camera and light.

``films.toml`` is trained on, ``films_held.toml`` never; they share no sentence and no deed. Unlike the
short scenes of ``tongues`` these carry camera grammar, and harm in words that no list calls harmful.
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
    "crime": ("illicit",),
}
CALM_ROWS = 180
VARIANTS = 6
"""Rows of one harmful sentence: with camera words before it, behind it, beside a harmless scene."""


def _read(file: str) -> Mapping[str, Mapping[str, Sequence[str]]]:
    table = tomllib.loads((HERE / file).read_text("utf-8"))
    # the edges are kept: a camera label ends in a space, and may be empty
    return {
        code: {
            kind: (*text.split("|"), "", "") if kind in ("front", "back") else lines(text)
            for kind, text in kinds.items()
        }
        for code, kinds in table.items()
    }


def _families(code: str, kinds: Mapping[str, Sequence[str]]) -> list[Family]:
    style = f"t2v-{group(code)}"
    shown = ("{front}{it}{back}", "{front}{it}", "{it}{back}", "{it}", "{scene}. {it}",
             "{it}. {scene}", "{front}{it}. {scene}")
    found = [
        Family(f"film_{code}", style, False,
               [way.replace("{it}", f"{{{kind}}}") for way in shown[:5]
                for kind in ("alike", "alike", "scene")], CALM_ROWS, (), kinds)
    ]
    for kind, heads in HARMS.items():
        ways = [way.replace("{it}", f"{{{kind}}}") for way in shown]
        count = VARIANTS * len(kinds[kind])
        found.append(Family(f"film_{code}_{kind}", style, True, ways, count, heads, kinds))
    return found


def _held(code: str, kinds: Mapping[str, Sequence[str]]) -> list[Family]:
    return [
        Family(f"film_{code}", f"lang-{code}", kind == "bad", texts, len(texts), held=True)
        for kind, texts in kinds.items()
    ]


FAMILIES = (
    *(family for code, kinds in _read("films.toml").items() for family in _families(code, kinds)),
    *(family for code, kinds in _read("films_held.toml").items() for family in _held(code, kinds)),
)
