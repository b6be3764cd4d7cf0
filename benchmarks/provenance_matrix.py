"""What happens to a published clip, and what the verifier and the registry say of each copy."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import c2pa
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.provenance import box, clip
from guarded_gen.origin.registry import SqlRegistry
from guarded_gen.origin.service import OriginService
from guarded_gen.settings import Settings
from guarded_gen.store import open_store
from provenance import ManifestRequest, SigningIdentity, TrustList, ensure_development_chain
from provenance.certificates import issue_authority, issue_leaf
from provenance.keys import Algorithm, LocalKey, generate_key
from provenance.manifest import SoftBinding, build
from provenance.recovery import WATERMARK_ALGORITHM
from provenance.signer import SignedFile, sign_file
from provenance.timestamps import TimestampSettings
from provenance.verifier import library_settings
from provenance.watermark import KeyRing, parse_payload
from provenance.watermark.files import embed_file
from tests.provenance.tsa import UnsafeTimestampAuthority

Pixels = np.ndarray

SIDE = 720
"""Width and height of the clip. At 480 a crop of 10 % loses the mark."""


def frames(path: Path) -> Iterator[Pixels]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def encode(path: Path, pictures: Iterator[Pixels], crf: int) -> None:
    with av.open(str(path), "w") as container:
        stream: Any = None
        for pixels in pictures:
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(24))
                stream.height, stream.width = (side // 2 * 2 for side in pixels.shape[:2])
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": str(crf), "preset": "veryfast"}
            even = np.ascontiguousarray(pixels[: stream.height, : stream.width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())


def remux(source: Path, target: Path) -> None:
    with av.open(str(source)) as read, av.open(str(target), "w") as write:
        stream = write.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(read.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                write.mux(packet)


def sign_over(parent: Path, media: Path, target: Path, identity: SigningIdentity) -> None:
    """What a dishonest tool does: sign over an altered parent, straight with the library."""
    context = c2pa.Context.from_dict(library_settings(TrustList.of(identity)))
    builder = c2pa.Builder(
        build(ManifestRequest("child", "other tool", "1", ingredients=(parent,))), context=context
    )
    entry = {"title": "parent", "relationship": "parentOf", "label": "ingredient-0"}
    with parent.open("rb") as file:
        builder.add_ingredient(entry, "video/mp4", file)
    signer = c2pa.Signer.from_callback(
        identity.key.sign, c2pa.C2paSigningAlg.ES256, identity.chain_pem.decode()
    )
    with media.open("rb") as source, target.open("w+b") as out:
        builder.sign(signer, "video/mp4", source, out)


def short_lived() -> SigningIdentity:
    private = generate_key(Algorithm.ES256)
    root = issue_authority("Short-lived root")
    begin = datetime.now(UTC) - timedelta(seconds=5)
    leaf = issue_leaf(root, private.public_key(), begin=begin, life=timedelta(seconds=25))
    key = LocalKey(Algorithm.ES256, private)
    return SigningIdentity(key, (leaf, root.certificate), root.certificate)


def matrix(folder: Path) -> list[dict[str, str]]:
    """Make every copy, ask the desk about each, print the table."""
    settings = Settings(home=folder / "home")
    settings.home.mkdir()
    identity = ensure_development_chain(settings.keys_folder)
    keys = settings.keys_folder / "watermark"
    ring = KeyRing.open(keys)
    number, bits = parse_payload("00112233445566ff")
    payload = number.to_bytes(bits // 8, "big")
    source = clip(folder / "source.mp4", 2.0, SIDE)
    marked = folder / "marked.mp4"
    embed_file(source, marked, ring, number, payload_bits=bits)
    request = ManifestRequest(
        "a published clip",
        "world",
        "1",
        watermark=SoftBinding.watermark(WATERMARK_ALGORITHM, payload),
        content_id="clip_1",
    )
    store = open_store(settings)
    with UnsafeTimestampAuthority() as authority:
        brief = short_lived()
        trust = TrustList.of(identity, brief).with_timestamps(authority.root)
        stamps = TimestampSettings(servers=(authority.url,))
        signed = sign_file(marked, folder / "clip.mp4", request, identity, trust)
        plain = replace(request, watermark=None)
        sign_file(source, folder / "expired.mp4", plain, brief, trust)
        sign_file(source, folder / "expired_stamped.mp4", plain, brief, trust, timestamps=stamps)
        with OriginService(
            identity, trust, SqlRegistry(store), keys, prove=lambda _: (0, {"tlog_proof": "…"})
        ) as desk:
            desk.publish(signed, "clip_1", watermark=payload)
            copies = make_copies(folder, signed, source, identity, ring)
            left = (brief.leaf.not_valid_after_utc - datetime.now(UTC)).total_seconds()
            time.sleep(max(0.0, left) + 1)
            copies |= {
                "certificate expired, no time-stamp": folder / "expired.mp4",
                "certificate expired, time-stamped": folder / "expired_stamped.mp4",
            }
            rows = [ask(desk, name, path) for name, path in copies.items()]
    store.close()
    show(rows)
    return rows


def make_copies(
    folder: Path, signed: SignedFile, source: Path, identity: SigningIdentity, ring: KeyRing
) -> dict[str, Path]:
    data = signed.path.read_bytes()
    media = data.rindex(b"mdat")

    def written(name: str, content: bytes) -> Path:
        path = folder / f"{name}.mp4"
        path.write_bytes(content)
        return path

    flipped = written("flip", data[:-60] + bytes([data[-60] ^ 1]) + data[-59:])
    copies = {
        "fresh": signed.path,
        "one bit flipped in mdat": flipped,
        "truncated to 70 %": written("cut", data[: media + (len(data) - media) * 7 // 10]),
        "appended free box": written("free", data + box(b"free", b"hidden " * 500)),
    }
    remux(signed.path, folder / "remux.mp4")
    copies["remuxed (-c copy)"] = folder / "remux.mp4"
    encode(folder / "crf35.mp4", frames(signed.path), 35)
    copies["re-encoded, CRF 35"] = folder / "crf35.mp4"

    def cropped() -> Iterator[Pixels]:
        for picture in frames(signed.path):
            height, width = picture.shape[:2]
            yield picture[height // 20 : -height // 20, width // 20 : -width // 20]

    encode(folder / "crop.mp4", cropped(), 23)
    copies["cropped by 10 %, CRF 23"] = folder / "crop.mp4"
    sign_over(flipped, source, folder / "laundered.mp4", identity)
    copies["laundered: altered parent, signed again"] = folder / "laundered.mp4"
    stranger = ensure_development_chain(folder / "stranger")
    plain = folder / "stripped.mp4"
    remux(signed.path, plain)
    sign_file(
        plain,
        folder / "stranger.mp4",
        ManifestRequest("mine now", "other tool", "1"),
        stranger,
        TrustList.of(stranger),
    )
    copies["stripped, signed by a stranger"] = folder / "stranger.mp4"
    number, bits = parse_payload("00112233445566ff")
    other = clip(folder / "other.mp4", 2.0, 480, seed=9)
    embed_file(other, folder / "transplant.mp4", ring, number, payload_bits=bits)
    copies["our mark on another video"] = folder / "transplant.mp4"
    unmarked = folder / "unmarked.mp4"
    shutil.copyfile(clip(folder / "third.mp4", 1.0, 320, seed=17), unmarked)
    copies["somebody's unsigned video"] = unmarked
    return copies


def ask(desk: OriginService, name: str, path: Path) -> dict[str, str]:
    start = time.perf_counter()
    report = desk.report(path)
    spent = time.perf_counter() - start
    failures = ", ".join(f.code for f in report.verification.findings[:2])
    recovery = report.recovery
    similarity = "" if recovery.similarity is None else f" ({recovery.similarity})"
    return {
        "copy": name,
        "verdict": report.verification.verdict.value,
        "findings": failures,
        "recovery": recovery.state.value + similarity,
        "answer": report.headline,
        "seconds": f"{spent:.1f}",
    }


def show(rows: list[dict[str, str]]) -> None:
    table = Table(title="What happens to a published clip", show_lines=False)
    for column in ("copy", "verdict", "findings", "recovery", "answer"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(row[c] for c in ("copy", "verdict", "findings", "recovery", "answer")))
    Console(width=170).print(table)
