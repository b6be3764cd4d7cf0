"""The default weights for tests: fetched once into the virtual environment, or a skip."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from classifiers.errors import WeightsMissing
from classifiers.packages import pull
from classifiers.registry import WeightsRegistry

FOLDER = Path(sys.prefix) / "guarded-gen-weights"


def fetched(*names: str) -> WeightsRegistry:
    """A registry in which these are present; skips the test where no index can be reached.

    The folder is shared by all tests, which must not change what is in it.
    """
    registry = WeightsRegistry(FOLDER)
    for name in names:
        try:
            registry.path(name)
        except WeightsMissing:
            try:
                pull(registry, name)
            except WeightsMissing as error:
                pytest.skip(str(error))
    return registry
