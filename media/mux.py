"""Sound beside frames while a file is written: coded as AAC, or its packets copied as they are.

Sound is handed over up to the time of the last frame, so that neither waits for the other in
memory and players need not seek.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

from media.open import Media, Sound
from media.soundtrack import RATE

BIT_RATE = {1: 96_000, 2: 160_000}
"""AAC, bits a second by channels: transparent for most listeners (EBU Tech 3339 class)."""

COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
"""Codecs that an MP4 holds: copied bit by bit."""

_BLOCK = 1024


class CodedSound:
    """Blocks of samples ``float32 [N, C]``, :data:`~media.soundtrack.RATE` a second, as an AAC
    track of ``container``; memory of a block."""

    def __init__(
        self, container: OutputContainer, blocks: Iterable[NDArray[np.float32]], channels: int
    ) -> None:
        self._container = container
        self._layout = "mono" if channels == 1 else "stereo"
        stream = container.add_stream("aac", rate=RATE, layout=self._layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = BIT_RATE[channels]
        self._stream = stream
        self._blocks = iter(blocks)
        self._held = np.zeros((0, channels), np.float32)
        self._at, self._ended = 0, False

    def until(self, seconds: float) -> None:
        """Write what is heard before ``seconds``."""
        while not self._ended and self._at < seconds * RATE:
            while len(self._held) < _BLOCK:
                more = next(self._blocks, None)
                if more is None:
                    self._ended = True
                    break
                self._held = np.concatenate([self._held, more])
            block, self._held = self._held[:_BLOCK], self._held[_BLOCK:]
            if not len(block):
                return
            planar = np.ascontiguousarray(block.T)
            frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
            self._container.mux(self._stream.encode(frame))
            self._at += len(block)

    def close(self) -> None:
        """Write the rest."""
        self.until(float("inf"))
        self._container.mux(self._stream.encode(None))

    def abandon(self) -> None:
        """Nothing is open."""


class CopiedSound:
    """A sound track of another file, packet by packet, kept in step with its picture."""

    def __init__(self, container: OutputContainer, media: Media, track: Sound) -> None:
        self._container = container
        self._source = av.open(str(media.path), options={"protocol_whitelist": "file"})
        stream = self._source.streams[track.stream]
        self._stream = container.add_stream_from_template(stream)
        self._begin = media.begin
        self._packets: Iterator[Any] = iter(self._source.demux(stream))
        self._next = self._pull()

    def _pull(self) -> Any:
        for packet in self._packets:
            if packet.size and packet.dts is not None:
                shift = round(self._begin / packet.time_base)
                packet.dts -= shift
                packet.pts = packet.pts - shift if packet.pts is not None else packet.dts
                # A packet or two before the picture prime the decoder.
                if packet.dts * packet.time_base >= -0.1:
                    return packet
        return None

    def until(self, seconds: float) -> None:
        """Write what is heard before ``seconds``."""
        while self._next is not None and self._next.dts * self._next.time_base < seconds:
            self._next.stream = self._stream
            self._container.mux(self._next)
            self._next = self._pull()

    def close(self) -> None:
        """Write the rest."""
        try:
            self.until(float("inf"))
        finally:
            self._source.close()

    def abandon(self) -> None:
        """Let go of the source."""
        self._source.close()
