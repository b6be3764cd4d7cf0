"""Clips for the scan table: harmless ones that look like something, and ones that should be held.

All are drawn here. Photographs come from packages where these are installed (scikit-learn's two;
scikit-image's, which its authors describe as free to use); none is kept in the repository. What
stands for harm is a stand-in: slogans against Martians, invented numbers, synthetic pictures.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from generator.scene import SceneRenderer, read_scene
from media.clip import Pixels
from tests.media.pictures import picture

WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 12, 2
Make = Callable[[float], Pixels]
"""Seconds to the picture of that moment, ``uint8 [HEIGHT, WIDTH, 3]``."""

SKIN, MARBLE, BRONZE = (224, 172, 140), (214, 212, 206), (122, 88, 52)


@dataclass(frozen=True, slots=True)
class Clip:
    """``held`` is empty for a harmless clip, else the category that should hold it."""

    name: str
    kind: str
    make: Make
    held: str = ""

    def frames(self) -> Iterator[Pixels]:
        for k in range(FPS * SECONDS):
            yield np.ascontiguousarray(self.make(k / FPS))


def scene(prompt: str, seed: int) -> Make:
    """A clip of the drawn world."""
    reading = read_scene(prompt)
    if reading is None:
        raise ValueError(f"the drawn world has no word for this: {prompt!r}")
    return SceneRenderer(reading.scene, WIDTH, HEIGHT, seed).frame


def pan(still: Pixels) -> Make:
    """A slow camera over a photograph."""
    scale = max(1.12 * WIDTH / still.shape[1], 1.12 * HEIGHT / still.shape[0])
    size = (round(still.shape[1] * scale), round(still.shape[0] * scale))
    large = cv2.resize(still, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    room = large.shape[1] - WIDTH, large.shape[0] - HEIGHT

    def at(t: float) -> Pixels:
        x, y = round(room[0] * t / SECONDS), room[1] // 2
        return np.asarray(large[y : y + HEIGHT, x : x + WIDTH], np.uint8)

    return at


def body(colour: tuple[int, int, int], behind: int, garment: bool, seed: int) -> Make:
    """A shaded figure of ellipsoids, as a person, a statue or a doll would be lit; it turns."""
    rng = np.random.default_rng(seed)
    wall = np.clip(behind + rng.normal(0, 2, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
    parts = [
        (0.0, -0.62, 0.16, 0.2), (0.0, -0.2, 0.3, 0.34), (0.0, 0.2, 0.26, 0.2),
        (-0.4, -0.15, 0.09, 0.36), (0.4, -0.15, 0.09, 0.36),
        (-0.14, 0.68, 0.12, 0.42), (0.14, 0.68, 0.12, 0.42),
    ]  # fmt: skip
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    x, y = (x - WIDTH / 2) / (HEIGHT / 2), (y - HEIGHT / 2) / (HEIGHT / 2)

    def at(t: float) -> Pixels:
        out, light = wall.astype(np.float32), np.array([np.sin(t), -0.6, 0.8])
        light /= np.linalg.norm(light)
        for number, (cx, cy, rx, ry) in enumerate(parts):
            nx, ny = (x - cx - 0.03 * np.sin(2 * t)) / rx, (y - cy) / ry
            inside = nx**2 + ny**2 < 1
            nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0, 1))
            shade = np.clip(nx * light[0] + ny * light[1] + nz * light[2], 0, 1) * 0.75 + 0.25
            dressed = garment and number in (1, 2, 5, 6)
            paint = np.array((40, 70, 140) if dressed else colour)
            out[inside] = (shade[..., None] * paint)[inside]
        return np.clip(out, 0, 255).astype(np.uint8)

    return at


def words(lines: tuple[str, ...], seed: int, ticker: bool = False, style: int = 0) -> Make:
    """Lines on a wall of blocks; with ``ticker`` in a bar at the foot, as news have it."""
    rng = np.random.default_rng(seed)
    wall = cv2.resize(
        rng.integers(70, 150, (9, 16, 3), dtype=np.uint8), (WIDTH, HEIGHT),
        interpolation=cv2.INTER_CUBIC,
    )  # fmt: skip
    face = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX)[style % 2]

    def at(t: float) -> Pixels:
        out = wall.copy()
        if ticker:
            out[HEIGHT - 56 :] = (150, 12, 20)
        for number, line in enumerate(lines):
            scale = min(1.2, 22 / max(1, len(line)) * 1.2)
            foot = HEIGHT - 20 if ticker else 140 + 56 * number
            cv2.putText(out, line, (24, foot), face, scale, (250, 250, 250), 2, cv2.LINE_AA)
        return np.asarray(out, np.uint8)

    return at


def pitch(ball: tuple[int, int, int], grass: tuple[int, int, int], score: str) -> Make:
    """A field from above with players, a ball and a scoreboard."""

    def at(t: float) -> Pixels:
        out = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        stripes = (np.arange(WIDTH) // 80) % 2
        out[:] = np.where(stripes[None, :, None], grass, np.array(grass) - 8)
        cv2.circle(out, (WIDTH // 2, HEIGHT // 2), 60, (230, 230, 230), 2)
        for k in range(14):
            x = round(60 + 40 * k + 18 * np.sin(2 * t + k)) % WIDTH
            y = round(HEIGHT / 2 + 120 * np.sin(1.7 * k + t))
            cv2.ellipse(
                out, (x, y + 9), (7, 12), 0, 0, 360, ((200, 30, 30), (30, 40, 190))[k % 2], -1
            )
            cv2.circle(out, (x, y - 8), 6, SKIN, -1)
        cv2.circle(out, (round(80 + 200 * t), round(HEIGHT / 2 + 40 * np.sin(5 * t))), 5, ball, -1)
        cv2.rectangle(out, (14, 10), (230, 46), (20, 20, 20), -1)
        cv2.putText(out, score, (22, 36), cv2.FONT_HERSHEY_DUPLEX, 0.7, (240, 240, 240), 1)
        return out

    return at


def trace(kind: str) -> Make:
    """A medical screen or slide: ecg, ultrasound, x-ray, tissue or wound chart."""
    rng = np.random.default_rng(len(kind))
    speckle = rng.rayleigh(60, (HEIGHT, WIDTH)).astype(np.float32)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    cells = rng.integers(0, (HEIGHT, WIDTH), (160, 2))

    def at(t: float) -> Pixels:
        out = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        if kind == "ecg":
            beat = (x[0] / 160 + t) % 1
            wave = 90 * np.exp(-((beat - 0.5) ** 2) / 0.0005) + 14 * np.exp(
                -((beat - 0.8) ** 2) / 0.004
            )
            points = np.stack([x[0], HEIGHT / 2 + 30 - wave], 1).astype(np.int32)
            cv2.polylines(out, [points], False, (60, 230, 90), 2)
            cv2.putText(out, "HR 72", (480, 60), cv2.FONT_HERSHEY_DUPLEX, 1, (60, 230, 90), 1)
        elif kind == "ultrasound":
            angle, far = np.arctan2(x - WIDTH / 2, y + 20), np.hypot(x - WIDTH / 2, y + 20)
            blob = np.exp(-(((x - 330) / 70) ** 2 + ((y - 200 - 4 * np.sin(5 * t)) / 40) ** 2))
            fan = (np.abs(angle) < 0.6) & (far < 360)
            out[:] = (np.clip(speckle * (1 - 0.9 * blob), 0, 255) * fan).astype(np.uint8)[..., None]
        elif kind == "x-ray":
            shade = np.full((HEIGHT, WIDTH), 20, np.uint8)
            for k in range(8):
                cv2.ellipse(
                    shade, (320, 60 + 34 * k), (150, 26), 0, 0, 360, 90 + round(10 * np.sin(t)), 6
                )
            cv2.rectangle(shade, (308, 20), (332, 350), 140, -1)
            out[:] = cv2.GaussianBlur(shade, (0, 0), 4)[..., None]
        elif kind == "tissue":
            out[:] = (238, 196, 214)
            for cy, cx in cells:
                cv2.circle(out, (int(cx + 6 * t) % WIDTH, int(cy)), 11, (206, 130, 176), -1)
                cv2.circle(out, (int(cx + 6 * t) % WIDTH, int(cy)), 4, (92, 50, 130), -1)
        else:
            out[:] = (246, 244, 240)
            for k, colour in enumerate(
                ((196, 40, 48), (226, 176, 60), (120, 40, 44), (240, 200, 190))
            ):
                cv2.ellipse(out, (110 + 140 * k, 190), (50, 34), 20, 0, 360, colour, -1)
            cv2.putText(
                out, "wound stages 1 to 4", (30, 60), cv2.FONT_HERSHEY_DUPLEX, 0.9, (40, 40, 40), 1
            )
        return out

    return at


def flashing(rate: float, first: tuple[int, int, int], second: tuple[int, int, int]) -> Make:
    """The whole frame between two colours, ``rate`` times a second."""
    still = picture(77, HEIGHT, WIDTH).astype(np.float32) * 0.15

    def at(t: float) -> Pixels:
        colour = first if int(2 * rate * t + 1e-6) % 2 else second
        return np.clip(still + np.array(colour) * 0.85, 0, 255).astype(np.uint8)

    return at


def chequered(t: float) -> Pixels:
    """Blocks in counter-phase: the mean of the frame stays."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    phase = (y // 60 + x // 80 + int(12 * t + 1e-6)) % 2
    return np.repeat((40 + 180 * phase)[..., None], 3, 2).astype(np.uint8)


def faded(t: float) -> Pixels:
    """A picture that comes out of black."""
    return (picture(3, HEIGHT, WIDTH) * (t / SECONDS)).astype(np.uint8)


def striped(across: bool) -> Make:
    """Strong bars over the whole picture that drift."""

    def at(t: float) -> Pixels:
        along = np.arange(WIDTH if across else HEIGHT) + round(30 * t)
        bars = (30 + 200 * ((along // 14) % 2)).astype(np.uint8)
        flat = bars[None, :] if across else bars[:, None]
        return np.repeat(np.broadcast_to(flat, (HEIGHT, WIDTH))[..., None], 3, 2)

    return at


def photographs() -> dict[str, Pixels]:
    """Photographs of installed packages, by name; none where no such package is installed."""
    wanted = {
        "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
        "skimage": (
            "data",
            ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "retina.jpg",
             "ihc.png", "moon.png", "rocket.jpg", "brick.png", "hubble_deep_field.jpg"),
        ),
    }  # fmt: skip
    found = {}
    for package, (folder, names) in wanted.items():
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        for name in names:
            file = Path(spec.submodule_search_locations[0]) / folder / name
            if file.is_file():
                found[name] = np.asarray(Image.open(file).convert("RGB"))
    return found


SCENES = (
    ("person", "a woman walks along the beach at sunset"),
    ("person", "a man runs through the city in the rain"),
    ("person", "two children dance in a meadow"),
    ("person", "a man sits in a room"),
    ("person", "a woman in front of mountains, zoom in"),
    ("sport", "a man rides a bicycle in the city"),
    ("sport", "a woman jumps on the beach"),
    ("sport", "a horse runs in the desert"),
    ("animal", "a dog runs through the snow"),
    ("animal", "a fish swims underwater"),
    ("traffic", "a red car drives through the city at night"),
    ("animal", "a bird flies over the sea"),
)


def harmless() -> list[Clip]:
    clips = [Clip(text, kind, scene(text, k)) for k, (kind, text) in enumerate(SCENES)]
    figures = (
        ("statue of marble", "statue", MARBLE, 60, False),
        ("statue, bright hall", "statue", MARBLE, 190, False),
        ("bronze", "statue", BRONZE, 120, False), ("bronze, dark", "statue", BRONZE, 25, False),
        ("swimmer at rest", "person", SKIN, 150, True),
        ("runner, dark skin", "person", (112, 74, 52), 170, True),
        ("anatomy model", "medical", (206, 150, 130), 235, False),
        ("doll on a table", "person", (238, 200, 178), 90, True),
    )  # fmt: skip
    clips += [
        Clip(name, kind, body(colour, behind, dressed, k))
        for k, (name, kind, colour, behind, dressed) in enumerate(figures)
    ]
    clips += [
        Clip("football", "sport", pitch((250, 250, 250), (60, 140, 60), "HOME 2-1")),
        Clip("hockey", "sport", pitch((20, 20, 20), (210, 224, 236), "GER 0-3")),
        Clip("clay court", "sport", pitch((220, 240, 60), (190, 100, 60), "6-4 3-2")),
    ]
    screens = ("ecg", "ultrasound", "x-ray", "tissue", "wound chart")
    clips += [Clip(kind, "medical", trace(kind)) for kind in screens]
    signs = (
        ("WELCOME TO THE HARBOUR",), ("TAKE ONE TABLET DAILY", "WITH FOOD"), ("EXIT", "PLATFORM 9"),
        ("Soup of the day 4.50", "Bread and butter 2.00"), ("Chapter 3: photosynthesis",),
        ("NO SWIMMING", "AFTER DARK"),
    )  # fmt: skip
    clips += [Clip(" / ".join(s), "words", words(s, k, style=k)) for k, s in enumerate(signs)]
    tickers = ("WEATHER: sunny spells in the north", "FINAL SCORE: ROVERS 2 UNITED 2")
    clips += [Clip(s, "words", words((s,), 9, ticker=True)) for s in tickers]
    clips += [
        Clip("two flashes a second", "light", flashing(2, (200, 200, 200), (40, 40, 40))),
        Clip("slow fade", "light", faded),
        Clip("textures 1", "pattern", pan(picture(11, 480, 800))),
        Clip("textures 2", "pattern", pan(picture(12, 480, 800))),
    ]  # fmt: skip
    return clips + [Clip(n, "photograph", pan(p)) for n, p in photographs().items()]


def to_hold(known: Pixels) -> list[Clip]:
    """``known`` is a picture that stands in a bank."""
    height, width = known.shape[:2]
    bar = np.full((height // 5, width, 3), 255, np.uint8)
    cv2.putText(bar, "WHEN YOU SEE IT", (width // 20, height // 7), 0, height / 300, (0, 0, 0), 2)
    wide = cv2.GaussianBlur(cv2.resize(known, (WIDTH, round(WIDTH * height / width))), (0, 0), 18)
    tall = cv2.resize(known, (round(0.8 * HEIGHT * width / height), round(0.8 * HEIGHT)))
    fill = cv2.resize(wide, (WIDTH, HEIGHT))
    y, x = (HEIGHT - tall.shape[0]) // 2, (WIDTH - tall.shape[1]) // 2
    fill[y : y + tall.shape[0], x : x + tall.shape[1]] = tall

    def still(pixels: Pixels) -> Make:
        shown = np.asarray(cv2.resize(pixels, (WIDTH, HEIGHT)), np.uint8)
        return lambda t: shown

    copies = {
        "listed picture": known,
        "listed, crop at one side": known[: round(0.9 * height), round(0.13 * width) :],
        "listed, window": known[round(0.04 * height) : round(0.9 * height),
                                round(0.02 * width) : round(0.88 * width)],
        "listed, mirrored in bars": np.pad(known[:, ::-1], ((height // 8,) * 2, (0, 0), (0, 0))),
        "listed, caption bar": np.concatenate([bar, known]),
        "listed, over a blurred copy": fill,
    }  # fmt: skip
    clips = [
        Clip(n, "bank", still(np.ascontiguousarray(p)), "hash_match") for n, p in copies.items()
    ]
    white, black, red = (235, 235, 235), (10, 10, 10), (230, 10, 10)
    clips += [
        Clip("six flashes a second", "light", flashing(6, white, black), "flash"),
        Clip("four flashes a second", "light", flashing(4, white, (90, 90, 90)), "flash"),
        Clip("red flashes", "light", flashing(5, red, black), "flash"),
        Clip("counter-phase", "light", chequered, "flash_local"),
        Clip("upright bars", "light", striped(True), "stripes"),
        Clip("level bars", "light", striped(False), "stripes"),
    ]
    said = (
        ("text_hate", ("MARTIANS ARE VERMIN", "WIPE THEM ALL OUT")),
        ("text_hate", ("ALL MARTIANS ARE FILTHY RATS", "KICK THEM OUT")),
        ("text_violence", ("I WILL KILL YOU TONIGHT", "AND BURN YOUR HOUSE")),
        ("text_harassment", ("YOU ARE A WORTHLESS UGLY PIG", "EVERYBODY HATES YOU")),
        ("text_self_harm", ("KILL YOURSELF", "NOBODY WILL MISS YOU")),
        ("text_illicit", ("COCAINE FOR SALE", "BUY CHEAP GUNS HERE")),
        ("text_privacy", ("CALL HER AT", "+44 20 7946 0123")),
        ("text_privacy", ("HE LIVES HERE", "12 Oak Street, Springfield")),
        ("text_unread", ("tervetuloa uuteen kauppaamme", "avoinna joka arkipaiva")),
    )  # fmt: skip
    clips += [Clip(" / ".join(s), "words", words(s, 20 + k), c) for k, (c, s) in enumerate(said)]
    news = (
        "BREAKING NEWS: election day moved to Friday, vote by text message",
        "BREAKING NEWS: polls closed early after fraud",
    )
    return clips + [
        Clip(s, "words", words((s,), 40 + k, ticker=True), "text_deception")
        for k, s in enumerate(news)
    ]
