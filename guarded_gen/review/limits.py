"""Times and bounds of reviewing, as settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ReviewLimits(BaseModel):
    """Times and bounds of the review room."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lease: float = Field(600.0, gt=0, description="how long a taken case stays taken, in seconds")
    undo: float = Field(10.0, ge=0, description="how long a decision can be undone, in seconds")
    hold: float = Field(3600.0, gt=0, description="how long a case put aside stays so, in seconds")
    page: int = Field(50, gt=0, description="cases on one page of the queue")
    bulk: int = Field(500, gt=0, description="most cases decided by one bulk action")
    golden_rate: float = Field(
        0.02, ge=0, le=1, description="share of taken cases that are golden, once there are any"
    )
    double_rate: float = Field(
        0.0, ge=0, le=1, description="share of cases that two people decide, for agreement"
    )
    shift_exposure: float = Field(
        1800.0, gt=0, description="seconds of held media one person should see in a shift"
    )
    shift_exposure_restricted: float = Field(
        300.0, gt=0,
        description="seconds of restricted media one person may see in a shift; then it is closed",
    )  # fmt: skip
    strike_days: float = Field(
        180.0, gt=0, description="days for which a refusal counts against the user who asked"
    )
    break_every: float = Field(
        300.0, gt=0, description="seconds of held media after which a break is due"
    )
