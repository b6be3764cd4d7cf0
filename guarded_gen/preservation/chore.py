"""What the desk does again and again while the service runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guarded_gen.preservation.desk import Desk

EVERY_S = 10.0
"""A restricted case waits this long at most to be sealed; chores come round far more often."""


class DeskChore:
    """Seals what is new of the gravest cases, and sends the reports that two people let go."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._due = 0.0

    def __call__(self) -> None:
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY_S
        self._desk.sweep()
