"""From an everyday prompt to a scene, saying what could not be expressed and what was assumed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from generator.scene.figures import FIGURES
from generator.scene.scene import MAX_ACTORS, Actor, Scene
from generator.scene.words import (
    KIND_COLORS,
    NEAR_VERBS,
    NOUN_WORDS,
    PHRASES,
    SCENE_COLOR_WORDS,
    VERBS,
)
from generator.world.parse import MAX_WORDS
from generator.world.vocabulary import SHAPES, SIZE_WORDS, STOP_WORDS

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[,.;!?]")
_BREAKS = frozenset(",.;!?")
_STOPS = STOP_WORDS | {"along", "her", "his", "their", "they", "up", "down", "out", "against"}
_HOME = {"water": "sea", "air": "meadow", "sky": "meadow", "ground": "meadow"}
_NATURAL_PLACE = {"rocket": "space", "fish": "underwater", "car": "city", "bus": "city"}


@dataclass(frozen=True, slots=True)
class SceneReading:
    """What a prompt means as a scene; the fields are those of ``generator.world.Reading``."""

    scene: Scene
    unexpressed: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        return {
            "caption": str(self.scene),
            "unexpressed": list(self.unexpressed),
            "assumed": list(self.assumed),
        }


@dataclass(slots=True)
class _Draft:
    noun: str = ""
    color: str | None = None
    size: str = "medium"
    action: str | None = None
    heading: str | None = None
    effort: float = 0.6
    relation: str | None = None


@dataclass(slots=True)
class _State:
    things: list[_Draft] = field(default_factory=list)
    setting: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    color: str | None = None
    size: str | None = None
    relation: str | None = None
    count: int = 1

    def flush(self) -> None:
        if self.run:
            self.lost.append(" ".join(self.run))
            self.run.clear()


@lru_cache(maxsize=1)
def _phrases() -> tuple[dict[tuple[str, ...], tuple[str, str]], int]:
    table = {tuple(text.split()): meaning for text, meaning in PHRASES.items()}
    return table, max(map(len, table))


def read_scene(prompt: str) -> SceneReading | None:
    """The scene that ``prompt`` describes, or None when it names no figure of the language.

    The plain shapes alone are no scene: they belong to ``generator.world.read``.
    """
    words = _WORD.findall(prompt.lower())
    state = _State()
    if len(words) > MAX_WORDS:
        state.lost.append(f"{len(words) - MAX_WORDS} further words")
        words = words[:MAX_WORDS]
    at = 0
    while at < len(words):
        at += _step(words, at, state)
    state.flush()
    if not any(thing.noun not in SHAPES for thing in state.things):
        return None
    return _complete(state)


def _step(words: list[str], at: int, state: _State) -> int:
    """Read what begins at ``at``; returns how many words it took."""
    word = words[at]
    meaning, length = _longest(words, at)
    if length > 1 or (length == 1 and word not in VERBS):
        if _phrase(state, *meaning, " ".join(words[at : at + length])):
            state.flush()
        return length
    if _is_noun(words, at):
        _noun(state, word)
    elif word in VERBS:
        _verb(state, word)
    elif word in SCENE_COLOR_WORDS:
        state.flush()
        state.color = SCENE_COLOR_WORDS[word]
    elif word in SIZE_WORDS:
        state.flush()
        state.size = SIZE_WORDS[word]
    elif word in _BREAKS or word in _STOPS:
        state.flush()
    else:
        state.run.append(word)
    return 1


def _longest(words: list[str], at: int) -> tuple[tuple[str, str], int]:
    table, longest = _phrases()
    for length in range(min(longest, len(words) - at), 0, -1):
        hit = table.get(tuple(words[at : at + length]))
        if hit:
            return hit, length
    return ("", ""), 0


def _is_noun(words: list[str], at: int) -> bool:
    word = words[at]
    if word not in NOUN_WORDS:
        return False
    before = words[at - 1] if at else ""
    if word == "top":
        after = words[at + 1] if at + 1 < len(words) else ""
        return before not in ("on", "the", "over") and after != "of"
    if word in VERBS:
        # "circles" is a noun only behind an article, a number or an adjective.
        return before in ("the", "two", "three") or before in SCENE_COLOR_WORDS
    return True


def _noun(state: _State, word: str) -> None:
    state.flush()
    noun, exact = NOUN_WORDS[word]
    if not exact:
        state.lost.append(f"{word} (drawn as: {noun})")
    if noun == "person":
        state.lost.append(f"the face of the {word}")
    color = state.color
    kind = KIND_COLORS.get(word, KIND_COLORS.get(word.removesuffix("s")))
    if kind == "golden" and color == "yellow":
        color = "golden"
    for _ in range(state.count):
        state.things.append(
            _Draft(noun, color or kind, state.size or "medium", relation=state.relation)
        )
        state.relation = "beside"
    state.color = state.size = state.relation = None
    state.count = 1


def _verb(state: _State, word: str) -> None:
    action, effort = VERBS[word]
    if not state.things:
        state.run.append(word)
        return
    thing = state.things[-1]
    state.flush()
    if thing.action is None:
        thing.action, thing.effort = action, effort
        if word in NEAR_VERBS:
            state.lost.append(f"{word} (drawn as: {action})")
    elif thing.action != action:
        state.lost.append(word)


def _phrase(state: _State, kind: str, value: str, text: str) -> bool:
    """Take a phrase up. False when it says nothing here and the words before stay open."""
    thing = state.things[-1] if state.things else None
    if kind in ("place", "time", "weather", "camera"):
        if state.setting.setdefault(kind, value) != value:
            state.lost.append(text)
        state.color = state.size = state.relation = None
    elif kind == "relation":
        state.relation = value if thing else None
        if value == "follows" and thing and thing.action is None:
            thing.action, thing.effort = "travel", 0.8
    elif kind == "count":
        state.count = int(value)
    elif thing is None:
        state.lost.append(text)
    elif kind == "heading":
        thing.heading = value
        thing.action = thing.action or "travel"
    elif kind == "action":
        thing.action, thing.effort = value, 0.8
    elif kind == "pace":
        thing.effort = min(thing.effort, 0.5) if value == "slow" else 1.0
    return True


def _complete(state: _State) -> SceneReading:
    lost, assumed = state.lost, []
    for extra in state.things[MAX_ACTORS:]:
        lost.append(f"a further thing ({extra.noun})")
    drafts = state.things[:MAX_ACTORS]
    group = next((d for d in reversed(drafts) if d.action), None)
    actors: list[Actor] = []
    for index, draft in enumerate(drafts):
        figure = FIGURES[draft.noun]
        action = draft.action
        if action is None and draft.relation in ("beside", "follows") and group:
            # "two dogs run", "a cat follows a dog": what one does, the others do.
            action, draft.effort = group.action, group.effort
            action = action if action in figure.actions else None
        if action is None and index + 1 < len(drafts) and drafts[index + 1].relation == "beside":
            shared = drafts[index + 1].action
            if shared in figure.actions:
                action, draft.effort = shared, drafts[index + 1].effort
        if action is not None and action not in figure.actions:
            lost.append(f"{action} (a {draft.noun} does not)")
            action = None
        if action is None:
            action = figure.usual
            assumed.append(f"motion of the {draft.noun}: {action}")
        if draft.color is None and draft.noun in SHAPES:
            assumed.append(f"color of the {draft.noun}: red")
        heading = draft.heading or (actors[0].heading if actors else "right")
        if action == "travel" and draft.heading is None:
            assumed.append(f"direction: {heading}")
        actors.append(
            Actor(
                draft.noun, draft.color, draft.size, action, heading,
                0.0 if action == "still" else draft.effort or 0.6,
                draft.relation if index else None,
            )
        )  # fmt: skip
    return SceneReading(
        _set(actors, state.setting, assumed),
        tuple(dict.fromkeys(lost)),
        tuple(dict.fromkeys(assumed)),
    )


def _set(actors: list[Actor], setting: dict[str, str], assumed: list[str]) -> Scene:
    place = setting.get("place")
    if place is None:
        noun = actors[0].noun
        place = _NATURAL_PLACE.get(noun, _HOME[FIGURES[noun].element])
        assumed.append(f"place: {place}")
    said = {}
    for kind, usual in (("time", "day"), ("weather", "clear"), ("camera", "static")):
        said[kind] = setting.get(kind, usual)
        if kind not in setting and kind != "weather":
            assumed.append(f"{kind}: {usual}")
    return Scene(tuple(actors), place, said["time"], said["weather"], said["camera"])
