"""A person as a pictogram, clothed and without a face, and a robot."""

from __future__ import annotations

import math

from generator.scene.pen import Color, Pen, darker, lighter, two_bones
from generator.scene.pose import Pose

HEADS: tuple[Color, ...] = ((242, 204, 172), (198, 142, 100), (132, 88, 62), (92, 62, 46))
_HAIRS: tuple[Color, ...] = ((52, 40, 36), (112, 72, 40), (30, 28, 32), (176, 124, 62))
_TROUSERS: tuple[Color, ...] = ((52, 66, 104), (82, 74, 70), (44, 92, 88))


def person(pen: Pen, pose: Pose) -> None:
    shirt = pose.body
    # Skin, hair and trousers go through all combinations, whatever the words of the prompt.
    pick = int(pose.chance * 48)
    skin, hair = HEADS[pick % 4], _HAIRS[pick // 4 % 4]
    cloth = _TROUSERS[pick // 16 % 3]
    lean = -0.1 * max(0.0, pose.effort - 0.5)
    pen = pen.turned(0, 0.02 * pose.effort * math.sin(2 * pose.phase), lean)

    def leg(ahead: float, color: Color) -> None:
        a = pose.phase + ahead
        foot = (0.2 * pose.effort * math.cos(a),
                0.03 + 0.13 * pose.effort * max(0.0, math.sin(a)))
        joints = two_bones((0, 0.49), foot, 0.245, 0.24, 1)
        pen.limb(joints, (0.068, 0.055, 0.042), color)
        end = joints[-1]
        pen.blob([(end[0] - 0.05, end[1] + 0.03), (end[0] + 0.03, end[1] + 0.03),
                  (end[0] + 0.11, end[1] - 0.01), (end[0] + 0.1, end[1] - 0.035),
                  (end[0] - 0.05, end[1] - 0.035)], (48, 44, 50))

    def arm(ahead: float, color: Color) -> None:
        a = 0.75 * pose.effort * math.cos(pose.phase + ahead)
        elbow = (0.19 * math.sin(a), 0.76 - 0.19 * math.cos(a))
        b = a + 0.25 + 0.75 * pose.effort
        hand = (elbow[0] + 0.17 * math.sin(b), elbow[1] - 0.17 * math.cos(b))
        pen.limb([(0, 0.76), elbow], (0.052, 0.043), color)
        pen.limb([elbow, hand], (0.043, 0.034), color)
        pen.disc(*hand, 0.036, color=skin)

    arm(0, darker(shirt, 0.3))
    leg(math.pi, darker(cloth, 0.3))
    leg(0, cloth)
    pen.blob([(-0.1, 0.48), (-0.11, 0.66), (-0.09, 0.79), (0.0, 0.82), (0.09, 0.79), (0.11, 0.66),
              (0.1, 0.48), (0, 0.46)], shirt)
    pen.limb([(0.0, 0.8), (0.01, 0.86)], (0.04, 0.038), darker(skin, 0.12))
    pen.disc(0.015, 0.93, 0.088, 0.098, color=skin)
    pen.blob([(-0.08, 0.88), (-0.09, 0.96), (-0.03, 1.035), (0.06, 1.035), (0.105, 0.985),
              (0.02, 0.97), (-0.03, 0.93), (-0.05, 0.87)], hair)
    arm(math.pi, shirt)


def robot(pen: Pen, pose: Pose) -> None:
    metal, dark = pose.body, darker(pose.body, 0.4)
    pen = pen.turned(0, 0.02 * abs(math.sin(pose.phase)) * pose.effort, 0)
    for side, ahead in ((-1, math.pi), (1, 0.0)):
        a = pose.phase + ahead
        x = 0.12 * side + 0.06 * pose.effort * math.cos(a)
        y = 0.08 * pose.effort * max(0.0, math.sin(a))
        pen.limb([(0.12 * side, 0.36), (x, 0.07 + y)], (0.05, 0.05), dark)
        pen.box(x - 0.1, y, x + 0.12, y + 0.09, metal, 0.03)
    for side, ahead in ((-1, 0.0), (1, math.pi)):
        a = 0.25 + 0.5 * pose.effort * math.cos(pose.phase + ahead)
        hand = (side * (0.26 + 0.18 * math.sin(a)), 0.62 - 0.27 * math.cos(a))
        pen.limb([(0.24 * side, 0.63), hand], (0.045, 0.04), dark)
        pen.disc(*hand, 0.06, color=metal)
        pen.disc(0.24 * side, 0.63, 0.065, color=metal)
    pen.box(-0.24, 0.32, 0.24, 0.7, metal, 0.05)
    pen.box(-0.15, 0.42, 0.15, 0.6, lighter(metal, 0.5), 0.03)
    for index, color in enumerate(((232, 70, 60), (250, 206, 60), (86, 196, 90))):
        lit = math.sin(5 * pose.time + 2.1 * index) > 0
        pen.disc(-0.09 + 0.09 * index, 0.51, 0.03, color=color if lit else darker(color, 0.45))
    pen.box(-0.06, 0.69, 0.06, 0.75, dark)
    pen.box(-0.2, 0.73, 0.2, 0.96, metal, 0.06)
    # A bar of light, so that nothing about it looks like a face.
    pen.box(-0.15, 0.8, 0.15, 0.89, (36, 44, 60), 0.04)
    scan = 0.09 * math.sin(2.4 * pose.time)
    pen.box(scan - 0.05, 0.82, scan + 0.05, 0.87, (96, 226, 244), 0.02)
    pen.limb([(0, 0.95), (0, 1.04)], (0.015, 0.012), dark)
    pen.disc(0, 1.06, 0.03, color=(240, 76, 70))
