"""Files that cannot hold credentials get them beside, and servers are asked only by name."""

from __future__ import annotations

import threading
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

from provenance import Verdict
from provenance.isolation import Sandbox
from provenance.verifier import examine, verify
from tests.provenance.conftest import Studio
from tests.provenance.test_verifier import remote_only


def make_webm(path: Path) -> Path:
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=Fraction(24))
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(6):
            pixels = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", ["webm", "mkv"])
def test_a_sidecar_carries_the_credentials(studio: Studio, tmp_path: Path, suffix: str) -> None:
    source = make_webm(tmp_path / f"source.{suffix}")
    done = studio.sign(tmp_path / f"clip.{suffix}", source)
    assert done.sidecar == tmp_path / f"clip.{suffix}.c2pa"
    assert done.path.read_bytes() == source.read_bytes()
    report = examine(done.path, studio.trust)
    assert report.verdict is Verdict.TRUSTED
    assert report.file["sidecar"] == done.sidecar.name
    data = bytearray(done.path.read_bytes())
    data[-9] ^= 1
    done.path.write_bytes(data)
    assert examine(done.path, studio.trust).verdict is Verdict.TAMPERED
    done.sidecar.write_bytes(b"nonsense")
    assert examine(done.path, studio.trust).verdict is Verdict.MALFORMED
    done.sidecar.unlink()
    assert examine(done.path, studio.trust).verdict is Verdict.UNSIGNED
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {f"source.{suffix}", f"clip.{suffix}"}


def test_a_named_host_is_asked_and_no_other(
    studio: Studio, tmp_path: Path, sandbox: Sandbox
) -> None:
    store = b"\0\0\0\x10jumbNOTASTORE"
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "/store")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(store)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_address[1]}"
        path = remote_only(studio, tmp_path, f"{base}/store")
        other = verify(path, studio.trust, sandbox=sandbox, allowed_hosts=frozenset({"x.org"}))
        assert other.verdict is Verdict.REMOTE_ONLY and asked == []
        named = frozenset({"127.0.0.1"})
        fetched = verify(path, studio.trust, sandbox=sandbox, allowed_hosts=named)
        assert asked == ["/store"]
        assert fetched.verdict is Verdict.MALFORMED, "what the server gave is no store"
        moved = remote_only(studio, tmp_path, f"{base}/elsewhere")
        report = verify(moved, studio.trust, sandbox=sandbox, allowed_hosts=named)
        assert report.verdict is Verdict.REMOTE_ONLY and asked[-1] == "/elsewhere"
        assert report.findings[-1].code == "remote.not_fetched"
    finally:
        server.shutdown()
        server.server_close()
