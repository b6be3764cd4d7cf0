"""Animals, seen from the side, facing right; legs, wings and fins move with the gait."""

from __future__ import annotations

import math

from generator.scene.pen import Color, Pen, darker, lighter, mix, two_bones
from generator.scene.pose import Pose

_DARK: Color = (34, 28, 30)
_WHITE: Color = (250, 250, 248)
_BEAK: Color = (244, 164, 44)


def _leg(pen: Pen, pose: Pose, hip: tuple[float, float], ahead: float, look: _Leg) -> None:
    """One leg of a four-legged animal. ``ahead``: its place in the gait, in radians."""
    angle = pose.phase + ahead
    step = look.stride * pose.effort
    foot = (
        hip[0] + step * math.cos(angle) + look.lean,
        look.thick[2] + max(0.0, math.sin(angle)) * look.lift * pose.effort,
    )
    joints = two_bones(hip, foot, look.upper, look.lower, look.bend)
    pen.limb(joints, look.thick, look.color)
    end = joints[-1]
    pen.disc(end[0] + 0.4 * look.thick[2], end[1], 1.5 * look.thick[2], look.thick[2],
             color=look.foot)


class _Leg:
    """What legs of one animal share."""

    def __init__(
        self,
        color: Color,
        foot: Color,
        thick: tuple[float, float, float],
        bones: tuple[float, float],
        gait: tuple[float, float, float],
    ) -> None:
        self.color, self.foot, self.thick = color, foot, thick
        self.upper, self.lower = bones
        self.stride, self.lift, self.bend = gait
        self.lean = 0.0


def _legs(
    pen: Pen, pose: Pose, hips: tuple[float, float, float], shapes: tuple[_Leg, _Leg], far: bool
) -> None:
    """Hind and fore legs: the far pair or the near one. ``hips``: x hind, x fore, y."""
    hind, fore = shapes
    shift = 0.06 if far else 0.0
    # A run throws both hind legs back together, a walk moves them in turn.
    apart = math.pi * (1 - 0.75 * max(0.0, pose.effort - 0.6) / 0.4)
    offset = apart if far else 0.0
    _leg(pen, pose, (hips[0] + shift, hips[2]), offset, hind)
    _leg(pen, pose, (hips[1] + shift, hips[2]), offset + 0.85 * math.pi, fore)


def _rise(pose: Pose, height: float) -> float:
    return height * pose.effort * (0.5 + 0.5 * math.sin(2 * pose.phase))


def dog(pen: Pen, pose: Pose) -> None:
    coat, back = pose.body, darker(pose.body, 0.25)
    pale = lighter(coat, 0.35)
    pen = pen.turned(0, _rise(pose, 0.05), 0.05 * pose.effort * math.sin(pose.phase))
    wag = 0.35 * math.sin(9 * pose.time + 6 * pose.chance)
    far = (_Leg(back, darker(back), (0.10, 0.062, 0.045), (0.27, 0.25), (0.24, 0.17, -1)),
           _Leg(back, darker(back), (0.075, 0.055, 0.045), (0.25, 0.25), (0.24, 0.17, 1)))
    _legs(pen, pose, (-0.42, 0.27, 0.5), far, True)
    tail = [(-0.54, 0.64), (-0.72, 0.72 + 0.1 * wag), (-0.86, 0.9 + 0.25 * wag)]
    pen.limb(tail, (0.07, 0.075, 0.025), back)
    pen.limb([(0.36, 0.62), (0.55, 0.86)], (0.19, 0.125), coat)
    pen.blob([(-0.58, 0.6), (-0.48, 0.71), (-0.2, 0.7), (0.12, 0.71), (0.36, 0.76), (0.49, 0.62),
              (0.42, 0.43), (0.14, 0.40), (-0.16, 0.46), (-0.42, 0.44), (-0.57, 0.5)], coat)
    pen.blob([(0.3, 0.5), (0.44, 0.62), (0.47, 0.52), (0.4, 0.42), (0.16, 0.4), (0.0, 0.43)], pale)
    near = (_Leg(coat, pale, (0.135, 0.075, 0.05), (0.27, 0.25), (0.24, 0.17, -1)),
            _Leg(coat, pale, (0.09, 0.062, 0.05), (0.25, 0.25), (0.24, 0.17, 1)))
    _legs(pen, pose, (-0.42, 0.27, 0.5), near, False)
    head = pen.turned(0.6, 0.92, 0.06 * math.sin(2 * pose.phase) * pose.effort)
    head.disc(0, 0, 0.165, 0.145, color=coat)
    head.limb([(0.08, -0.02), (0.27, -0.055)], (0.105, 0.07), coat)
    head.limb([(0.1, -0.07), (0.26, -0.095)], (0.055, 0.035), pale)
    head.disc(0.325, -0.02, 0.036, 0.03, color=_DARK)
    if pose.effort > 0.5:
        head.limb([(0.22, -0.12), (0.25, -0.21)], (0.03, 0.035), (232, 108, 112))
    flop = 0.05 * math.sin(2 * pose.phase + 1) * pose.effort
    head.blob([(-0.1, 0.11), (0.0, 0.12), (0.0, -0.02), (-0.06 - flop, -0.19), (-0.14 - flop, -0.17),
               (-0.16, -0.02)], back)
    head.disc(0.085, 0.045, 0.024, color=_DARK)
    head.disc(0.093, 0.053, 0.008, color=_WHITE)
    pen.limb([(0.42, 0.76), (0.5, 0.69), (0.52, 0.66)], (0.028, 0.03, 0.03), (206, 52, 56))


def cat(pen: Pen, pose: Pose) -> None:
    coat, back = pose.body, darker(pose.body, 0.3)
    pale = lighter(coat, 0.55)
    pen = pen.turned(0, _rise(pose, 0.03), 0.0)
    sway = 0.12 * math.sin(2.6 * pose.time + 6 * pose.chance)
    far = (_Leg(back, back, (0.09, 0.055, 0.04), (0.23, 0.22), (0.2, 0.12, -1)),
           _Leg(back, back, (0.065, 0.05, 0.04), (0.22, 0.22), (0.2, 0.12, 1)))
    _legs(pen, pose, (-0.44, 0.26, 0.42), far, True)
    tail = [(-0.52, 0.54), (-0.72, 0.6), (-0.82 + sway, 0.82), (-0.72 + 1.6 * sway, 1.04),
            (-0.62 + 2 * sway, 1.1)]
    pen.limb(tail, (0.06, 0.055, 0.05, 0.045, 0.04), back)
    pen.blob([(-0.56, 0.52), (-0.46, 0.62), (-0.2, 0.6), (0.1, 0.58), (0.34, 0.64), (0.44, 0.54),
              (0.38, 0.38), (0.1, 0.35), (-0.2, 0.36), (-0.46, 0.36)], coat)
    for x in (-0.36, -0.2, -0.04, 0.12):
        pen.limb([(x, 0.595), (x - 0.03, 0.48)], (0.03, 0.012), back)
    near = (_Leg(coat, pale, (0.125, 0.065, 0.045), (0.23, 0.22), (0.2, 0.12, -1)),
            _Leg(coat, pale, (0.08, 0.055, 0.045), (0.22, 0.22), (0.2, 0.12, 1)))
    _legs(pen, pose, (-0.44, 0.26, 0.42), near, False)
    head = pen.turned(0.5, 0.74, 0.04 * math.sin(2 * pose.phase) * pose.effort)
    for x in (-0.12, 0.11):
        head.fill([(x - 0.09, 0.08), (x + 0.09, 0.1), (x + 0.01, 0.33)], back if x < 0 else coat)
        head.fill([(x - 0.035, 0.12), (x + 0.05, 0.13), (x + 0.01, 0.26)], (236, 158, 158))
    head.disc(0, 0, 0.215, 0.185, color=coat)
    head.disc(0.07, -0.075, 0.115, 0.085, color=pale)
    for x in (-0.04, 0.13):
        head.disc(x, 0.035, 0.036, 0.046, color=(120, 190, 90))
        head.disc(x + 0.004, 0.035, 0.014, 0.042, color=_DARK)
    head.fill([(0.04, -0.03), (0.1, -0.03), (0.07, -0.065)], (224, 112, 118))
    for y in (-0.06, -0.09):
        head.limb([(0.15, y), (0.36, 1.6 * y + 0.07)], (0.008, 0.004), _WHITE)
        head.limb([(-0.02, y), (-0.2, 1.6 * y + 0.07)], (0.008, 0.004), _WHITE)


def horse(pen: Pen, pose: Pose) -> None:
    coat, back = pose.body, darker(pose.body, 0.3)
    hair = darker(pose.body, 0.6)
    pen = pen.turned(0, _rise(pose, 0.05), 0.04 * pose.effort * math.sin(pose.phase))
    far = (_Leg(back, _DARK, (0.09, 0.045, 0.032), (0.25, 0.28), (0.24, 0.15, -1)),
           _Leg(back, _DARK, (0.06, 0.042, 0.032), (0.26, 0.27), (0.24, 0.15, 1)))
    _legs(pen, pose, (-0.4, 0.22, 0.5), far, True)
    stream = 0.06 * math.sin(2 * pose.phase) + 0.16 * pose.effort
    pen.blob([(-0.48, 0.7), (-0.56, 0.72), (-0.66 - stream, 0.6), (-0.7 - 1.6 * stream, 0.34),
              (-0.6 - stream, 0.4), (-0.52, 0.56)], hair)
    pen.blob([(-0.52, 0.6), (-0.46, 0.72), (-0.3, 0.74), (-0.05, 0.68), (0.2, 0.73), (0.36, 0.7),
              (0.38, 0.52), (0.22, 0.44), (-0.1, 0.45), (-0.32, 0.48), (-0.5, 0.5)], coat)
    near = (_Leg(coat, _DARK, (0.125, 0.052, 0.036), (0.25, 0.28), (0.24, 0.15, -1)),
            _Leg(coat, _DARK, (0.075, 0.048, 0.036), (0.26, 0.27), (0.24, 0.15, 1)))
    _legs(pen, pose, (-0.4, 0.22, 0.5), near, False)
    neck = pen.turned(0.26, 0.62, 0.07 * math.sin(2 * pose.phase) * pose.effort)
    neck.blob([(-0.12, 0.1), (0.02, 0.32), (0.16, 0.5), (0.3, 0.5), (0.27, 0.34), (0.17, 0.12),
               (0.14, -0.1), (0.0, -0.1)], coat)
    neck.blob([(0.2, 0.53), (0.3, 0.5), (0.42, 0.36), (0.53, 0.24), (0.52, 0.16), (0.44, 0.14),
               (0.3, 0.26), (0.2, 0.34)], coat)
    neck.disc(0.47, 0.2, 0.06, 0.055, color=back)
    neck.fill([(0.19, 0.5), (0.25, 0.5), (0.24, 0.63)], coat)
    wind = 0.03 * math.sin(2 * pose.phase + 0.7) + 0.03 * pose.effort
    neck.blob([(0.23, 0.55), (0.18, 0.54), (0.02 - wind, 0.4), (-0.12 - wind, 0.18),
               (-0.16 - wind, 0.08), (-0.08, 0.08), (0.02, 0.26), (0.13, 0.4)], hair)
    neck.disc(0.31, 0.4, 0.022, color=_DARK)


def bird(pen: Pen, pose: Pose) -> None:
    coat, wing = pose.body, darker(pose.body, 0.28)
    resting = pose.effort < 0.1
    flap = math.sin(pose.phase) if not resting else 0.0
    pen = pen.turned(0, -0.05 * flap, 0.0)

    def feathers(far: bool) -> None:
        lift = 0.62 * flap + (0.18 if far else 0.05)
        color = darker(wing, 0.25) if far else wing
        x = 0.1 if far else 0.0
        pen.blob([(x + 0.16, 0.08), (x - 0.12, 0.06), (x - 0.38, 0.16 + 0.75 * lift),
                  (x - 0.34, 0.26 + 1.05 * lift), (x - 0.02, 0.2 + 0.8 * lift)], color)

    if not resting:
        feathers(True)
    pen.fill([(-0.34, 0.02), (-0.74, 0.14), (-0.72, 0.02), (-0.66, -0.06), (-0.3, -0.06)], wing)
    pen.blob([(-0.44, 0.02), (-0.2, 0.13), (0.16, 0.17), (0.36, 0.12), (0.38, -0.06), (0.14, -0.19),
              (-0.2, -0.12)], coat)
    pen.blob([(0.3, -0.02), (0.34, -0.08), (0.12, -0.19), (-0.16, -0.12), (0.08, -0.05)],
             lighter(coat, 0.5))
    pen.fill([(0.54, 0.19), (0.54, 0.09), (0.76, 0.12)], _BEAK)
    pen.disc(0.4, 0.14, 0.165, 0.155, color=coat)
    pen.disc(0.46, 0.18, 0.03, color=_DARK)
    pen.disc(0.47, 0.19, 0.01, color=_WHITE)
    if resting:
        pen.blob([(0.2, 0.08), (-0.1, 0.1), (-0.46, -0.02), (-0.14, -0.1), (0.12, -0.06)], wing)
        for x in (-0.02, 0.1):
            pen.limb([(x, -0.15), (x, -0.4), (x + 0.08, -0.4)], (0.022, 0.018, 0.014), _BEAK)
    else:
        feathers(False)


def fish(pen: Pen, pose: Pose) -> None:
    coat, fin = pose.body, mix(pose.body, (255, 210, 80), 0.35)
    swing = math.sin(pose.phase if pose.effort > 0.1 else 2 * pose.time)
    pen = pen.turned(0, 0, 0.05 * swing)
    wide = 0.24 + 0.12 * swing
    pen.blob([(-0.44, 0.0), (-0.6, 0.1), (-0.56 - wide, 0.34), (-0.5 - wide, 0.02),
              (-0.56 - wide, -0.32), (-0.6, -0.1)], fin)
    pen.blob([(-0.2, 0.24), (-0.02, 0.44), (0.16, 0.4), (0.3, 0.22), (0.05, 0.2)], fin)
    pen.blob([(-0.08, -0.24), (-0.12, -0.4), (0.02, -0.36), (0.14, -0.24)], fin)
    pen.blob([(-0.56, 0.0), (-0.34, 0.16), (0.0, 0.29), (0.34, 0.25), (0.6, 0.06), (0.62, -0.02),
              (0.36, -0.22), (0.0, -0.28), (-0.34, -0.15)], coat)
    pen.blob([(0.6, -0.02), (0.36, -0.22), (0.0, -0.28), (-0.34, -0.15), (0.0, -0.13),
              (0.36, -0.08)], lighter(coat, 0.45))
    for x, tall in ((0.16, 0.24), (-0.1, 0.2), (-0.32, 0.12)):
        pen.blob([(x, tall), (x + 0.08, 0), (x, -tall), (x - 0.06, -tall), (x + 0.02, 0),
                  (x - 0.06, tall)], lighter(coat, 0.65))
    side = 0.1 * swing
    pen.blob([(0.12, -0.02), (-0.08, 0.06 + side), (-0.14, -0.08 + side), (0.08, -0.1)], fin)
    pen.disc(0.41, 0.08, 0.065, color=_WHITE)
    pen.disc(0.43, 0.08, 0.038, color=_DARK)
    pen.limb([(0.61, -0.02), (0.5, -0.06)], (0.012, 0.012), darker(coat, 0.5))


def butterfly(pen: Pen, pose: Pose) -> None:
    wing, edge = pose.body, darker(pose.body, 0.65)
    beat = pose.phase if pose.effort > 0.1 else 2.2 * pose.time
    open_ = 0.28 + 0.72 * abs(math.cos(0.5 * beat))
    pen = pen.turned(0, 0.05 * math.sin(beat), -0.25)
    for side in (-1, 1):
        s = side * open_
        upper = [(0.0, 0.06), (0.2 * s, 0.36), (0.56 * s, 0.5), (0.62 * s, 0.24), (0.4 * s, 0.02)]
        lower = [(0.0, 0.02), (0.36 * s, 0.0), (0.48 * s, -0.22), (0.28 * s, -0.42),
                 (0.08 * s, -0.2)]
        for outline, middle in ((lower, (0.26 * s, -0.14)), (upper, (0.32 * s, 0.22))):
            pen.blob(outline, edge)
            inner = [(middle[0] + 0.78 * (x - middle[0]), middle[1] + 0.78 * (y - middle[1]))
                     for x, y in outline]
            pen.blob(inner, wing)
        pen.disc(0.44 * s, 0.3, 0.07 * open_, 0.07, color=lighter(wing, 0.7))
        pen.disc(0.3 * s, -0.22, 0.055 * open_, 0.055, color=lighter(wing, 0.7))
        pen.limb([(0.01 * side, 0.2), (0.1 * side, 0.4), (0.16 * side, 0.44)],
                 (0.012, 0.009, 0.018), _DARK)
    pen.limb([(0, -0.26), (0, 0.02), (0, 0.2)], (0.025, 0.045, 0.05), _DARK)
