"""HEIC stills: the tiles of the primary picture put together, as phones write them.

FFmpeg decodes every tile as a stream of its own, numbered by its item, and leaves the grid to the
caller. Sources: ISO/IEC 23008-12 (HEIF) sections 6.5 and 6.6, ISO/IEC 14496-12 section 8.11.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from media.errors import UnreadableMedia
from media.limits import MediaLimits
from media.open.container import check_size, opened
from media.open.display import Display
from media.tone import Transfer, transfer_of

MOST_META = 4 * 1024**2
"""Largest ``meta`` box that is read, in bytes."""

MOST_TILES = 1024


@dataclass(slots=True)
class _Items:
    """What the ``meta`` box says of its items."""

    primary: int = 0
    types: dict[int, bytes] = field(default_factory=dict)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=dict)
    tiles: dict[int, list[int]] = field(default_factory=dict)
    places: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    idat: bytes = b""
    auxiliary: dict[int, list[int]] = field(default_factory=dict)
    described: dict[int, list[int]] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)

    def property(self, item: int, kind: bytes) -> bytes | None:
        for index in self.owned.get(item, ()):
            if 0 < index <= len(self.properties) and self.properties[index - 1][0] == kind:
                return self.properties[index - 1][1]
        return None


@dataclass(frozen=True, slots=True)
class TileGrid:
    """The primary picture: its tiles by item, row by row, and its size before it is turned."""

    tiles: tuple[int, ...]
    columns: int
    width: int
    height: int
    display: Display
    crop: tuple[int, int, int, int] | None = None
    alpha: int | None = None
    further: int = 0
    transfer: Transfer | None = None


def _boxes(data: bytes, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
    while start + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        elif length == 0:
            length = len(data) - start
        if length < head or start + length > len(data):
            raise ValueError("a box is cut off")
        yield kind, data[start + head : start + length]
        start += length


def _meta(path: Path) -> bytes:
    with path.open("rb") as file:
        while head := file.read(8):
            if len(head) < 8:
                break
            length, kind = struct.unpack(">I4s", head)
            if kind == b"meta" and 12 <= length <= MOST_META:
                return file.read(length - 8)[4:]
            if length < 8:
                break
            file.seek(length - 8, 1)
    raise ValueError("no meta box")


def _items(path: Path) -> _Items:
    found = _Items()
    for kind, body in _boxes(_meta(path)):
        if kind == b"pitm":
            found.primary = int.from_bytes(body[4 : 6 if body[0] == 0 else 8], "big")
        elif kind == b"iinf":
            for _, entry in _boxes(body, 6 if body[0] == 0 else 8):
                wide = 4 if entry[0] == 3 else 2
                number = int.from_bytes(entry[4 : 4 + wide], "big")
                found.types[number] = entry[6 + wide : 10 + wide]
                if entry[3] & 1:
                    found.hidden.add(number)
        elif kind == b"iref":
            wide = 2 if body[0] == 0 else 4
            for name, entry in _boxes(body, 4):
                ids = [int.from_bytes(entry[:wide], "big")]
                ids += [
                    int.from_bytes(entry[wide + 2 + wide * n :][:wide], "big")
                    for n in range(int.from_bytes(entry[wide : wide + 2], "big"))
                ]
                if name == b"dimg":
                    found.tiles[ids[0]] = ids[1:]
                elif name == b"auxl":
                    found.auxiliary[ids[0]] = ids[1:]
                elif name == b"thmb":
                    found.described[ids[0]] = ids[1:]
        elif kind == b"iprp":
            _read_properties(found, body)
        elif kind == b"iloc":
            _read_places(found, body)
        elif kind == b"idat":
            found.idat = body
    return found


def _read_properties(found: _Items, body: bytes) -> None:
    for kind, part in _boxes(body):
        if kind == b"ipco":
            found.properties = list(_boxes(part))
        elif kind == b"ipma":
            wide, long = (2 if part[0] == 0 else 4), part[3] & 1
            count, at = int.from_bytes(part[4:8], "big"), 8
            for _ in range(count):
                item = int.from_bytes(part[at : at + wide], "big")
                many = part[at + wide]
                at += wide + 1
                size = 2 if long else 1
                mask = 0x7FFF if long else 0x7F
                found.owned[item] = [
                    int.from_bytes(part[at + size * n :][:size], "big") & mask for n in range(many)
                ]
                at += size * many


def _read_places(found: _Items, body: bytes) -> None:
    """First extent of each item: (construction method, offset, length)."""
    version = body[0]
    offset_size, length_size = body[4] >> 4, body[4] & 15
    base_size, index_size = body[5] >> 4, (body[5] & 15) if version else 0
    wide = 2 if version < 2 else 4
    count, at = int.from_bytes(body[6 : 6 + wide], "big"), 6 + wide
    for _ in range(count):
        item = int.from_bytes(body[at : at + wide], "big")
        at += wide
        method = 0
        if version:
            method = int.from_bytes(body[at : at + 2], "big") & 15
            at += 2
        at += 2
        base = int.from_bytes(body[at : at + base_size], "big")
        at += base_size
        extents = int.from_bytes(body[at : at + 2], "big")
        at += 2
        for n in range(extents):
            at += index_size
            offset = int.from_bytes(body[at : at + offset_size], "big")
            at += offset_size
            length = int.from_bytes(body[at : at + length_size], "big")
            at += length_size
            if n == 0:
                found.places[item] = (method, base + offset, length)


def grid_of(path: Path) -> TileGrid:
    """The primary picture of a HEIF file; raises ``ValueError`` where its boxes make no sense."""
    try:
        items = _items(path)
        size = items.property(items.primary, b"ispe")
        if size is None:
            raise ValueError("the primary picture has no size")
        width, height = struct.unpack(">II", size[4:12])
        tiles, columns = [items.primary], 1
        if items.types.get(items.primary) == b"grid":
            tiles = items.tiles.get(items.primary, [])
            method, offset, length = items.places[items.primary]
            if method == 1:
                data = items.idat[offset : offset + length]
            else:
                with path.open("rb") as file:
                    file.seek(offset)
                    data = file.read(min(length, 64))
            rows, columns = data[2] + 1, data[3] + 1
            form = ">II" if data[1] & 1 else ">HH"
            width, height = struct.unpack_from(form, data, 4)
            if len(tiles) != rows * columns or len(tiles) > MOST_TILES:
                raise ValueError("the grid does not have its tiles")
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError("the boxes do not hold together") from error
    turned = items.property(items.primary, b"irot")
    mirrored = items.property(items.primary, b"imir")
    return TileGrid(
        tuple(tiles),
        columns,
        width,
        height,
        _display(turned, mirrored),
        clean_aperture(items.property(items.primary, b"clap"), width, height),
        _alpha_of(items),
        len(_further(items)),
        _transfer_of(items),
    )


_PICTURES = frozenset({b"hvc1", b"hev1", b"av01", b"grid", b"iovl", b"iden", b"avc1", b"jpeg"})


def _further(items: _Items) -> list[int]:
    """Pictures of the file that are no part, thumbnail or plane of the primary one."""
    own = {items.primary, *items.auxiliary, *items.described, *items.hidden}
    own |= {tile for tiles in items.tiles.values() for tile in tiles}
    return [n for n, kind in items.types.items() if kind in _PICTURES and n not in own]


def _alpha_of(items: _Items) -> int | None:
    """The item that is the primary picture's alpha plane."""
    for item, targets in items.auxiliary.items():
        kind = items.property(item, b"auxC") or b""
        if items.primary in targets and (b"auxid:1" in kind or b"alpha" in kind):
            return item
    return None


def _transfer_of(items: _Items) -> Transfer | None:
    """Of an HDR picture: ``colr`` of the primary item or of its first tile."""
    first = (items.tiles.get(items.primary) or [items.primary])[0]
    for item in (items.primary, first):
        colour = items.property(item, b"colr")
        if colour and colour[:4] == b"nclx" and len(colour) >= 10:
            return transfer_of(int.from_bytes(colour[6:8], "big"))
    return None


def clean_aperture(clap: bytes | None, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Left, upper, right, lower of the clean aperture (ISO/IEC 14496-12, 12.1.4), before it is
    turned; None where there is none or it makes no sense, as viewers take it."""
    if clap is None or len(clap) < 32:
        return None
    wide, wide_by, high, high_by, across, across_by, down, down_by = struct.unpack(
        ">IIIIiIiI", clap[:32]
    )
    if not (wide_by and high_by and across_by and down_by):
        return None
    cut_wide, cut_high = round(wide / wide_by), round(high / high_by)
    left = round(across / across_by + (width - wide / wide_by) / 2)
    upper = round(down / down_by + (height - high / high_by) / 2)
    box = (left, upper, left + cut_wide, upper + cut_high)
    inside = 0 <= left < box[2] <= width and 0 <= upper < box[3] <= height
    return box if inside and box != (0, 0, width, height) else None


def crop_of(path: Path, width: int, height: int) -> tuple[int, int, int, int] | None:
    """The clean aperture of the primary picture, stored as ``width`` x ``height``."""
    try:
        items = _items(path)
        return clean_aperture(items.property(items.primary, b"clap"), width, height)
    except (ValueError, struct.error, IndexError, KeyError):
        return None


def further_of(path: Path) -> int:
    """How many more pictures lie in a HEIF file beside the primary one and its parts."""
    try:
        return len(_further(_items(path)))
    except (ValueError, struct.error, IndexError, KeyError):
        return 0


def _display(turned: bytes | None, mirrored: bytes | None) -> Display:
    """``irot`` turns anti-clockwise by quarters, then ``imir`` mirrors (axis 0: upside down)."""
    quarters = turned[0] & 3 if turned else 0
    transpose = bool(quarters & 1)
    mirror, flip = quarters == 2, quarters in (1, 2)
    if quarters == 3:
        mirror = True
    if mirrored:
        if mirrored[0] & 1:
            mirror = not mirror
        else:
            flip = not flip
    return Display(transpose, mirror, flip)


def size_of(path: Path, limits: MediaLimits) -> tuple[int, int, str, Transfer | None]:
    """Width and height as shown, the codec, and the transfer of an HDR picture; raises
    :class:`UnreadableMedia`."""
    try:
        grid = grid_of(path)
    except ValueError as error:
        raise _unreadable(path) from error
    check_size(grid.width, grid.height, limits, path.name)
    with opened(path, limits) as container:
        context = container.streams.video[0].codec_context if container.streams.video else None
        if context is None:
            raise _unreadable(path)
        width, height = grid.width, grid.height
        if grid.crop is not None:
            left, upper, right, lower = grid.crop
            width, height = right - left, lower - upper
        return *grid.display.size(width, height), context.name, grid.transfer


def frames(path: Path, limits: MediaLimits) -> Iterator[av.VideoFrame]:
    """The primary picture, upright, one ``rgb24`` frame, ``rgba`` with an alpha plane, ``rgb48le``
    where it is HDR; raises :class:`UnreadableMedia`."""
    try:
        grid = grid_of(path)
    except ValueError as error:
        raise _unreadable(path) from error
    check_size(grid.width, grid.height, limits, path.name)
    deep = grid.transfer is not None
    canvas = np.zeros((grid.height, grid.width, 3), np.uint16 if deep else np.uint8)
    alpha: NDArray[np.uint8] | None = None
    left = set(range(len(grid.tiles)))
    with opened(path, limits) as container:
        places = {
            s.index: [n for n, item in enumerate(grid.tiles) if item == s.id]
            for s in container.streams.video
        }
        wanted = [s for s in container.streams.video if places[s.index] or s.id == grid.alpha]
        for packet in container.demux(wanted):
            for frame in packet.decode():
                if not isinstance(frame, av.VideoFrame):
                    continue
                if packet.stream.id == grid.alpha:
                    alpha = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
                    continue
                pixels = frame.to_ndarray(format="rgb48le" if deep else "rgb24")
                for n in places[packet.stream.index]:
                    top = n // grid.columns * pixels.shape[0]
                    side = n % grid.columns * pixels.shape[1]
                    part = canvas[top : top + pixels.shape[0], side : side + pixels.shape[1]]
                    part[:] = pixels[: part.shape[0], : part.shape[1]]
                    left.discard(n)
    if left:
        raise UnreadableMedia(
            f"{path.name}: {len(left)} of {len(grid.tiles)} tiles cannot be decoded",
            "get an undamaged copy, or convert it to JPEG",
        )
    form = "rgb48le" if deep else "rgb24"
    if grid.alpha is not None and not deep:
        if alpha is None or alpha.shape != canvas.shape[:2]:
            raise UnreadableMedia(
                f"{path.name}: its alpha plane cannot be decoded", "convert it to PNG"
            )
        canvas, form = np.dstack([canvas, alpha]), "rgba"
    if grid.crop is not None:
        side, upper, right, lower = grid.crop
        canvas = canvas[upper:lower, side:right]
    yield av.VideoFrame.from_ndarray(grid.display.apply(canvas), format=form)


def _unreadable(path: Path) -> UnreadableMedia:
    return UnreadableMedia(
        f"{path.name} is a HEIF file whose primary picture cannot be read", "convert it to JPEG"
    )
