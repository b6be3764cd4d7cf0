"""Pictures and videos into a bank, so that parts and changed copies of them are found too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.frame.banks import BankInvalid, Item, ItemKind, item_of
from media.hashing import distance, pdq, views
from media.keypoints import KEPT, LEAST, Keypoints, keypoints
from media.limits import MediaLimits
from media.sampling import shrink

_SAME = 4
"""A frame this close to the last one kept (in bits) says nothing new."""

_KEYPOINT_SECONDS = 1.0
"""Least time between frames of a video that are kept by their keypoints."""


def register(
    path: Path,
    limits: MediaLimits | None = None,
    rate: float = 8.0,
    with_keypoints: bool = True,
) -> list[Item]:
    """One item for each of :func:`media.hashing.views`, ``rate`` frames a second, and one of
    keypoints, a frame a second.

    Keypoints find what no view is near to; a rough likeness of the picture can be made back from
    them. Items of views are items of their own, so that other tools can read the list. Raises
    ``MediaError`` for what is no video or image, and :class:`BankInvalid` for one that is too
    plain to be told apart.
    """
    from media.decode import decode

    found: dict[str, list[tuple[int, NDArray[np.uint8], int]]] = {}
    points: list[tuple[int, Keypoints]] = []
    due, points_due, number = float("-inf"), float("-inf"), 0
    last: NDArray[np.uint8] | None = None
    for frames in decode(path, limits or MediaLimits()):
        for pixels, time in zip(frames.pixels, frames.times.tolist(), strict=True):
            if time < due - 1e-6:
                continue
            due = time + 1 / rate
            parts = views(shrink(pixels[None], 160)[0])
            plain = pdq(parts["plain"])[0]
            if last is not None and int(distance(last, plain)) <= _SAME:
                continue
            last = plain
            for name, part in parts.items():
                found.setdefault(name, []).append((number, *pdq(part)))
            if with_keypoints and time >= points_due - 1e-6:
                seen = keypoints(pixels, KEPT)
                if len(seen) >= LEAST:
                    points.append((number, seen))
                    points_due = time + _KEYPOINT_SECONDS
            number += 1
    items = [
        item_of(path.stem[:40] if name == "plain" else f"{path.stem[:40]}@{name}", rows)
        for name, rows in found.items()
    ]
    kept = [item for item in items if len(item.hashes)]
    if not kept:
        raise BankInvalid(
            f"{path.name} is too plain to be told apart", "choose frames that show something"
        )
    return kept + _item_of_keypoints(f"{path.stem[:40]}@keypoints", points)


def _item_of_keypoints(name: str, points: list[tuple[int, Keypoints]]) -> list[Item]:
    if not points:
        return []
    frame = np.concatenate([np.full(len(one), number, np.int32) for number, one in points])
    codes = np.concatenate([one.codes for _, one in points])
    places = np.concatenate([one.places for _, one in points])
    return [Item(name, codes, frame, ItemKind.KEYPOINTS, places)]
