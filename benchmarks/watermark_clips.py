"""Clips to measure the watermark on, made from what is at hand.

``python -m benchmarks.watermark_clips FOLDER [--assets DIR ...]`` writes ``tune/*.mp4`` and
``report/*.mp4``: procedural scenes, pans and zooms over still images, and pieces of real videos
when they lie below one of the asset folders. Only ``tune`` may be looked at while a setting is
chosen; figures are quoted for ``report``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

FPS = 24
FRAMES = 60

Image = NDArray[np.uint8]


def write(path: Path, frames: Iterator[Image], fps: int = FPS) -> None:
    """Store frames nearly losslessly (H.264, CRF 8)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as box:
        stream = None
        for rgb in frames:
            if stream is None:
                stream = box.add_stream(
                    "libx264", rate=Fraction(fps), options={"crf": "8", "preset": "veryfast"}
                )
                stream.height, stream.width = rgb.shape[:2]
                stream.pix_fmt = "yuv420p"
            box.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        if stream is not None:
            box.mux(stream.encode())


def pan(still: Image, width: int, height: int, zoom: float, turn: float = 0.0) -> Iterator[Image]:
    """A slow camera move over a still: from one corner towards the other, growing by ``zoom``."""
    ih, iw = still.shape[:2]
    for i in range(FRAMES):
        u = i / (FRAMES - 1)
        scale = max(width / iw, height / ih) * (1.08 + zoom * u)
        x = (iw * scale - width) * (0.1 + 0.7 * u)
        y = (ih * scale - height) * (0.2 + 0.5 * u)
        a = np.deg2rad(turn) * u
        c, s = np.cos(a) * scale, np.sin(a) * scale
        m = np.array([[c, -s, -x], [s, c, -y]])
        yield cv2.warpAffine(
            still, m, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )


def fractal(rng: np.random.Generator, height: int, width: int, slope: float) -> NDArray[np.float32]:
    """Noise with an amplitude spectrum of ``1/f**slope``, scaled to 0…1."""
    fy = np.fft.fftfreq(height)[:, None] * height
    fx = np.fft.rfftfreq(width)[None] * width
    radius = np.hypot(fy, fx)
    radius[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((height, width))) / radius**slope
    field = np.fft.irfft2(spectrum, (height, width))
    lo, hi = np.quantile(field, [0.005, 0.995])
    return np.clip((field - lo) / (hi - lo), 0, 1).astype(np.float32)


def tinted(field: NDArray[np.float32], low: tuple[int, ...], high: tuple[int, ...]) -> Image:
    a, b = np.array(low, np.float32), np.array(high, np.float32)
    return (a + field[..., None] * (b - a)).astype(np.uint8)


def landscape(seed: int, width: int, height: int) -> Iterator[Image]:
    """Sky, hills and rough ground under a moving camera, with grain."""
    rng = np.random.default_rng(seed)
    w2 = int(width * 1.3)
    sky = tinted(fractal(rng, height, w2, 1.9), (96, 140, 200), (225, 232, 240))
    ground = tinted(fractal(rng, height, w2, 1.0), (30, 52, 18), (150, 160, 92))
    rock = tinted(fractal(rng, height, w2, 1.25), (52, 48, 46), (176, 166, 150))
    ridge = fractal(rng, 8, w2, 1.6)[3] * height * 0.35 + height * 0.25
    near = fractal(rng, 8, w2, 1.6)[5] * height * 0.2 + height * 0.6
    rows = np.arange(height)[:, None]
    for i in range(FRAMES):
        u = i / FRAMES
        far_x, near_x = int(u * 0.08 * width), int(u * 0.25 * width)
        cols = np.arange(width)
        frame = sky[:, far_x // 2 : far_x // 2 + width].copy()
        hill = rows > ridge[cols + far_x][None]
        frame[hill] = rock[:, far_x : far_x + width][hill]
        front = rows > near[cols + near_x][None]
        frame[front] = ground[:, near_x : near_x + width][front]
        grain = rng.normal(0, 2.0, (height, width, 1)).astype(np.float32)
        yield np.clip(frame + grain, 0, 255).astype(np.uint8)


def cartoon(seed: int, width: int, height: int) -> Iterator[Image]:
    """Flat fills, hard outlines and a soft gradient: the hardest host for a hidden mark."""
    rng = np.random.default_rng(seed)
    top, bottom = rng.integers(60, 230, 3), rng.integers(60, 230, 3)
    ramp = np.linspace(0, 1, height)[:, None, None]
    base = (top * (1 - ramp) + bottom * ramp).repeat(width, 1).astype(np.uint8)
    shapes = [
        (rng.random(2), rng.normal(0, 0.25, 2), rng.uniform(0.05, 0.2), rng.integers(20, 240, 3))
        for _ in range(9)
    ]
    for i in range(FRAMES):
        frame = base.copy()
        for k, (at, speed, size, colour) in enumerate(shapes):
            u = (at + speed * i / FRAMES) % 1
            centre = (int(u[0] * width), int(u[1] * height))
            r = int(size * height)
            fill = tuple(int(v) for v in colour)
            if k % 2:
                cv2.circle(frame, centre, r, fill, -1, cv2.LINE_AA)
                cv2.circle(frame, centre, r, (12, 12, 12), 3, cv2.LINE_AA)
            else:
                box = cv2.boxPoints((centre, (2 * r, r), i * 1.5 * (k - 3))).astype(np.int32)
                cv2.fillPoly(frame, [box], fill, cv2.LINE_AA)
                cv2.polylines(frame, [box], True, (12, 12, 12), 3, cv2.LINE_AA)
        yield frame


def titles(seed: int, width: int, height: int) -> Iterator[Image]:
    """Scrolling text over a blurred backdrop."""
    rng = np.random.default_rng(seed)
    back = tinted(fractal(rng, height, width, 2.2), (14, 18, 40), (92, 80, 120))
    lines = ["".join(chr(rng.integers(97, 123)) for _ in range(26)) for _ in range(40)]
    step = height // 12
    for i in range(FRAMES):
        frame = back.copy()
        for k, line in enumerate(lines):
            y = int(height * 0.9 + k * step - i * height / 90)
            if -step < y < height + step:
                cv2.putText(
                    frame,
                    line,
                    (width // 10, y),
                    cv2.FONT_HERSHEY_DUPLEX,
                    height / 600,
                    (232, 230, 224),
                    max(1, height // 500),
                    cv2.LINE_AA,
                )
        yield frame


def room(seed: int, width: int, height: int) -> Iterator[Image]:
    """Smooth walls, a lit ball and a shadow, a locked camera: little to hide behind."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    wall = 150 + 50 * np.exp(-(((xx / width - 0.3) ** 2 + (yy / height - 0.2) ** 2) / 0.3))
    floor = yy > height * 0.68
    wall[floor] = 90 + 40 * (yy[floor] / height)
    wood = fractal(rng, height, width, 1.1)
    wall[floor] += 24 * (wood[floor] - 0.5)
    for i in range(FRAMES):
        cx = width * (0.25 + 0.5 * i / FRAMES)
        cy = height * (0.62 - 0.25 * abs(np.sin(i / 9)))
        r = height * 0.12
        shadow = np.exp(-(((xx - cx) / r) ** 2 + ((yy - height * 0.76) / (r * 0.3)) ** 2))
        luma = wall * (1 - 0.5 * shadow)
        frame = np.stack([luma * 1.0, luma * 0.95, luma * 0.85], -1)
        d2 = ((xx - cx) ** 2 + (yy - cy) ** 2) / r**2
        lit = np.clip(1.1 - np.hypot((xx - cx) / r + 0.4, (yy - cy) / r + 0.4) * 0.6, 0.1, 1)
        frame[d2 < 1] = (lit[..., None] * np.array([200, 60, 40], np.float32))[d2 < 1]
        frame += rng.normal(0, 1.0, (height, width, 1))
        yield np.clip(frame, 0, 255).astype(np.uint8)


def piece(path: Path, start: int, width: int, height: int) -> Iterator[Image]:
    """``FRAMES`` frames of a real video, cropped to the aspect and resized."""
    with av.open(str(path)) as box:
        seen = 0
        for i, frame in enumerate(box.decode(video=0)):
            if i < start:
                continue
            rgb = frame.to_ndarray(format="rgb24")
            h, w = rgb.shape[:2]
            cw, ch = min(w, h * width // height), min(h, w * height // width)
            rgb = rgb[(h - ch) // 2 : (h + ch) // 2, (w - cw) // 2 : (w + cw) // 2]
            shrink = cv2.INTER_AREA if ch > height else cv2.INTER_CUBIC
            yield cv2.resize(rgb, (width, height), interpolation=shrink)
            seen += 1
            if seen == FRAMES:
                return


def find(assets: list[Path], name: str) -> Path | None:
    return next((hit for root in assets for hit in sorted(root.rglob(name))), None)


def make(folder: Path, assets: list[Path]) -> list[Path]:
    """Write every clip whose source is at hand; returns their paths."""
    stills = [
        ("tune", "astronaut.png", 640, 360, 0.25, 0.0),
        ("tune", "coffee.png", 854, 480, 0.15, 4.0),
        ("tune", "hubble_deep_field.jpg", 960, 540, 0.2, 0.0),
        ("report", "china.jpg", 640, 360, 0.2, 0.0),
        ("report", "flower.jpg", 854, 480, 0.1, 0.0),
        ("report", "chelsea.png", 480, 360, 0.3, 0.0),
        ("report", "motorcycle_left.png", 854, 480, 0.2, 3.0),
    ]
    videos = [
        ("tune", "cockatoo.mp4", 40, 1280, 720),
        ("tune", "bikes.mp4", 30, 640, 272),
        ("report", "bigbuckbunny.mp4", 20, 1280, 720),
        ("report", "cockatoo.mp4", 170, 640, 360),
    ]
    scenes: list[tuple[str, str, Callable[[int, int, int], Iterator[Image]], int, int, int]] = [
        ("tune", "landscape", landscape, 1, 1280, 720),
        ("tune", "cartoon", cartoon, 2, 1280, 720),
        ("tune", "titles", titles, 3, 1920, 1080),
        ("report", "landscape", landscape, 11, 1920, 1080),
        ("report", "cartoon", cartoon, 12, 1280, 720),
        ("report", "room", room, 13, 1280, 720),
        ("report", "titles", titles, 14, 854, 480),
    ]
    done = []
    for split, name, w, h, zoom, turn in stills:
        source = find(assets, name)
        if source is not None:
            still = cv2.cvtColor(cv2.imread(str(source)), cv2.COLOR_BGR2RGB)
            out = folder / split / f"{source.stem}_{h}p.mp4"
            write(out, pan(still, w, h, zoom, turn))
            done.append(out)
    for split, name, start, w, h in videos:
        source = find(assets, name)
        if source is not None:
            out = folder / split / f"{source.stem}_{h}p.mp4"
            write(out, piece(source, start, w, h))
            done.append(out)
    for split, name, scene, seed, w, h in scenes:
        out = folder / split / f"{name}_{h}p.mp4"
        write(out, scene(seed, w, h))
        done.append(out)
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--assets", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    for path in make(args.folder, args.assets):
        print(path)
