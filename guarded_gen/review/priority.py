"""Which case comes next: severity times reach times age, as one number that never changes.

The order by ``severity x reach x exp(age / TAU)`` is the same at every moment as the order by
its logarithm less the present time, so a case gets its rank once, when it is opened, and the
queue is an index scan whatever its length.
"""

from __future__ import annotations

import math

from policies.taxonomy import CATEGORIES, MILD

TAU_SECONDS = 6 * 3600.0
"""Waiting this long counts as much as a factor of e in severity or reach: long enough for a
severe case to overtake, short enough that no case waits for days behind milder floods."""


def severity(category: str | None) -> float:
    """Harm to people if the case is decided wrongly or late, in (0, 1]; mild where unknown."""
    known = CATEGORIES.get(category or "")
    return known.severity if known is not None else MILD


def rank(severity: float, reach: int, opened_at_ms: int) -> float:
    """Higher comes first. ``reach`` is how many people wait for or could see the item."""
    weight = math.log(max(severity, 1e-3)) + math.log(2 + max(reach, 0))
    return weight - opened_at_ms / 1000 / TAU_SECONDS
