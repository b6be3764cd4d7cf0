"""How far the detector looks, and when it believes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DetectorSettings(BaseModel):
    """How far the detector looks and when it believes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    log10_p: float = Field(-9.0, le=-3, description="found only at or below this log10 p")
    payload_bits: int = Field(64, description="payload length looked for: 64 or 128")
    most_frames: int = Field(96, gt=0, description="frames accumulated at most")
    tries: tuple[int, ...] = Field(
        (1, 24), description="numbers of frames after which a quick attempt is made"
    )
    upright: int = Field(3, gt=0, description="upright grid hypotheses folded in every attempt")
    grids: int = Field(8, gt=0, description="other grid hypotheses folded per search at most")
    comb: float = Field(
        4.3, ge=0, description="comb score below which only the best hypotheses are folded"
    )
    dense: int = Field(24, gt=0, description="first frames of which every one is looked at")
    sparse: int = Field(3, gt=0, description="of the others, key frames apart, one in so many")
    wide: bool = Field(
        True, description="search turned, stretched and slanted marks when no upright one is found"
    )
    inside: bool = Field(
        True,
        description="then search parts of the frames too: filmed screens, insets (needs wide)",
    )
    windows: float = Field(
        5.5, ge=0, description="comb score of the best windows that earns a homography; 0: always"
    )
    sync: float = Field(4.6, gt=0, description="synchronisation score that earns a closer look")
    sync_again: float = Field(5.2, gt=0, description="score that earns the full decoding at once")
    plain: float = Field(6.5, gt=0, description="score that ends the search for other grids")
    closer: int = Field(4, ge=0, description="near misses looked at closer in one attempt")
    quick_paths: int = Field(8, gt=0, description="list size of the first decoding")
    paths: int = Field(128, gt=0, description="list size of the decoding that gives up nothing")
