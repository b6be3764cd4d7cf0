"""All checks over one existing file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from classifiers.base import FrameCheck, StreamInfo
from classifiers.frame.gate import FrameGate, GateReport
from classifiers.frame.settings import FrameSettings
from media.decode import decode
from media.errors import MediaError
from media.hashing import sha256_file
from media.limits import MediaLimits
from media.probe import VideoInfo, probe
from media.sampling import steady_seed
from media.tone import RULE

Progress = Callable[[float, float | None], None]
"""Called with the seconds done and the seconds in all, where the file says."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What the checks say of one file. ``error`` is why its stream broke off, or None."""

    path: Path
    info: VideoInfo
    report: GateReport
    error: MediaError | None


def scan(
    path: Path,
    checks: Sequence[FrameCheck],
    settings: FrameSettings | None = None,
    limits: MediaLimits | None = None,
    progress: Progress = lambda done, total: None,
    seed: int | None = None,
) -> Scan:
    """Decode ``path`` once with every check looking on.

    ``seed`` fixes the sampling phase; by default it follows from the file's SHA-256.
    Raises :class:`media.errors.MediaError` when the file is no video or image, or is past a
    limit by its own header. A stream that breaks off later is reported as ``undecodable``.
    """
    rules, bounds = settings or FrameSettings(), limits or MediaLimits()
    info = probe(path, bounds)
    # An edit list hides frames that the header counts; lost packets are the decoder's finding.
    stream = StreamInfo(info.width, info.height, float(info.fps))
    if seed is None:
        seed = steady_seed(bytes.fromhex(sha256_file(path)), rules.sampling)
    gate = FrameGate(checks, stream, rules, seed)
    broken: MediaError | None = None
    try:
        for frames in decode(path, bounds):
            gate.push(frames)
            progress(float(frames.times[-1]), info.seconds)
    except MediaError as error:
        broken = error
    report = gate.close(broken.code if broken else None)
    if info.transfer is not None:
        told = {"transfer": info.transfer.value, "tone_mapping": RULE}
        report = replace(report, coverage={**report.coverage, "hdr": told})
    return Scan(path, info, report, broken)
