"""How a figure stands at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from generator.scene.pen import Color


@dataclass(frozen=True, slots=True)
class Pose:
    """``time`` in seconds; ``phase`` of the gait and ``turn`` of wheels in radians.

    ``effort`` is 0 at rest, 0.6 at a walk, 1 at a run. ``body`` is the main colour.
    ``chance`` in [0, 1) tells figures of one kind apart.
    """

    time: float
    phase: float
    turn: float
    effort: float
    body: Color
    chance: float = 0.0
