"""The remote backend against a real HTTP server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import generator
from generator import BackendFailed, Cancelled, GenerationSpec, Mode, Step, UnsupportedSpec
from generator.remote import http
from generator.remote.backend import RemoteGenerator, RemoteSettings
from media import addresses
from media.encode import Encoder, encode
from media.soundtrack import RATE, Soundtrack


class Server(ThreadingHTTPServer):
    """A small ``/v1/videos`` server whose behaviour a test can bend."""

    def __init__(self, video: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.video = video
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []
        self.fail_first = 0
        self.statuses = ["queued", "in_progress", "completed"]
        self.content: Any = None
        self.create_body: bytes | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None: ...

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _note(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.calls.append((self.command, self.path, dict(self.headers), body))

    def do_POST(self) -> None:
        self._note()
        if self.server.fail_first > 0:
            self.server.fail_first -= 1
            self._send(503, b"busy", Retry_After="0")
        elif self.server.create_body is not None:
            self._send(400, self.server.create_body)
        else:
            self._send(200, json.dumps({"id": "video_1", "status": "queued"}).encode())

    def do_DELETE(self) -> None:
        self._note()
        self._send(200, b"{}")

    def do_GET(self) -> None:
        self._note()
        if self.path.endswith(("/content", "/content?index=0")):
            if callable(self.server.content):
                self.server.content(self)
            else:
                self._send(200, self.server.video)
            return
        statuses = self.server.statuses
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        progress = {"completed": 100}.get(status, 40)
        answer = {"id": "video_1", "status": status, "progress": progress}
        if status == "failed":
            answer["error"] = {"message": "no more memory"}  # type: ignore[assignment]
        self._send(200, json.dumps(answer).encode())


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path: Path = tmp_path_factory.mktemp("remote") / "clip.mp4"
    spec = GenerationSpec("a red circle", 1.0, 64, 64, Fraction(12))
    frames = generator.create("world").generate(spec, lambda step: None, lambda: False)
    encode(path, frames, spec.fps)
    return path.read_bytes()


@pytest.fixture
def server(video: bytes) -> Iterator[Server]:
    running = Server(video)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def remote(server: Server, **settings: Any) -> RemoteGenerator:
    values = {"base_url": server.url, "poll_seconds": 0.01, "model": "m1"} | settings
    return RemoteGenerator(RemoteSettings(**values), wait=lambda seconds: None)


def spec(**more: Any) -> GenerationSpec:
    values = {"seconds": 1.0, "width": 64, "height": 64, "fps": Fraction(12), "seed": 3} | more
    return GenerationSpec("a red circle", **values)


def run(backend: RemoteGenerator, what: GenerationSpec) -> np.ndarray:
    return np.concatenate(list(backend.generate(what, lambda step: None, lambda: False)))


def test_a_clip_comes_back_at_the_asked_size_and_rate(server: Server) -> None:
    steps: list[Step] = []
    out = np.concatenate(
        list(remote(server).generate(spec(fps=Fraction(24)), steps.append, lambda: False))
    )
    assert out.shape == (24, 64, 64, 3)
    assert [s.index for s in steps] == [40, 100]
    sent = json.loads(server.calls[0][3])
    assert sent == {
        "prompt": "a red circle",
        "seconds": "1",
        "size": "64x64",
        "seed": "3",
        "model": "m1",
    }


def test_another_size_is_scaled(server: Server) -> None:
    assert run(remote(server), spec(width=96, height=48)).shape == (12, 48, 96, 3)


def test_the_key_is_sent_from_the_environment_only(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARDED_GEN_REMOTE_KEY", "secret-7")
    backend = remote(server)
    run(backend, spec())
    assert all(call[2]["Authorization"] == "Bearer secret-7" for call in server.calls)
    assert "secret-7" not in repr(backend)


def test_busy_answers_are_retried_with_one_idempotency_key(server: Server) -> None:
    server.fail_first = 2
    run(remote(server), spec())
    keys = [call[2]["Idempotency-Key"] for call in server.calls if call[0] == "POST"]
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_it_gives_up_after_its_tries(server: Server) -> None:
    server.fail_first = 99
    with pytest.raises(BackendFailed, match="503"):
        run(remote(server, retries=1), spec())
    assert len(server.calls) == 2


def test_an_image_goes_along_as_input_reference(server: Server, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG not really")
    run(remote(server), spec(mode=Mode.IMAGE_TO_VIDEO, references=(picture,)))
    assert b'name="input_reference"; filename="a.png"' in server.calls[0][3]


def test_a_refusal_brings_the_servers_words(server: Server) -> None:
    server.create_body = json.dumps({"error": {"message": "size\x1b[31m unknown"}}).encode()
    with pytest.raises(BackendFailed, match=r"400: size \[31m unknown"):
        run(remote(server), spec())


def test_a_failed_job_is_an_error_and_is_deleted(server: Server) -> None:
    server.statuses = ["failed"]
    with pytest.raises(BackendFailed, match="no more memory"):
        run(remote(server), spec())
    assert server.calls[-1][0] == "DELETE"


def test_cancelling_deletes_the_job(server: Server) -> None:
    server.statuses = ["in_progress"]
    seen: list[Step] = []
    with pytest.raises(Cancelled):
        list(remote(server).generate(spec(), seen.append, lambda: bool(seen)))
    assert server.calls[-1][:2] == ("DELETE", "/v1/videos/video_1")


def test_patience_ends(server: Server) -> None:
    server.statuses = ["in_progress"]
    with pytest.raises(BackendFailed, match="not done"):
        run(remote(server, patience=0.05), spec())


def test_too_many_bytes_are_refused(server: Server) -> None:
    with pytest.raises(BackendFailed, match="larger than 1000"):
        run(remote(server, max_bytes=1000), spec())


def test_a_video_that_is_too_short_or_no_video(server: Server) -> None:
    with pytest.raises(BackendFailed, match="lasts"):
        run(remote(server), spec(seconds=3.0))
    server.content = lambda handler: handler._send(200, b"not a video at all")
    with pytest.raises(BackendFailed, match="cannot be read"):
        run(remote(server), spec())


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:9/x",
        "http://localhost:9/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:9/x",
        "http://[::ffff:127.0.0.1]:9/x",
        "http://10.1.2.3/x",
        "file:///etc/passwd",
    ],
)
def test_redirects_to_private_addresses_are_refused(server: Server, target: str) -> None:
    server.content = lambda handler: handler._send(302, b"", Location=target)
    with pytest.raises(BackendFailed, match="redirects to"):
        run(remote(server), spec())


def test_a_redirect_at_home_is_followed_and_a_circle_ends(server: Server) -> None:
    def turn(handler: Handler) -> None:
        if "again" in handler.path:
            handler._send(200, server.video)
        else:
            handler._send(302, b"", Location="/v1/again/content")

    server.content = turn
    assert len(run(remote(server), spec())) == 12
    server.content = lambda handler: handler._send(302, b"", Location=handler.path)
    with pytest.raises(BackendFailed, match="circles"):
        run(remote(server), spec())


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("192.168.0.1", 80))]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *a, **k: found)
    with pytest.raises(BackendFailed, match="private"):
        http.public_address("both.example", 80)
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *a, **k: found[:1])
    assert http.public_address("one.example", 80) == "93.184.216.34"


def test_an_unreachable_server_and_a_wrong_address() -> None:
    gone = RemoteGenerator(
        RemoteSettings(base_url="http://127.0.0.1:9/v1", retries=0), wait=lambda s: None
    )
    with pytest.raises(BackendFailed, match="cannot be reached"):
        run(gone, spec())
    with pytest.raises(BackendFailed, match="no address"):
        run(RemoteGenerator(RemoteSettings(base_url="gopher://x/v1")), spec())
    with pytest.raises(UnsupportedSpec):
        generator.create("remote", {})


def test_the_servers_sound_comes_first_and_is_as_long_as_the_clip(
    server: Server, tmp_path: Path
) -> None:
    tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    sound = Soundtrack(np.repeat(tone[:, None], 2, 1).astype(np.float32), {})
    path = tmp_path / "sounding.mp4"
    with Encoder(path, 64, 64, Fraction(12), sound=sound) as out:
        out.write(np.zeros((24, 64, 64, 3), np.uint8))
    server.video = path.read_bytes()
    made = list(remote(server).generate(spec(), lambda step: None, lambda: False))
    assert isinstance(made[0], Soundtrack)
    assert made[0].samples.shape == (RATE, 2)
    assert made[0].told["from"] == "backend"
    assert np.sqrt((made[0].samples ** 2).mean()) == pytest.approx(0.2 / np.sqrt(2), rel=0.05)
    assert sum(len(batch) for batch in made[1:]) == 12


def test_openrouter_gets_its_own_fields_and_gives_the_indexed_content(
    server: Server, tmp_path: Path
) -> None:
    server.statuses = ["pending", "in_progress", "completed"]
    picture = tmp_path / "first.png"
    picture.write_bytes(b"not looked at here")
    what = spec(seconds=0.9, mode=Mode.IMAGE_TO_VIDEO, references=(picture,))
    assert len(run(remote(server, dialect="openrouter"), what)) == what.frames
    sent = json.loads(server.calls[0][3])
    (frame,) = sent.pop("frame_images")
    assert frame["frame_type"] == "first_frame"
    assert frame["image_url"]["url"].startswith("data:image/png;base64,")
    assert sent == {
        "model": "m1",
        "prompt": "a red circle",
        "duration": 1,
        "size": "64x64",
        "seed": 3,
    }
