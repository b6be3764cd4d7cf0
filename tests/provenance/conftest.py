"""Real clips, real chains; made once for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from provenance import ManifestRequest, SigningIdentity, TrustList, ensure_development_chain
from provenance.isolation import Sandbox
from provenance.signer import SignedFile, sign_file


def make_clip(path: Path, *, seconds: float = 0.5, side: int = 64, seed: int = 1) -> Path:
    """A real H.264 MP4 of moving noise."""
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(24))
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "20"}
        for _ in range(int(seconds * 24)):
            pixels = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@dataclass(frozen=True)
class Studio:
    """A signer with a source clip, and a folder for this run."""

    folder: Path
    identity: SigningIdentity
    trust: TrustList
    source: Path
    jpeg: bytes

    def request(self, **changes: object) -> ManifestRequest:
        given: dict[str, object] = {
            "title": "clip.mp4",
            "backend": "world",
            "backend_version": "1",
            "attestation": {"policy_digest": "ab" * 32, "checks": []},
            "thumbnail": self.jpeg,
        } | changes
        return ManifestRequest(**given)  # type: ignore[arg-type]

    def sign(self, destination: Path, source: Path | None = None, **changes: object) -> SignedFile:
        return sign_file(
            source or self.source, destination, self.request(**changes), self.identity, self.trust
        )


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("studio")
    identity = ensure_development_chain(folder / "keys")
    picture = folder / "thumb.jpg"
    Image.new("RGB", (64, 64), (200, 30, 60)).save(picture)
    return Studio(
        folder, identity, TrustList.of(identity), make_clip(folder / "source.mp4"),
        picture.read_bytes(),
    )  # fmt: skip


@pytest.fixture(scope="session")
def signed(studio: Studio) -> Path:
    """A trusted clip. Not to be changed: copy it first."""
    return studio.sign(studio.folder / "signed.mp4").path


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as warm:
        yield warm
