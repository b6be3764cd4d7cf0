"""The marked clip edited or made anew: stickers, frames in between, denoised, enlarged.

Attacks as in :mod:`benchmarks.watermark_attacks`. A generative upscaler or a video model's own
autoencoder would need weights that this project does not have: denoising stands in for them and is
milder than they are.
"""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np

from benchmarks.watermark_attacks import Attack, Luma, Pixels, coded, decoded, grey

FEW = 4
"""Frames of attacks that take long for each."""


def stickers(p: Pixels) -> list[Luma]:
    """A headline, a caption, a bouncing sticker and a handle, over a fifth of the picture."""
    out = []
    for i, frame in enumerate(p[:24]):
        shown = frame.copy()
        h, w = shown.shape[:2]
        cv2.rectangle(shown, (0, 0), (w, h // 9), (250, 250, 250), -1)
        font, size = cv2.FONT_HERSHEY_DUPLEX, h / 420
        cv2.putText(shown, "WAIT FOR IT...", (w // 12, h // 13), font, size, (0, 0, 0), 2)
        at = (round(w * (0.7 + 0.02 * np.sin(i / 3))), round(h * (0.4 + 0.03 * np.cos(i / 3))))
        cv2.circle(shown, at, h // 8, (255, 214, 10), -1, cv2.LINE_AA)
        cv2.circle(shown, at, h // 16, (40, 30, 10), 4, cv2.LINE_AA)
        cv2.putText(
            shown, "when it finally works", (w // 8, h * 9 // 10), font, size, (255,) * 3, 6
        )
        cv2.putText(shown, "when it finally works", (w // 8, h * 9 // 10), font, size, (9,) * 3, 2)
        cv2.putText(shown, "@somebody", (w * 3 // 4, h // 5), font, size / 2, (255,) * 3, 1)
        out.append(shown)
    return decoded(coded(np.stack(out), "libx264", crf="26", preset="veryfast"))


def interpolated(p: Pixels) -> list[Luma]:
    """Every second frame is dropped, FFmpeg's ``minterpolate`` makes it anew, twice as many."""
    kept = p[:12:2]
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=p.shape[2], height=p.shape[1], format="yuv420p", time_base=Fraction(1, 12)
    )
    between = graph.add("minterpolate", "fps=24:mi_mode=mci")
    sink = graph.add("buffersink")
    source.link_to(between)
    between.link_to(sink)
    graph.configure()
    out: list[Pixels] = []

    def drain() -> None:
        while True:
            try:
                out.append(sink.pull().to_ndarray(format="rgb24"))
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    for i, frame in enumerate(kept):
        one = av.VideoFrame.from_ndarray(frame, "rgb24").reformat(format="yuv420p")
        one.pts, one.time_base = i, Fraction(1, 12)
        source.push(one)
        drain()
    source.push(None)
    drain()
    return decoded(coded(np.stack(out), "libx264", crf="26", preset="veryfast"))


def denoised(strength: float) -> Attack:
    """Non-local means (Buades 2005), ``strength`` in grey levels."""

    def attack(p: Pixels) -> list[Luma]:
        luma = [y for y, _ in grey(p[:FEW])]
        return [
            (np.asarray(cv2.fastNlMeansDenoising(y, None, strength, 5, 13)), False) for y in luma
        ]

    return attack


def enlarged(p: Pixels) -> list[Luma]:
    """Shrunk to half, coded, enlarged to twice the first size (Lanczos) and sharpened."""
    h, w = p.shape[1:3]
    small = np.stack([cv2.resize(f, (w // 2, h // 2), interpolation=cv2.INTER_AREA) for f in p[:8]])
    out = []
    for y, _ in decoded(coded(small, "libx264", crf="23", preset="veryfast")):
        big = cv2.resize(y, (2 * w, 2 * h), interpolation=cv2.INTER_LANCZOS4)
        out.append((cv2.addWeighted(big, 1.6, cv2.GaussianBlur(big, (0, 0), 3), -0.6, 0), False))
    return out


def repainted(p: Pixels) -> list[Luma]:
    """Smoothed along edges until fine detail is gone (bilateral, twice), then grain added."""
    rng = np.random.default_rng(0)
    out = []
    for y, _ in grey(p[:FEW]):
        smooth = cv2.bilateralFilter(cv2.bilateralFilter(y, 9, 25, 5), 9, 25, 5)
        grain = rng.normal(0, 3, y.shape)
        out.append((np.clip(smooth + grain, 0, 255).astype(np.uint8), False))
    return out


REMADE: dict[str, Attack] = {
    "stickers and captions": stickers,
    "frames interpolated": interpolated,
    "denoised, h 5": denoised(5),
    "denoised, h 10": denoised(10),
    "bilateral twice, grain": repainted,
    "half, H.264, enlarged 4x": enlarged,
}
