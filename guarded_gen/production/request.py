"""A request for a clip, checked against the limits before anything else sees it."""

from __future__ import annotations

import secrets
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from generator.spec import GenerationSpec, Mode
from guarded_gen.errors import InvalidInput, LimitExceeded
from guarded_gen.settings import Limits
from guarded_gen.store.objects import KEY
from media.limits import MediaLimits
from policies import AgeMode, jurisdictions
from provenance.label import LabelWish

if TYPE_CHECKING:
    from media.open import VideoInfo


def clean_prompt(raw: str | bytes, limits: Limits, *, param: str = "prompt") -> str:
    """The prompt as text, or :class:`InvalidInput` / :class:`LimitExceeded`.

    Bytes must be UTF-8. Lone surrogates (what a terminal makes of broken UTF-8), NUL and other
    control characters are refused: no classifier was trained on them and no user means them.
    """
    if isinstance(raw, bytes):
        try:
            raw = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput(
                "the text is not UTF-8", "send text encoded as UTF-8", param
            ) from error
    if len(raw) > limits.max_prompt_chars:
        raise LimitExceeded(
            f"the text has {len(raw)} characters, more than {limits.max_prompt_chars}",
            "shorten it, or raise limits.max_prompt_chars",
            param,
        )
    if any("\ud800" <= char <= "\udfff" for char in raw):
        raise InvalidInput("the text is not valid Unicode", "send text encoded as UTF-8", param)
    if any(ord(char) < 32 and char not in "\t\n\r" for char in raw):
        raise InvalidInput("the text has control characters", "send plain text", param)
    if not raw.strip():
        raise InvalidInput("the text is empty", "describe the clip in words", param)
    return raw


class FileReference(BaseModel):
    """A file on the machine where the clip is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["file"] = "file"
    path: str


class StoredReference(BaseModel):
    """A file that was put into the object store for this request, and goes with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["stored"] = "stored"
    key: str


class InheritedReference(BaseModel):
    """The published clip of another job, whose file it stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["inherited"] = "inherited"
    key: str
    source: str


Reference = Annotated[
    FileReference | StoredReference | InheritedReference, Field(discriminator="kind")
]


class ClipRequest(BaseModel):
    """What one caller asks for. ``seed`` None becomes a random one when the request is made.

    ``subject`` is the caller's own name for its end user; only its HMAC is recorded.
    ``rewrite_of`` is the decision whose offered wording this prompt is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    negative_prompt: str = ""
    seconds: float = 4.0
    width: int = 512
    height: int = 512
    fps: float = 24.0
    seed: int = Field(default_factory=lambda: secrets.randbelow(2**31))
    backend: str = "world"
    mode: Mode = Mode.TEXT_TO_VIDEO
    format: str | None = None
    """Name of the result's format; None: what the mode has by itself."""
    references: tuple[Reference, ...] = ()
    strength: float = Field(0.7, gt=0, le=1)
    steps: int | None = Field(None, ge=1, le=200)
    guidance: float | None = Field(None, ge=0, le=50)
    tenant: str = Field("default", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    subject: str = Field("local", min_length=1, max_length=256)
    jurisdiction: str = Field("", pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?)?$")
    age_mode: AgeMode = AgeMode.ADULT
    label: LabelWish | None = None
    """The visible label that the caller wants; None leaves it to laws, policy and settings."""
    rewrite_of: str | None = Field(None, pattern=r"^dec_[A-Za-z0-9_-]{1,64}$")

    @field_validator("label", mode="before")
    @classmethod
    def _shown_or_not(cls, value: Any) -> Any:
        """``true`` and ``false`` stand for a label as usual and none."""
        return LabelWish(show=value) if isinstance(value, bool) else value

    @field_validator("references", mode="before")
    @classmethod
    def _untyped(cls, value: Any) -> Any:
        """Requests were kept with plain strings once: storage keys, or paths of files."""
        if not isinstance(value, list | tuple):
            return value
        return tuple(
            (StoredReference(key=one) if KEY.match(one) else FileReference(path=one))
            if isinstance(one, str)
            else one
            for one in value
        )

    @classmethod
    def checked(cls, limits: Limits, **fields: Any) -> ClipRequest:
        """Build a request, or raise :class:`InvalidInput` / :class:`LimitExceeded`."""
        try:
            request = cls(**{name: value for name, value in fields.items() if value is not None})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidInput(
                f"{where}: {first['msg']}", "correct this value", where or None
            ) from error
        request.check(limits)
        return request

    def check(self, limits: Limits) -> None:
        """Raise when a value is past its limit."""
        clean_prompt(self.prompt, limits)
        if self.negative_prompt:
            clean_prompt(self.negative_prompt, limits, param="negative_prompt")
        media = limits.media
        if self.mode is not Mode.IMAGE and not 0 < self.seconds <= media.max_generated_seconds:
            raise LimitExceeded(
                f"{self.seconds:g} s is outside 0 to {media.max_generated_seconds:g} s",
                "ask for a shorter clip and extend it, or raise limits.media.max_generated_seconds",
                "seconds",
            )
        for name, side in (("width", self.width), ("height", self.height)):
            if not media.min_generated_side <= side <= media.max_generated_side or side % 2:
                raise LimitExceeded(
                    f"{name} {side} is not an even number from {media.min_generated_side} to "
                    f"{media.max_generated_side}",
                    "ask for an even size within the limits, for instance 1280x720",
                    "size",
                )
        if not 1 <= self.fps <= media.max_fps:
            raise LimitExceeded(
                f"{self.fps:g} frames per second is outside 1 to {media.max_fps:g}",
                "24 is usual",
                "fps",
            )
        if self.jurisdiction and not jurisdictions.known(self.jurisdiction):
            raise InvalidInput(
                f"{self.jurisdiction} is no country or region that is known",
                "write its ISO 3166 code, such as DE or US-CA",
                "jurisdiction",
            )
        if not 0 <= self.seed < 2**63:
            raise InvalidInput("the seed is outside 0 to 2^63", "leave it out", "seed")

    @property
    def exact_fps(self) -> Fraction:
        """Frames per second as a fraction that a container can hold."""
        return Fraction(self.fps).limit_denominator(1001)

    @property
    def still(self) -> bool:
        """Whether one picture is asked for, not a clip."""
        return self.mode is Mode.IMAGE

    @property
    def paths(self) -> tuple[Path, ...]:
        """The references, which must be local files."""
        found: list[Path] = []
        for reference in self.references:
            if not isinstance(reference, FileReference):
                raise ValueError("a generator reads local files; fetch the references first")
            found.append(Path(reference.path))
        return tuple(found)

    def spec(self) -> GenerationSpec:
        """The generator's view of this request, whose references must be local files."""
        return GenerationSpec(
            prompt=self.prompt,
            seconds=self.seconds,
            width=self.width,
            height=self.height,
            fps=self.exact_fps,
            seed=self.seed,
            mode=self.mode,
            references=self.paths,
            negative_prompt=self.negative_prompt,
            steps=self.steps,
            guidance=self.guidance,
            strength=self.strength,
        )


def parse_size(text: str) -> tuple[int, int]:
    """``"1280x720"`` as (width, height); :class:`InvalidInput` for anything else."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and len(text) < 16):
        raise InvalidInput(f"{text!r} is not a size", "write WIDTHxHEIGHT, like 1280x720", "size")
    return int(width), int(height)


def shape_like(source: VideoInfo, limits: MediaLimits) -> tuple[int, int]:
    """The size of a clip that is made from ``source``: the same as shown, in even numbers, scaled
    into what may be generated where it lies outside."""
    least, most = limits.min_generated_side, limits.max_generated_side
    long, short = max(source.width, source.height), min(source.width, source.height)
    scale = min(1.0, most / long)
    scale = max(scale, least / short) if short * scale < least else scale
    width, height = (
        min(most, max(least, round(side * scale / 2) * 2)) for side in (source.width, source.height)
    )
    return width, height


def rate_like(source: VideoInfo, limits: MediaLimits) -> float:
    """The frame rate of a clip that is made from ``source``."""
    return float(min(max(source.fps, Fraction(1)), Fraction(limits.max_fps)))
