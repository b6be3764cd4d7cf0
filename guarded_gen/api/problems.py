"""One error body for two worlds: RFC 9457 problem details and the ``{"error": {…}}`` of SDKs.

``{"type", "title", "status", "detail", "instance", "code", "remedy", "error": {"message",
"type", "code", "param", …}}``, served as ``application/problem+json``. The ``instance`` is the
request id, which also stands in the ``x-request-id`` header.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from guarded_gen.errors import describe

PROBLEM_JSON = "application/problem+json"

_ERROR_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
# What a client may send again unchanged with a hope of success; everything else says no.
_WORTH_A_RETRY = frozenset({408, 425, 429, 502, 503, 504})


class Problem(Exception):
    """An answer that is an error. ``extra`` is added to the inner ``error`` object."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        remedy: str | None = None,
        error_type: str | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.remedy = remedy
        self.error_type = error_type or _ERROR_TYPES.get(
            status, "server_error" if status >= 500 else "invalid_request_error"
        )
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
        self.retry = status in _WORTH_A_RETRY if retry is None else retry

    @classmethod
    def of(cls, error: BaseException) -> Problem:
        """Any error of the rooms below, in this shape; unknown ones reveal nothing."""
        if isinstance(error, Problem):
            return error
        told = describe(error)
        return cls(told.http_status, told.code, told.message, param=told.param, remedy=told.remedy)

    def body(self, request_id: str) -> dict[str, Any]:
        try:
            title = HTTPStatus(self.status).phrase
        except ValueError:
            title = "Error"
        body: dict[str, Any] = {
            "type": f"urn:guarded-gen:error:{self.code}",
            "title": title,
            "status": self.status,
            "detail": self.message,
            "instance": f"urn:guarded-gen:request:{request_id}",
            "code": self.code,
            "error": {
                "message": self.message,
                "type": self.error_type,
                "code": self.code,
                "param": self.param,
                **self.extra,
            },
        }
        if self.remedy:
            body["remedy"] = self.remedy
            body["error"]["remedy"] = self.remedy
        return body

    def response(self, request_id: str) -> Response:
        headers = {"x-should-retry": "true" if self.retry else "false", **self.headers}
        return Response(
            json.dumps(self.body(request_id), ensure_ascii=False),
            status_code=self.status,
            headers=headers,
            media_type=PROBLEM_JSON,
        )


def invalid(message: str, param: str | None = None, code: str = "invalid_value") -> Problem:
    return Problem(400, code, message, param=param)


def not_found(what: str, id: str) -> Problem:
    """The same words for what does not exist and for what belongs to another tenant."""
    return Problem(404, "not_found", f"no {what} with id {id[:80]!r}", param="id")
