"""Short scenes in other languages, harmful and harmless alike, so that no language is a sign.

Sixteen languages beside English. Every language has the same kinds of phrases: ``who``,
``where``, harmless doings (``calm``), doings that hurt (``hurt``), are sexual (``lewd``),
against the law (``crime``) or against oneself (``self``), and whole sentences: ``scene`` and
``alike`` harmless (the second in harmful-looking words), ``hate`` and ``plot`` harmful. The
``held_`` sentences share no wording with them and are never trained on. Described plainly, no
instruction and no slur.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from classifiers.prompt.training.written.grammar import Family, lines
from classifiers.prompt.training.written.words import SHARED

FILE = Path(__file__).resolve().parent / "tongues.toml"
CALM_ROWS = 260
HARM_ROWS = 75
"""Rows of one language: all its harmless ones, and those of each kind of harm."""
MIXED_ROWS = 60
HARMS = {
    "hurt": ("violence",),
    "lewd": ("sexual",),
    "crime": ("illicit",),
    "self": ("self_harm",),
    "hate": ("hate",),
    "plot": ("weapons",),
}
DOINGS = ("hurt", "lewd", "crime", "self")


def read() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Language code to its phrases by kind."""
    table = tomllib.loads(FILE.read_text("utf-8"))
    return {
        code: {kind: (text,) if kind == "order" else lines(text) for kind, text in phrases.items()}
        for code, phrases in table.items()
    }


def _families(code: str, phrases: Mapping[str, Sequence[str]]) -> list[Family]:
    slots = {**SHARED, **phrases}
    order = phrases["order"][0]
    calm = [
        order.replace("{does}", "{calm}"),
        "{who} {calm}",
        "{scene}",
        "{alike}",
        "{alike}",
        "{scene} {alike}",
        "{noun}",
    ]
    if "{where}" not in order:
        raise ValueError(f"{code}: its order names no place")
    found = [
        Family(f"lang_{code}", f"t2v-{group(code)}", False, calm, CALM_ROWS, (), slots),
        Family(
            f"mixed_{code}",
            f"t2v-{group(code)}",
            False,
            [
                "{person} {place}. {scene}",
                "{scene} {person} {place}, {look}",
                "{calm}, {look}",
                "{camera}: {scene}",
                "{alike} {camera}, {look}",
            ],
            MIXED_ROWS,
            (),
            slots,
        ),
    ]
    for kind, heads in HARMS.items():
        shown = f"{{{kind}}}"
        if kind in DOINGS:
            plain = [order.replace("{does}", shown), f"{{who}} {shown}".replace("  ", " ")]
            whole = plain[0]
        else:
            plain, whole = [shown, f"{shown} {{scene}}"], shown
        mixed = [
            f"{{scene}} {whole}",
            f"{whole} {{scene}}",
            f"{{person}} {{place}}. {whole}",
            f"{whole}, {{look}}",
            f"{{camera}}: {whole}",
        ]
        found.append(
            Family(
                f"lang_{code}_{kind}",
                f"t2v-{group(code)}",
                True,
                [*plain, *plain, *mixed],
                HARM_ROWS,
                heads,
                slots,
            )
        )
    held = (("held_ok", False), ("held_bad", True))
    found += [
        Family(
            f"lang_{code}",
            f"lang-{code}",
            unsafe,
            phrases[kind],
            len(phrases[kind]),
            (),
            slots,
            held=True,
        )
        for kind, unsafe in held
    ]
    return found


def group(code: str) -> str:
    return "latin" if code in ("de", "fr", "es", "it", "pt", "nl", "id", "tr", "vi") else "other"


PHRASES = read()
FAMILIES = tuple(family for code, found in PHRASES.items() for family in _families(code, found))
