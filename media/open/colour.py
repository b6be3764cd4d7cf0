"""Decoded frames as 8-bit sRGB: the matrix, range, transfer and primaries that a file names.

What a file leaves open is taken as players take it: BT.709 from high definition on, BT.601 below,
limited range. Alpha is laid over a shade of grey.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from media.clip import Pixels
from media.tone import Transfer, to_709, to_sdr

WHITE, BLACK = 255, 0
"""What alpha is laid over: the page of a browser and of most viewers; a player's screen."""

HD_WIDTH, HD_HEIGHT = 1280, 577
"""From one of these on an unnamed matrix is BT.709 (the rule of mpv and VLC)."""

_UNSPECIFIED, _RESERVED, _BT2020 = 2, 3, 9
_BT2020_PRIMARIES = 9


def has_alpha(frame: Any) -> bool:
    """Whether a frame's format has an alpha plane (a palette has one too)."""
    form = frame.format
    return form.name == "pal8" or any(part.is_alpha for part in form.components)


def matrix_of(frame: Any) -> int | None:
    """The YUV matrix for FFmpeg's scaler; None where the frame's own is right."""
    if frame.format.is_rgb or frame.colorspace not in (_UNSPECIFIED, _RESERVED):
        return None
    if frame.color_primaries == _BT2020_PRIMARIES:
        return int(Colorspace.BT2020)
    hd = frame.width >= HD_WIDTH or frame.height >= HD_HEIGHT
    return int(Colorspace.ITU709 if hd else Colorspace.ITU601)


def to_rgb(
    frame: Any, transfer: Transfer | None, shade: int, size: tuple[int, int] | None = None
) -> tuple[Pixels, bool]:
    """A frame as ``uint8 [H, W, 3]`` RGB over grey of ``shade``, and whether alpha showed it.

    ``size`` (width, height) scales it. An HDR ``transfer`` is mapped to SDR.
    """
    matrix = matrix_of(frame)
    named: dict[str, Any] = {} if matrix is None else {"src_colorspace": matrix}
    if size is not None:
        named |= {"width": size[0], "height": size[1]}
    if transfer is not None:
        return to_sdr(frame.to_ndarray(format="rgb48le", **named), transfer), False
    wide = frame.color_primaries == _BT2020_PRIMARIES
    if has_alpha(frame):
        rgba = frame.to_ndarray(format="rgba", **named)
        alpha = rgba[..., 3]
        seen = bool((alpha < 255).any())
        rgb = over(rgba[..., :3], alpha, shade) if seen else np.ascontiguousarray(rgba[..., :3])
        return (to_709(rgb) if wide else rgb), seen
    rgb = np.asarray(frame.to_ndarray(format="rgb24", **named))
    return (to_709(rgb) if wide else rgb), False


def over(rgb: Pixels, alpha: NDArray[np.uint8], shade: int) -> Pixels:
    """Straight (not premultiplied) colours over grey of ``shade``: ``uint8 [H, W, 3]``."""
    part = alpha[..., None].astype(np.uint32)
    mixed = (rgb * part + shade * (255 - part) + 127) // 255
    return mixed.astype(np.uint8)
