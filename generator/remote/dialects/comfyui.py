"""The dialect of ComfyUI: a workflow of yours with places for the prompt and the rest.

After its server's routes as its documentation names them (November 2026): ``POST /prompt``,
``GET /history/ID``, ``GET /view``, ``POST /upload/image``, ``GET`` and ``POST /queue``,
``POST /interrupt``. The workflow is exported in the API format; in it, texts such as ``{prompt}``
are filled in (:data:`PLACES`).
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from generator.errors import BackendFailed, UnsupportedSpec
from generator.remote.dialects.base import JobLook, usable
from generator.remote.http import Client
from generator.remote.settings import RemoteSettings
from generator.spec import GenerationSpec, Mode

PLACES = (
    "prompt", "negative_prompt", "seed", "width", "height", "frames", "fps", "seconds", "image",
)  # fmt: skip
"""What a workflow may name in braces. A text that is one place alone becomes its value, a number
where it is one."""
VIDEO = (".mp4", ".webm", ".mov", ".mkv", ".gif", ".webp")
MOST_WORKFLOW_BYTES = 4_000_000


class ComfyUI:
    """One queued workflow."""

    alive = "/system_stats"

    def __init__(self) -> None:
        self._made: dict[str, str] = {}

    def send(self, client: Client, spec: GenerationSpec, settings: RemoteSettings) -> str:
        workflow = load(settings.workflow)
        values: dict[str, str | int | float] = {
            "prompt": spec.prompt,
            "negative_prompt": spec.negative_prompt,
            "seed": spec.seed,
            "width": spec.width,
            "height": spec.height,
            "frames": spec.frames,
            "fps": float(spec.fps),
            "seconds": spec.seconds,
        }
        if spec.mode is Mode.IMAGE_TO_VIDEO:
            values["image"] = self._uploaded(client, spec.references[0])
        filled = fill(workflow, values)
        body = {"prompt": filled, "client_id": str(uuid.uuid4())}
        answer = client.json("POST", "/prompt", once=True, json=body)
        if answer.get("node_errors"):
            raise BackendFailed(
                f"the workflow is refused: {json.dumps(answer['node_errors'])[:200]}",
                "run it once in ComfyUI itself",
            )
        return usable(answer.get("prompt_id"))

    def _uploaded(self, client: Client, picture: Path) -> str:
        name = f"guarded-gen-{uuid.uuid4().hex}{picture.suffix}"
        files = {"image": (name, picture.read_bytes())}
        answer = client.json("POST", "/upload/image", files=files, data={"type": "input"})
        folder = answer.get("subfolder")
        return f"{folder}/{answer.get('name')}" if folder else str(answer.get("name"))

    def look(self, client: Client, job: str) -> JobLook:
        entry = client.json("GET", f"/history/{job}").get(job)
        if not isinstance(entry, dict):
            return JobLook("queued")
        status = entry.get("status") or {}
        if status.get("status_str") == "error":
            return JobLook("error", failed=True, words=_why(status))
        self._made = _video(entry.get("outputs") or {})
        if not self._made:
            return JobLook("success", failed=True, words="the workflow saves no video")
        return JobLook("completed", done=True, progress=100)

    def fetch(self, client: Client, job: str, to: Path, most: int) -> None:
        client.download(f"/view?{urlencode(self._made)}", to, most)

    def drop(self, client: Client, job: str) -> None:
        """Out of the queue; stopped only when it is the one that runs, since others use it too."""
        client.send("/queue", json={"delete": [job]})
        running = client.json("GET", "/queue").get("queue_running") or []
        if any(job in entry for entry in running if isinstance(entry, list)):
            client.send("/interrupt", json={"prompt_id": job})


def load(path: Path | None) -> dict[str, Any]:
    """A workflow in the API format. Raises :class:`UnsupportedSpec`."""
    if path is None:
        raise UnsupportedSpec(
            "this dialect needs a workflow", "set workflow to a file in ComfyUI's API format"
        )
    try:
        if path.stat().st_size > MOST_WORKFLOW_BYTES:
            raise ValueError("it is too large")
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UnsupportedSpec(f"{path} is no workflow: {error}") from error
    if not isinstance(found, dict) or not all(
        isinstance(node, dict) and "class_type" in node for node in found.values()
    ):
        raise UnsupportedSpec(
            f"{path} is no workflow in the API format", "export it with Export (API)"
        )
    if "{prompt}" not in json.dumps(found):
        raise UnsupportedSpec(f"{path} has no place for the prompt", "write {prompt} where it goes")
    return found


def fill(workflow: Any, values: dict[str, str | int | float]) -> Any:
    """The workflow with its places filled in. Raises :class:`UnsupportedSpec` for a place that has
    no value in this mode. A prompt that holds braces stays as it is."""
    if isinstance(workflow, dict):
        return {name: fill(value, values) for name, value in workflow.items()}
    if isinstance(workflow, list):
        return [fill(value, values) for value in workflow]
    if not isinstance(workflow, str) or "{" not in workflow:
        return workflow
    parts: list[str] = []
    rest = workflow
    while rest:
        at, name = min(
            ((rest.find(f"{{{name}}}"), name) for name in PLACES if f"{{{name}}}" in rest),
            default=(-1, ""),
        )
        if at < 0:
            break
        if name not in values:
            raise UnsupportedSpec(
                f"the workflow asks for {{{name}}}, which this request has not",
                "use another workflow for it",
            )
        if rest == workflow == f"{{{name}}}":
            return values[name]
        parts += [rest[:at], str(values[name])]
        rest = rest[at + len(name) + 2 :]
    return "".join([*parts, rest])


def _video(outputs: dict[str, Any]) -> dict[str, str]:
    """The first saved video among a workflow's outputs, as the query of ``/view``."""
    for node in outputs.values():
        for files in node.values() if isinstance(node, dict) else ():
            for file in files if isinstance(files, list) else ():
                name = file.get("filename") if isinstance(file, dict) else None
                kept = isinstance(file, dict) and file.get("type", "output") == "output"
                if kept and isinstance(name, str) and name.lower().endswith(VIDEO):
                    return {
                        "filename": name,
                        "subfolder": str(file.get("subfolder", "")),
                        "type": "output",
                    }
    return {}


def _why(status: dict[str, Any]) -> str:
    for message in status.get("messages") or ():
        if isinstance(message, list) and len(message) == 2 and message[0] == "execution_error":
            told = message[1] if isinstance(message[1], dict) else {}
            return str(told.get("exception_message", "")).strip()
    return "no reason was given"
