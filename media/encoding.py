"""How clips are encoded: the settings alone, for whoever encodes nothing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class EncodeSettings(BaseModel):
    """How clips are encoded. Lower ``crf`` is better and larger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crf: int = Field(18, ge=0, le=51, description="constant rate factor of x264")
    preset: str = Field("veryfast", description="x264 preset: speed against size")
    threads: int = Field(0, ge=0, description="encoder threads; 0 lets x264 choose")
    metadata: dict[str, str] = Field(default_factory=dict, description="container metadata")
