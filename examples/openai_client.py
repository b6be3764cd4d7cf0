"""Every call of the official, unmodified ``openai`` client against a running service.

    make serve                                   # or: guarded-gen serve
    python examples/openai_client.py [http://127.0.0.1:8000/v1] [API_KEY]

Prints what each call gave. Calls that the configured backend cannot do are expected to be
refused with a clear code, and are printed as such.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import openai
from openai import OpenAI

warnings.filterwarnings("ignore", category=DeprecationWarning)
PROMPT = "a red ball rolls from left to right over green grass"
DISALLOWED = "a man kills another man with a knife, blood everywhere"


def show(name: str, call: Callable[[], Any], tell: Callable[[Any], object] = str) -> Any:
    """Run one call and print its outcome in one line."""
    started = time.perf_counter()
    value = None
    try:
        value = call()
        text = f"ok       {tell(value)}"
    except openai.APIStatusError as error:
        text = f"refused  {error.status_code} {error.code}: {error.message[:90]}"
    print(f"{name:<36} {1000 * (time.perf_counter() - started):6.0f} ms  {text}", flush=True)
    return value


def main() -> None:
    base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/v1"
    key = sys.argv[2] if len(sys.argv) > 2 else "none"
    client = OpenAI(base_url=base, api_key=key)
    show("models.list", client.models.list, lambda page: [m.id for m in page])
    show("models.retrieve", lambda: client.models.retrieve("world"), lambda m: m.id)
    videos(client)
    pictures(client)
    files_and_batches(client)
    webhooks(client)


def videos(client: OpenAI) -> None:
    v = client.videos
    made = show(
        "videos.create",
        lambda: v.create(prompt=PROMPT, seconds="4", size="512x512"),  # type: ignore[arg-type]
        lambda r: f"{r.id} {r.status}",
    )
    done = show("videos.poll", lambda: v.poll(made.id), lambda r: f"{r.status} {r.progress} %")
    show(
        "videos.retrieve",
        lambda: v.retrieve(made.id),
        lambda r: r.model_extra["moderation"]["state"],
    )
    show("videos.list", lambda: v.list(limit=5).data, lambda r: f"{len(r)} on this page")
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        clip.write_bytes(
            show(
                "videos.download_content",
                lambda: v.download_content(made.id).read(),
                lambda r: f"{len(r)} bytes",
            )
        )
        show(
            "videos.download_content thumbnail",
            lambda: v.download_content(made.id, variant="thumbnail").read(),
            lambda r: f"{len(r)} bytes",
        )
        show(
            "videos.download_content spritesheet",
            lambda: v.download_content(made.id, variant="spritesheet").read(),
            lambda r: f"{len(r)} bytes",
        )
        show(
            "content_provenance_checks.create",
            lambda: client.content_provenance_checks.create(file=clip),
            lambda r: f"{r.results[0].outcome}, {r.results[0].validation_state}",
        )
        show(
            "videos.remix",
            lambda: v.remix(done.id, prompt=PROMPT.replace("red", "blue")),
            lambda r: f"of {r.remixed_from_video_id}",
        )
        show("videos.edit", lambda: v.edit(prompt=PROMPT, video=clip), lambda r: r.id)
        show(
            "videos.extend",
            lambda: v.extend(prompt=PROMPT, seconds="4", video=clip),
            lambda r: r.id,
        )
        who = show(
            "videos.create_character",
            lambda: v.create_character(name="Ada", video=clip),
            lambda r: r.id,
        )
        show("videos.get_character", lambda: v.get_character(who.id), lambda r: r.name)
    show("videos.create, disallowed", lambda: v.create(prompt=DISALLOWED), lambda r: r.status)
    show(
        "moderations.create",
        lambda: client.moderations.create(input=[PROMPT, DISALLOWED]),
        lambda r: [x.flagged for x in r.results],
    )
    show("videos.delete", lambda: v.delete(made.id), lambda r: r.deleted)


def pictures(client: OpenAI) -> None:
    made = show(
        "images.generate",
        lambda: client.images.generate(prompt=PROMPT, model="world", size="512x512"),
        lambda r: f"{len(base64.b64decode(r.data[0].b64_json))} bytes of PNG",
    )
    if made is not None:
        data = base64.b64decode(made.data[0].b64_json)
        show(
            "images.edit",
            lambda: client.images.edit(image=("p.png", data), prompt=PROMPT),
            lambda r: len(r.data),
        )


def files_and_batches(client: OpenAI) -> None:
    body = {"prompt": PROMPT, "seconds": 1, "size": "256x256"}
    line = {"custom_id": "one", "method": "POST", "url": "/v1/videos", "body": body}
    file = show(
        "files.create",
        lambda: client.files.create(file=("b.jsonl", json.dumps(line).encode()), purpose="batch"),
        lambda r: r.id,
    )
    batch = show(
        "batches.create",
        lambda: client.batches.create(
            input_file_id=file.id, endpoint="/v1/videos", completion_window="24h"
        ),
        lambda r: r.status,
    )
    deadline = time.monotonic() + 120
    while batch.status not in ("completed", "failed") and time.monotonic() < deadline:
        time.sleep(0.5)
        batch = client.batches.retrieve(batch.id)
    show(
        "batches.retrieve",
        lambda: client.batches.retrieve(batch.id),
        lambda r: f"{r.status} {r.request_counts}",
    )
    if batch.output_file_id:
        show(
            "files.content",
            lambda: client.files.content(batch.output_file_id).read(),
            lambda r: f"{len(r)} bytes",
        )
    show("batches.list", lambda: client.batches.list(limit=5).data, len)
    show("files.list", lambda: client.files.list(limit=5).data, len)
    show("files.delete", lambda: client.files.delete(file.id), lambda r: r.deleted)


def webhooks(client: OpenAI) -> None:
    """The receiver is on this machine: allowed only with ``api.allow_private_fetch``."""
    received: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    w = client.webhooks
    url = f"http://127.0.0.1:{server.server_port}/"
    show("webhooks.event_types.list", w.event_types.list, lambda r: r.data)
    hook = show(
        "webhooks.create",
        lambda: w.create(name="t", url=url, event_types=["video.completed"]),
        lambda r: r.id,
    )
    if hook is not None:
        show(
            "webhooks.test",
            lambda: w.test(hook.id, event_type="video.completed"),
            lambda r: r.status_code,
        )
        headers, body = received[-1]
        show(
            "webhooks.unwrap",
            lambda: w.unwrap(body, headers, secret=hook.signing_secret),
            lambda r: r.type,
        )
        show(
            "webhooks.rotate_secret",
            lambda: w.rotate_secret(hook.id, keep_old_secret_active_for_24_hours=True),
            lambda r: r.signing_secret_hint,
        )
        show("webhooks.update", lambda: w.update(hook.id, name="u"), lambda r: r.name)
        show("webhooks.list", lambda: w.list().data, len)
        show("webhooks.delete", lambda: w.delete(hook.id), lambda r: r.deleted)
    server.shutdown()


if __name__ == "__main__":
    main()
