"""Published pipelines by short name, with the facts that a run needs."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from generator.errors import UnsupportedSpec


class Preset(BaseModel):
    """``rate``: native frames a second, None for stills. ``frames``: a usual length.
    ``multiple``: what sizes must be divisible by where it is more than the family's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    pipeline: str
    licence: str
    steps: int = Field(ge=1)
    guidance: float | None = None
    rate: float | None = None
    size: str
    frames: int = 1
    multiple: int = 1
    sound: bool = False
    dtype: str = "bfloat16"


@lru_cache(maxsize=1)
def presets() -> dict[str, Preset]:
    """All presets by name."""
    text = (files("generator.diffusers") / "presets.toml").read_text("utf-8")
    return {name: Preset.model_validate(facts) for name, facts in tomllib.loads(text).items()}


def preset(name: str) -> Preset:
    """Raises :class:`UnsupportedSpec` that names those that exist."""
    found = presets().get(name)
    if found is None:
        raise UnsupportedSpec(f"there is no preset {name!r}", f"known: {', '.join(presets())}")
    return found
