"""Every number of the frame checks, with its reason; thresholds for actions are policy."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from classifiers.aggregation import AggregationSettings
from classifiers.frame.flash import FlashSettings
from classifiers.frame.known import KnownSettings
from classifiers.frame.likeness import LikenessSettings
from classifiers.frame.models import ModelSpec
from classifiers.frame.stripes import StripesSettings
from classifiers.frame.text import TextSettings
from media.sampling import SamplingSettings


class IntegritySettings(BaseModel):
    """What counts as a black and as a frozen frame, and how runs become scores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    black_level: int = Field(
        24, ge=0, le=255, description="luma at or below which a pixel is black (video black is 16)"
    )
    black_area: float = Field(
        0.98, gt=0, le=1, description="share of black pixels that makes a frame black"
    )
    still_level: float = Field(
        1.0, ge=0, le=255, description="largest change of any cell's mean luma that is no change"
    )
    frozen_min_seconds: float = Field(
        1.0, gt=0, description="shorter runs of unchanged frames count for nothing"
    )
    frozen_full_seconds: float = Field(
        10.0,
        gt=0,
        description="a run this long scores 1; a still scene of a few seconds is legitimate",
    )


class FrameSettings(BaseModel):
    """All settings of the output gate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampling: SamplingSettings = SamplingSettings()
    integrity: IntegritySettings = IntegritySettings()
    flash: FlashSettings = FlashSettings()
    stripes: StripesSettings = StripesSettings()
    known: KnownSettings = KnownSettings()
    text: TextSettings = TextSettings()
    aggregation: AggregationSettings = AggregationSettings()
    threads: int = Field(1, ge=1, description="threads of each model")
    workers: int = Field(2, ge=1, description="threads that share the checks of one stream")
    likeness: LikenessSettings = LikenessSettings()
    models: tuple[ModelSpec, ...] = Field((), description="models of the full profile")
    preview_at: tuple[float, ...] = Field(
        (0.15, 0.3, 0.45), description="shares of a generation's steps after which to look"
    )
    preview_batch: int = Field(8, ge=1, description="frames of a preview that are held at once")
