"""From a free prompt to a caption, saying aloud what was lost and what was assumed."""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass
from functools import lru_cache

from generator.world.caption import Caption, Thing, write
from generator.world.vocabulary import (
    CAMERAS,
    COLOR_WORDS,
    COLORS,
    EXTRA_PHRASES,
    INEXACT_MOTIONS,
    LIGHTS,
    MOTIONS,
    PHRASES,
    PLACE_COLORS,
    PLACES,
    SHAPE_WORDS,
    SHAPES,
    SIZE_WORDS,
    STOP_WORDS,
)

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[,.;!?]")
_BREAKS = frozenset(",.;!?")
MAX_WORDS = 2_000
"""Words of a prompt that are read; later ones are reported as one unexpressed rest."""


@dataclass(frozen=True, slots=True)
class ParsedPrompt:
    """What a prompt means in the caption language.

    ``unexpressed``: words of the prompt that will not be drawn. ``assumed``: what the prompt
    left open and we chose, as ``"kind: value"``.
    """

    caption: Caption
    unexpressed: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        return {
            "caption": write(self.caption),
            "unexpressed": list(self.unexpressed),
            "assumed": list(self.assumed),
        }


@dataclass(slots=True)
class _Draft:
    color: str | None = None
    shape: str | None = None
    size: str | None = None
    motion: str | None = None


@lru_cache(maxsize=1)
def _phrases() -> tuple[dict[tuple[str, ...], tuple[str, bool]], int]:
    table: dict[tuple[str, ...], tuple[str, bool]] = {}
    for value, words in INEXACT_MOTIONS.items():
        table[tuple(value.split())] = (words, False)
    for source in (EXTRA_PHRASES, PHRASES):
        for value, phrasings in source.items():
            for text in phrasings:
                table[tuple(_WORD.findall(text))] = (value, True)
    return table, max(map(len, table))


def read(prompt: str) -> ParsedPrompt:
    """Read a free prompt. Never fails: what is not understood is listed, what is missing chosen.

    Choices depend on the prompt alone, so the same prompt always gives the same caption.
    Longest phrases win; a motion belongs to the thing named before it (or the first one).
    """
    words = _WORD.findall(prompt.lower())
    lost: list[str] = []
    if len(words) > MAX_WORDS:
        lost.append(f"{len(words) - MAX_WORDS} further words")
        words = words[:MAX_WORDS]
    table, longest = _phrases()
    things: list[_Draft] = []
    pending = _Draft()
    early_motion: str | None = None
    twice = False
    place = light = camera = None
    run: list[str] = []

    def flush() -> None:
        if run:
            lost.append(" ".join(run))
            run.clear()

    at = 0
    while at < len(words):
        word = words[at]
        value, exact, length = _longest(words, at, table, longest)
        # "circles" is a verb after a thing and a noun after an adjective or an article.
        noun = word in SHAPE_WORDS and (length == 0 or not things or pending != _Draft())
        if length and not noun:
            text = " ".join(words[at : at + length])
            if value in MOTIONS:
                if not exact:
                    flush()
                    lost.append(f"{text} (drawn as: {PHRASES[value][0]})")
                if pending != _Draft() or (run and not things):
                    # A thing that we cannot draw ("a white horse runs") still has its motion.
                    things.append(_take(pending))
                    pending = _Draft()
                if not things:
                    early_motion = early_motion or value
                elif things[-1].motion is None:
                    things[-1].motion = value
                elif exact:
                    lost.append(text)
            elif value in PLACES:
                if at and _describes(words[at - 1]) and word not in STOP_WORDS:
                    # "a green meadow": the words before a bare noun are its own.
                    if pending.color not in (None, *PLACE_COLORS.get(value, ())):
                        lost.append(f"{pending.color} {text}")
                    pending = _Draft()
                place, extra = (place, text) if place not in (None, value) else (value, "")
                lost.extend([extra] if extra else [])
            elif value in LIGHTS:
                light = light or value
            elif value in CAMERAS:
                camera = camera or value
            flush()
            at += length
            continue
        if word in SHAPE_WORDS:
            flush()
            pending.shape = SHAPE_WORDS[word]
            if SHAPE_WORDS[word] != word.removesuffix("s"):
                lost.append(f"{word} (drawn as: {pending.shape})")
            things.extend(_take(pending) for _ in range(2 if twice else 1))
            pending, twice = _Draft(), False
        elif word == "two":
            flush()
            twice = True
        elif word in COLOR_WORDS:
            flush()
            pending.color = COLOR_WORDS[word]
        elif word in SIZE_WORDS:
            flush()
            pending.size = SIZE_WORDS[word]
        elif word in _BREAKS or word in STOP_WORDS:
            flush()
        else:
            run.append(word)
        at += 1
    if pending != _Draft():
        things.append(_take(pending))
    if twice:
        lost.append("two")
    flush()
    for extra_thing in things[2:]:
        lost.append(f"a third object ({extra_thing.color or ''} {extra_thing.shape or ''})")
    if not things:
        things = [_Draft()]
    if early_motion and things[0].motion is None:
        things[0].motion = early_motion
    caption, assumed = _complete(prompt, things[:2], place, light, camera)
    return ParsedPrompt(caption, tuple(dict.fromkeys(lost)), assumed)


def _take(draft: _Draft) -> _Draft:
    return _Draft(draft.color, draft.shape, draft.size, draft.motion)


def _describes(word: str) -> bool:
    return word in COLOR_WORDS or word in SIZE_WORDS


def _longest(
    words: list[str], at: int, table: dict[tuple[str, ...], tuple[str, bool]], longest: int
) -> tuple[str, bool, int]:
    for length in range(min(longest, len(words) - at), 0, -1):
        hit = table.get(tuple(words[at : at + length]))
        if hit:
            return hit[0], hit[1], length
    return "", True, 0


def _complete(
    prompt: str,
    drafts: list[_Draft],
    place: str | None,
    light: str | None,
    camera: str | None,
) -> tuple[Caption, tuple[str, ...]]:
    digest = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()
    rng = random.Random(int.from_bytes(digest[:8], "big"))
    assumed: list[str] = []

    def choose(kind: str, value: str | None, options: list[str]) -> str:
        pick = rng.choice(options)
        if value is not None:
            return value
        assumed.append(f"{kind}: {pick}")
        return pick

    things: list[Thing] = []
    named = {draft.color for draft in drafts if draft.color}
    for draft in drafts:
        free = [c for c in COLORS if c not in named]
        color = choose("color", draft.color, free)
        named.add(color)
        shape = choose("shape", draft.shape, list(SHAPES[:2]))
        motion = choose("motion", draft.motion, ["still"])
        size = choose("size", draft.size, ["medium"])
        things.append(Thing(color, shape, motion, size))
    caption = Caption(
        tuple(things),
        choose("place", place, list(PLACES)),
        choose("light", light, ["bright"]),
        choose("camera", camera, ["static"]),
    )
    return caption, tuple(assumed)
