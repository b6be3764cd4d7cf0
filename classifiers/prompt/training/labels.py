"""From each source's own labels to the taxonomy, with a weight for every head.

A row carries ``target`` (0 or 1 for every head) and ``weight`` (how much the loss cares). A
source that never judged a category gets weight 0 there: what nobody labelled is not a
negative. Weights below 1 say how far the source's label is to be trusted; the reasons stand
beside them.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt.heads import HEADS, INDEX

UNJUDGED_WHEN_BENIGN = ("likeness", "intellectual_property", "minors")
"""A harmless caption may well name a person, a brand or a child."""

KIN = (
    {"sexual", "sexual_minors", "ncii"},
    {"violence", "gore", "weapons", "extremism", "hate"},
    {"self_harm", "gore"},
    {"hate", "harassment"},
    {"illicit", "weapons", "extremism", "code_abuse", "privacy", "violence"},
    {"elections", "misinformation", "likeness", "harassment"},
    {"sexual_minors", "minors"},
    {"ncii", "likeness", "privacy"},
    {"advice", "self_harm", "illicit"},
)
"""Categories that overlap: a positive of one says nothing certain about the other."""

OTHER_NEGATIVE_WEIGHT = 0.4
"""A prompt labelled with one category is a soft negative of the unrelated ones."""

_AART_DROPPED = {
    # the topic itself is harmless and the rows mix misuse with plain talk
    "air pollution",
    "climate change",
    "circuses",
    "landfills",
    "pollution",
    "smoking",
    "horse racing",
    "gambling",
    "water contamination",
    "alcohol abuse",
    "drug addiction",
}

_AART = {
    "violence": (
        "acts of violence committed for political or ideological purposes|animal abuse|"
        "animal cruelty|assassinations|assault|cockfighting|dog fighting|domestic violence|"
        "murder|rape|violence|animal neglect|arson"
    ),
    "hate": (
        "crimes motivated by disability|crimes motivated by gender identity|"
        "crimes motivated by race|crimes motivated by religion|"
        "crimes motivated by sexual orientation|hate crimes"
    ),
    "extremism": "terrorism|hijackings|cyberterrorism|bombings|assassinations",
    "weapons": "bombings",
    "sexual": "pornography|prostitution|rape|sex trafficking",
    "sexual_minors": "child trafficking",
}

_AILUMINATE = {
    "cse": ("sexual_minors",),
    "dfm": ("misinformation", "harassment"),
    "hte": ("hate",),
    "ipv": ("intellectual_property",),
    "iwp": ("weapons",),
    "ncr": ("illicit",),
    "prv": ("privacy",),
    "spc_ele": ("elections",),
    "spc_fin": ("advice",),
    "spc_hlt": ("advice",),
    "spc_lgl": ("advice",),
    "src": ("sexual", "violence"),
    "ssh": ("self_harm",),
    "sxc_prn": ("sexual",),
    "vcr": ("violence",),
}

_STRONGREJECT = {
    "Disinformation and deception": ("misinformation",),
    "Hate, harassment and discrimination": ("hate", "harassment"),
    "Illegal goods and services": ("illicit",),
    "Non-violent crimes": ("illicit",),
    "Sexual content": ("sexual",),
    "Violence": ("violence",),
}

_OVERT = {
    "discrimination": ("hate",),
    "illegal_activities": ("illicit",),
    "privacy_individual": ("privacy",),
    "privacy_public": ("privacy",),
    "self_harm": ("self_harm",),
    "sexual_content": ("sexual",),
    "violence": ("violence",),
    "copyright_violations": ("intellectual_property",),
}
SUBJECTS_ALONE = ("copyright_violations",)
"""Categories about a subject, not a harm that shows: they do not teach ``unsafe``."""

SOURCE_WEIGHT = {
    "i2p50": 0.1,  # often harmless words that led to unsafe images
    "nibbler_rewritten": 0.15,  # many rewrites name a stereotype, or nothing harmful at all
    "nibbler_unsafe": 0.2,  # three of five annotators, of strings of style words for the most part
    "nibbler_textsafe_imgunsafe": 0.5,
    "pickapic_clean": 0.7,  # only filtered by a list of words
    "tdavidson": 0.8,
    "aart": 0.6,  # a whole topic marked unsafe
}

_WEAK = {
    "sexual": r"nud(e|ity)|naked|topless|erotic\w*|porn\w*|sexy|sexual\w*|lingerie|nsfw|hentai"
    r"|breasts?|orgasm\w*|intercourse|seductive\w*|undress\w*|bondage|fetish\w*",
    "gore": r"gore|gory|blood\w*|bleeding|decapitat\w*|behead\w*|mutilat\w*|corpses?|guts"
    r"|entrails|intestines|severed|dismember\w*|disembowel\w*|flesh",
    "violence": r"kill\w*|murder\w*|stab\w*|shoot\w*|shot|fight\w*|attack\w*|beat(ing|en)?"
    r"|tortur\w*|strangl\w*|execut\w*|massacre\w*|assault\w*|hang(ed|ing)|gun\w*|knife",
    "self_harm": r"suicid\w*|self[- ]harm\w*|hang(s|ed|ing)? (him|her|them)sel\w+|noose|anorexi\w*",
}
_WEAK_RE = {head: re.compile(rf"\b(?:{pattern})\b", re.I) for head, pattern in _WEAK.items()}


def weak_heads(text: str) -> tuple[str, ...]:
    """Heads suggested by plain words, for unsafe rows whose source names no category."""
    return tuple(head for head, pattern in _WEAK_RE.items() if pattern.search(text))


def heads_of(source: str, category: str, text: str) -> tuple[tuple[str, ...], bool]:
    """The positive heads of an unsafe row, and whether the source's label is that precise."""
    if source == "aart":
        found = tuple(h for h, p in _AART.items() if category in p.split("|"))
        return (found or ("illicit",)), True
    if source == "ailuminate":
        return _AILUMINATE[category], True
    if source == "strongreject":
        return _STRONGREJECT[category], True
    if source.startswith("overt_"):
        return _OVERT.get(category, ()), category in _OVERT
    if source == "hatecheck":
        return ("hate",), True
    if source == "tdavidson":
        return ("hate",), True
    if source == "surge":
        return ("harassment",), True
    if source == "i2p50":
        return tuple(c for c in category.split("|") if c in INDEX), True
    if source == "advbench":
        return ("illicit",), False
    return weak_heads(text), False


def dropped(source: str, category: str) -> bool:
    return source == "aart" and category in _AART_DROPPED


Vector = NDArray[np.float32]


def vectors(
    unsafe: bool, heads: tuple[str, ...], precise: bool, trust: float
) -> tuple[Vector, Vector]:
    """``(target, weight)``, both float32 [len(HEADS)], for one row."""
    target = np.zeros(len(HEADS), np.float32)
    weight = np.zeros(len(HEADS), np.float32)
    target[INDEX["unsafe"]] = float(unsafe)
    weight[INDEX["unsafe"]] = trust
    if not unsafe:
        weight[:] = trust
        for head in UNJUDGED_WHEN_BENIGN:
            weight[INDEX[head]] = 0.0
        return target, weight
    related = set(heads).union(*(group for group in KIN if group & set(heads)))
    for head in HEADS[1:]:
        if head in heads:
            target[INDEX[head]], weight[INDEX[head]] = 1.0, trust
        elif precise and head not in related and head not in UNJUDGED_WHEN_BENIGN:
            weight[INDEX[head]] = OTHER_NEGATIVE_WEIGHT * trust
    return target, weight


def row_vectors(source: str, category: str, unsafe: bool, text: str) -> tuple[Vector, Vector]:
    """Target and weight of one row of the training file."""
    trust = SOURCE_WEIGHT.get(source, 1.0)
    if not unsafe:
        target, weight = vectors(False, (), True, trust)
        if source in ("hatecheck", "surge", "tdavidson"):
            # a post that is not hate may still insult, and swear
            weight[INDEX["harassment"]] = 0.0 if source != "surge" else trust
            weight[INDEX["sexual"]] *= 0.5
        return target, weight
    heads, precise = heads_of(source, category, text)
    target, weight = vectors(True, heads, precise, trust)
    if category in SUBJECTS_ALONE:
        weight[INDEX["unsafe"]] = 0.0
    return target, weight
