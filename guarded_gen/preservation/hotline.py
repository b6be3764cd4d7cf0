"""The client of the reporting service: submit, upload, fileinfo, finish, retract.

Only a *finished* report is a report; one that was submitted and never finished counts for nothing.
So a process that dies in between goes on with the number that it noted, or, where it could not note
one, submits anew: there is one finished report either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import defusedxml.ElementTree as safe
import httpx
from defusedxml import DefusedXmlException

from guarded_gen.preservation.errors import HotlineAway, HotlineRefused
from guarded_gen.preservation.settings import HotlineSettings

SUCCESS = 0
ALREADY_FINISHED = 5102
ALREADY_RETRACTED = 5101
NO_REPORT = 5001
RETRYABLE = range(1000, 2000)
"""The service's own faults: server error, save failed, upload failed."""
MAX_ANSWER_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class HotlineAnswer:
    """What the service said: its code, its words, and the ids in it."""

    code: int
    said: str
    values: Mapping[str, str]


class Hotline:
    """One connection. Every call raises :class:`HotlineAway` or :class:`HotlineRefused`."""

    def __init__(self, settings: HotlineSettings, transport: httpx.BaseTransport | None = None):
        self._client = httpx.Client(
            base_url=settings.url.rstrip("/") + "/",
            auth=(settings.username, settings.password.get_secret_value()),
            timeout=settings.timeout_s,
            follow_redirects=False,
            transport=transport,
        )

    def close(self) -> None:
        self._client.close()

    def submit(self, document: bytes) -> str:
        """Open a report; returns its number."""
        answer = self._call("submit", content=document, headers={"content-type": "text/xml"})
        return _value(answer, "reportId")

    def upload(self, report: str, name: str, content: bytes, md5: str) -> str:
        """Add a file; returns its id. The service's own hash of it must be ``md5``."""
        answer = self._call("upload", data={"id": report}, files={"file": (name, content)})
        theirs = answer.values.get("hash", "").lower()
        if theirs and theirs != md5:
            raise HotlineAway(f"{name} arrived changed at the hotline", "it is sent again")
        return _value(answer, "fileId")

    def describe(self, document: bytes) -> None:
        """Say what a file is."""
        self._call("fileinfo", content=document, headers={"content-type": "text/xml"})

    def finish(self, report: str) -> None:
        """Make it a report. Saying so twice is no error."""
        self._call("finish", data={"id": report}, fine=(ALREADY_FINISHED,))

    def retract(self, report: str) -> None:
        """Take an unfinished report back."""
        self._call("retract", data={"id": report}, fine=(ALREADY_RETRACTED, NO_REPORT))

    def _call(self, path: str, *, fine: tuple[int, ...] = (), **options: object) -> HotlineAnswer:
        try:
            got = self._client.post(path, **options)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            raise HotlineAway(
                f"the hotline does not answer: {type(error).__name__}", "it is tried again"
            ) from error
        if got.status_code >= 500 or got.status_code in (408, 429):
            raise HotlineAway(f"the hotline answered {got.status_code}", "it is tried again")
        answer = _parse(got.content, got.status_code)
        if answer.code == SUCCESS or answer.code in fine:
            return answer
        if answer.code in RETRYABLE:
            raise HotlineAway(f"the hotline: {answer.code} {answer.said}", "it is tried again")
        raise HotlineRefused(
            f"the hotline refused it: {answer.code} {answer.said}", "correct it, then ask again"
        )


def _parse(content: bytes, status: int) -> HotlineAnswer:
    try:
        if len(content) > MAX_ANSWER_BYTES:
            raise ValueError("too long")
        root = safe.fromstring(content)
        values = {node.tag.rpartition("}")[2]: (node.text or "").strip() for node in root.iter()}
        return HotlineAnswer(
            int(values["responseCode"]), values.get("responseDescription", ""), values
        )
    except (ValueError, KeyError, safe.ParseError, DefusedXmlException) as error:
        raise HotlineAway(
            f"the hotline's answer cannot be read (HTTP {status})", "it is tried again"
        ) from error


def _value(answer: HotlineAnswer, name: str) -> str:
    if not answer.values.get(name):
        raise HotlineAway(f"the hotline's answer names no {name}", "it is tried again")
    return answer.values[name]
