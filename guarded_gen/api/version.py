"""The version of this installation."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("guarded-gen")
except PackageNotFoundError:
    VERSION = "0+source"
