"""Batches of frames in, an H.264 MP4 out (yuv420p, faststart), written beside its name first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import av
import av.error
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from numpy.typing import NDArray

from media.encoding import EncodeSettings
from media.errors import EncodeFailed, MediaError
from media.mux import CodedSound, CopiedSound
from media.open import Media, Sound
from media.soundtrack import RATE, Soundtrack

_DEFAULT = EncodeSettings()


def _flags(settings: EncodeSettings) -> str:
    # without this flag the muxer drops every key that is not one of its own
    return "+faststart+use_metadata_tags" if settings.metadata else "+faststart"


@dataclass(frozen=True, slots=True)
class Copied:
    """Sound tracks of a file that are copied as they are, or one that is ``coded`` as AAC."""

    media: Media
    tracks: tuple[Sound, ...]
    coded: bool = False


class Encoder:
    """A streaming encoder; a context manager that leaves the file whole or not at all.

    Frames go to ``<name>.part`` beside ``path``, which is renamed on a clean exit and removed
    on any other. ``write`` takes ``uint8 [T, H, W, 3]`` RGB of one size for the whole clip.
    ``sound`` is coded as AAC beside them, or copied from another file; it is not cut to the
    length of the picture.
    Raises :class:`EncodeFailed` when the disk or the encoder refuses.
    Cost: about 4 ms per 720p frame on one core with the default preset.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        settings: EncodeSettings = _DEFAULT,
        sound: Soundtrack | Copied | None = None,
    ) -> None:
        if width % 2 or height % 2:
            raise EncodeFailed(f"H.264 with yuv420p needs even sides, not {width}x{height}")
        self.path = path
        self.frames = 0
        self._part = path.with_name(path.name + ".part")
        self._size = (height, width)
        try:
            # PyAV opens lazily: without this, an unwritable folder is found after generation.
            self._part.open("wb").close()
            self._container = av.open(
                str(self._part), mode="w", format="mp4", options={"movflags": _flags(settings)}
            )
        except (OSError, av.error.FFmpegError) as error:
            raise EncodeFailed(
                f"{path} cannot be written: {_why(error)}", "choose another output folder"
            ) from error
        self._container.metadata.update(settings.metadata)
        stream = self._container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = 1 / fps
        stream.codec_context.thread_count = settings.threads
        stream.options = {"crf": str(settings.crf), "preset": settings.preset}
        # A player believes these, so that frames must be converted to match them: see `write`.
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        self._stream = stream
        self._period = float(1 / fps)
        # All tracks must be known before anything is written.
        try:
            self._sounds = self._heard(sound)
        except (OSError, ValueError, av.error.FFmpegError) as error:
            self._sounds = []
            self._abandon()
            raise EncodeFailed(f"the sound cannot be written: {_why(error)}") from error

    def _heard(self, sound: Soundtrack | Copied | None) -> list[CodedSound | CopiedSound]:
        if sound is None:
            return []
        if isinstance(sound, Soundtrack):
            # In small pieces: what is held back is copied for each block.
            pieces = (sound.samples[at : at + RATE] for at in range(0, len(sound.samples), RATE))
            return [CodedSound(self._container, pieces, sound.samples.shape[1])]
        if sound.coded:
            track = sound.tracks[0]
            channels = 1 if track.channels == 1 else 2
            blocks = sound.media.sound(track, RATE, channels, aligned=True)
            return [CodedSound(self._container, blocks, channels)]
        return [CopiedSound(self._container, sound.media, track) for track in sound.tracks]

    def write(self, pixels: NDArray[np.uint8]) -> None:
        """Append a batch ``uint8 [T, H, W, 3]``."""
        if pixels.shape[1:3] != self._size:
            raise EncodeFailed(f"frames of {pixels.shape[1:3]} in a clip of {self._size}")
        try:
            for picture in pixels:
                frame = to_bt709(picture)
                frame.pts = self.frames
                self._container.mux(self._stream.encode(frame))
                self.frames += 1
                for sound in self._sounds:
                    sound.until(self.frames * self._period)
        except (OSError, av.error.FFmpegError, MediaError) as error:
            raise self._failed(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        if error is not None:
            self._abandon()
            return False
        try:
            if self.frames == 0:
                raise EncodeFailed("no frame was given to the encoder")
            self._container.mux(self._stream.encode(None))
            for sound in self._sounds:
                sound.close()
            self._container.close()
            with self._part.open("rb+") as file:
                os.fsync(file.fileno())
            self._part.replace(self.path)
        except EncodeFailed:
            self._abandon()
            raise
        except (OSError, av.error.FFmpegError, MediaError) as failure:
            self._abandon()
            raise self._failed(failure) from failure
        return False

    def _abandon(self) -> None:
        for sound in self._sounds:
            sound.abandon()
        with contextlib.suppress(OSError, av.error.FFmpegError):
            self._container.close()
        self._part.unlink(missing_ok=True)

    def _failed(self, error: BaseException) -> EncodeFailed:
        return EncodeFailed(
            f"{self.path.name} could not be written: {_why(error)}", "check the free space"
        )


def to_bt709(picture: NDArray[np.uint8]) -> av.VideoFrame:
    """``uint8 [H, W, 3]`` RGB as ``yuv420p`` of BT.709 in limited range, as it is tagged."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=_ROUNDED,
    )


_ROUNDED = Interpolation.BILINEAR | Interpolation.ACCURATE_RND


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


def encode(
    path: Path,
    batches: Iterable[NDArray[np.uint8]],
    fps: Fraction,
    settings: EncodeSettings = _DEFAULT,
) -> int:
    """Encode a whole stream; the size is that of the first batch. Returns the frame count."""
    encoder: Encoder | None = None
    try:
        for batch in batches:
            if encoder is None:
                encoder = Encoder(path, batch.shape[2], batch.shape[1], fps, settings)
            encoder.write(batch)
    except BaseException as error:
        if encoder is not None:
            encoder.__exit__(type(error), error, error.__traceback__)
        raise
    if encoder is None:
        raise EncodeFailed("no frame was given to the encoder")
    encoder.__exit__(None, None, None)
    return encoder.frames
