"""Which pipeline, from where, and how it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from generator.diffusers.presets import preset


class LoraSettings(BaseModel):
    """A low-rank adaptation that is put over the pipeline's weights (Hu et al., 2021)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path = Field(description="a safetensors file on this machine")
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$", description="its SHA-256")
    scale: float = Field(1.0, ge=-4, le=4, description="how much of it is added")


class DiffusersSettings(BaseModel):
    """Settings of the ``diffusers`` backend.

    ``model`` is a local folder, or a hub id; a hub id needs ``revision`` (a commit, so that it
    cannot change). ``sha256`` pins weights by their path in the folder; with ``require_pins``
    every weights file must be pinned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str = Field("", description="short name of a published pipeline; fills what is not set")
    model: str = Field(min_length=1, description="local folder, or hub id such as owner/name")
    revision: str = Field("", description="commit of the hub repository")
    sha256: dict[str, str] = Field(default_factory=dict, description="pins by path in the folder")
    require_pins: bool = Field(False, description="refuse weights files without a pin")
    loras: tuple[LoraSettings, ...] = Field(
        (), description="adaptations that are put over the weights: file, sha256, scale"
    )
    device: str = Field("", description="cuda, cuda:1, mps, cpu; empty: the best there is")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    offload: Literal["none", "model", "sequential", "group"] = Field(
        "none", description="what stays on the CPU between uses; saves GPU memory, costs time"
    )
    vae_tiling: bool = Field(True, description="decode in tiles; saves memory at large sizes")
    cache: Literal["none", "first_block", "faster", "pyramid"] = Field(
        "none", description="reuse of features between steps; faster, a little less exact"
    )
    cache_threshold: float = Field(0.1, gt=0, description="of the first-block cache")
    attention: str = Field("", description="attention backend of diffusers, such as flash or sage")
    steps: int = Field(40, ge=1, le=1000, description="denoising steps when a spec names none")
    guidance: float = Field(5.0, ge=0, description="guidance when a spec names none")
    max_side: int = Field(1920, gt=0)
    max_seconds: float = Field(20.0, gt=0)
    rate: float = Field(
        0.0, ge=0, description="native frames a second of the model; 0: the rate that is asked for"
    )
    multiple: int = Field(1, ge=1, description="what sizes must be divisible by, if more")

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("preset"):
            return values
        known = preset(str(values["preset"]))
        facts = known.model_dump(include={"model", "steps", "guidance", "rate", "multiple"})
        return {name: fact for name, fact in facts.items() if fact is not None} | values
