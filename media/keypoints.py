"""Keypoints of pictures: what finds a cut, turned or partly covered copy that PDQ does not.

Each keypoint is a SIFT descriptor (Lowe, "Distinctive Image Features from Scale-Invariant
Keypoints", 2004) as 256 bits, two for each of its 128 numbers (Zhou, Lu, Li and Tian, "Scalar
Quantization for Large Scale Image Search", ACM Multimedia 2012), so that two of the same spot lie
within :data:`MATCH_DISTANCE` bits and the index of PDQ hashes finds them. Two pictures show the
same when enough keypoints of one find their partner in the other by one movement of the whole
picture: every pair proposes a movement, as each keypoint has a place, a size and an angle, and the
best is refined by least squares (Philbin et al., "Object retrieval with large vocabularies and fast
spatial matching", CVPR 2007). Nothing is drawn at random: the same pictures get the same answer.

Keypoints tell more of a picture than a hash does: a rough likeness can be made back from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.clip import Pixels
from media.hashing import BYTES

MATCH_DISTANCE = 31
"""Bits in which codes of the same spot may differ: 96 of 100 do in fewer, after a crop and JPEG."""

KEPT, ASKED = 256, 400
"""Keypoints kept of a picture in a bank, and looked for in a frame: cut copies show other ones."""

LEAST = 6
"""Keypoints that must agree."""

LEAST_CELLS = 0.3
"""Share of the cells with keypoints, of 16 over the part that both show, in which some agree: one
logo or one line of words in two different pictures fills few of them."""

_SIDE = 480
"""Pictures are brought to this longer side."""

_CONTRAST, _EDGE = 0.004, 12.0
"""SIFT's thresholds: a tenth of Lowe's contrast, so that soft pictures have keypoints too."""

_UNIT = 64.0
"""Steps of a pixel in which places and sizes are kept."""

_TURN = 65_536 / 360
"""Steps of a degree."""

_NEAR = 4.0
"""Pixels by which a place may be off once the movement is known."""

_PROPOSALS = 5
"""Movements that are refined, the most agreed with first."""

_MOST_ZOOM, _MOST_STRETCH = 3.0, 1.6
"""Movements beyond are no copies on their way around."""

Places = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Keypoints:
    """``codes`` ``uint8 [N, 32]``; ``places`` ``uint16 [N, 4]``: x, y and size in 1/64 pixel of a
    picture whose longer side is 480, and the angle in 1/65536 of a turn."""

    codes: NDArray[np.uint8]
    places: Places

    def __len__(self) -> int:
        return len(self.codes)


def keypoints(picture: Pixels, most: int = ASKED) -> Keypoints:
    """The clearest and largest keypoints of ``uint8 [H, W, 3]``, at most ``most``.

    A plain picture has none. Cost: about 30 ms of processor time.
    """
    import cv2

    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    scale = _SIDE / max(grey.shape)
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    found, numbers = cv2.SIFT.create(
        nfeatures=0, contrastThreshold=_CONTRAST, edgeThreshold=_EDGE
    ).detectAndCompute(cv2.resize(grey, size, interpolation=how), None)
    if numbers is None or not found:
        return Keypoints(np.zeros((0, BYTES), np.uint8), np.zeros((0, 4), np.uint16))
    best = np.argsort([-point.response * point.size for point in found], kind="stable")[:most]
    places = np.array(
        [
            (found[k].pt[0] * _UNIT, found[k].pt[1] * _UNIT, found[k].size * _UNIT,
             found[k].angle % 360 * _TURN)
            for k in best
        ]
    )  # fmt: skip
    return Keypoints(
        _codes(np.asarray(numbers[best], np.float32)),
        np.clip(places.round(), 0, 65_535).astype(np.uint16),
    )


def _codes(numbers: NDArray[np.float32]) -> NDArray[np.uint8]:
    """``float32 [N, 128]`` to ``uint8 [N, 32]``: above the median, and above the upper quartile."""
    ranked = np.sort(numbers, axis=1)
    above = (numbers > ranked[:, 63:64], numbers > ranked[:, 95:96])
    return np.packbits(np.concatenate(above, axis=1), axis=1)


@dataclass(frozen=True, slots=True)
class PictureAgreement:
    """How far two pictures show the same: keypoints that agree, and cells (a share) with some."""

    points: int
    cells: float

    @property
    def same(self) -> bool:
        return self.points >= LEAST and self.cells >= LEAST_CELLS


NOTHING = PictureAgreement(0, 0.0)


def agreement(seen: Keypoints, known: Keypoints) -> PictureAgreement:
    """Whether a picture that was seen shows what another one shows. Cost: about 2 ms."""
    mine, theirs = _partners(seen.codes, known.codes)
    if len(mine) < LEAST:
        return NOTHING
    a, b = _floats(seen.places[mine]), _floats(known.places[theirs])
    # A similarity for each pair, as a complex factor and a shift: [P].
    turn = np.deg2rad(b[:, 3] - a[:, 3])
    factor = b[:, 2] / a[:, 2] * np.exp(1j * turn)
    at, to = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    shift = to - factor * at
    off = np.abs(factor[:, None] * at[None] + shift[:, None] - to[None])
    unlike = np.abs(np.log(factor[:, None] / factor[None]))  # of size and of angle, together
    agree = (off < 4 * _NEAR) & (unlike < _LIKE)
    best = NOTHING
    for row in np.argsort(-agree.sum(1), kind="stable")[:_PROPOSALS]:
        found = _refined(a, b, agree[row], unlike[row] < _LIKE)
        if found is not None:
            inside, movement = found
            if len(inside) > best.points:
                cells = _cells(_floats(known.places), b[inside], movement, _floats(seen.places))
                best = PictureAgreement(len(inside), cells)
    return best


_LIKE = 0.4
"""How far two movements may differ: in the logarithm of the zoom, and in radians."""


def _floats(places: Places) -> NDArray[np.float64]:
    return places / np.array([_UNIT, _UNIT, _UNIT, _TURN])


def _partners(
    a: NDArray[np.uint8], b: NDArray[np.uint8]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of codes that are each other's nearest, and near."""
    if not len(a) or not len(b):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    apart = np.zeros((len(a), len(b)), np.uint16)
    wide_a, wide_b = (np.ascontiguousarray(c).view(np.uint64) for c in (a, b))
    for word in range(wide_a.shape[1]):
        apart += np.bitwise_count(wide_a[:, word, None] ^ wide_b[None, :, word])
    to, back = apart.argmin(1), apart.argmin(0)
    mine = np.arange(len(a))
    kept = (back[to] == mine) & (apart[mine, to] <= MATCH_DISTANCE)
    return mine[kept], to[kept]


def _refined(
    a: NDArray[np.float64], b: NDArray[np.float64], agree: NDArray[np.bool_],
    alike: NDArray[np.bool_],
) -> tuple[NDArray[np.intp], NDArray[np.float64]] | None:  # fmt: skip
    """Pairs that agree with the best affine movement near a first guess, and that movement
    ``float64 [3, 2]``; None where there is none that a copy could have made."""
    start = np.concatenate([a[:, :2], np.ones((len(a), 1))], axis=1)
    movement = np.zeros((3, 2))
    for reach in (3, 2, 1, 1):
        if agree.sum() < LEAST:
            return None
        movement = np.linalg.lstsq(start[agree], b[agree, :2], rcond=None)[0]
        agree = (np.linalg.norm(start @ movement - b[:, :2], axis=1) < reach * _NEAR) & alike
    zoom = np.linalg.svd(movement[:2], compute_uv=False)
    if (
        agree.sum() < LEAST
        or np.linalg.det(movement[:2]) <= 0
        or zoom[0] > _MOST_ZOOM
        or zoom[1] < 1 / _MOST_ZOOM
        or zoom[0] > _MOST_STRETCH * zoom[1]
    ):
        return None
    return np.flatnonzero(agree), movement


def _cells(
    known: NDArray[np.float64], agree: NDArray[np.float64], movement: NDArray[np.float64],
    seen: NDArray[np.float64],
) -> float:  # fmt: skip
    """Of the cells of the known picture's shown part that hold keypoints, the share with one that
    agrees."""
    there = (known[:, :2] - movement[2]) @ np.linalg.inv(movement[:2])
    low, high = seen[:, :2].min(0), seen[:, :2].max(0)
    shown = known[((there >= low) & (there <= high)).all(1), :2]
    if not len(shown):
        return 0.0
    low, size = shown.min(0), np.maximum(np.ptp(shown, axis=0), 1.0)

    def cells(points: NDArray[np.float64]) -> set[tuple[int, ...]]:
        grid = np.clip((points - low) / size * 4, 0, 3.999).astype(int)
        return set(map(tuple, grid.tolist()))

    held = cells(shown)
    return len(cells(agree[:, :2]) & held) / len(held)
