"""The one opener of media: what a player shows of a file, decided once for every check.

A file has many pictures: several tracks, cover art, tiles, an alpha channel, a display matrix,
an edit list. :func:`open_media` says which of them a viewer can come to see
(:class:`~media.open.media.Showing`) and what else lies in the file; frames, luma planes and sound
are read through what it returns and nowhere else.
"""

from media.open.formats import SUFFIXES, ending_of
from media.open.media import Media, MediaKind, NotShown, Showing, Sound, VideoInfo, open_media
from media.open.parts import Part

__all__ = [
    "SUFFIXES",
    "Media",
    "MediaKind",
    "NotShown",
    "Part",
    "Showing",
    "Sound",
    "VideoInfo",
    "ending_of",
    "open_media",
]
