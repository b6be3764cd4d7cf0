"""MPEG-7 frame signatures: 380 ternary numbers that tell how a frame's regions compare.

ISO/IEC 15938-3:2002/Amd 4:2010. A frame is averaged to 32 by 32 samples. 32 *average* elements
are the means of rectangles, taken from mid-grey; 348 *difference* elements are the mean of some
rectangles less that of others. Elements come in ten categories, and each category has its own
threshold: the magnitude that a third of its elements do not reach. What lies within is 1, below
it 0, above it 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

GRID = 32
ELEMENTS = 380
MID_GREY = 128.0
WITHIN = 0.333
"""Share of a category's elements that its threshold leaves at 1."""

Rect = tuple[int, int, int, int]
"""Left, top, width, height, in samples."""
Element = tuple[tuple[Rect, ...], tuple[Rect, ...]]
"""The rectangles that are added and those that are taken away (none for an average)."""

_QUADRANTS = ((0, 0), (16, 0), (0, 16), (16, 16))
_CORNERS = tuple((x + a, y + b) for x, y in _QUADRANTS for b, a in product((0, 8), repeat=2))
_NINE_OF_TEN = tuple((x, y) for y, x in product((1, 11, 21), repeat=2))
_NINE_OF_EIGHT = tuple((x, y) for y, x in product((2, 12, 22), repeat=2))

# Pairs of six-by-six squares by their place on a grid of five by five.
_PAIRS = (
    "12-32 21-23 11-33 31-13 21-32 32-23 23-12 12-21 11-31 31-33 33-13 13-11 22-20 22-42 22-24 "
    "22-02 20-24 02-42 10-30 14-34 01-03 41-43 10-01 30-41 43-34 03-14 00-40 40-44 44-04 04-00"
)

# Tops of the small frames in the fifth category, with the lefts that go with each.
_SMALL = ((3, (8, 13, 18)), *((y, (3, 8, 13, 18, 23)) for y in (8, 13, 18)), (23, (8, 13, 18)))
_SHIFTED = (
    (1, (6, 16)),
    (6, (1, 11, 21)),
    (11, (6, 16)),
    (16, (1, 11, 21)),
    (21, (6, 16)),
)


def _halves(x: int, y: int, size: int, way: str) -> Element:
    """A square cut in two: ``|`` left from right, ``-`` top from bottom; ``)`` and ``_`` back."""
    half = size // 2
    if way in "|)":
        first, second = (x, y, half, size), (x + half, y, half, size)
    else:
        first, second = (x, y, size, half), (x, y + half, size, half)
    return ((second,), (first,)) if way in ")_" else ((first,), (second,))


def _quarters(x: int, y: int, ways: str) -> Iterator[Element]:
    for (dy, dx), way in zip(product((0, 4), repeat=2), ways, strict=True):
        yield _halves(x + dx, y + dy, 4, way)


def _frame(x: int, y: int, size: int, border: int, high: int | None = None) -> Element:
    """The border of a square from its middle; ``high`` is the border above and below."""
    high = high or border
    inner, tall = size - 2 * border, size - 2 * high
    around = (
        (x, y, size, high),
        (x, y + high, border, tall),
        (x + size - border, y + high, border, tall),
        (x, y + size - high, size, high),
    )
    return around, ((x + border, y + high, inner, tall),)


def _checker(x: int, y: int) -> Element:
    s = (4, 4)
    return ((x, y, *s), (x + 4, y + 4, *s)), ((x + 4, y, *s), (x, y + 4, *s))


def _averages() -> Iterator[list[Element]]:
    fine = [(x, y, 8, 8) for x, y in _CORNERS]
    yield [((r,), ()) for r in (*fine, *((x, y, 16, 16) for x, y in _QUADRANTS))]
    spread = [(x, y, 8, 8) for x, y in _NINE_OF_EIGHT]
    nested = [(x, x, 32 - 2 * x, 32 - 2 * x) for x in (9, 6, 3)]
    yield [((r,), ()) for r in (*spread, *nested)]


def _differences() -> Iterator[list[Element]]:
    one: list[Element] = []
    for i, (x, y) in enumerate(_CORNERS):
        one += _quarters(x, y, "|-_)" if i // 4 in (0, 3) else "-)|_")
    for x, y in _NINE_OF_EIGHT:
        one += _quarters(x, y, "--__" if (x, y) == (12, 12) else "|-_)")
    for y, x in product((7, 17), repeat=2):
        one += _quarters(x, y, "-||-")
    yield one

    grids = (range(0, 32, 8), range(4, 24, 8))
    yield [_checker(x, y) for grid in grids for y, x in product(grid, repeat=2)]

    tens = [(x, y, 10, 10) for x, y in _NINE_OF_TEN]
    yield [((a,), (b,)) for a, b in combinations(tens, 2)]

    def six(place: str) -> Rect:
        return (1 + 6 * int(place[0]), 1 + 6 * int(place[1]), 6, 6)

    yield [((six(pair[:2]),), (six(pair[3:]),)) for pair in _PAIRS.split()]

    five = [_frame(x, y, 10, 3) for x, y in _NINE_OF_TEN]
    five += [_frame(x, y, 10, 3) for y, x in product((6, 16), repeat=2)]
    five += [_frame(x, y, 10, 3) for y, lefts in _SHIFTED for x in lefts]
    five += [_frame(x, y, 13, 5) for y, x in product((2, 7, 12, 17), repeat=2)]
    five += [_frame(x, y, 6, 2) for y, lefts in _SMALL for x in lefts]
    yield five

    yield [(((x, y + 2, 10, 6),), ((x + 2, y, 6, 10),)) for y, x in product((3, 11, 19), repeat=2)]

    seven: list[Element] = []
    for y, x in product((4, 9, 14, 19, 24), repeat=2):
        middle = ((x, y, 4, 4),)
        seven.append((((x - 4, y, 4, 4), (x + 4, y, 4, 4)), middle))
        seven.append((((x, y - 4, 4, 4), (x, y + 4, 4, 4)), middle))
    yield seven

    ways = "-||-|--||--|-||-"
    eight = [_halves(x, y, 8, way) for (x, y), way in zip(_CORNERS, ways, strict=True)]
    yield eight + [_halves(x, y, 16, way) for (x, y), way in zip(_QUADRANTS, "|--|", strict=True)]


@cache
def _weights() -> tuple[tuple[int, NDArray[np.float64]], ...]:
    """Each category: the grey that is taken off, and ``float64 [elements, 32 * 32]``."""

    def mean(rects: tuple[Rect, ...]) -> NDArray[np.float64]:
        there = np.zeros((GRID, GRID))
        for x, y, w, h in rects:
            there[y : y + h, x : x + w] = 1
        return there / max(there.sum(), 1)

    out = []
    for average, categories in ((True, _averages()), (False, _differences())):
        for elements in categories:
            rows = np.stack([mean(plus) - mean(minus) for plus, minus in elements])
            out.append((average, rows.reshape(len(elements), -1)))
    return tuple(out)


def shrink(luma: NDArray[np.uint8]) -> NDArray[np.float64]:
    """``uint8 [H, W]`` to the means of 32 by 32 cells, ``float64 [32, 32]``.

    A pixel belongs to one cell: that of its own upper left corner.
    """
    height, width = luma.shape
    total = luma.astype(np.float64)
    for axis, size in ((0, height), (1, width)):
        cell = np.arange(size) * GRID // size
        starts = np.searchsorted(cell, np.arange(GRID))
        total = np.add.reduceat(total, starts, axis=axis)
        shape = [1, 1]
        shape[axis] = GRID
        total /= np.bincount(cell, minlength=GRID).reshape(shape)
    return total


def signature(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame signature of ``uint8 [H, W]`` luma: ``uint8 [380]`` of 0, 1, 2.

    Each side has at least 32 pixels.
    """
    cells = shrink(luma).ravel()
    out = []
    for average, rows in _weights():
        values = rows @ cells - (MID_GREY if average else 0.0)
        # rounding of sums must not decide between equal values
        values = np.round(values, 9)
        threshold = np.sort(np.abs(values))[int(len(values) * WITHIN)]
        out.append(1 + (values > threshold).astype(np.int8) - (values < -threshold))
    return np.concatenate(out).astype(np.uint8)
