"""Which case comes next: severity times reach times age, as one number that never changes.

The order by ``severity x reach x exp(age / TAU)`` is the same at every moment as the order by
its logarithm less the present time, so a case gets its rank once, when it is opened, and the
queue is an index scan whatever its length.
"""

from __future__ import annotations

import math

TAU_SECONDS = 6 * 3600.0
"""Waiting this long counts as much as a factor of e in severity or reach: long enough for a
severe case to overtake, short enough that no case waits for days behind milder floods."""

SEVERITY = {
    "sexual_minors": 1.0,
    "ncii": 0.9,
    "hash_match": 0.9,
    "weapons": 0.8,
    "extremism": 0.8,
    "self_harm": 0.7,
    "gore": 0.6,
    "violence": 0.5,
    "hate": 0.5,
    "elections": 0.5,
    "sexual": 0.4,
    "harassment": 0.4,
    "likeness": 0.4,
    "misinformation": 0.4,
    "illicit": 0.4,
    "flash": 0.3,
    "privacy": 0.3,
}
"""Harm to people if the case is decided wrongly or late, by category."""

OTHER_SEVERITY = 0.2


def severity(category: str | None) -> float:
    """In (0, 1]; categories that the table does not name count as mild."""
    return SEVERITY.get(category or "", OTHER_SEVERITY)


def rank(severity: float, reach: int, opened_at_ms: int) -> float:
    """Higher comes first. ``reach`` is how many people wait for or could see the item."""
    weight = math.log(max(severity, 1e-3)) + math.log(2 + max(reach, 0))
    return weight - opened_at_ms / 1000 / TAU_SECONDS
