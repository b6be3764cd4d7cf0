"""Every limit on media, in one place. Settings may lower or raise them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MediaLimits(BaseModel):
    """Bounds on what is read, generated or written. Past one comes ``MediaLimitExceeded``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(2 * 1024**3, gt=0, description="largest file read, in bytes")
    max_seconds: float = Field(3600.0, gt=0, description="longest video read, in seconds")
    max_frames: int = Field(500_000, gt=0, description="most frames decoded from one file")
    min_side: int = Field(16, gt=0, description="smallest width or height, in pixels")
    max_side: int = Field(8192, gt=0, description="largest width or height, in pixels")
    max_pixels: int = Field(8192 * 4320, gt=0, description="most pixels in one frame")
    max_tracks: int = Field(
        8, gt=0, description="most video tracks and covers of one file that are looked at"
    )
    max_pages: int = Field(64, gt=0, description="most pages of a document that are looked at")
    max_caption_letters: int = Field(
        1_000_000, gt=0, description="most letters of one subtitle track that are read"
    )
    max_generated_seconds: float = Field(120.0, gt=0, description="longest clip generated")
    min_generated_side: int = Field(
        128, gt=0, description="smallest side generated; below it a frame cannot carry the mark"
    )
    max_generated_side: int = Field(2048, gt=0, description="largest side generated")
    max_fps: float = Field(120.0, gt=0, description="highest frame rate, in frames per second")
    batch_bytes: int = Field(24 * 1024**2, gt=0, description="size of one batch of frames")
