"""The sound of a clip that is made from others: what is kept of theirs, and how it is told.

An edit draws the start of a video anew, so it keeps the sound of that start. An extension goes on
where the sound has ended: the last sounds are heard again, crossfaded into themselves, and that is
told. A blend goes over from the sound of the first video to that of the second.
"""

from __future__ import annotations

from typing import Any

from generator.spec import Mode
from guarded_gen.production.request import ClipRequest
from media.limits import MediaLimits
from media.soundtrack import RATE, Soundtrack, crossfaded, fitted, head, repeated, tail


def soundtrack_of(request: ClipRequest, limits: MediaLimits) -> Soundtrack | None:
    """The sound of the clip that ``request`` asks for; None where its sources have none.

    ``told`` of what comes back is ``{"from": "reference", "how": …}`` in plain words, for the
    record and the manifest. Raises the media room's errors.
    """
    paths = request.paths
    seconds = request.seconds
    need = round(seconds * RATE)
    match request.mode:
        case Mode.EDIT:
            sound = head(paths[0], seconds, limits)
            return _told(sound, f"the first {seconds:g} s of the source, unchanged")
        case Mode.EXTEND | Mode.EXTEND_BACK:
            after = request.mode is Mode.EXTEND
            sound = (tail if after else head)(paths[0], seconds, limits)
            which = "last" if after else "first"
            if sound is None or not len(sound):
                return None
            if after and len(sound) < need:
                return _told(
                    repeated(sound, need),
                    f"the source's {len(sound) / RATE:.1f} s, repeated with crossfades",
                )
            return _told(sound, f"the {which} {seconds:g} s of the source, heard once more")
        case Mode.BLEND:
            first, second = tail(paths[0], seconds, limits), head(paths[1], seconds, limits)
            if first is not None and second is not None:
                how = "crossfaded from the first source's end to the second's start"
                return _told(crossfaded(first, second, need), how)
            if first is not None:
                return _told(_faded(fitted(first, need)), "the first source's end, faded out")
            if second is not None:
                faded = _faded(fitted(second, need)[::-1])[::-1]
                return _told(faded, "the second source's start, faded in")
    return None


def _told(sound: Any, how: str) -> Soundtrack | None:
    return None if sound is None else Soundtrack(sound, {"from": "reference", "how": how})


def _faded(sound: Any) -> Any:
    return crossfaded(sound, sound[:0], len(sound))
