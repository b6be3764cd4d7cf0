"""Which known picture does this one show a part of? Keypoints of many pictures behind one index.

The codes of the asked picture vote for pictures with codes like theirs; those with the most votes
are compared keypoint by keypoint (:func:`media.keypoints.agreement`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from classifiers.frame.hamming import PdqIndex
from media.keypoints import LEAST, Keypoints, agreement

COMPARED = 20
"""Pictures that are compared keypoint by keypoint, 2 ms each."""


class KeypointIndex:
    """Known pictures as (entry number, frame, keypoints); never changes.

    Memory: about 27 kB a picture. A look-up in 100 pictures costs about 60 ms of processor time.
    """

    def __init__(self, known: Sequence[tuple[int, int, Keypoints]]) -> None:
        self._known = tuple(known)
        codes = [points.codes for _, _, points in self._known]
        sizes = [len(one) for one in codes]
        self._index = PdqIndex(np.concatenate(codes) if codes else np.zeros((0, 32), np.uint8))
        self._of = np.repeat(np.arange(len(codes)), sizes)

    def __len__(self) -> int:
        return len(self._known)

    def look_up(self, seen: Keypoints) -> list[tuple[int, int]]:
        """(entry number, frame) of each known picture that ``seen`` shows at least a part of."""
        if not self._known or len(seen) < LEAST:
            return []
        votes = np.zeros(len(self._known), np.int64)
        for code in seen.codes:
            votes[np.unique(self._of[self._index.query(code)])] += 1
        likely = np.argsort(-votes, kind="stable")[:COMPARED]
        found = []
        for number in likely[votes[likely] >= LEAST].tolist():
            entry, frame, points = self._known[number]
            if agreement(seen, points).same:
                found.append((entry, frame))
        return found
