"""SHA-256 of files and PDQ of pictures.

PDQ is Meta's perceptual hash of 256 bits ("The TMK+PDQF Video-Hashing Algorithm and the PDQ
Image-Hashing Algorithm", 2019). Two hashes of the same picture differ in few bits; 31 is the
usual limit, and a quality below 50 (of 100) means that the picture is too plain to be told
apart. PDQ alone does not survive a crop of 2 %: :func:`crops` and :func:`trim` do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media.clip import Pixels

MATCH_DISTANCE = 31
MIN_QUALITY = 50
BYTES = 32

CROPS = tuple(0.0075 * step for step in range(22))
"""Shares cut off at each side when a picture is registered: neighbours overlap, so that every
centred crop up to 16 % a side lies near one of them."""

CORNERS = tuple(0.015 * step for step in range(2, 13))
"""Shares cut off at one side, or at two that meet, when a picture is registered."""

ANGLES = (-4, -3, -2, -1, 1, 2, 3, 4)
"""Degrees by which a picture is turned when it is registered, with and without black corners."""

FILLS = ((9, 16), (1, 1), (4, 5), (16, 9))
"""Formats in which a picture lies over a blurred copy of itself when it is registered."""

_SIDE = 128
"""Pictures are shrunk to this side first: hashing takes 0.5 ms instead of 30."""

_PLAIN = 6.0
"""Largest standard deviation of a border row or column: bars, also compressed ones."""

_MAX_TRIM = 0.4
"""At most this share is taken for border at each side."""


def sha256_file(path: Path) -> str:
    """SHA-256 of a file as hex, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def pdq(picture: Pixels) -> tuple[NDArray[np.uint8], int]:
    """The hash of a picture ``uint8 [H, W, 3]`` RGB, and its quality (0 to 100).

    The hash is ``uint8 [32]``, most significant bit first.
    """
    import pdqhash
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture))
    if image.size != (_SIDE, _SIDE):
        image = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    bits, quality = pdqhash.compute(np.asarray(image))
    return np.packbits(bits.astype(bool)), int(quality)


def variants(picture: Pixels) -> tuple[NDArray[np.uint8], int]:
    """Hashes to look a picture up by, ``uint8 [N, 32]``, and its quality.

    The picture without its borders and the mirror image of that; the same with the borders, and
    without a bar that carries words, where there are any. Cost: about 1 ms, 3 ms with all.
    """
    inner = trim(picture)
    first, quality = pdq(inner)
    found = [first, pdq(inner[:, ::-1])[0]]
    if inner.shape != picture.shape:
        outer, other = pdq(picture)
        found += [outer, pdq(picture[:, ::-1])[0]]
        quality = max(quality, other)
    bare = without_captions(picture)
    if bare.shape not in (inner.shape, picture.shape):
        found += [pdq(bare)[0], pdq(bare[:, ::-1])[0]]
    return np.stack(found), quality


def to_hex(digest: NDArray[np.uint8]) -> str:
    """64 hexadecimal digits, as in ThreatExchange."""
    return digest.tobytes().hex()


def from_hex(text: str) -> NDArray[np.uint8]:
    """The inverse of :func:`to_hex`; raises ``ValueError``."""
    raw = bytes.fromhex(text)
    if len(raw) != BYTES:
        raise ValueError(f"a PDQ hash has 64 hexadecimal digits, not {len(text)}")
    return np.frombuffer(raw, np.uint8)


def distance(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Hamming distance over the last axis, in bits."""
    return np.bitwise_count(a ^ b).sum(-1, dtype=np.int64)


def trim(picture: Pixels) -> Pixels:
    """A view without plain borders (letterbox, pillarbox, frames of any one colour)."""
    grey = picture.astype(np.float32).mean(-1)
    top, bottom = _plain_edges(grey)
    left, right = _plain_edges(grey.T)
    height, width = grey.shape
    return picture[top : height - bottom, left : width - right]


def _plain_edges(grey: NDArray[np.float32]) -> tuple[int, int]:
    level, spread = grey.mean(1), grey.std(1)
    most = int(len(grey) * _MAX_TRIM)
    found = []
    for means, spreads in ((level, spread), (level[::-1], spread[::-1])):
        border = (spreads <= _PLAIN) & (np.abs(means - means[0]) <= _PLAIN)
        count = len(border) if border.all() else int(np.argmin(border))
        # A picture that is plain to the middle has no border: it is plain.
        found.append(count if count <= most else 0)
    return found[0], found[1]


def without_captions(picture: Pixels) -> Pixels:
    """A view without bars above and below that carry words: rows of mostly one colour, which
    begin at the edge and end with a row of that colour alone."""
    grey = picture.astype(np.float32).mean(-1)
    most = int(len(grey) * _MAX_TRIM)
    ends = []
    for rows in (grey[:most], grey[::-1][:most]):
        if not len(rows) or rows[0].std() > _PLAIN:
            ends.append(0)
            continue
        alike = (np.abs(rows - np.median(rows[0])) <= 2 * _PLAIN).mean(1)
        bar = len(rows) if (alike >= _IN_BAR).all() else int(np.argmin(alike >= _IN_BAR))
        plain = np.flatnonzero(alike[:bar] >= _BARE)
        ends.append(int(plain[-1]) + 1 if len(plain) else 0)
    return trim(picture[ends[0] : len(grey) - ends[1]])


_IN_BAR, _BARE = 0.25, 0.97
"""Share of a row in the bar's colour: with words on it, and without."""


def crops(picture: Pixels, shares: tuple[float, ...] = CROPS) -> list[Pixels]:
    """Centred crops with each share cut off at every side; the first is the picture itself."""
    height, width = picture.shape[:2]
    out = []
    for share in shares:
        y, x = round(height * share), round(width * share)
        out.append(picture[y : height - y, x : width - x])
    return out


def views(picture: Pixels) -> dict[str, Pixels]:
    """What becomes of a picture on its way around, by name; ``plain`` is the picture itself.

    Centred crops, crops at one side or corner, small turns, and the picture over a blurred copy
    of itself; all of the picture without plain borders, and of the whole where that differs.
    """
    inner = trim(picture)
    found = {"plain": inner}
    for name, base in (("", inner), ("whole-", picture)):
        if not name or base.shape != inner.shape:
            found |= {f"{name}{kind}": part for kind, part in _views(base)}
    return found


def _views(picture: Pixels) -> Iterator[tuple[str, Pixels]]:
    for share, part in zip(CROPS, crops(picture), strict=True):
        yield f"crop{share:.4g}", part
    height, width = picture.shape[:2]
    for share in CORNERS:
        y, x = round(height * share), round(width * share)
        yield f"top{share:.3g}", picture[y:]
        yield f"bottom{share:.3g}", picture[: height - y]
        yield f"left{share:.3g}", picture[:, x:]
        yield f"right{share:.3g}", picture[:, : width - x]
        yield f"upper-left{share:.3g}", picture[y:, x:]
        yield f"upper-right{share:.3g}", picture[y:, : width - x]
        yield f"lower-left{share:.3g}", picture[: height - y, x:]
        yield f"lower-right{share:.3g}", picture[: height - y, : width - x]
    for angle in ANGLES:
        turned, within = _turned(picture, angle)
        yield f"turned{angle}", turned
        yield f"within{angle}", within
    for across, down in FILLS:
        if abs(across / down - width / height) > _OTHER_FORMAT:
            yield f"fill{across}x{down}", _filled(picture, across, down)


_OTHER_FORMAT = 0.15
"""Formats closer than this have no fill worth a view."""


def _turned(picture: Pixels, degrees: float) -> tuple[Pixels, Pixels]:
    """Turned about the middle: with black corners, and the largest part without them."""
    import cv2

    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    whole = np.asarray(cv2.warpAffine(picture, turn, (width, height)), np.uint8)
    angle = abs(np.deg2rad(degrees))
    keep = min(
        width / (width * np.cos(angle) + height * np.sin(angle)),
        height / (height * np.cos(angle) + width * np.sin(angle)),
    )
    y, x = round(height * (1 - keep) / 2), round(width * (1 - keep) / 2)
    return whole, whole[y : height - y, x : width - x]


def _filled(picture: Pixels, across: int, down: int) -> Pixels:
    """The picture whole in the middle of that format, over a large blurred copy of itself.

    PDQ sees coarse shapes only, so how strongly others blur makes no difference.
    """
    import cv2

    height, width = picture.shape[:2]
    unit = _SIDE / min(across, down)
    size = (round(across * unit), round(down * unit))
    cover = max(size[0] / width, size[1] / height)
    large = cv2.resize(
        picture, (max(size[0], round(width * cover)), max(size[1], round(height * cover)))
    )
    y, x = (large.shape[0] - size[1]) // 2, (large.shape[1] - size[0]) // 2
    out = cv2.GaussianBlur(large[y : y + size[1], x : x + size[0]], (0, 0), _SIDE / 20)
    fit = min(size[0] / width, size[1] / height)
    small = cv2.resize(
        picture, (round(width * fit), round(height * fit)), interpolation=cv2.INTER_AREA
    )
    y, x = (size[1] - small.shape[0]) // 2, (size[0] - small.shape[1]) // 2
    out[y : y + small.shape[0], x : x + small.shape[1]] = small
    return np.asarray(out, np.uint8)
