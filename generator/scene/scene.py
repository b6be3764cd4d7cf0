"""A scene in words: up to three things, a place, the hour, the weather, the camera."""

from __future__ import annotations

from dataclasses import dataclass

from generator.scene.figures import FIGURES
from generator.scene.words import CAMERAS, PLACES, RELATIONS, SCENE_COLORS, TIMES, WEATHERS

MAX_ACTORS = 3
_TIME = {"day": "by day", "sunset": "at sunset", "night": "at night", "dim": "in dim light"}
_PLACE = {
    "beach": "on a beach",
    "sea": "at sea",
    "meadow": "on a meadow",
    "forest": "in a forest",
    "mountains": "before mountains",
    "desert": "in the desert",
    "snow": "in the snow",
    "city": "in the city",
    "room": "in a room",
    "underwater": "under water",
    "space": "in space",
    "studio": "in a gray studio",
}
_WEATHER = {"rain": "rain", "snowfall": "falling snow", "fog": "fog", "wind": "wind"}
_CAMERA = {
    "static": "static camera",
    "pan left": "the camera pans left",
    "pan right": "the camera pans right",
    "zoom in": "the camera zooms in",
    "zoom out": "the camera zooms out",
    "orbit": "the camera moves around",
    "follow": "the camera follows",
}


def _verb(actor: Actor) -> str:
    if actor.action == "travel":
        pace = "runs" if actor.effort > 0.9 else "moves"
        return f"{pace} {actor.heading}"
    return {
        "still": "stays still",
        "rise": "rises",
        "fall": "comes down",
        "circle": "circles",
        "jump": "jumps",
        "pulse": "pulses",
    }[actor.action]


@dataclass(frozen=True, slots=True)
class Actor:
    """One thing. ``color`` None is its natural one. Raises ``ValueError`` for other words."""

    noun: str
    color: str | None = None
    size: str = "medium"
    action: str = "still"
    heading: str = "right"
    effort: float = 0.0
    relation: str | None = None
    """How the thing before it stands to this one: ``a cat left of a dog`` gives it to the dog."""

    def __post_init__(self) -> None:
        figure = FIGURES.get(self.noun)
        known = (
            figure is not None
            and self.action in figure.actions
            and self.color in (None, *SCENE_COLORS)
            and self.size in ("small", "medium", "big")
            and self.heading in ("left", "right")
            and self.relation in (None, *RELATIONS)
        )
        if not known:
            raise ValueError(f"{self!r} is not of the scene language")


@dataclass(frozen=True, slots=True)
class Scene:
    """Raises ``ValueError`` for words outside the language and for no or too many things."""

    actors: tuple[Actor, ...]
    place: str = "meadow"
    time: str = "day"
    weather: str = "clear"
    camera: str = "static"

    def __post_init__(self) -> None:
        if not 1 <= len(self.actors) <= MAX_ACTORS:
            raise ValueError(f"a scene has one to {MAX_ACTORS} things")
        for word, words in (
            (self.place, PLACES),
            (self.time, TIMES),
            (self.weather, WEATHERS),
            (self.camera, CAMERAS),
        ):
            if word not in words:
                raise ValueError(f"{word!r} is not of the scene language")

    def __str__(self) -> str:
        things: list[str] = []
        for actor in self.actors:
            words = [actor.size if actor.size != "medium" else "", actor.color or "", actor.noun]
            name = " ".join(word for word in words if word)
            if actor.relation and things:
                things.append(f" {actor.relation} a {name} that {_verb(actor)}")
            else:
                things.append(f"{' and ' if things else ''}a {name} {_verb(actor)}")
        parts = ["".join(things), f"{_PLACE[self.place]} {_TIME[self.time]}"]
        if self.weather != "clear":
            parts.append(_WEATHER[self.weather])
        return ", ".join([*parts, _CAMERA[self.camera]])
