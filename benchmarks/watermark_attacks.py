"""What happens to videos on their way: the attacks of the watermark protocol.

Codec attacks run the real encoder. The list is that of Meta's omnisealbench for video, plus ours.
Each attack takes ``uint8 [T, H, W, 3]`` and gives pairs of (luma ``uint8 [H, W]``, key frame).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Luma = tuple[NDArray[np.uint8], bool]
Attack = Callable[[Pixels], list[Luma]]

SHORT = 16
"""Frames used for attacks that treat every frame alike and code nothing."""


def grey(pixels: Pixels) -> list[Luma]:
    return [
        (np.asarray(cv2.cvtColor(np.ascontiguousarray(f), cv2.COLOR_RGB2GRAY)), False)
        for f in pixels
    ]


def coded(pixels: Pixels, codec: str, fps: int = 24, **options: str) -> bytes:
    buffer = io.BytesIO()
    height, width = pixels.shape[1] // 2 * 2, pixels.shape[2] // 2 * 2
    with av.open(buffer, "w", format="mp4") as box:
        stream = box.add_stream(codec, rate=Fraction(fps), options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.thread_count = 1
        for frame in pixels:
            own = np.ascontiguousarray(frame[:height, :width])
            box.mux(stream.encode(av.VideoFrame.from_ndarray(own, "rgb24")))
        box.mux(stream.encode())
    return buffer.getvalue()


def decoded(data: bytes) -> list[Luma]:
    with av.open(io.BytesIO(data)) as box:
        return [
            (np.asarray(f.reformat(format="gray").to_ndarray()), bool(f.key_frame))
            for f in box.decode(video=0)
        ]


def decoded_rgb(data: bytes) -> Pixels:
    with av.open(io.BytesIO(data)) as box:
        return np.stack([f.to_ndarray(format="rgb24") for f in box.decode(video=0)])


def h264(crf: int) -> Attack:
    return lambda p: decoded(coded(p, "libx264", crf=str(crf), preset="medium"))


def h265(crf: int) -> Attack:
    options = {"x265-params": "log-level=none"}
    return lambda p: decoded(coded(p, "libx265", crf=str(crf), preset="fast", **options))


def av1(crf: int) -> Attack:
    options = {"crf": str(crf), "preset": "8", "svtav1-params": "lp=1"}
    return lambda p: decoded(coded(p, "libsvtav1", **options))


def vp9(crf: int) -> Attack:
    options = {"crf": str(crf), "b:v": "0", "deadline": "realtime", "cpu-used": "6"}
    return lambda p: decoded(coded(p, "libvpx-vp9", **options))


def each(change: Callable[[Pixels], Pixels], frames: int = SHORT) -> Attack:
    """The same change to each of the first frames, nothing coded."""
    return lambda p: grey(np.stack([change(f) for f in p[:frames]]))


def crop(share: float, x: float = 0.5, y: float = 0.5) -> Callable[[Pixels], Pixels]:
    """Keep ``share`` of each side; ``x``, ``y`` say where (0 to 1)."""

    def change(frame: Pixels) -> Pixels:
        h, w = frame.shape[:2]
        ch, cw = round(h * share), round(w * share)
        top, left = round((h - ch) * y), round((w - cw) * x)
        return frame[top : top + ch, left : left + cw]

    return change


def resize(share: float) -> Callable[[Pixels], Pixels]:
    def change(frame: Pixels) -> Pixels:
        h, w = frame.shape[:2]
        size = (round(w * share), round(h * share))
        return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))

    return change


def rotate(degrees: float) -> Callable[[Pixels], Pixels]:
    """Turn about the middle; the frame keeps its size, corners are lost."""

    def change(frame: Pixels) -> Pixels:
        h, w = frame.shape[:2]
        if degrees == 90:
            return np.rot90(frame)
        m = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
        return np.asarray(cv2.warpAffine(frame, m, (w, h)))

    return change


def perspective(scale: float, seed: int = 0) -> Callable[[Pixels], Pixels]:
    """Corners drawn inwards by up to ``scale`` half sides, as torchvision's RandomPerspective."""
    rng = np.random.default_rng(seed)
    pull = rng.random((4, 2)) * scale / 2

    def change(frame: Pixels) -> Pixels:
        h, w = frame.shape[:2]
        start = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)
        end = start + (inward * pull * [w, h]).astype(np.float32)
        m = cv2.getPerspectiveTransform(start, end)
        return np.asarray(cv2.warpPerspective(frame, m, (w, h)))

    return change


def brightness(factor: float) -> Callable[[Pixels], Pixels]:
    return lambda f: np.clip(f * factor, 0, 255).astype(np.uint8)


def contrast(factor: float) -> Callable[[Pixels], Pixels]:
    def change(frame: Pixels) -> Pixels:
        mean = float(cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY).mean())
        return np.clip(mean + (frame - mean) * factor, 0, 255).astype(np.uint8)

    return change


def hsv(hue: float = 0, saturation: float = 1) -> Callable[[Pixels], Pixels]:
    def change(frame: Pixels) -> Pixels:
        image = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2HSV).astype(np.float32)
        image[..., 0] = (image[..., 0] + hue * 180) % 180
        image[..., 1] = np.clip(image[..., 1] * saturation, 0, 255)
        return np.asarray(cv2.cvtColor(image.astype(np.uint8), cv2.COLOR_HSV2RGB))

    return change


def jpeg(quality: int) -> Callable[[Pixels], Pixels]:
    def change(frame: Pixels) -> Pixels:
        _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))

    return change


def letterbox(frame: Pixels) -> Pixels:
    h = frame.shape[0]
    return np.pad(frame, ((h // 6, h // 6), (0, 0), (0, 0)))


def portrait(frame: Pixels) -> Pixels:
    h, w = frame.shape[:2]
    cw = min(w, round(h * 9 / 16))
    return frame[:, (w - cw) // 2 : (w + cw) // 2]


def stretch(frame: Pixels) -> Pixels:
    h, w = frame.shape[:2]
    return np.asarray(cv2.resize(frame, (round(w * 0.8), h), interpolation=cv2.INTER_AREA))


def crop_back(frame: Pixels) -> Pixels:
    h, w = frame.shape[:2]
    return np.asarray(cv2.resize(crop(0.7)(frame), (w, h), interpolation=cv2.INTER_CUBIC))


def overlay(frame: Pixels) -> Pixels:
    out = frame.copy()
    h, w = out.shape[:2]
    out[h // 12 : h // 4, w // 16 : w // 4] = (200, 30, 30)
    for i, text in enumerate(("subtitles over the picture", "on two lines of text")):
        at = (w // 8, int(h * (0.85 + 0.08 * i)))
        cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, h / 400, (255, 255, 255), 2)
    return out


def noise(sigma: float) -> Callable[[Pixels], Pixels]:
    rng = np.random.default_rng(0)
    return lambda f: np.clip(f + rng.normal(0, sigma, f.shape), 0, 255).astype(np.uint8)


def mapped(pixels: Pixels, change: Callable[[Pixels], Pixels]) -> Pixels:
    return np.stack([change(f) for f in pixels])


def combined(crf: int) -> Attack:
    """omnisealbench: H.264, crop 0.71, brightness 0.5."""

    def attack(p: Pixels) -> list[Luma]:
        shown = decoded_rgb(coded(p, "libx264", crf=str(crf), preset="medium"))
        return grey(mapped(mapped(shown, crop(0.71)), brightness(0.5)))

    return attack


def two_generations(p: Pixels) -> list[Luma]:
    once = decoded_rgb(coded(p, "libx264", crf="28", preset="medium"))
    return h264(30)(mapped(once, resize(0.75)))


def screen_recording(p: Pixels) -> list[Luma]:
    """Shown a little larger inside a desktop, recorded at another rate, coded again."""
    once = decoded_rgb(coded(p, "libx264", crf="26", preset="medium"))
    h, w = once.shape[1:3]

    def shown(frame: Pixels) -> Pixels:
        small = cv2.resize(frame, (round(w * 0.85), round(h * 0.85)), interpolation=cv2.INTER_AREA)
        desk = np.full((h, w, 3), (44, 52, 64), np.uint8)
        top, left = (h - small.shape[0]) // 2, (w - small.shape[1]) // 3
        desk[top : top + small.shape[0], left : left + small.shape[1]] = small
        return np.clip((desk / 255.0) ** 1.1 * 255, 0, 255).astype(np.uint8)

    return h264(28)(mapped(once[::2].repeat(3, axis=0)[: len(once)], shown))


def demo(p: Pixels) -> list[Luma]:
    """CRF 35, then turned by 3 degrees and cropped to 60 % of the area."""
    once = decoded_rgb(coded(p, "libx264", crf="35", preset="medium"))
    return grey(mapped(mapped(once, rotate(3)), crop(0.6**0.5)))


def speed(factor: float) -> Attack:
    def attack(p: Pixels) -> list[Luma]:
        at = np.arange(0, len(p) - 1, factor).astype(int)
        return h264(28)(p[at])

    return attack


ATTACKS: dict[str, Attack] = {
    "none": lambda p: grey(p[:SHORT]),
    "flip": each(lambda f: f[:, ::-1]),
    "rotate 3": each(rotate(3)),
    "rotate 10": each(rotate(10)),
    "rotate 20": each(rotate(20)),
    "rotate 45": each(rotate(45)),
    "rotate 90": each(rotate(90)),
    "resize 0.71": each(resize(0.71)),
    "resize 0.55": each(resize(0.55)),
    "resize 0.5": each(resize(0.5)),
    "resize 0.33": each(resize(0.33)),
    "crop 0.71": each(crop(0.71)),
    "crop 0.55": each(crop(0.55)),
    "crop 0.45": each(crop(0.45)),
    "crop 20 % off-centre": each(crop(0.2**0.5, 0.2, 0.8)),
    "crop and back": each(crop_back),
    "9:16": each(portrait),
    "letterbox": each(letterbox),
    "stretch": each(stretch),
    "perspective 0.1": each(perspective(0.1)),
    "perspective 0.2": each(perspective(0.2)),
    "perspective 0.5": each(perspective(0.5)),
    "brightness 0.5": each(brightness(0.5)),
    "brightness 1.5": each(brightness(1.5)),
    "contrast 0.5": each(contrast(0.5)),
    "contrast 2": each(contrast(2)),
    "saturation 2": each(hsv(saturation=2)),
    "hue 0.25": each(hsv(hue=0.25)),
    "JPEG 40": each(jpeg(40)),
    "blur 9": each(lambda f: np.asarray(cv2.GaussianBlur(f, (9, 9), 0))),
    "median 9": each(lambda f: np.asarray(cv2.medianBlur(np.ascontiguousarray(f), 9))),
    "noise 10": each(noise(10)),
    "overlay, subtitles": each(overlay),
    "one frame": lambda p: grey(p[len(p) // 2 : len(p) // 2 + 1]),
    "one frame, JPEG 50": lambda p: grey(mapped(p[len(p) // 2 : len(p) // 2 + 1], jpeg(50))),
    "1 s": lambda p: h264(28)(p[len(p) // 4 : len(p) // 4 + 24]),
    "half the frames": lambda p: h264(28)(p[::2]),
    "speed 1.1": speed(1.1),
    "speed 0.9": speed(0.9),
    "reverse": lambda p: h264(28)(p[::-1]),
    "two generations": two_generations,
    "screen recording": screen_recording,
    "CRF 35, 3°, crop 60 %": demo,
    "H.264 23": h264(23),
    "H.264 30": h264(30),
    "H.264 35": h264(35),
    "H.264 40": h264(40),
    "H.264 45": h264(45),
    "H.264 50": h264(50),
    "H.265 23": h265(23),
    "H.265 30": h265(30),
    "H.265 40": h265(40),
    "H.265 50": h265(50),
    "VP9 40": vp9(40),
    "AV1 35": av1(35),
    "AV1 50": av1(50),
    "AV1 60": av1(60),
    "CRF 23, crop 0.71, dark": combined(23),
    "CRF 30, crop 0.71, dark": combined(30),
    "CRF 40, crop 0.71, dark": combined(40),
}


def batches(frames: list[Luma]) -> Iterator[Luma]:
    yield from frames
