"""In which order tests run side by side: what takes long is started first.

Left to itself, pytest-xdist starts the files with the fewest tests last. Those are the ones with
the longest tests, of which the last then runs alone.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadFileScheduling

APART = (
    "tests/docs/test_tutorials.py",
    "tests/guarded_gen/test_output_gate.py",
    "tests/guarded_gen/test_one_clip.py",
    "tests/guarded_gen/test_modes.py",
)
"""Their tests share no fixture that is dear: each is a unit of its own."""
LONG = (
    *APART,
    "tests/browser/",
    "tests/faults/",
    "tests/generator/",
    "tests/classifiers/",
    "tests/provenance/",
    "tests/guarded_gen/",
)


def place(item: pytest.Item) -> int:
    """The rank of a test: of the first in :data:`LONG` that it is in, or after them all."""
    return next((i for i, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))


class Units(LoadFileScheduling):
    """Hands out files whole, and the tests of :data:`APART` one by one."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return nodeid if file in APART else file
