"""The marked clip inside another picture: filmed from a screen, set into a corner, beside others.

Each attack takes ``uint8 [T, H, W, 3]``, codes it as a site publishes it (H.264 at CRF 23), does
its work and codes the result with H.264 once more. Everything random comes from the ``seed``, so
that each clip may get its own.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.watermark_attacks import Luma, Pixels, coded, decoded, decoded_rgb

Scene = Callable[[Pixels, int], list[Luma]]
PHONE = (1280, 720)
FRAMES = 24
"""Frames of an attack at most: a second."""


def published(p: Pixels) -> Pixels:
    return decoded_rgb(coded(p[:FRAMES], "libx264", crf="23", preset="veryfast"))


def coded_again(p: Pixels, crf: int = 23) -> list[Luma]:
    return decoded(coded(p, "libx264", crf=str(crf), preset="veryfast"))


def texture(rng: np.random.Generator, height: int, width: int, slope: float) -> NDArray[np.float32]:
    """Noise with an amplitude spectrum of ``1/f**slope``, mean 0, deviation 1."""
    fy = np.fft.fftfreq(height)[:, None] * height
    fx = np.fft.rfftfreq(width)[None] * width
    radius = np.hypot(fy, fx)
    radius[0, 0] = 1
    field = np.fft.irfft2(
        np.fft.rfft2(rng.standard_normal((height, width))) / radius**slope, (height, width)
    )
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def foreign(rng: np.random.Generator, width: int, height: int, frames: int) -> Pixels:
    """Somebody else's moving picture."""
    wide = texture(rng, height, width + 3 * frames, 1.3)
    low, high = rng.integers(20, 90, 3), rng.integers(130, 250, 3)
    share = np.clip(0.5 + 0.2 * wide, 0, 1)[..., None]
    still = (low + share * (high - low)).astype(np.uint8)
    return np.stack([still[:, 3 * i : 3 * i + width] for i in range(frames)])


def pulled(
    rng: np.random.Generator, width: float, height: float, inward: bool
) -> NDArray[np.float64]:
    """Corners moved by 2 to 10 % of the sides, into the picture or any way, ``[4, 2]``."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
    move = rng.uniform(0.02, 0.10, (4, 2))
    into = np.where(corners == 0, 1.0, -1.0)
    sign = into if inward else rng.choice([-1.0, 1.0], (4, 2))
    return (corners + sign * move) * (width, height)


def corners(inward: bool) -> Scene:
    """A still homography of every frame, nothing else."""

    def scene(p: Pixels, seed: int) -> list[Luma]:
        rng = np.random.default_rng(seed)
        h, w = p.shape[1:3]
        start = np.array([[0, 0], [w, 0], [w, h], [0, h]], dtype=np.float32)
        end = pulled(rng, w, h, inward).astype(np.float32)
        m = cv2.getPerspectiveTransform(start, end)
        return coded_again(np.stack([cv2.warpPerspective(f, m, (w, h)) for f in published(p)]))

    return scene


def barrel_map(
    m: NDArray[np.float64], k: float, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of a phone's frame comes from: lens (radial, ``k``), then homography."""
    w, h = size
    x, y = np.meshgrid(np.arange(w, dtype=np.float64), np.arange(h, dtype=np.float64))
    half = np.hypot(w, h) / 2
    u, v = (x - w / 2) / half, (y - h / 2) / half
    grow = 1 + k * (u * u + v * v)
    u, v = u * grow * half + w / 2, v * grow * half + h / 2
    back = np.linalg.inv(m)
    z = back[2, 0] * u + back[2, 1] * v + back[2, 2]
    return (
        ((back[0, 0] * u + back[0, 1] * v + back[0, 2]) / z).astype(np.float32),
        ((back[1, 0] * u + back[1, 1] * v + back[1, 2]) / z).astype(np.float32),
    )


def phone(*, shake: float = 0.0, barrel: float = 0.0, crf: int = 24) -> Scene:
    """Filmed from a screen in a room.

    Perspective (corners moved by 2 to 10 %), bezel and room round it, moiré, uneven light,
    flicker bands, blur, noise, 3 % of ``barrel`` at most, ``shake`` in pixels, then H.264.
    """

    def scene(p: Pixels, seed: int) -> list[Luma]:
        rng = np.random.default_rng(seed)
        w, h = PHONE
        fit = min(w / p.shape[2], h / p.shape[1])
        sw, sh = p.shape[2] * fit, p.shape[1] * fit
        end = pulled(rng, sw, sh, True) + np.array([(w - sw) / 2, (h - sh) / 2])
        k = barrel * rng.uniform(0.3, 1.0)
        room = 60 + 22 * texture(rng, h, w, 1.8) + 4 * texture(rng, h, w, 0.8)
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        fall = 1 - 0.35 * ((x / w - 0.5) ** 2 + (y / h - 0.5) ** 2) * 2
        fx, fy = rng.uniform(0.05, 0.14, 2)
        moire = 1 + 0.03 * np.sin(2 * np.pi * (fx * x + fy * y) + 0.6 * np.sin(x / 90))
        p = published(p)
        drift = np.cumsum(rng.normal(0, 1, (len(p), 2)), axis=0)
        drift = cv2.blur(drift, (1, 5)) * shake
        out = []
        for i, frame in enumerate(p):
            fh, fw = frame.shape[:2]
            margin = fh // 40
            screen = cv2.copyMakeBorder(
                frame, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(18, 18, 20)
            )
            start = np.array([[0, 0], [fw, 0], [fw, fh], [0, fh]], dtype=np.float32) + margin
            at = (end + drift[i]).astype(np.float32)
            m = cv2.getPerspectiveTransform(start, at)
            mx, my = barrel_map(m, k, PHONE)
            seen = cv2.remap(
                screen.astype(np.float32),
                mx,
                my,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=(-1, -1, -1),
            )
            outside = seen[..., 0] < 0
            bands = 1 + 0.04 * np.sin(2 * np.pi * (y / h * 1.5 + i * 0.37))
            lit = (0.85 * seen + 12) * (moire * bands * fall)[..., None]
            lit[outside] = (room * fall)[outside][:, None]
            lit = cv2.GaussianBlur(lit, (0, 0), 0.7) + rng.normal(0, 3, (h, w, 1))
            out.append(np.clip(lit, 0, 255).astype(np.uint8))
        return coded_again(np.stack(out), crf)

    return scene


def put(back: Pixels, small: Pixels, left: int, top: int) -> Pixels:
    out = back[: len(small)].copy()
    out[:, top : top + small.shape[1], left : left + small.shape[2]] = small
    return out


def resized(p: Pixels, width: int, height: int) -> Pixels:
    return np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in p])


def inset(share: float, crf: int = 23) -> Scene:
    """Picture in picture in a corner of a foreign video, ``share`` of its width."""

    def scene(p: Pixels, seed: int) -> list[Luma]:
        rng = np.random.default_rng(seed)
        w, h = PHONE
        p = published(p)
        sw = round(w * share)
        sh = round(sw * p.shape[1] / p.shape[2])
        gap = round(0.03 * h)
        left = (gap, w - sw - gap)[rng.integers(2)]
        top = (gap, h - sh - gap)[rng.integers(2)]
        both = put(foreign(rng, w, h, len(p)), resized(p, sw, sh), left, top)
        return coded_again(both, crf)

    return scene


def split(p: Pixels, seed: int) -> list[Luma]:
    """Our picture on the left half, cut to fit, a foreign one on the right."""
    rng = np.random.default_rng(seed)
    w, h = PHONE
    p = published(p)
    fit = h / p.shape[1]
    big = resized(p, round(p.shape[2] * fit), h)
    left = max(0, (big.shape[2] - w // 2) // 2)
    half = big[:, :, left : left + w // 2]
    both = put(foreign(rng, w, h, len(p)), half, 0, 0)
    return coded_again(both)


def reaction(p: Pixels, seed: int) -> list[Luma]:
    """Ours at 62 % of the width beside two foreign boxes, on a plain ground."""
    rng = np.random.default_rng(seed)
    w, h = PHONE
    p = published(p)
    sw = round(w * 0.62)
    sh = min(round(sw * p.shape[1] / p.shape[2]), h)
    back = np.full((len(p), h, w, 3), (38, 22, 66), np.uint8)
    face = foreign(rng, round(w * 0.32), round(h * 0.4), len(p))
    back = put(back, face, round(w * 0.66), round(h * 0.08))
    back = put(back, face[:, :, ::-1], round(w * 0.66), round(h * 0.52))
    both = put(back, resized(p, sw, sh), round(w * 0.02), (h - sh) // 2)
    return coded_again(both)


def blurred_fill(p: Pixels, seed: int) -> list[Luma]:
    """Upright 9:16: ours across the middle, itself enlarged and blurred above and below."""
    p = published(p)
    w, h = PHONE[1], PHONE[0]
    sh = round(w * p.shape[1] / p.shape[2])
    fit = h / p.shape[1]
    out = []
    for frame in p:
        big = cv2.resize(frame, (round(frame.shape[1] * fit), h))
        left = (big.shape[1] - w) // 2
        ground = cv2.GaussianBlur(big[:, left : left + w], (0, 0), 20)
        ground[(h - sh) // 2 : (h - sh) // 2 + sh] = cv2.resize(
            frame, (w, sh), interpolation=cv2.INTER_AREA
        )
        out.append(ground)
    return coded_again(np.stack(out))


SCENES: dict[str, Scene] = {
    "corners inward 2-10 %": corners(True),
    "corners any way 2-10 %": corners(False),
    "phone film": phone(),
    "phone film, barrel 3 %": phone(barrel=0.03),
    "phone film, hand-held": phone(shake=1.5),
    "inset 35 %": inset(0.35),
    "inset 25 %": inset(0.25),
    "split screen": split,
    "reaction": reaction,
    "9:16, blurred fill": blurred_fill,
}
