"""Pictures and videos into a bank, so that crops of them are found too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.frame.banks import BankInvalid, Item, item_of
from media.decode import decode
from media.hashing import CROPS, crops, distance, pdq, trim
from media.limits import MediaLimits
from media.sampling import shrink

_SAME = 4
"""A frame this close to the last one kept (in bits) says nothing new."""


def register(path: Path, limits: MediaLimits | None = None, rate: float = 8.0) -> list[Item]:
    """One item for each crop of :data:`media.hashing.CROPS`, ``rate`` frames a second.

    Items of crops are items of their own, so that other tools can read the list. Raises
    ``MediaError`` for what is no video or image, and :class:`BankInvalid` for one that is too
    plain to be told apart.
    """
    found: list[list[tuple[int, NDArray[np.uint8], int]]] = [[] for _ in CROPS]
    due, number = float("-inf"), 0
    for frames in decode(path, limits or MediaLimits()):
        for pixels, time in zip(frames.pixels, frames.times.tolist(), strict=True):
            if time < due - 1e-6:
                continue
            due = time + 1 / rate
            inner = trim(shrink(pixels[None], 160)[0])
            hashed = [pdq(part) for part in crops(inner)]
            last = found[0][-1][1] if found[0] else None
            if last is not None and int(distance(last, hashed[0][0])) <= _SAME:
                continue
            for rows, (digest, quality) in zip(found, hashed, strict=True):
                rows.append((number, digest, quality))
            number += 1
    items = [
        item_of(f"{path.stem[:40]}@{share:g}", rows)
        for share, rows in zip(CROPS, found, strict=True)
    ]
    kept = [item for item in items if len(item.hashes)]
    if not kept:
        raise BankInvalid(
            f"{path.name} is too plain to be told apart", "choose frames that show something"
        )
    return kept
