"""The version of this installation."""

from __future__ import annotations

from provenance.manifest import installed_version

VERSION = installed_version()
