"""Unsigned labels in every place where generators and editors put them."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from media.encode import encode
from provenance.containers import XMP_UUID
from provenance.labels import AIGC, DATA_MINING, PARAMETERS, SOURCE_TYPE, read_labels_of, says_ai
from provenance.recovery import Recovery, RecoveryState
from provenance.report import Evidence, OtherEvidence, State, weigh
from provenance.trust import TrustList
from provenance.verifier import verify

TERM = "trainedAlgorithmicMedia"
URI = f"http://cv.iptc.org/newscodes/digitalsourcetype/{TERM}"
_NS = (
    'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:p="http://ns.useplus.org/ldf/xmp/1.0/"'
)
_RIGHTS = "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"
_TC260 = "http://www.tc260.org.cn/ns/AIGC/1.0/"


def xmp(inside: str = "", attributes: str = "") -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {_NS} {attributes}>{inside}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


ATTRIBUTE = xmp(attributes=f'e:DigitalSourceType="{URI}"')
ELEMENT = xmp(f"<e:DigitalSourceType>{URI}</e:DigitalSourceType>")
RESOURCE = xmp(f'<e:DigitalSourceType rdf:resource="{URI}"/>')
A1111 = "a mill\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
COMFY = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 5}}})
LABEL = json.dumps({"Label": "1", "ContentProducer": "x"})
PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8))


def picture(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    PICTURE.save(out, kind, **options)
    return out.getvalue()


def png(*texts: tuple[str, str], packed: bool = False) -> bytes:
    info = PngInfo()
    for key, text in texts:
        info.add_text(key, text, zip=packed)
    return picture("PNG", pnginfo=info)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    whole = picture("PNG")
    made = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return whole[:33] + made + whole[33:]


def exif(tag: int, value: object) -> Image.Exif:
    made = Image.Exif()
    if tag == 0x9286:
        made.get_ifd(0x8769)[tag] = value
    else:
        made[tag] = value
    return made


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


@pytest.fixture(scope="session")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("labels") / "clip.mp4"
    frames = np.random.default_rng(2).integers(0, 255, (6, 64, 96, 3), np.uint8)
    encode(path, iter([frames]), Fraction(24))
    return path.read_bytes()


STILLS: list[tuple[str, bytes, str, str]] = [
    ("xmp attribute in JPEG", picture("JPEG", xmp=ATTRIBUTE), SOURCE_TYPE, TERM),
    ("xmp element in JPEG", picture("JPEG", xmp=ELEMENT), SOURCE_TYPE, TERM),
    ("xmp resource in WebP", picture("WEBP", xmp=RESOURCE), SOURCE_TYPE, TERM),
    ("xmp in PNG", png(("XML:com.adobe.xmp", ATTRIBUTE.decode())), SOURCE_TYPE, TERM),
    (
        "xmp packed in PNG",
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(ELEMENT)),
        SOURCE_TYPE,
        TERM,
    ),
    ("xmp in TIFF", picture("TIFF", tiffinfo={700: ATTRIBUTE}), SOURCE_TYPE, TERM),
    ("xmp in AVIF", picture("AVIF", xmp=ATTRIBUTE), SOURCE_TYPE, TERM),
    ("xmp in UTF-16", picture("JPEG") + ATTRIBUTE.decode().encode("utf-16-be"), SOURCE_TYPE, TERM),
    (
        "fill bytes before XMP",
        picture("JPEG", xmp=ATTRIBUTE)[:2] + b"\xff\xff" + picture("JPEG", xmp=ATTRIBUTE)[2:],
        SOURCE_TYPE,
        TERM,
    ),
    ("plain PNG text", png(("DigitalSourceType", URI)), SOURCE_TYPE, TERM),
    ("EXIF description", picture("JPEG", exif=exif(0x010E, URI)), SOURCE_TYPE, TERM),
    ("A1111 in PNG", png(("parameters", A1111)), PARAMETERS, "Steps: 20"),
    ("A1111 packed", png(("parameters", A1111), packed=True), PARAMETERS, "Steps: 20"),
    (
        "A1111 in a JPEG's EXIF",
        picture("JPEG", exif=exif(0x9286, b"UNICODE\0" + A1111.encode("utf-16-be"))),
        PARAMETERS,
        "Steps: 20",
    ),
    (
        "A1111 little endian",
        picture("WEBP", exif=exif(0x9286, b"UNICODE\0" + A1111.encode("utf-16-le"))),
        PARAMETERS,
        "Steps: 20",
    ),
    ("ComfyUI prompt", png(("prompt", COMFY)), PARAMETERS, "ComfyUI"),
    ("ComfyUI workflow", png(("workflow", '{"nodes": [{}], "links": []}')), PARAMETERS, "ComfyUI"),
    (
        "ComfyUI in WebP",
        picture("WEBP", exif=exif(0x0110, f"prompt:{COMFY}")),
        PARAMETERS,
        "ComfyUI",
    ),
    ("InvokeAI", png(("invokeai_metadata", '{"app_version": "5"}')), PARAMETERS, "InvokeAI"),
    (
        "NovelAI",
        png(("Software", "NovelAI"), ("Comment", '{"steps": 28, "sampler": "k", "uc": "x"}')),
        PARAMETERS,
        "NovelAI",
    ),
    ("GB 45438 in PNG", png(("AIGC", LABEL)), AIGC, '"Label": "1"'),
    (
        "GB 45438 in EXIF",
        picture(
            "JPEG",
            exif=exif(0x9286, b"ASCII\0\0\0" + json.dumps({"AIGC": {"Label": "1"}}).encode()),
        ),
        AIGC,
        '"Label": "1"',
    ),
    (
        "TC260 in XMP",
        picture("JPEG", xmp=xmp(f'<T:AIGC xmlns:T="{_TC260}">{LABEL}</T:AIGC>')),
        AIGC,
        '"Label": "1"',
    ),
    (
        "do not train",
        picture("JPEG", xmp=xmp(attributes=f'p:DataMining="{_RIGHTS}"')),
        DATA_MINING,
        "DMI-PROHIBITED-AIMLTRAINING",
    ),
]


@pytest.mark.parametrize(
    ("data", "kind", "value"), [s[1:] for s in STILLS], ids=[s[0] for s in STILLS]
)
def test_stills(tmp_path: Path, data: bytes, kind: str, value: str) -> None:
    path = tmp_path / "still"
    path.write_bytes(data)
    found = read_labels_of(path)
    assert value in found.get(kind, ""), found
    assert "a mill" not in str(found), "prompts are not repeated"


MOVIES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("uuid behind", lambda m: m + box(b"uuid", XMP_UUID + ATTRIBUTE)),
    (
        "uuid before the media",
        lambda m: (
            (n := struct.unpack(">I", m[:4])[0])
            and m[:n] + box(b"uuid", XMP_UUID + ATTRIBUTE) + m[n:]
        ),
    ),
    ("XMP_ box", lambda m: m + box(b"udta", box(b"XMP_", ELEMENT))),
    ("in a free box", lambda m: m + box(b"free", RESOURCE)),
]


@pytest.mark.parametrize("change", [m[1] for m in MOVIES], ids=[m[0] for m in MOVIES])
def test_movies(tmp_path: Path, movie: bytes, change: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(change(movie))
    assert read_labels_of(path) == {SOURCE_TYPE: TERM}


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("AIGC", LABEL, AIGC),
        ("comment", json.dumps({"prompt": COMFY, "workflow": "{}"}), PARAMETERS),
        ("comment", A1111, PARAMETERS),
        ("DigitalSourceType", URI, SOURCE_TYPE),
    ],
)
def test_tags_of_movies(tmp_path: Path, key: str, value: str, kind: str) -> None:
    import av

    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as out:
        out.metadata[key] = value
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            out.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        out.mux(stream.encode(None))
    assert kind in read_labels_of(path)


@pytest.mark.parametrize(
    "data",
    [
        picture("JPEG"), png(("Comment", "Steps to the mill: 3, then left")), png(("Title", "{}")),
        png(("Software", "GIMP 2.10")), png(("Comment", '{"seed": 3}')),
        picture("JPEG", xmp=b"<x:xmpmeta xmlns:x='a'><!DOCTYPE x [<!ENTITY a 'b'>]></x:xmpmeta>"),
        b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP",
    ],
)  # fmt: skip
def test_nothing_is_read_into_other_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "still"
    path.write_bytes(data)
    assert read_labels_of(path) == {}


@settings(max_examples=60, deadline=None)
@given(
    index=st.integers(0, len(STILLS) - 1),
    places=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=8),
)
def test_damage_raises_nothing(
    tmp_path_factory: pytest.TempPathFactory, index: int, places: list[tuple[float, bytes]]
) -> None:
    data = bytearray(STILLS[index][1])
    for where, what in places:
        at = int(where * len(data))
        data[at : at + len(what)] = what
    path = tmp_path_factory.mktemp("damaged") / "still"
    path.write_bytes(bytes(data))
    read_labels_of(path)


def test_labels_weigh_as_unsigned_claims(tmp_path: Path) -> None:
    path = tmp_path / "still.jpg"
    path.write_bytes(picture("JPEG", xmp=ATTRIBUTE))
    labels = read_labels_of(path)
    nothing = Recovery(RecoveryState.NOT_FOUND)
    report = weigh(verify(path, TrustList()), nothing, OtherEvidence(container=labels))
    [finding] = [f for f in report.findings if f.kind is Evidence.CONTAINER]
    assert finding.state is State.FOUND
    assert "made by generative AI" in finding.sentence
    assert "anybody can write" in finding.does_not_prove
    assert "unsigned label" in report.explanation
    assert report.headline == "We found no provenance."
    camera = {SOURCE_TYPE: "digitalCapture"}
    assert not says_ai(camera)
    other = weigh(verify(path, TrustList()), nothing, OtherEvidence(container=camera))
    assert "unsigned label" not in other.explanation
