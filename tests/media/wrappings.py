"""One picture, or a short clip of it, in many wrappings: real files, made here."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image, ImageCms

from media.clip import Pixels

RATE = 12
DEFAULT = av.stream.Disposition.default
NONE = av.stream.Disposition(0)


def other(shape: tuple[int, ...]) -> Pixels:
    """A picture that is nobody's: grey with a soft slope."""
    slope = np.linspace(90, 150, shape[1]).astype(np.uint8)
    return np.broadcast_to(slope[None, :, None], shape).copy()


class Writer:
    """A container under construction; a context manager."""

    def __init__(self, path: Path, form: str | None = None, **flags: str) -> None:
        self.box = av.open(str(path), "w", format=form, options=flags)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.box.close()

    def track(
        self, size: tuple[int, int], codec: str = "libx264", pix: str = "yuv420p",
        disposition: av.stream.Disposition | None = None, **options: str,
    ) -> av.VideoStream:  # fmt: skip
        stream = self.box.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *size, pix
        stream.options = {"crf": "12", "preset": "ultrafast"} | options
        stream.codec_context.time_base = stream.time_base = Fraction(1, RATE)
        if disposition is not None:
            stream.disposition = disposition
        return stream

    def fill(self, stream: av.VideoStream, pixels: Iterable[Pixels], first: int = 0) -> None:
        for at, picture in enumerate(pixels, first):
            form = "rgba" if picture.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=form)
            frame.pts, frame.time_base = at, Fraction(1, RATE)
            self.box.mux(stream.encode(frame))
        self.box.mux(stream.encode(None))

    def ear(self, rate: int = 44_100) -> av.AudioStream:
        """A sound track; before anything is written, as every track."""
        return self.box.add_stream("aac", rate=rate, layout="mono")

    def sound(self, stream: av.AudioStream, seconds: float = 0.5, hertz: float = 440) -> None:
        rate = stream.rate
        tone = 0.1 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
        for at in range(0, len(tone), 1024):
            part = tone[None, at : at + 1024].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            self.box.mux(stream.encode(frame))
        self.box.mux(stream.encode(None))


def size_of(picture: Pixels) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def clip(
    path: Path, pixels: Sequence[Pixels], form: str | None = None, codec: str = "libx264",
    pix: str = "yuv420p", display: float | None = None, matrix: Sequence[int] | None = None,
    aspect: Fraction | None = None, first: int = 0, sound: bool = False,
    options: dict[str, str] | None = None,
    **flags: str,
) -> Path:  # fmt: skip
    """A container with one track of ``pixels``."""
    with Writer(path, form, **flags) as out:
        stream = out.track(size_of(pixels[0]), codec, pix, **(options or {}))
        if display is not None:
            stream.set_display_rotation(display)
        if matrix is not None:
            stream.set_display_matrix(list(matrix))
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        ear = out.ear() if sound else None
        out.fill(stream, pixels, first)
        if ear is not None:
            out.sound(ear)
    return path


def cover_first(path: Path, pixels: Sequence[Pixels], cover: Pixels) -> Path:
    """Cover art stands before the track, in a fragmented file."""
    with Writer(path, "mp4", movflags="frag_keyframe+empty_moov") as out:
        art = out.box.add_stream("mjpeg", rate=RATE)
        art.width, art.height, art.pix_fmt = *size_of(cover), "yuvj420p"
        art.codec_context.time_base = Fraction(1, RATE)
        art.disposition = av.stream.Disposition.attached_pic
        stream = out.track(size_of(pixels[0]))
        out.fill(art, [cover])
        out.fill(stream, pixels)
    return path


def second_default(path: Path, first: Sequence[Pixels], second: Sequence[Pixels]) -> Path:
    """Two tracks; the second is the default one."""
    with Writer(path, "mp4") as out:
        quiet = out.track(size_of(first[0]), disposition=NONE)
        shown = out.track(size_of(second[0]), disposition=DEFAULT)
        out.fill(quiet, first)
        out.fill(shown, second)
    return path


def tile(pixels: Pixels, codec: str) -> tuple[bytes, bytes]:
    """Configuration record and coded picture of one tile, as ISO files hold them."""
    buffer = io.BytesIO()
    name = {"av1": "libsvtav1", "hevc": "libx265"}[codec]
    with av.open(buffer, "w", format="mp4") as box:
        stream = box.add_stream(name, rate=1)
        stream.width, stream.height, stream.pix_fmt = *size_of(pixels), "yuv420p"
        stream.options = {"crf": "12", "preset": "10"} if codec == "av1" else {
            "crf": "10", "preset": "ultrafast", "x265-params": "log-level=none:bframes=0:"
            "frame-threads=1:pools=none"}  # fmt: skip
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1)
        box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as back:
        stream = back.streams.video[0]
        packet = next(p for p in back.demux(stream) if p.size)
        return bytes(stream.codec_context.extradata), bytes(packet)


def iso_box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return iso_box(kind, struct.pack(">I", version << 24 | flags), *parts)


def heif_grid(path: Path, picture: Pixels, codec: str, rows: int = 2, columns: int = 2,
              turn: int = 0, crop: tuple[int, int, int, int] | None = None,
              alpha: Pixels | None = None, further: Pixels | None = None,
              transfer: int = 0) -> Path:  # fmt: skip
    """A HEIF still whose primary item is a grid of tiles (ISO/IEC 23008-12, 6.6.2.3.2).

    ``turn`` is the ``irot`` property: quarters anti-clockwise. ``crop`` is the ``clap``: left,
    upper, width, height. ``alpha`` is a grey ``[H, W, 3]``; ``further`` another picture;
    ``transfer`` that of a ``colr`` box, 16 for PQ.
    """
    high, wide = picture.shape[0] // rows, picture.shape[1] // columns
    tiles = [
        tile(np.ascontiguousarray(picture[r * high :, c * wide :][:high, :wide]), codec)
        for r in range(rows)
        for c in range(columns)
    ]
    count = len(tiles)
    kind, record, brand = {
        "av1": (b"av01", b"av1C", b"avif"), "hevc": (b"hvc1", b"hvcC", b"heic"),
    }[codec]  # fmt: skip
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, wide * columns, high * rows)
    whole = count + 1
    extra = [tile(one, codec) for one in (alpha, further) if one is not None]
    items = whole + len(extra)
    infe = [
        _full(b"infe", 2, 0, struct.pack(">HH4sB", n, 0, kind if n < whole else b"grid", 0))
        for n in range(1, whole + 1)
    ]
    properties = [
        iso_box(record, tiles[0][0]),
        _full(b"ispe", 0, 0, struct.pack(">II", wide, high)),
        _full(b"ispe", 0, 0, struct.pack(">II", wide * columns, high * rows)),
        _full(b"pixi", 0, 0, bytes([3, 8, 8, 8])),
        iso_box(b"irot", bytes([turn])),
        _full(b"auxC", 0, 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"),
        *(iso_box(record, configuration) for configuration, _ in extra),
    ]
    sized = [3, 4, 0x85]
    if crop is not None:
        left, upper, cut_wide, cut_high = crop
        across = 2 * left + cut_wide - wide * columns
        down = 2 * upper + cut_high - high * rows
        properties.append(
            iso_box(b"clap", struct.pack(">IIIIiIiI", cut_wide, 1, cut_high, 1, across, 2, down, 2))
        )
        sized.append(0x80 | len(properties))
    if transfer:
        colour = struct.pack(">4sHHHB", b"nclx", 9, transfer, 9, 0)
        properties.append(iso_box(b"colr", colour))
        sized.append(0x80 | len(properties))
    infe += [
        _full(b"infe", 2, 0, struct.pack(">HH4sB", n, 0, kind, 0))
        for n in range(whole + 1, items + 1)
    ]
    owned = b"".join(
        struct.pack(">HB", n, 3) + bytes([0x81, 2, 4]) for n in range(1, whole)
    ) + struct.pack(">HB", whole, len(sized)) + bytes(sized)  # fmt: skip
    for n in range(len(extra)):
        of = [0x80 | (7 + n), 3] + ([0x86] if n == 0 and alpha is not None else [])
        owned += struct.pack(">HB", whole + 1 + n, len(of)) + bytes(of)
    auxiliary = (
        [iso_box(b"auxl", struct.pack(">HHH", whole + 1, 1, whole))] if alpha is not None else []
    )

    def meta(base: int) -> bytes:
        places, at = b"", base
        for n, (_, data) in enumerate(tiles, 1):
            places += struct.pack(">HHHHII", n, 0, 0, 1, at, len(data))
            at += len(data)
        places += struct.pack(">HHHHII", whole, 1, 0, 1, 0, len(grid))
        for n, (_, data) in enumerate(extra, whole + 1):
            places += struct.pack(">HHHHII", n, 0, 0, 1, at, len(data))
            at += len(data)
        return _full(
            b"meta", 0, 0,
            _full(b"hdlr", 0, 0, b"\0\0\0\0pict" + bytes(13)),
            _full(b"pitm", 0, 0, struct.pack(">H", whole)),
            _full(b"iloc", 1, 0, bytes([0x44, 0x00]), struct.pack(">H", items), places),
            _full(b"iinf", 0, 0, struct.pack(">H", items), *infe),
            _full(b"iref", 0, 0, iso_box(b"dimg", struct.pack(">HH", whole, count),
                  *(struct.pack(">H", n) for n in range(1, whole))), *auxiliary),
            iso_box(b"iprp", iso_box(b"ipco", *properties),
                 _full(b"ipma", 0, 0, struct.pack(">I", items), owned)),
            iso_box(b"idat", grid),
        )  # fmt: skip

    head = iso_box(b"ftyp", brand, struct.pack(">I", 0), b"mif1", brand, b"miaf")
    base = len(head) + len(meta(0)) + 8
    coded = (data for _, data in tiles + extra)
    path.write_bytes(head + meta(base) + iso_box(b"mdat", *coded))
    return path


def animation(path: Path, frames: Sequence[Pixels], **how: object) -> Path:
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(path, save_all=True, append_images=images[1:], duration=80, loop=0, **how)
    return path


def animation_rgba(path: Path, frames: Sequence[Pixels]) -> Path:
    images = [Image.fromarray(frame).convert("RGBA") for frame in frames]
    images[0].save(path, save_all=True, append_images=images[1:], duration=80, lossless=True)
    return path


def see_through(picture: Pixels, shade: int) -> Pixels:
    """``uint8 [H, W, 4]``: plain ``shade`` that shows the picture's luma over its opposite."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    alpha = 255 - grey if shade == 0 else grey
    return np.dstack([np.full_like(picture, shade), alpha])


Make = Callable[[Path, Pixels], Path]


def profiled(path: Path, picture: Pixels) -> Path:
    """A PNG whose colour profile exchanges red and green, and whose pixels do too."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    table = range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12)
    entries = {bytes(profile[at : at + 4]): at for at in table}
    red, green = (slice(entries[t] + 4, entries[t] + 12) for t in (b"rXYZ", b"gXYZ"))
    profile[red], profile[green] = profile[green], profile[red]
    stored = np.ascontiguousarray(picture[..., [1, 0, 2]])
    Image.fromarray(stored).save(path, icc_profile=bytes(profile))
    return path


def cmyk(path: Path, picture: Pixels) -> Path:
    Image.fromarray(picture).convert("CMYK").save(path, quality=92)
    return path


def sixteen(path: Path, picture: Pixels) -> Path:
    cv2.imwrite(str(path), picture[..., ::-1].astype(np.uint16) * 257)
    return path


def two_sizes(path: Path, picture: Pixels) -> Path:
    """The frame size changes in the middle of the stream."""
    begin = clip(path.with_name("begin.ts"), [picture] * 3).read_bytes()
    larger = cv2.resize(picture, (picture.shape[1] * 3 // 2, picture.shape[0] * 3 // 2))
    end = clip(path.with_name("end.ts"), [larger] * 3, first=3).read_bytes()
    path.write_bytes(begin + end)
    return path


def motion_photo(folder: Path, inside: Pixels) -> Path:
    """A JPEG of nobody's picture, a maker's words, and an MP4 with sound."""
    path = folder / "a.jpg"
    Image.fromarray(other(inside.shape)).save(path)
    video = clip(folder / "inside.mp4", [inside] * 6, sound=True).read_bytes()
    path.write_bytes(path.read_bytes() + b"MotionPhoto_Data" + video)
    return path


def motion_heic(folder: Path, inside: Pixels) -> Path:
    """A HEIC with an MP4 in its ``mpvd`` box, as phones write motion photos."""
    path = heif_grid(folder / "a.heic", other(inside.shape), "hevc")
    video = clip(folder / "inside.mp4", [inside] * 6).read_bytes()
    path.write_bytes(path.read_bytes() + iso_box(b"mpvd", video))
    return path


def _cropped(ending: str, codec: str) -> Make:
    def make(folder: Path, picture: Pixels) -> Path:
        canvas = other((picture.shape[0] + 128, picture.shape[1] + 128, 3))
        canvas[96 : 96 + picture.shape[0], 32 : 32 + picture.shape[1]] = picture
        crop = (32, 96, picture.shape[1], picture.shape[0])
        return heif_grid(folder / f"a.{ending}", canvas, codec, crop=crop)

    return make


def _several(ending: str, form: str) -> Make:
    def make(folder: Path, picture: Pixels) -> Path:
        first, second = (Image.fromarray(p) for p in (other(picture.shape), picture))
        path = folder / f"a.{ending}"
        first.save(path, form, save_all=True, append_images=[second])
        return path

    return make


def _still(ending: str, **how: object) -> Make:
    def make(folder: Path, picture: Pixels) -> Path:
        path = folder / f"a.{ending}"
        Image.fromarray(picture).save(path, **how)
        return path

    return make


def _turned(degrees: float) -> Make:
    def make(folder: Path, picture: Pixels) -> Path:
        stored = np.ascontiguousarray(np.rot90(picture, -round(degrees / 90)))
        return clip(folder / "a.mp4", [stored] * 6, display=degrees)

    return make


def _exif(folder: Path, picture: Pixels) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    path = folder / "a.jpg"
    Image.fromarray(np.rot90(picture)).save(path, quality=95, exif=exif)
    return path


def _cut(folder: Path, picture: Pixels) -> Path:
    """An edit list leaves the first half second out, which shows something else."""
    hidden = [other(picture.shape)] * 6
    # Time stamps below zero become an edit list.
    return clip(folder / "a.mp4", [*hidden, *[picture] * 6], first=-6,
                options={"g": "100"}, use_editlist="1", avoid_negative_ts="disabled")  # fmt: skip


MIRROR = (-(1 << 16), 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)

WRAPPINGS: dict[str, Make] = {
    "mp4": lambda d, p: clip(d / "a.mp4", [p] * 6),
    "mkv with sound": lambda d, p: clip(d / "a.mkv", [p] * 6, sound=True),
    "late ts": lambda d, p: clip(d / "a.ts", [p] * 6, first=600_000),
    "flv": lambda d, p: clip(d / "a.flv", [p] * 6, "flv"),
    "avi": lambda d, p: clip(d / "a.avi", [p] * 6, codec="mjpeg", pix="yuvj420p"),
    "fragments": lambda d, p: clip(d / "a.mp4", [p] * 6, movflags="frag_keyframe+empty_moov"),
    "cover first": lambda d, p: cover_first(d / "a.mp4", [p] * 6, other(p.shape)),
    "second default": lambda d, p: second_default(d / "a.mp4", [other(p.shape)] * 6, [p] * 6),
    "turned 90": _turned(90),
    "turned 180": _turned(180),
    "turned 270": _turned(270),
    "mirrored": lambda d, p: clip(d / "a.mp4", [p[:, ::-1]] * 6, matrix=MIRROR),
    "narrow pixels": lambda d, p: clip(
        d / "a.mp4",
        [cv2.resize(p, (p.shape[1] // 2, p.shape[0]), interpolation=cv2.INTER_AREA)] * 6,
        aspect=Fraction(2),
    ),
    "edit list": _cut,
    "empty edit": lambda d, p: clip(
        d / "a.mp4", [p] * 6, first=7, sound=True, use_editlist="1", avoid_negative_ts="disabled"
    ),
    "variable rate": lambda d, p: paced(d / "a.mp4", [p] * 6, (0, 40, 45, 300, 310, 900)),
    "frames of no duration": lambda d, p: paced(d / "a.mkv", [p] * 6, (0, 0, 0, 80, 80, 160)),
    "full range": lambda d, p: clip(d / "a.mov", [p] * 6, codec="mjpeg", pix="yuvj444p"),
    "prores": lambda d, p: clip(d / "a.mov", [p] * 3, codec="prores_ks", pix="yuv422p10le"),
    "two sizes": lambda d, p: two_sizes(d / "a.ts", p),
    "interlaced": lambda d, p: clip(
        d / "a.mpg", [p] * 6, codec="mpeg2video", options={"flags": "+ilme+ildct", "b": "8M"}
    ),
    "colour profile": lambda d, p: profiled(d / "a.png", p),
    "cmyk": lambda d, p: cmyk(d / "a.jpg", p),
    "16 bit": lambda d, p: sixteen(d / "a.png", p),
    "heic cropped": _cropped("heic", "hevc"),
    "avif cropped": _cropped("avif", "av1"),
    "apng, default image apart": lambda d, p: animation(
        d / "a.png", [p, other(p.shape), other(p.shape)[:, ::-1]], default_image=True
    ),
    "png": _still("png"),
    "jpeg": _still("jpg", quality=92),
    "webp": _still("webp", quality=92),
    "avif": _still("avif", quality=90, speed=10),
    "tiff": _still("tiff"),
    "exif turned": _exif,
    "avif grid": lambda d, p: heif_grid(d / "a.avif", p, "av1"),
    "heic grid": lambda d, p: heif_grid(d / "a.heic", p, "hevc"),
    "gif, second frame": lambda d, p: animation(d / "a.gif", [other(p.shape), p]),
    "apng, second frame": lambda d, p: animation(d / "a.png", [other(p.shape), p]),
    "webp, second frame": lambda d, p: animation(d / "a.webp", [other(p.shape), p], quality=95),
    "avif sequence": lambda d, p: animation(
        d / "a.avif", [other(p.shape), p], quality=90, speed=10
    ),
}
"""Each shows the picture to whoever opens the file."""


def grown(path: Path, way: Sequence[bytes], extra: bytes) -> Path:
    """``extra`` at the end of a box of an MP4 whose ``moov`` comes last: offsets stay right."""
    data = bytearray(path.read_bytes())
    begin, end, places = 0, len(data), []
    for name in way:
        while data[begin + 4 : begin + 8] != name:
            begin += int.from_bytes(data[begin : begin + 4], "big")
        places.append(begin)
        end = begin + int.from_bytes(data[begin : begin + 4], "big")
        # What stands before the boxes inside: a sample entry has 78 bytes, ``stsd`` 8.
        begin += 8 + {b"stsd": 8, b"avc1": 78}.get(name, 0)
    data[end:end] = extra
    for place in places:
        length = int.from_bytes(data[place : place + 4], "big") + len(extra)
        data[place : place + 4] = struct.pack(">I", length)
    path.write_bytes(data)
    return path


SAMPLE_ENTRY = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
CANVAS = (64, 32)
"""How much larger a canvas is, and where a picture lies on it."""


def _canvas(picture: Pixels) -> Pixels:
    more, at = CANVAS
    canvas = other((picture.shape[0] + more, picture.shape[1] + more, 3))
    canvas[:at] = canvas[:, :at] = 20
    canvas[at : at + picture.shape[0], at : at + picture.shape[1]] = picture
    return canvas


def clap_mp4(folder: Path, picture: Pixels) -> Path:
    """A track whose clean aperture shows the picture alone."""
    path = clip(folder / "a.mp4", [_canvas(picture)] * 6)
    high, wide = picture.shape[:2]
    return grown(
        path, SAMPLE_ENTRY, iso_box(b"clap", struct.pack(">8I", wide, 1, high, 1, 0, 1, 0, 1))
    )


def crop_mkv(folder: Path, picture: Pixels) -> Path:
    """A track whose ``PixelCrop`` shows the picture alone."""
    data = clip(folder / "a.mkv", [_canvas(picture)] * 6).read_bytes()
    at = bytes([CANVAS[1]])
    crop = b"".join(bytes([0x54, name, 0x81]) + at for name in (0xAA, 0xBB, 0xCC, 0xDD))
    way = (b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xe0")
    (folder / "a.mkv").write_bytes(_ebml_grown(data, way, crop))
    return folder / "a.mkv"


def _ebml_grown(data: bytes, way: Sequence[bytes], extra: bytes) -> bytes:
    """``extra`` at the end of an element; lengths are written with eight bytes."""
    out, at = b"", 0
    found = False
    while at < len(data):
        head = 9 - data[at].bit_length()
        name = data[at : at + head]
        digits = 9 - data[at + head].bit_length()
        begin = at + head + digits
        size = int.from_bytes(data[at + head : begin], "big") & ~(1 << 7 * digits)
        body = data[begin : begin + size]
        if way and name == way[0] and not found:
            found = True
            body = _ebml_grown(body, way[1:], extra) if way[1:] else body + extra
            out += name + struct.pack(">Q", 1 << 56 | len(body)) + body
        else:
            out += data[at : begin + size]
        at = begin + size
    return out


def paced(path: Path, pixels: Sequence[Pixels], ticks: Sequence[int]) -> Path:
    """A container whose frames begin at these ticks of a thousandth of a second."""
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *size_of(pixels[0]), "yuv420p"
        stream.options = {"crf": "12", "preset": "ultrafast"}
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        packets = []
        for at, picture in enumerate(pixels):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet, tick in zip(packets, ticks, strict=True):
            packet.pts = packet.dts = tick
            box.mux(packet)
    return path


FURTHER: dict[str, tuple[Make, str]] = {
    "clean aperture": (clap_mp4, "cropped 0"),
    "PixelCrop": (crop_mkv, "cropped 0"),
    "motion photo": (motion_photo, "inside 1"),
    "motion photo, heic": (motion_heic, "inside 1"),
    "several jpegs": (_several("jpg", "MPO"), "inside 1"),
    "pages": (_several("tif", "TIFF"), "page 1"),
    "heic alpha": (
        lambda d, p: heif_grid(
            d / "a.heic", np.full_like(p, 255), "hevc",
            alpha=np.repeat(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)[..., None], 3, 2),
        ),
        "on black",
    ),
    "transparent later": (
        lambda d, p: animation_rgba(d / "a.webp", [other(p.shape), see_through(p, 255)]),
        "on black",
    ),
}  # fmt: skip
"""Each shows the picture to who looks further: the name of what shows it."""
