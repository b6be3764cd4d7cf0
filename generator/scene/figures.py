"""The things of the scene language: how each is drawn, how tall it is, and where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from generator.scene import animals, people, things, vehicles
from generator.scene.pen import Color, Pen
from generator.scene.pose import Pose
from generator.world.vocabulary import SHAPES

ACTIONS = ("still", "travel", "rise", "fall", "circle", "jump", "pulse")


@dataclass(frozen=True, slots=True)
class Figure:
    """``draw`` draws one unit tall; ``height`` is that unit in heights of the frame.

    ``element``: ground (its foot is the origin), water, air or sky (its middle is).
    ``reach``: half the width, in units. ``natural``: its colour when none is asked for.
    ``actions``: what it can do; ``usual`` the one it does when nothing is said.
    ``rate``: steps or wing beats a second at a run. ``speed``: heights of the frame a second.
    """

    draw: Callable[[Pen, Pose], None]
    height: float
    element: str
    reach: float
    natural: Color
    actions: frozenset[str]
    usual: str = "still"
    rate: float = 2.0
    speed: float = 0.24


def _walker(draw: Callable[[Pen, Pose], None], height: float, reach: float, natural: Color,
            rate: float = 2.2) -> Figure:
    can = frozenset({"still", "travel", "jump", "circle"})
    return Figure(draw, height, "ground", reach, natural, can, rate=rate)


def _wheeled(draw: Callable[[Pen, Pose], None], height: float, reach: float, natural: Color,
             speed: float = 0.3) -> Figure:
    can = frozenset({"still", "travel"})
    return Figure(draw, height, "ground", reach, natural, can, "travel", speed=speed)


def _flyer(draw: Callable[[Pen, Pose], None], height: float, reach: float, natural: Color,
           rate: float = 2.0, speed: float = 0.22, usual: str = "travel") -> Figure:
    can = frozenset({"still", "travel", "rise", "fall", "circle"})
    return Figure(draw, height, "air", reach, natural, can, usual, rate, speed)


def _rooted(draw: Callable[[Pen, Pose], None], height: float, reach: float,
            natural: Color) -> Figure:
    return Figure(draw, height, "ground", reach, natural, frozenset({"still"}))


_SKY = frozenset({"still", "travel", "rise", "fall"})
_ANY = frozenset(ACTIONS)

FIGURES: MappingProxyType[str, Figure] = MappingProxyType({
    "dog": _walker(animals.dog, 0.30, 0.9, (172, 116, 62), 2.4),
    "cat": _walker(animals.cat, 0.26, 0.8, (222, 146, 72), 2.2),
    "horse": _walker(animals.horse, 0.40, 0.75, (140, 84, 50), 1.9),
    "person": _walker(people.person, 0.42, 0.3, (206, 70, 62), 1.5),
    "robot": _walker(people.robot, 0.38, 0.4, (154, 168, 184), 1.3),
    "bird": _flyer(animals.bird, 0.26, 0.76, (70, 128, 196), 2.6),
    "butterfly": _flyer(animals.butterfly, 0.26, 0.62, (242, 138, 40), 3.4, 0.14),
    "plane": _flyer(vehicles.plane, 0.30, 1.06, (236, 240, 246), 1.0, 0.3),
    "balloon": _flyer(things.balloon, 0.34, 0.36, (226, 52, 58), 1.0, 0.1, "rise"),
    "kite": _flyer(things.kite, 0.34, 0.4, (226, 62, 66), 1.0, 0.1, "still"),
    "rocket": _flyer(vehicles.rocket, 0.42, 0.36, (216, 56, 54), 1.0, 0.24, "rise"),
    "fish": Figure(animals.fish, 0.24, "water", 0.85, (244, 128, 44), _ANY - {"pulse"}, "travel",
                   1.8, 0.16),
    "boat": Figure(vehicles.boat, 0.36, "water", 0.75, (178, 62, 52),
                   frozenset({"still", "travel"}), "travel", 1.0, 0.14),
    "car": _wheeled(vehicles.car, 0.20, 1.0, (214, 48, 50)),
    "bus": _wheeled(vehicles.bus, 0.30, 1.1, (244, 184, 44), 0.24),
    "train": _wheeled(vehicles.train, 0.24, 2.9, (40, 108, 78), 0.28),
    "tree": _rooted(things.tree, 0.55, 0.38, (84, 164, 78)),
    "flower": _rooted(things.flower, 0.34, 0.3, (236, 96, 150)),
    "house": _rooted(things.house, 0.48, 0.58, (238, 222, 190)),
    "ball": Figure(things.ball, 0.17, "ground", 0.5, (222, 52, 58), _ANY - {"pulse"}, "jump", 1.0),
    "top": Figure(things.top, 0.26, "ground", 0.46, (206, 58, 66),
                  frozenset({"still", "travel", "circle"})),
    "sun": Figure(things.sun, 0.34, "sky", 0.56, (255, 206, 62), _SKY | {"pulse"}, speed=0.05),
    "moon": Figure(things.moon, 0.28, "sky", 0.56, (250, 240, 196), _SKY, speed=0.05),
    "cloud": Figure(things.cloud, 0.26, "sky", 0.82, (250, 251, 253), _SKY, "travel", speed=0.06),
    **{name: Figure(partial(things.shape, name), 0.3, "air", 0.56, (222, 38, 44), _ANY)
       for name in SHAPES},
})
"""Every noun that can be drawn. Nothing but these reaches a frame."""

NOUNS = tuple(name for name in FIGURES if name not in SHAPES)
