"""What can go wrong with a video or an image."""

from __future__ import annotations


class MediaError(Exception):
    """A media file cannot be read or written. ``code`` is stable; ``remedy`` says what to do."""

    code = "media_error"

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class UnreadableMedia(MediaError):
    """The file is no video or image, is damaged, or has no frame."""

    code = "unreadable_media"


class MediaLimitExceeded(MediaError):
    """The file or the request is past a limit of :class:`media.limits.MediaLimits`."""

    code = "media_limit_exceeded"


class EncodeFailed(MediaError):
    """The encoder or the disk refused; nothing was left at the destination."""

    code = "encode_failed"
