"""Vehicles, seen from the side, heading right; wheels turn with the way they made."""

from __future__ import annotations

import math

from generator.scene.pen import Color, Pen, darker, lighter, mix
from generator.scene.pose import Pose

_TYRE: Color = (38, 38, 44)
_RIM: Color = (196, 200, 208)
_GLASS: Color = (176, 214, 236)
_LAMP: Color = (255, 238, 160)


def wheel(pen: Pen, x: float, radius: float, turn: float, rim: Color = _RIM) -> None:
    """A wheel that stands on the ground at ``x``, with five spokes that show its turning."""
    pen.disc(x, radius, radius, color=_TYRE)
    pen.disc(x, radius, 0.66 * radius, color=rim)
    hub = pen.turned(x, radius, -turn)
    for spoke in range(5):
        a = 2 * math.pi * spoke / 5
        hub.limb([(0, 0), (0.56 * radius * math.cos(a), 0.56 * radius * math.sin(a))],
                 (0.1 * radius, 0.13 * radius), darker(rim, 0.6))
    hub.disc(0, 0, 0.17 * radius, color=darker(rim, 0.6))


def _smoke(pen: Pen, pose: Pose, x: float, y: float, drift: float) -> None:
    for index in range(5):
        age = (0.45 * pose.time + index / 5 + pose.chance) % 1
        pen.disc(x - drift * age, y + 0.4 * age, 0.05 + 0.1 * age, color=(236, 236, 238),
                 alpha=0.75 * (1 - age))


def car(pen: Pen, pose: Pose) -> None:
    body, low = pose.body, darker(pose.body, 0.35)
    hop = 0.012 * math.sin(14 * pose.time) * pose.effort
    shell = pen.turned(0, hop, 0)
    shell.blob([(-0.56, 0.56), (-0.4, 0.86), (-0.22, 0.97), (0.14, 0.97), (0.34, 0.84), (0.56, 0.58)],
               body)
    shell.fill([(-0.47, 0.6), (-0.34, 0.83), (-0.2, 0.89), (-0.04, 0.89), (-0.04, 0.6)], _GLASS)
    shell.fill([(0.03, 0.6), (0.03, 0.89), (0.13, 0.89), (0.29, 0.79), (0.45, 0.6)], _GLASS)
    shell.blob([(-1.0, 0.3), (-1.0, 0.52), (-0.8, 0.6), (-0.4, 0.61), (0.3, 0.61), (0.74, 0.54),
                (0.98, 0.44), (1.0, 0.26), (0.8, 0.2), (-0.8, 0.2)], body)
    shell.box(-0.98, 0.19, 0.98, 0.27, low, 0.03)
    shell.limb([(0.0, 0.58), (-0.01, 0.3)], (0.008, 0.008), low)
    shell.limb([(0.08, 0.5), (0.2, 0.5)], (0.016, 0.016), low)
    shell.disc(0.93, 0.41, 0.05, 0.065, color=_LAMP)
    shell.disc(-0.96, 0.46, 0.04, 0.06, color=(214, 40, 44))
    for x in (-0.56, 0.58):
        shell.disc(x, 0.23, 0.26, color=darker(low, 0.5))
        wheel(pen, x, 0.21, pose.turn / 0.21)


def bus(pen: Pen, pose: Pose) -> None:
    body, low = pose.body, darker(pose.body, 0.35)
    shell = pen.turned(0, 0.008 * math.sin(12 * pose.time) * pose.effort, 0)
    shell.box(-1.1, 0.14, 1.1, 0.98, body, 0.1)
    shell.box(-1.1, 0.3, 1.1, 0.38, lighter(body, 0.75))
    shell.box(-1.1, 0.14, 1.1, 0.22, low, 0.04)
    for index in range(5):
        x = -1.0 + 0.335 * index
        shell.box(x, 0.5, x + 0.27, 0.84, _GLASS, 0.04)
    shell.box(0.69, 0.18, 0.92, 0.86, darker(_GLASS, 0.25), 0.03)
    shell.limb([(0.805, 0.22), (0.805, 0.84)], (0.01, 0.01), low)
    shell.box(0.97, 0.46, 1.09, 0.86, _GLASS, 0.04)
    shell.disc(1.05, 0.28, 0.04, color=_LAMP)
    for x in (-0.68, 0.56):
        shell.disc(x, 0.17, 0.2, color=darker(low, 0.5))
        wheel(pen, x, 0.165, pose.turn / 0.165)


def train(pen: Pen, pose: Pose) -> None:
    body, low = pose.body, darker(pose.body, 0.4)
    pen.box(-9, -0.05, 9, -0.01, (110, 92, 78))
    _smoke(pen, pose, 1.14, 1.06, 1.1 * pose.effort)
    for x, coat in (
        (-2.25, mix(body, (60, 90, 160), 0.55)),
        (-0.98, mix(body, (240, 190, 70), 0.6)),
    ):
        pen.limb([(x + 0.5, 0.24), (x + 0.8, 0.24)], (0.03, 0.03), _TYRE)
        pen.box(x - 0.56, 0.18, x + 0.56, 0.84, coat, 0.05)
        pen.box(x - 0.6, 0.82, x + 0.6, 0.9, darker(coat, 0.4), 0.04)
        for window in (-0.42, -0.12, 0.18):
            pen.box(x + window, 0.48, x + window + 0.24, 0.74, _GLASS, 0.03)
        for spot in (-0.36, 0.36):
            wheel(pen, x + spot, 0.13, pose.turn / 0.13)
    pen.box(-0.24, 0.24, 0.34, 1.0, body, 0.03)
    pen.box(-0.3, 0.98, 0.4, 1.06, low, 0.03)
    pen.box(-0.12, 0.64, 0.22, 0.9, _GLASS, 0.03)
    pen.box(0.3, 0.3, 1.26, 0.72, body, 0.12)
    for x in (0.56, 0.84):
        pen.box(x, 0.3, x + 0.04, 0.72, (226, 186, 70))
    pen.fill([(1.06, 0.7), (1.22, 0.7), (1.28, 1.02), (1.0, 1.02)], low)
    pen.disc(0.7, 0.74, 0.1, 0.08, color=(226, 186, 70))
    pen.disc(1.28, 0.56, 0.06, 0.09, color=_LAMP)
    pen.box(-0.24, 0.2, 1.26, 0.32, low)
    pen.fill([(1.2, 0.24), (1.52, 0.02), (1.2, 0.02)], (150, 40, 40))
    for x, r in ((-0.04, 0.19), (0.42, 0.19), (0.98, 0.13)):
        wheel(pen, x, r, pose.turn / r, (188, 60, 56))
    a = -pose.turn / 0.19
    rod = (0.1 * math.cos(a), 0.19 + 0.1 * math.sin(a))
    pen.limb([(-0.04 + rod[0], rod[1]), (0.42 + rod[0], rod[1]), (0.98, 0.24)],
             (0.028, 0.028, 0.02), _RIM)


def boat(pen: Pen, pose: Pose) -> None:
    body = pose.body
    hull = pen.turned(0, 0.03 * math.sin(1.7 * pose.time + 6 * pose.chance),
                      0.05 * math.sin(1.3 * pose.time + 4 * pose.chance))
    hull.limb([(-0.04, 0.1), (-0.04, 1.1)], (0.024, 0.018), (126, 84, 52))
    belly = 0.05 + 0.02 * math.sin(2 * pose.time)
    hull.blob([(0.0, 0.24), (0.0, 0.66), (0.0, 1.06), (0.24 + belly, 0.66), (0.52, 0.26), (0.26, 0.24)],
              (250, 248, 240))
    hull.blob([(-0.1, 0.26), (-0.09, 0.6), (-0.08, 0.96), (-0.28 - belly, 0.56), (-0.42, 0.28)],
              (236, 232, 222))
    hull.fill([(-0.04, 1.1), (-0.04, 1.2), (-0.24, 1.15 + 0.02 * math.sin(8 * pose.time))],
              (224, 52, 50))
    hull.blob([(-0.66, 0.17), (-0.3, 0.16), (0.3, 0.16), (0.74, 0.22), (0.5, -0.06), (0.3, -0.14),
               (-0.4, -0.14), (-0.58, -0.06)], body)
    hull.box(-0.56, 0.08, 0.62, 0.13, lighter(body, 0.7))
    for index in range(4):
        x = -0.78 + 0.42 * index + 0.04 * math.sin(2 * pose.time + index)
        pen.blob([(x, -0.08), (x + 0.2, -0.04), (x + 0.42, -0.09), (x + 0.2, -0.15)],
                 (226, 240, 248), 0.85)


def plane(pen: Pen, pose: Pose) -> None:
    body, low = pose.body, darker(pose.body, 0.3)
    pen = pen.turned(0, 0.02 * math.sin(2 * pose.time + 5 * pose.chance), 0.03)
    pen.fill([(0.16, 0.1), (-0.22, 0.42), (-0.36, 0.42), (-0.16, 0.08)], darker(low, 0.3))
    pen.fill([(-0.72, 0.08), (-1.0, 0.46), (-0.8, 0.46), (-0.46, 0.12)], (214, 60, 62))
    pen.blob([(-1.0, 0.1), (-0.6, 0.17), (0.0, 0.17), (0.66, 0.16), (0.92, 0.07), (1.0, -0.01),
              (0.86, -0.09), (0.4, -0.13), (-0.3, -0.12), (-0.76, -0.02)], body)
    pen.blob([(0.96, -0.03), (0.86, -0.09), (0.4, -0.13), (-0.3, -0.12), (-0.76, -0.02),
              (-0.2, -0.04), (0.4, -0.03)], low)
    for index in range(7):
        pen.disc(-0.48 + 0.16 * index, 0.07, 0.036, 0.042, color=(70, 110, 150))
    pen.fill([(0.7, 0.12), (0.84, 0.11), (0.92, 0.04), (0.7, 0.04)], _GLASS)
    pen.fill([(-0.78, 0.06), (-1.06, -0.06), (-0.92, -0.07), (-0.54, 0.03)], low)
    pen.fill([(0.28, -0.03), (-0.3, -0.42), (-0.48, -0.42), (-0.2, -0.03)], lighter(low, 0.15))
    pen.blob([(0.16, -0.2), (0.14, -0.31), (-0.14, -0.31), (-0.16, -0.2), (0.0, -0.16)],
             darker(low, 0.35))


def rocket(pen: Pen, pose: Pose) -> None:
    body, trim = (240, 240, 244), pose.body
    flicker = 0.12 * math.sin(31 * pose.time) + 0.06 * math.sin(53 * pose.time)
    if pose.effort > 0.1:
        for index in range(5):
            age = (1.4 * pose.time + index / 5) % 1
            pen.disc(0.04 * math.sin(9 * index), -0.62 - 0.7 * age, 0.06 + 0.1 * age,
                     color=(230, 226, 224), alpha=0.5 * (1 - age))
        long = 0.42 + flicker
        pen.blob([(-0.12, -0.46), (0.12, -0.46), (0.13, -0.6), (0, -0.5 - long), (-0.13, -0.6)],
                 (250, 140, 36))
        pen.blob([(-0.06, -0.46), (0.06, -0.46), (0.06, -0.56), (0, -0.5 - 0.6 * long),
                  (-0.06, -0.56)], (255, 234, 130))
    for side in (-1, 1):
        pen.blob([(0.16 * side, -0.12), (0.36 * side, -0.36), (0.36 * side, -0.54),
                  (0.14 * side, -0.4)], trim)
    pen.box(-0.12, -0.5, 0.12, -0.4, darker(body, 0.55), 0.02)
    pen.blob([(0, 0.62), (0.13, 0.42), (0.2, 0.12), (0.19, -0.2), (0.13, -0.44), (-0.13, -0.44),
              (-0.19, -0.2), (-0.2, 0.12), (-0.13, 0.42)], body)
    pen.blob([(0, 0.63), (0.12, 0.42), (0.14, 0.36), (0, 0.33), (-0.14, 0.36), (-0.12, 0.42)], trim)
    pen.blob([(0.06, 0.3), (0.2, 0.12), (0.19, -0.2), (0.13, -0.44), (0.04, -0.44), (0.1, -0.1)],
             darker(body, 0.15))
    pen.disc(0, 0.13, 0.105, color=darker(body, 0.5))
    pen.disc(0, 0.13, 0.078, color=(96, 168, 220))
    pen.disc(-0.025, 0.155, 0.022, color=(230, 244, 252))
    pen.limb([(0, -0.26), (0, -0.5)], (0.03, 0.03), trim)
