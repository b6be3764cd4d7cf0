"""Plants, the sky's lights, a house, toys and the six plain shapes."""

from __future__ import annotations

import math

import numpy as np

from generator.scene.pen import Color, Pen, darker, lighter, mix
from generator.scene.pose import Pose

_WOOD: Color = (118, 80, 52)
_LEAF: Color = (70, 158, 74)


def tree(pen: Pen, pose: Pose) -> None:
    crown, under = pose.body, darker(pose.body, 0.3)
    sway = 0.02 * math.sin(1.3 * pose.time + 6 * pose.chance)
    pen.fill(
        [(-0.1, 0), (-0.05, 0.12), (-0.045, 0.5), (0.045, 0.5), (0.05, 0.12), (0.11, 0)], _WOOD
    )
    pen.limb([(0, 0.32), (0.14 + sway, 0.5)], (0.03, 0.02), _WOOD)
    pen.limb([(0, 0.36), (-0.13 + sway, 0.52)], (0.03, 0.02), _WOOD)
    leaves = ((-0.2, 0.54, 0.17), (0.2, 0.54, 0.17), (0, 0.5, 0.17), (-0.14, 0.74, 0.17),
              (0.15, 0.74, 0.17), (0, 0.86, 0.15), (0, 0.66, 0.2))
    for x, y, r in leaves:
        pen.disc(x + sway * y * 2, y - 0.02, r, color=under)
    for x, y, r in leaves:
        pen.disc(x + sway * y * 2 - 0.015, y + 0.015, 0.9 * r, color=crown)
    for x, y, r in leaves[3:6]:
        pen.disc(x + sway * y * 2 - 0.05, y + 0.05, 0.42 * r, color=lighter(crown, 0.22))


def flower(pen: Pen, pose: Pose) -> None:
    sway = 0.06 * math.sin(1.6 * pose.time + 6 * pose.chance)
    stem = [(0, 0), (0.25 * sway, 0.24), (0.7 * sway, 0.48), (1.2 * sway, 0.68)]
    pen.limb(stem, (0.03, 0.026, 0.024, 0.022), (58, 142, 66))
    for side, y in ((1, 0.2), (-1, 0.3)):
        pen.blob([(0.2 * sway, y), (0.14 * side, y + 0.13), (0.3 * side, y + 0.15),
                  (0.2 * side, y + 0.03)], _LEAF)
    bloom = pen.turned(1.2 * sway, 0.72, sway)
    for back in (True, False):
        for index in range(7):
            a = 2 * math.pi * (index + (0.5 if back else 0)) / 7
            color = darker(pose.body, 0.18) if back else pose.body
            bloom.disc(0.17 * math.cos(a), 0.17 * math.sin(a), 0.13, 0.078, color=color, angle=a)
    bloom.disc(0, 0, 0.1, color=(244, 190, 52))
    bloom.disc(0, 0, 0.06, color=(206, 138, 36))


def house(pen: Pen, pose: Pose) -> None:
    wall, roof = pose.body, (176, 72, 58)
    for index in range(4):
        age = (0.3 * pose.time + index / 4 + pose.chance) % 1
        pen.disc(0.26 + 0.16 * age, 0.95 + 0.3 * age, 0.035 + 0.05 * age, color=(232, 232, 234),
                 alpha=0.7 * (1 - age))
    pen.box(0.2, 0.66, 0.32, 0.94, darker(roof, 0.3))
    pen.box(-0.46, 0, 0.46, 0.54, wall)
    pen.box(-0.46, 0, 0.46, 0.05, darker(wall, 0.4))
    pen.fill([(-0.58, 0.52), (0.58, 0.52), (0, 0.96)], roof)
    pen.fill([(-0.58, 0.52), (0.58, 0.52), (0.52, 0.565), (-0.52, 0.565)], darker(roof, 0.3))
    pen.box(-0.11, 0, 0.11, 0.35, _WOOD, 0.02)
    pen.disc(0.06, 0.17, 0.016, color=(240, 204, 90))
    for x in (-0.29, 0.29):
        pen.box(x - 0.11, 0.19, x + 0.11, 0.42, (250, 248, 240))
        pen.box(x - 0.09, 0.21, x + 0.09, 0.4, (255, 224, 130))
        pen.limb([(x, 0.21), (x, 0.4)], (0.009, 0.009), (250, 248, 240))
        pen.limb([(x - 0.09, 0.305), (x + 0.09, 0.305)], (0.009, 0.009), (250, 248, 240))
    pen.disc(0, 0.7, 0.075, color=(250, 248, 240))
    pen.disc(0, 0.7, 0.055, color=(255, 224, 130))


def sun(pen: Pen, pose: Pose) -> None:
    ray = pen.turned(0, 0, 0.25 * pose.time)
    ray.tint = (1.0, 1.0, 1.0)
    for index in range(12):
        a = 2 * math.pi * index / 12
        far = 0.5 + (0.04 if index % 2 else -0.04) * math.sin(3 * pose.time)
        ray.fill([(0.37 * math.cos(a - 0.13), 0.37 * math.sin(a - 0.13)),
                  (far * math.cos(a), far * math.sin(a)),
                  (0.37 * math.cos(a + 0.13), 0.37 * math.sin(a + 0.13))], pose.body)
    ray.disc(0, 0, 0.33, color=pose.body)
    ray.disc(0, 0, 0.26, color=lighter(pose.body, 0.4))


def moon(pen: Pen, pose: Pose) -> None:
    pen = pen.turned(0, 0, 0.35 + 0.12 * math.sin(1.2 * pose.time))
    pen.tint = (1.0, 1.0, 1.0)
    pen.disc(0, 0, 0.56, color=(250, 244, 210), alpha=0.12)
    outer = np.linspace(-0.5 * math.pi, 0.5 * math.pi, 40)
    inner = np.linspace(0.5 * math.pi, -0.5 * math.pi, 40)
    pen.fill(np.concatenate([
        np.stack([-0.45 * np.cos(outer), 0.45 * np.sin(outer)], 1),
        np.stack([-0.19 * np.cos(inner), 0.45 * np.sin(inner)], 1)]), pose.body)
    for x, y, r in ((-0.32, 0.06, 0.05), (-0.28, -0.16, 0.032), (-0.25, 0.22, 0.026)):
        pen.disc(x, y, r, color=darker(pose.body, 0.14))


def cloud(pen: Pen, pose: Pose) -> None:
    puffs = ((-0.5, -0.02, 0.2), (-0.24, 0.1, 0.28), (0.1, 0.16, 0.33), (0.42, 0.06, 0.24),
             (0.64, -0.04, 0.16))
    breath = [0.012 * math.sin(1.4 * pose.time + 2 * i) for i in range(5)]
    for (x, y, r), b in zip(puffs, breath, strict=True):
        pen.disc(x, y - 0.05, r + b, color=darker(pose.body, 0.14))
    pen.box(-0.62, -0.22, 0.72, 0.04, darker(pose.body, 0.14), 0.1)
    for (x, y, r), b in zip(puffs, breath, strict=True):
        pen.disc(x - 0.01, y + 0.02, 0.94 * r + b, color=pose.body)


def ball(pen: Pen, pose: Pose) -> None:
    ground = pen.turned(0, 0.5, 0)
    ground.disc(0, 0, 0.5, color=(250, 248, 244))
    spin = ground.turned(0, 0, -pose.turn / 0.5)
    for index in range(3):
        a = 2 * math.pi * index / 3
        turn = np.linspace(a, a + math.pi / 3, 14)
        edge = np.stack([0.5 * np.cos(turn), 0.5 * np.sin(turn)], 1)
        color = mix(pose.body, ((40, 110, 220), (250, 200, 50), pose.body)[index], 0.85)
        spin.fill(np.concatenate([[(0.0, 0.0)], edge]), color)
    spin.disc(0, 0, 0.09, color=(250, 248, 244))
    ground.blob([(-0.34, 0.06), (-0.3, 0.26), (-0.12, 0.38), (-0.2, 0.24)], (255, 255, 255), 0.55)
    ground.blob([(0.48, -0.1), (0.34, -0.36), (0.0, -0.5), (-0.34, -0.36), (0, -0.4), (0.3, -0.26)],
                (40, 30, 50), 0.22)


def balloon(pen: Pen, pose: Pose) -> None:
    sway = 0.04 * math.sin(1.5 * pose.time + 6 * pose.chance)
    knot = pen.turned(sway, 0, sway)
    string = [(0.05 * math.sin(3 * k + 2 * pose.time) * k, -0.38 - 0.5 * k)
              for k in np.linspace(0, 1, 9)]
    knot.limb(string, [0.009] * 9, (90, 86, 92))
    knot.fill([(-0.045, -0.42), (0.045, -0.42), (0, -0.32)], darker(pose.body))
    knot.blob([(0, 0.48), (0.26, 0.38), (0.36, 0.12), (0.24, -0.18), (0, -0.37), (-0.24, -0.18),
               (-0.36, 0.12), (-0.26, 0.38)], pose.body)
    knot.blob([(0.26, 0.36), (0.35, 0.12), (0.24, -0.18), (0.02, -0.36), (0.16, -0.12), (0.24, 0.12)],
              darker(pose.body, 0.2))
    knot.blob(
        [(-0.24, 0.14), (-0.18, 0.32), (-0.06, 0.38), (-0.14, 0.24)], lighter(pose.body, 0.65)
    )


def kite(pen: Pen, pose: Pose) -> None:
    beat = 2.4 * pose.time + 6 * pose.chance
    pen = pen.turned(
        0.03 * math.sin(beat), 0.03 * math.cos(0.8 * beat), 0.12 * math.sin(beat) - 0.3
    )
    tail = [
        (0.09 * math.sin(2.2 * beat - 6 * k) * k, -0.5 - 0.62 * k) for k in np.linspace(0, 1, 10)
    ]
    pen.limb(tail, [0.011] * 10, (80, 70, 84))
    for index, color in ((3, (250, 204, 54)), (6, (66, 150, 226)), (9, (230, 70, 76))):
        x, y = tail[index]
        pen.fill([(x - 0.09, y + 0.04), (x - 0.09, y - 0.04), (x + 0.09, y + 0.04),
                  (x + 0.09, y - 0.04)], color)
    left, right, tip, foot, middle = (-0.36, 0.1), (0.36, 0.1), (0, 0.5), (0, -0.5), (0, 0.1)
    bright = mix(pose.body, (255, 226, 90), 0.55)
    pen.fill([tip, left, middle], pose.body)
    pen.fill([tip, right, middle], bright)
    pen.fill([foot, left, middle], bright)
    pen.fill([foot, right, middle], darker(pose.body, 0.12))
    pen.limb([tip, foot], (0.011, 0.011), (92, 66, 50))
    pen.limb([left, right], (0.011, 0.011), (92, 66, 50))


def top(pen: Pen, pose: Pose) -> None:
    spin = 9 * pose.time
    pen = pen.turned(0, 0, 0.1 * math.sin(3 * pose.time))
    pen.limb([(0, 0.84), (0, 1.0)], (0.035, 0.05), (212, 172, 80))
    profile = (
        (0.0, 0.02),
        (0.16, 0.14),
        (0.2, 0.3),
        (0.46, 0.5),
        (0.66, 0.44),
        (0.8, 0.2),
        (0.86, 0.05),
    )

    def at(height: float) -> float:
        ys, xs = zip(*profile, strict=True)
        return float(np.interp(height, ys, xs))

    body = [(at(y), y) for y, _ in profile] + [(-at(y), y) for y, _ in reversed(profile)]
    pen.blob(body, pose.body)
    pen.fill([(-at(0.42), 0.42), (at(0.42), 0.42), (at(0.52), 0.52), (-at(0.52), 0.52)],
             lighter(pose.body, 0.6))
    # Marks on the round of the body come into sight, cross and go: so it is seen to spin.
    for index in range(5):
        a = (spin + 2 * math.pi * index / 5) % (2 * math.pi)
        if math.cos(a) <= 0.1:
            continue
        x, wide = math.sin(a), 0.1 * math.cos(a)
        color = ((250, 206, 60), (64, 140, 226), (88, 190, 96), (240, 120, 50), (200, 80, 190))[
            index
        ]
        pen.fill([((x - wide) * at(0.42), 0.42), ((x + wide) * at(0.42), 0.42),
                  ((x + wide) * at(0.24), 0.24), ((x - wide) * at(0.24), 0.24)], color)
        pen.fill([((x - wide) * at(0.54), 0.54), ((x + wide) * at(0.54), 0.54),
                  ((x + wide) * at(0.72), 0.72), ((x - wide) * at(0.72), 0.72)], color)
    pen.blob([(-0.3, 0.46), (-0.26, 0.6), (-0.14, 0.7), (-0.2, 0.56)], (255, 255, 255), 0.45)


def _outline(shape: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    turn = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    if shape == "square":
        return 0.43 * np.array([(-1.0, -1.0), (1, -1), (1, 1), (-1, 1)])
    if shape == "triangle":
        a = np.pi / 2 + np.arange(3) * 2 * np.pi / 3
        return 0.56 * np.stack([np.cos(a), np.sin(a)], 1)
    if shape == "star":
        a = np.pi / 2 + np.arange(10) * np.pi / 5
        r = np.where(np.arange(10) % 2, 0.24, 0.56)
        return np.stack([r * np.cos(a), r * np.sin(a)], 1)
    if shape == "heart":
        x = 16 * np.sin(turn) ** 3
        y = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
        return np.stack([x, y + 2], 1) / 32
    if shape == "ring":
        inner = 0.27 * np.stack([np.cos(-turn), np.sin(-turn)], 1)
        outer = 0.5 * np.stack([np.cos(turn), np.sin(turn)], 1)
        return np.concatenate([outer, outer[:1], inner, inner[:1]])
    return 0.5 * np.stack([np.cos(turn), np.sin(turn)], 1)


def shape(name: str, pen: Pen, pose: Pose) -> None:
    """One of the six plain shapes, with the light from above left."""
    outline = _outline(name)
    pen.fill(outline, darker(pose.body, 0.22))
    pen.fill(0.9 * outline if name != "ring" else outline, pose.body)
