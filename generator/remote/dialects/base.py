"""What the backend asks of a dialect, and the way of ``/videos`` that most servers go."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from generator.errors import BackendFailed
from generator.remote.http import Client

if TYPE_CHECKING:
    from generator.remote.settings import RemoteSettings
    from generator.spec import GenerationSpec

WORKING = frozenset({"queued", "in_progress", "processing", "pending", "running"})


@dataclass(frozen=True, slots=True)
class JobLook:
    """One look at a job. ``progress`` is 0 to 100, None where the server does not tell;
    ``words`` say why it failed."""

    status: str
    done: bool = False
    failed: bool = False
    progress: int | None = None
    words: str = ""


class Dialect(Protocol):
    """One job on one kind of server. Every call raises :class:`BackendFailed`."""

    alive: str
    """What is asked below the base URL to see whether the server answers."""

    def send(self, client: Client, spec: GenerationSpec, settings: RemoteSettings) -> str:
        """Begin the job; returns its id."""
        ...

    def look(self, client: Client, job: str) -> JobLook: ...

    def fetch(self, client: Client, job: str, to: Path, most: int) -> None:
        """Write the finished video to ``to``, at most ``most`` bytes."""
        ...

    def drop(self, client: Client, job: str) -> None:
        """Cancel the job, or delete what came of it."""
        ...


class Videos:
    """POST ``/videos``, poll, ``/content``: what differs is the body."""

    alive = "/models"

    def body(self, spec: GenerationSpec, model: str) -> dict[str, Any]:
        """The body of the POST, as arguments of httpx."""
        raise NotImplementedError

    def content(self, job: str) -> str:
        """Where the finished video lies, below the base URL."""
        return f"/videos/{job}/content"

    def send(self, client: Client, spec: GenerationSpec, settings: RemoteSettings) -> str:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = client.json("POST", "/videos", headers, **self.body(spec, settings.model))
        return usable(answer.get("id"))

    def look(self, client: Client, job: str) -> JobLook:
        answer = client.json("GET", f"/videos/{job}")
        status, progress, error = (answer.get(name) for name in ("status", "progress", "error"))
        words = error.get("message") if isinstance(error, dict) else error
        return JobLook(
            str(status),
            done=status == "completed",
            failed=status != "completed" and status not in WORKING,
            progress=int(progress) if isinstance(progress, int | float) else None,
            words=str(words),
        )

    def fetch(self, client: Client, job: str, to: Path, most: int) -> None:
        client.download(self.content(job), to, most)

    def drop(self, client: Client, job: str) -> None:
        client.json("DELETE", f"/videos/{job}")


def usable(job: object) -> str:
    """An id that is safe in an address, or :class:`BackendFailed`."""
    if not isinstance(job, str) or not job.replace("-", "").replace("_", "").isalnum():
        raise BackendFailed("the server gave no usable id for the video")
    return job
