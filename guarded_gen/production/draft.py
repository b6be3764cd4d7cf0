"""The draft: what the generator made, kept losslessly in a private work folder.

It is what the output gate saw, bit for bit in 4:2:0, and what a reviewer sees. It carries no
mark and no signature, so it never lies where a client can read it, and it is removed as soon
as the clip is published or refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from classifiers.base import FrameCheck, StreamInfo
from classifiers.frame import FrameGate, FrameSettings, GateReport
from generator.base import Cancel, Generator, OnStep
from generator.spec import GenerationSpec
from media.clip import batches
from media.encode import Encoder, EncodeSettings
from media.soundtrack import Soundtrack

LOSSLESS = EncodeSettings(crf=0, preset="ultrafast")


@dataclass(frozen=True, slots=True)
class Draft:
    """A finished draft: the file, its frame count, and what the output checks said of it."""

    path: Path
    frames: int
    report: GateReport


def render_draft(
    path: Path,
    generator: Generator,
    spec: GenerationSpec,
    checks: tuple[FrameCheck, ...],
    on_step: OnStep,
    cancel: Cancel,
    settings: FrameSettings | None = None,
    sound: Soundtrack | None = None,
) -> Draft:
    """Generate into ``path`` with every output check looking on, in one pass; ``sound`` goes
    with the frames.

    Raises what the generator, a callback or the encoder raises; then ``path`` does not exist.
    Memory is bounded by the batches. Cost: the generator's, plus the checks', plus about 1.5 ms
    per 512x512 frame for the lossless encoding.
    """
    stream = StreamInfo(spec.width, spec.height, float(spec.fps), spec.frames)
    gate = FrameGate(checks, stream, settings or FrameSettings())
    pixels = generator.generate(spec, on_step, cancel)
    with Encoder(path, spec.width, spec.height, spec.fps, LOSSLESS, sound) as encoder:
        for frames in batches(pixels, spec.fps):
            gate.push(frames)
            encoder.write(frames.pixels)
    return Draft(path, encoder.frames, gate.close())
