"""Files that the C2PA library signs: every container, every way of binding that it knows."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import c2pa
import numpy as np
from PIL import Image

from provenance import ManifestRequest, SigningIdentity, TrustList
from provenance.examination import library_settings
from provenance.manifest import build

PIXELS = np.random.default_rng(3).integers(0, 255, (32, 48, 3), dtype=np.uint8)


def still(kind: str, **more: Any) -> bytes:
    """A small picture, as Pillow writes it."""
    held = io.BytesIO()
    Image.fromarray(PIXELS).save(held, kind, **more)
    return held.getvalue()


def gif() -> bytes:
    """A GIF that says 89a at once: the library hashes the version before it raises it."""
    return b"GIF89a" + still("GIF")[6:]


def wav() -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(PIXELS.tobytes())
    return held.getvalue()


def avi() -> bytes:
    return film("avi", "mjpeg", "yuvj420p")


def film(container: str, codec: str, pixels: str = "yuv420p") -> bytes:
    held = io.BytesIO()
    with av.open(held, "w", format=container) as file:
        stream = file.add_stream(codec, rate=12)
        stream.width, stream.height, stream.pix_fmt = 48, 32, pixels
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(PIXELS, format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return held.getvalue()


def sound(container: str, codec: str) -> bytes:
    held = io.BytesIO()
    with av.open(held, "w", format=container) as file:
        stream = file.add_stream(codec, rate=44100)
        samples = np.zeros((1, 4410), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 44100
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return held.getvalue()


def heic() -> bytes:
    """A still whose brands say HEIC: what it holds is of no matter to where credentials lie."""
    return still("AVIF").replace(b"avif", b"heic")


def svg() -> bytes:
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" '
        b'width="8" height="8"><rect width="8" height="8" fill="#0a0"/></svg>\n'
    )


def dng() -> bytes:
    """A TIFF that says of itself that it is a digital negative (tag 50706)."""
    held = io.BytesIO()
    Image.fromarray(PIXELS[:16, :16]).save(held, "TIFF")
    plain = held.getvalue()
    start = struct.unpack_from("<I", plain, 4)[0]
    count = struct.unpack_from("<H", plain, start)[0]
    table = plain[start + 2 : start + 2 + 12 * count]
    version = struct.pack("<HHI4s", 50706, 1, 4, b"\1\4\0\0")
    directory = struct.pack("<H", count + 1) + table + version + b"\0" * 4
    # Pillow puts the directory where it likes; a new one goes behind everything
    return plain[:4] + struct.pack("<I", len(plain)) + plain[8:] + directory


Make = Callable[[], bytes]
MAKERS: dict[str, tuple[str, Make]] = {
    "jpg": ("image/jpeg", lambda: still("JPEG")),
    "png": ("image/png", lambda: still("PNG")),
    "webp": ("image/webp", lambda: still("WEBP", lossless=True)),
    "gif": ("image/gif", gif),
    "avif": ("image/avif", lambda: still("AVIF")),
    "heic": ("image/heic", heic),
    "svg": ("image/svg+xml", svg),
    "tiff": ("image/tiff", lambda: still("TIFF")),
    "dng": ("image/x-adobe-dng", dng),
    "mp3": ("audio/mpeg", lambda: sound("mp3", "libmp3lame")),
    "wav": ("audio/wav", wav),
    "m4a": ("audio/mp4", lambda: sound("ipod", "aac")),
    "mp4": ("video/mp4", lambda: film("mp4", "libx264")),
    "mov": ("video/quicktime", lambda: film("mov", "libx264")),
    "avi": ("video/x-msvideo", avi),
}


def sign(
    source: bytes, mime: str, identity: SigningIdentity, trust: TrustList, **settings: Any
) -> bytes:
    """``source`` signed by the library, set as ``section__name=value`` says."""
    definition = build(ManifestRequest("made", "world", "1"))
    return _sign(source, mime, identity, trust, definition, settings)


def update(source: bytes, mime: str, identity: SigningIdentity, trust: TrustList) -> bytes:
    """A signed file with an update manifest on top."""
    definition = {"claim_generator_info": [{"name": "updater", "version": "1"}], "assertions": []}
    return _sign(source, mime, identity, trust, definition, {}, update=True)


def _sign(
    source: bytes,
    mime: str,
    identity: SigningIdentity,
    trust: TrustList,
    definition: dict[str, Any],
    settings: dict[str, Any],
    *,
    update: bool = False,
) -> bytes:
    chosen = library_settings(trust)
    for name, value in settings.items():
        section, _, key = name.partition("__")
        chosen.setdefault(section, {})[key] = value
    target = io.BytesIO()
    with (
        c2pa.Builder(
            {**definition, "format": mime}, context=c2pa.Context.from_dict(chosen)
        ) as builder,
        c2pa.Signer.from_callback(
            identity.key.sign,
            c2pa.C2paSigningAlg[identity.key.algorithm.name],
            identity.chain_pem.decode("ascii"),
            None,
        ) as signer,
    ):
        if update:
            builder.set_intent(c2pa.C2paBuilderIntent.UPDATE)
            parent = {"title": "before", "relationship": "parentOf", "label": "before"}
            builder.add_ingredient(parent, mime, io.BytesIO(source))
        builder.sign(signer, mime, io.BytesIO(source), target)
    return target.getvalue()


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
