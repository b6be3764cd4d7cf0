"""Where the things of a scene are at which time.

Unit of length: the height of the frame, x right from 0 to the aspect ratio, y down. Whatever
leaves on one side comes back on the other, so every motion can go on for ever.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass

from generator.scene.figures import FIGURES, Figure
from generator.scene.pose import Pose
from generator.scene.scene import Actor, Scene
from generator.scene.words import SCENE_COLORS

_SIZES = {"small": 0.72, "medium": 1.0, "big": 1.3}


@dataclass(frozen=True, slots=True)
class StandingFigure:
    """One thing at one moment: its origin, its unit in heights, and its pose."""

    x: float
    y: float
    unit: float
    flip: bool
    angle: float
    pose: Pose


@dataclass(frozen=True, slots=True)
class Placed:
    """One thing with its numbers; :meth:`at` gives its place at any time."""

    actor: Actor
    figure: Figure
    x: float
    y: float
    unit: float
    speed: float
    chance: float
    aspect: float
    tracked: bool

    def at(self, t: float) -> StandingFigure:
        actor, rate = self.actor, self.figure.rate
        sign = -1.0 if actor.heading == "left" else 1.0
        x, y, angle, flip = self.x, self.y, 0.0, sign < 0
        turn = 2 * math.pi * t / 3.2 + 6 * self.chance
        way, effort = 0.0, actor.effort
        match actor.action:
            case "travel":
                way = self.speed * t
                margin = self.figure.reach * self.unit + 0.03
                if not self.tracked:
                    x = (x + sign * way + margin) % (self.aspect + 2 * margin) - margin
                if self.figure.element == "air":
                    y += 0.015 * math.sin(2.2 * t + 6 * self.chance)
            case "rise" | "fall":
                up = -1.0 if actor.action == "rise" else 1.0
                margin = 0.7 * self.unit
                y = (y + up * self.speed * t + margin) % (1 + 2 * margin) - margin
            case "circle":
                x += 0.2 * min(1.0, self.aspect) * math.cos(turn)
                y += 0.07 * math.sin(turn)
                flip = math.sin(turn) > 0
                way = 0.4 * t
            case "jump":
                y -= 0.18 * abs(math.sin(math.pi * t / 0.9 + 3 * self.chance))
                way = 0.12 * t
        unit = self.unit * (1 + 0.25 * math.sin(turn) * (actor.action == "pulse"))
        if self.figure.element in ("air", "sky") and actor.action == "still":
            y += 0.008 * math.sin(1.6 * t + 6 * self.chance)
        if actor.noun == "rocket" and actor.action == "travel":
            angle = -math.pi / 2.4
        color = SCENE_COLORS[actor.color] if actor.color else self.figure.natural
        phase = -2 * math.pi * rate * (0.45 + 0.55 * effort) * t + 6 * self.chance
        pose = Pose(t, phase, way / unit, effort, color, self.chance)
        return StandingFigure(x, y, unit, flip, angle, pose)


def _relate(placed: list[list[float]], actors: tuple[Actor, ...], aspect: float) -> None:
    """Move the places ``[x, y, unit]`` so that every relation holds; the first thing stays."""
    for index in range(1, len(actors)):
        mine, other = placed[index], placed[index - 1]
        gap = FIGURES[actors[index].noun].reach * mine[2]
        gap += FIGURES[actors[index - 1].noun].reach * other[2] + 0.02
        # A later thing is told in relation to the one before it: "a cat left of a dog" places
        # the cat, so the one before it moves to its other side.
        match actors[index].relation:
            case "left of":
                mine[0] = other[0] + gap
            case "right of":
                mine[0] = other[0] - gap
            case "follows":
                ahead = -1.0 if actors[index].heading == "left" else 1.0
                mine[0] = other[0] + ahead * gap
            case "behind":
                mine[0], mine[1] = other[0] + 0.12, mine[1] + 0.05
                mine[2] *= 1.12
            case "in front of":
                mine[0], mine[1] = other[0] + 0.12, mine[1] - 0.06
                mine[2] *= 0.85 if FIGURES[actors[index].noun].element == "ground" else 1.0
            case "above":
                mine[0] = other[0]
                other[1] = min(other[1], 0.3)
            case "below":
                mine[0] = other[0]
                mine[1] = min(mine[1], 0.3)
            case _:
                mine[0] = other[0] + gap
    reaches = [FIGURES[a.noun].reach * p[2] for a, p in zip(actors, placed, strict=True)]
    low = min(p[0] - r for p, r in zip(placed, reaches, strict=True))
    high = max(p[0] + r for p, r in zip(placed, reaches, strict=True))
    shift = 0.5 * aspect - 0.5 * (low + high)
    wide = high - low
    for place in placed:
        place[0] += shift
        if wide > 0.96 * aspect:
            # All become smaller together, so that nobody is cut off.
            place[0] = 0.5 * aspect + (place[0] - 0.5 * aspect) * 0.96 * aspect / wide
            place[2] *= 0.96 * aspect / wide


def arrange(scene: Scene, aspect: float, ground: float, seed: int) -> tuple[Placed, ...]:
    """Draw the open numbers from ``seed``, in the order in which things are painted."""
    digest = hashlib.sha256(f"{seed}\n{scene}".encode()).digest()
    chance = random.Random(int.from_bytes(digest[:8], "big"))
    short = min(1.0, aspect)
    places: list[list[float]] = []
    for actor in scene.actors:
        figure = FIGURES[actor.noun]
        unit = figure.height * _SIZES[actor.size] * short
        unit = min(unit, 0.46 * aspect / figure.reach)
        level = {"ground": ground, "water": ground - 0.06, "air": 0.42, "sky": 0.22}
        y = level[figure.element]
        if actor.noun == "fish":
            y = 0.52
        elif actor.noun == "boat" and scene.place == "beach":
            y = 0.64
        places.append([0.5 * aspect, y + chance.uniform(-0.015, 0.015), unit])
    _relate(places, scene.actors, aspect)
    tracked = scene.camera == "follow"
    group = [a.action == "travel" for a in scene.actors]
    speed = min((FIGURES[a.noun].speed for a in scene.actors if a.action == "travel"), default=0.2)
    out = []
    for actor, (x, y, unit) in zip(scene.actors, places, strict=True):
        figure = FIGURES[actor.noun]
        if actor.action == "travel" and not tracked:
            # Whoever travels starts before the middle, and those that go together stay so.
            back = -1.0 if actor.heading == "right" else 1.0
            x += back * (0.2 if all(group) else 0.1) * aspect
        own = speed if sum(group) > 1 else figure.speed
        out.append(
            Placed(
                actor, figure, x + chance.uniform(-0.02, 0.02) * aspect, y, unit,
                own * short * (0.5 + 0.6 * actor.effort), chance.random(), aspect, tracked,
            )
        )  # fmt: skip
    return tuple(sorted(out, key=lambda p: (p.figure.element != "sky", p.y)))
