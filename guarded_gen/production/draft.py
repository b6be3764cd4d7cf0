"""The draft: what the generator made, kept losslessly in a private work folder.

It is what the output gate saw, bit for bit in 4:2:0, and what a reviewer sees. It carries no
mark and no signature, so it never lies where a client can read it, and it is removed as soon
as the clip is published or refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from classifiers.frame import FrameGate, GateReport
from generator.base import Cancel, Generator, OnStep, Pixels
from generator.errors import BackendFailed
from generator.spec import GenerationSpec, Mode
from media.clip import batches
from media.encode import Encoder
from media.encoding import EncodeSettings
from media.soundtrack import Soundtrack

LOSSLESS = EncodeSettings(crf=0, preset="ultrafast")


@dataclass(frozen=True, slots=True)
class Draft:
    """A finished draft: the file, its frame count, what the output checks said of it, and the
    sound that is in it."""

    path: Path
    frames: int
    report: GateReport
    sound: Soundtrack | None = None


def render_draft(
    path: Path,
    generator: Generator,
    spec: GenerationSpec,
    gate: FrameGate,
    on_step: OnStep,
    cancel: Cancel,
    sound: Soundtrack | None = None,
) -> Draft:
    """Generate into ``path`` with the checks of ``gate`` looking on, in one pass.

    The sound that the generator makes goes with the frames; where it makes none, ``sound`` does.

    Raises what the generator, a callback or the encoder raises; then ``path`` does not exist.
    Memory is bounded by the batches. Cost: the generator's, plus the checks', plus about 1.5 ms
    per 512x512 frame for the lossless encoding.
    """
    made, pixels = _apart(generator.generate(spec, on_step, cancel))
    if spec.mode is not Mode.IMAGE:
        sound = made or sound
    with Encoder(path, spec.width, spec.height, spec.fps, LOSSLESS, sound) as encoder:
        for frames in batches(pixels, spec.fps):
            gate.push(frames)
            encoder.write(frames.pixels)
    return Draft(path, encoder.frames, gate.close(), sound)


def _apart(made: Iterator[Pixels | Soundtrack]) -> tuple[Soundtrack | None, Iterator[Pixels]]:
    """The sound, where the generator makes any, and the frames. Works up to the first item."""
    first = next(made, None)
    if isinstance(first, Soundtrack):
        return first, _frames(made)
    return None, _frames(made if first is None else chain((first,), made))


def _frames(made: Iterator[Pixels | Soundtrack]) -> Iterator[Pixels]:
    for item in made:
        if isinstance(item, Soundtrack):
            # Dropped sound would be unheard sound.
            raise BackendFailed("the backend gave sound after the first frames")
        yield item
