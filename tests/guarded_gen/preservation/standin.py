"""A stand-in for the reporting service: submit, upload, fileinfo, finish, retract."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import defusedxml.ElementTree as safe

USER, PASSWORD = "esp", "secret"


class Service:
    """What it was told. ``trouble(path)`` may give an HTTP status or a code to answer instead."""

    def __init__(self) -> None:
        self.reports: dict[str, dict[str, Any]] = {}
        self.trouble: Callable[[str], int | None] = lambda path: None
        self.url = ""

    @property
    def finished(self) -> list[str]:
        return [id for id, report in self.reports.items() if report["finished"]]

    def answer(self, path: str, body: bytes, kind: str) -> tuple[int, dict[str, str]]:
        if path == "submit":
            root = safe.fromstring(body)
            for needed in ("incidentSummary/incidentType", "incidentSummary/incidentDateTime",
                           "reporter/reportingPerson/email"):  # fmt: skip
                if not root.findtext(needed):
                    return 4100, {}
            id = str(4_000_000 + len(self.reports))
            self.reports[id] = {"xml": body, "files": {}, "details": [], "finished": False}
            return 0, {"reportId": id}
        if path == "fileinfo":
            root = safe.fromstring(body)
            report = self.reports[root.findtext("reportId")]
            if root.findtext("fileId") not in report["files"]:
                return 5002, {}
            report["details"].append(body)
            return 0, {}
        fields = self.fields(body, kind)
        id = fields["id"].decode()
        if id not in self.reports:
            return 5001, {}
        if path == "upload":
            file = hashlib.sha1(fields["file"]).hexdigest()
            self.reports[id]["files"][file] = fields["file"]
            return 0, {"fileId": file, "hash": hashlib.md5(fields["file"]).hexdigest()}
        if path == "retract":
            del self.reports[id]
            return 0, {}
        if self.reports[id]["finished"]:
            return 5102, {}
        self.reports[id]["finished"] = True
        return 0, {"reportId": id}

    def fields(self, body: bytes, kind: str) -> dict[str, bytes]:
        if "urlencoded" in kind:
            return {k: v[0].encode() for k, v in parse_qs(body.decode()).items()}
        message = message_from_bytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
            for part in message.get_payload()  # type: ignore[union-attr]
        }


@contextmanager
def running() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            path = self.path.strip("/").rpartition("/")[2]
            status, code, values = 200, 0, {}
            wrong = service.trouble(path)
            if not (self.headers.get("authorization") or "").startswith("Basic "):
                status, code = 401, 2000
            elif wrong is not None and wrong < 600:
                status = wrong
            elif wrong is not None:
                code = wrong
            else:
                code, values = service.answer(path, body, self.headers["content-type"])
            inner = "".join(f"<{k}>{v}</{k}>" for k, v in values.items())
            text = f"<reportResponse><responseCode>{code}</responseCode>{inner}</reportResponse>"
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/ispws"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield service
    server.shutdown()
    server.server_close()
