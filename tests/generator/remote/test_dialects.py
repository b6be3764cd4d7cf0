"""Each dialect against a server on loopback that answers in that product's shapes."""

from __future__ import annotations

import base64
import json
import random
import threading
from collections.abc import Iterator
from email import message_from_bytes
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import generator
from generator import BackendFailed, Cancelled, GenerationSpec, Mode, Step, UnsupportedSpec
from generator.remote.backend import RemoteGenerator, RemoteSettings
from generator.remote.dialects.comfyui import PLACES, fill
from generator.remote.http import decoded
from media.encode import encode


class StandIn(ThreadingHTTPServer):
    """What it was asked; a subclass of :class:`Answers` says what it answers."""

    def __init__(self, video: bytes, answers: type[Answers]) -> None:
        super().__init__(("127.0.0.1", 0), answers)
        self.video = video
        self.asked: list[tuple[str, str, bytes]] = []
        self.form: dict[str, Any] = {}
        self.trouble = ""
        self.looks = 0


class Answers(BaseHTTPRequestHandler):
    server: StandIn

    def log_message(self, *_: Any) -> None: ...

    def answer(self, body: object, status: int = 200) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append((self.command, self.path, body))
        kind = self.headers.get("content-type", "")
        if kind.startswith("multipart/"):
            message = message_from_bytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
            self.server.form = {
                str(part.get_param("name", header="content-disposition")): part.get_payload(
                    decode=True
                )
                for part in message.get_payload()  # type: ignore[union-attr]
            }
        self.respond(urlsplit(self.path), body)

    def respond(self, url: Any, body: bytes) -> None:
        raise NotImplementedError

    do_GET = do_POST = do_DELETE = handle_one


class Omni(Answers):
    """vLLM-Omni: whole records, `video_gen_…` ids, errors with a code."""

    def respond(self, url: Any, body: bytes) -> None:
        id = "video_gen_0a1b"
        record: dict[str, Any] = {
            "id": id, "object": "video", "model": "m1", "prompt": "…", "size": "64x64",
            "seconds": "4", "quality": "default", "created_at": 1, "completed_at": None,
            "error": None, "media_type": "video/mp4", "file_name": None, "stage_durations": {},
        }  # fmt: skip
        if url.path == "/v1/models":
            return self.answer({"object": "list", "data": [{"id": "m1", "object": "model"}]})
        if self.command == "POST":
            if b"prompt" not in body or not self.server.form:
                return self.answer({"error": {"message": "no form"}}, 422)
            return self.answer({**record, "status": "queued", "progress": 0})
        if self.command == "DELETE":
            return self.answer({"id": id, "deleted": True, "object": "video.deleted"})
        if url.path.endswith("/content"):
            return self.answer(self.server.video)
        self.server.looks += 1
        if self.server.trouble:
            error = {"code": 500, "message": self.server.trouble}
            return self.answer({**record, "status": "failed", "progress": 0, "error": error})
        done = self.server.looks > 1
        status = {"status": "completed" if done else "in_progress", "progress": 100 if done else 0}
        return self.answer({**record, **status})


class NvidiaDynamo(Answers):
    """Dynamo: one answer, when it is made."""

    def respond(self, url: Any, body: bytes) -> None:
        if self.server.trouble:
            return self.answer({"error": {"message": self.server.trouble}}, 400)
        text = base64.b64encode(self.server.video).decode().replace("/", "\\/")
        head = (
            '{"id":"1","object":"video","model":"m1","status":"completed","progress":100,"data":['
        )
        return self.answer(f'{head}{{"b64_json": "{text}"}}],"created":1}}'.encode())


class Comfy(Answers):
    """ComfyUI: queue, history, view."""

    def respond(self, url: Any, body: bytes) -> None:
        if url.path == "/system_stats":
            return self.answer({"system": {"os": "posix"}, "devices": []})
        if url.path == "/upload/image":
            return self.answer({"name": "up.png", "subfolder": "", "type": "input"})
        if url.path == "/prompt":
            if self.server.trouble == "refused":
                wrong = {"40": {"errors": [{"message": "no"}]}}
                return self.answer({"prompt_id": "p-1", "number": 1, "node_errors": wrong})
            return self.answer({"prompt_id": "p-1", "number": 1, "node_errors": {}})
        if url.path == "/queue" and self.command == "GET":
            return self.answer({"queue_running": [[1, "p-1", {}, {}, []]], "queue_pending": []})
        if url.path in ("/queue", "/interrupt"):
            return self.answer(b"")
        if url.path == "/view":
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            assert asked == {"filename": "a b_0001.mp4", "subfolder": "video", "type": "output"}
            return self.answer(self.server.video)
        self.server.looks += 1
        if self.server.looks < 3:
            return self.answer({})
        if self.server.trouble == "failed":
            told = ["execution_error", {"exception_message": "no more memory\n"}]
            status = {"status_str": "error", "completed": False, "messages": [told]}
            return self.answer({"p-1": {"outputs": {}, "status": status}})
        shown = {"filename": "look.png", "subfolder": "", "type": "temp"}
        video = {"filename": "a b_0001.mp4", "subfolder": "video", "type": "output"}
        outputs = {"8": {"images": [shown]}, "9": {"images": [video], "animated": [True]}}
        status = {"status_str": "success", "completed": True, "messages": []}
        return self.answer({"p-1": {"outputs": outputs, "status": status}})


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path: Path = tmp_path_factory.mktemp("remote") / "clip.mp4"
    spec = GenerationSpec("a red circle", 1.0, 64, 64, Fraction(12))
    frames = generator.create("world").generate(spec, lambda step: None, lambda: False)
    encode(path, frames, spec.fps)
    return path.read_bytes()


@pytest.fixture
def stand_in(video: bytes, request: pytest.FixtureRequest) -> Iterator[StandIn]:
    running = StandIn(video, request.param)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def remote(server: StandIn, dialect: str, base: str = "/v1", **more: Any) -> RemoteGenerator:
    url = f"http://127.0.0.1:{server.server_port}{base}"
    settings = {"base_url": url, "dialect": dialect, "model": "m1", "retries": 0, **more}
    return RemoteGenerator(RemoteSettings(**settings), wait=lambda seconds: None)


def spec(**more: Any) -> GenerationSpec:
    values = {"seconds": 1.0, "width": 64, "height": 64, "fps": Fraction(12), "seed": 3} | more
    return GenerationSpec("a red circle", **values)


def run(backend: RemoteGenerator, what: GenerationSpec) -> np.ndarray:
    return np.concatenate(list(backend.generate(what, lambda step: None, lambda: False)))


@pytest.mark.parametrize("stand_in", [Omni], indirect=True)
def test_vllm_omni_gets_a_form_with_frames_and_rate(stand_in: StandIn, tmp_path: Path) -> None:
    backend = remote(stand_in, "vllm-omni")
    backend.check()
    picture = tmp_path / "first.png"
    picture.write_bytes(b"not looked at here")
    what = spec(
        seconds=0.9, negative_prompt="a cat", steps=20, guidance=4.5,
        mode=Mode.IMAGE_TO_VIDEO, references=(picture,),
    )  # fmt: skip
    assert run(backend, what).shape == (what.frames, 64, 64, 3)
    assert stand_in.form == {
        "prompt": b"a red circle", "size": b"64x64", "fps": b"12", "num_frames": b"11",
        "seed": b"3", "model": b"m1", "negative_prompt": b"a cat",
        "num_inference_steps": b"20", "guidance_scale": b"4.5",
        "input_reference": picture.read_bytes(),
    }  # fmt: skip
    stand_in.trouble = "no more memory"
    with pytest.raises(BackendFailed, match="no more memory"):
        run(backend, spec())
    assert stand_in.asked[-1][:2] == ("DELETE", "/v1/videos/video_gen_0a1b")
    with pytest.raises(BackendFailed, match="no model 'm2'") as missing:
        remote(stand_in, "vllm-omni", model="m2").check()
    assert "m1" in str(missing.value.remedy)


@pytest.mark.parametrize("stand_in", [NvidiaDynamo], indirect=True)
def test_dynamo_answers_with_the_video_in_base64(stand_in: StandIn) -> None:
    backend = remote(stand_in, "dynamo")
    steps: list[Step] = []
    what = spec(seconds=0.5, negative_prompt="a cat")
    made = list(backend.generate(what, steps.append, lambda: False))
    assert sum(len(batch) for batch in made) == 6 and steps[-1].index == 100
    (asked,) = stand_in.asked
    assert json.loads(asked[2]) == {
        "model": "m1", "prompt": "a red circle", "seconds": 1, "size": "64x64",
        "response_format": "b64_json",
        "nvext": {"fps": 12, "num_frames": 6, "seed": 3, "negative_prompt": "a cat"},
    }  # fmt: skip
    with pytest.raises(BackendFailed, match="larger than 1000"):
        run(remote(stand_in, "dynamo", max_bytes=1000), spec())
    stand_in.trouble = "no such size"
    with pytest.raises(BackendFailed, match="no such size"):
        run(backend, spec())
    with pytest.raises(UnsupportedSpec):
        run(remote(stand_in, "dynamo", model=""), spec())


WORKFLOW = {
    "3": {"class_type": "KSampler", "inputs": {"seed": "{seed}", "positive": ["6", 0]}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{prompt}, {width}x{height}"}},
    "40": {"class_type": "EmptyLatent", "inputs": {"width": "{width}", "length": "{frames}"}},
}


@pytest.mark.parametrize("stand_in", [Comfy], indirect=True)
def test_comfyui_runs_the_workflow_and_gives_its_saved_video(
    stand_in: StandIn, tmp_path: Path
) -> None:
    workflow = tmp_path / "flow.json"
    workflow.write_text(json.dumps(WORKFLOW))
    backend = remote(stand_in, "comfyui", "", workflow=workflow)
    backend.check()
    assert run(backend, spec()).shape == (12, 64, 64, 3)
    sent = next(json.loads(body) for _, path, body in stand_in.asked if path == "/prompt")
    assert sent["prompt"]["3"]["inputs"] == {"seed": 3, "positive": ["6", 0]}
    assert sent["prompt"]["6"]["inputs"]["text"] == "a red circle, 64x64"
    assert sent["prompt"]["40"]["inputs"] == {"width": 64, "length": 12}
    stand_in.looks, stand_in.trouble = 0, "failed"
    with pytest.raises(BackendFailed, match="no more memory"):
        run(backend, spec())
    stand_in.looks, stand_in.trouble = 0, ""
    seen: list[Step] = []
    with pytest.raises(Cancelled):
        list(backend.generate(spec(), seen.append, lambda: bool(seen)))
    assert [path for _, path, _ in stand_in.asked[-3:]] == ["/queue", "/queue", "/interrupt"]
    assert json.loads(stand_in.asked[-1][2]) == {"prompt_id": "p-1"}
    stand_in.trouble = "refused"
    with pytest.raises(BackendFailed, match="refused"):
        run(backend, spec())


@pytest.mark.parametrize("stand_in", [Comfy], indirect=True)
def test_a_workflow_that_cannot_serve_is_told_before_anything_is_sent(
    stand_in: StandIn, tmp_path: Path
) -> None:
    flow = tmp_path / "flow.json"
    for content, words in (
        (None, "needs a workflow"), ("{", "no workflow"), ('{"nodes": []}', "API format"),
        (json.dumps({"6": {"class_type": "x", "inputs": {}}}), "no place for the prompt"),
        (json.dumps({**WORKFLOW, "7": {"class_type": "LoadImage", "inputs": {"image": "{image}"}}}),
         "asks for {image}"),
    ):  # fmt: skip
        if content is not None:
            flow.write_text(content)
        with pytest.raises(UnsupportedSpec, match=words):
            run(remote(stand_in, "comfyui", "", workflow=flow if content else None), spec())
    assert stand_in.asked == []


@given(st.text(), st.sampled_from(PLACES))
def test_a_prompt_with_braces_is_filled_in_as_it_is(prompt: str, name: str) -> None:
    values: dict[str, Any] = dict.fromkeys(PLACES, 7)
    values["prompt"] = f"{{{name}}}{prompt}{{{name}}}"
    assert fill(["{prompt}", "a {prompt} b"], values) == [
        values["prompt"],
        f"a {values['prompt']} b",
    ]


@given(st.binary(max_size=400), st.integers(1, 60), st.booleans())
def test_base64_in_json_is_read_as_it_comes(content: bytes, step: int, escaped: bool) -> None:
    text = base64.b64encode(content).decode()
    text = text.replace("/", "\\/") if escaped else text
    document = (
        f'{{"x": ["{random.Random(step).random()}"], "b64_json" :  "{text}", "y": 1}}'.encode()
    )
    chunks = [document[n : n + step] for n in range(0, len(document), step)]
    assert b"".join(decoded(iter(chunks), "b64_json")) == content
    with pytest.raises(BackendFailed):
        list(decoded(iter([document.partition(b":  ")[0]]), "b64_json"))
