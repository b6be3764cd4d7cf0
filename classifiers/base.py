"""What a classifier is: something that turns a prompt or frames into signals.

A classifier never raises because of the content it judges: what it could not judge it says
in a :class:`~policies.decision.Signal` whose status is ``skipped`` or ``failed``. One signal
is returned for *every* category that the classifier names, whatever happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from media.clip import Frames
from policies.decision import Signal

if TYPE_CHECKING:
    from media.open import Media, Sound


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is known of a stream before its first frame. ``frames`` is an estimate or None."""

    width: int
    height: int
    fps: float
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """How one frame check ended.

    ``coverage`` is a JSON object that says what the check looked at: frames ``seen`` and
    ``scored``, ``largest_gap_ms`` between scored frames, ``rule`` and ``seed`` of sampling.
    ``sealed`` is a JSON object with what a reviewer needs and no log may show, such as words that
    were read in the picture.
    """

    signals: tuple[Signal, ...]
    coverage: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class PromptClassifier(Protocol):
    """Judges prompts. ``weights`` are the SHA-256 (hex) of all files that it needs."""

    @property
    def name(self) -> str: ...

    @property
    def categories(self) -> tuple[str, ...]: ...

    @property
    def weights(self) -> tuple[str, ...]: ...

    def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
        """One tuple of signals for each prompt, in order."""
        ...


class FrameTap(Protocol):
    """One check at work on one stream."""

    def push(self, frames: Frames) -> None:
        """Look at the next frames. The array is shared with other taps: never write to it."""
        ...

    def close(self) -> CheckReport:
        """The verdict over all frames pushed. Called once, also after a broken stream."""
        ...


@runtime_checkable
class FrameCheck(Protocol):
    """A check of video frames; ``open`` starts a tap whose memory does not grow with length."""

    @property
    def name(self) -> str: ...

    @property
    def categories(self) -> tuple[str, ...]: ...

    @property
    def weights(self) -> tuple[str, ...]: ...

    def open(self, stream: StreamInfo) -> FrameTap: ...


@runtime_checkable
class CaptionCheck(Protocol):
    """A check of the words that a player lays over the picture."""

    @property
    def name(self) -> str: ...

    @property
    def categories(self) -> tuple[str, ...]: ...

    @property
    def weights(self) -> tuple[str, ...]: ...

    def read(self, texts: Sequence[str]) -> CheckReport:
        """The verdict over the lines of one track, half a minute in each text."""
        ...


@runtime_checkable
class SoundCheck(Protocol):
    """A check of one sound track; its memory does not grow with the length."""

    @property
    def name(self) -> str: ...

    @property
    def categories(self) -> tuple[str, ...]: ...

    @property
    def weights(self) -> tuple[str, ...]: ...

    def listen(self, media: Media, track: Sound) -> CheckReport:
        """The verdict over a whole track, which :meth:`media.open.Media.sound` reads."""
        ...

    def silent(self) -> tuple[Signal, ...]:
        """The verdict over something that has no sound track."""
        ...


TrackCheck = SoundCheck | CaptionCheck
"""A check of what a file has beside its pictures."""
