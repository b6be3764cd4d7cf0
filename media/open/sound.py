"""Sound tracks as streams of samples, and how loud they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import av.filter
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from media.errors import MediaLimitExceeded, UnreadableMedia
from media.limits import MediaLimits
from media.open.container import opened

Samples = NDArray[np.float32]
"""``float32 [N, C]``, -1 to 1."""

SOUND_DEMUXERS = frozenset({"mp3", "wav", "flac", "aac"})
"""Formats that hold nothing but sound, beside those of moving pictures."""

LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True, slots=True)
class Loudness:
    """Loudness at one moment, in LUFS (EBU R 128, ITU-R BS.1770): ``momentary`` over 0.4 s,
    ``integrated`` since the start; ``peak`` is the true peak so far, 1 for full scale."""

    at: float
    momentary: float
    integrated: float
    peak: float


def _decoded(path: Path, number: int, limits: MediaLimits) -> Iterator[av.AudioFrame]:
    """Raises :class:`UnreadableMedia` and :class:`MediaLimitExceeded`."""
    seconds = 0.0
    with opened(path, limits, SOUND_DEMUXERS) as container:
        stream = container.streams[number]
        if not isinstance(stream, AudioStream):
            raise UnreadableMedia(f"{path.name}: stream {number} is no sound")
        try:
            for frame in container.decode(stream):
                seconds += frame.samples / max(1, frame.sample_rate)
                if seconds > limits.max_seconds:
                    raise MediaLimitExceeded(
                        f"the sound of {path.name} is longer than {limits.max_seconds:.0f} s",
                        "cut it, or raise limits.media.max_seconds",
                    )
                yield frame
        except (av.error.FFmpegError, ValueError) as error:
            raise UnreadableMedia(
                f"the sound of {path.name} breaks off after {seconds:.1f} s",
                "get an undamaged copy",
            ) from error


def first_track(path: Path, limits: MediaLimits) -> int:
    """The number of the stream that a player plays unasked, also of a file that has only sound.

    Raises :class:`UnreadableMedia` for a file without any.
    """
    with opened(path, limits, SOUND_DEMUXERS) as container:
        tracks = sorted(
            container.streams.audio,
            key=lambda s: (not s.disposition & av.stream.Disposition.default, s.index),
        )
        if not tracks:
            raise UnreadableMedia(f"{path.name} has no sound", "give a file with a sound track")
        return int(tracks[0].index)


def samples(
    path: Path,
    number: int,
    limits: MediaLimits,
    rate: int,
    channels: int,
    begin: float | None = None,
) -> Iterator[Samples]:
    """Blocks of one track at ``rate`` samples a second, mixed to ``channels`` (1 or 2).

    ``begin`` is the time of the container's clock at which the first sample is to be heard:
    what comes before is left out, and silence stands where the track begins later.

    Memory of a few blocks. Raises as :func:`media.open.open_media` does, also where the track
    breaks off.
    """
    resampler = av.AudioResampler(format="flt", layout=LAYOUTS[channels], rate=rate)
    skip = 0 if begin is None else None
    for frame in _decoded(path, number, limits):
        if skip is None:
            early = (begin or 0.0) - float(frame.time or 0.0)
            skip = max(0, round(early * rate))
            if early < 0:
                late = min(-early, limits.max_seconds)
                yield np.zeros((round(late * rate), channels), np.float32)
        for out in resampler.resample(frame):
            block = _block(out, channels)
            if len(block) > skip:
                yield block[skip:]
            skip = max(0, skip - len(block))
    for out in resampler.resample(None):
        yield _block(out, channels)[skip or 0 :]


def _block(frame: Any, channels: int) -> Samples:
    return np.asarray(frame.to_ndarray(), np.float32).reshape(-1, channels)


def loudness(path: Path, number: int, limits: MediaLimits) -> Iterator[Loudness]:
    """How loud a track is, ten times a second; measured by FFmpeg's ``ebur128``."""
    graph: av.filter.Graph | None = None
    # One form for the whole track: a graph does not follow a change of rate or layout.
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=48_000)
    for frame in _decoded(path, number, limits):
        for even in resampler.resample(frame):
            if graph is None:
                graph = _meter(even)
            graph.push(even)
            yield from _measured(graph)
    if graph is not None:
        for even in resampler.resample(None):
            graph.push(even)
        graph.push(None)
        yield from _measured(graph)


def _meter(frame: Any) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate,
        format=frame.format,
        layout=frame.layout,
        time_base=frame.time_base,
    )
    meter = graph.add("ebur128", "metadata=1:peak=true")
    graph.link_nodes(source, meter, graph.add("abuffersink")).configure()
    return graph


def _measured(graph: av.filter.Graph) -> Iterator[Loudness]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        told = frame.metadata
        if "lavfi.r128.M" in told:
            yield Loudness(
                float(frame.time or 0.0),
                float(told["lavfi.r128.M"]),
                float(told["lavfi.r128.I"]),
                float(told.get("lavfi.r128.true_peak", 0.0)),
            )
