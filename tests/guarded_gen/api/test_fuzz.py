"""schemathesis over the whole OpenAPI document: no answer is a 5xx, every error is a problem."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from .live import serving, settings_for

EXAMPLES = int(os.environ.get("GUARDED_GEN_FUZZ_EXAMPLES", "4"))
_OURS = ("/v1/", "/healthz")
_UPSTREAM = ("/v1/manifests", "/v1/services", "/v1/matches")
"""Routes of the Soft Binding Resolution API have the specification's own error bodies."""


_WAITS = "/v1/images"
"""Pictures are answered when a worker has made them."""


@pytest.mark.timeout(900)
def test_no_request_breaks_the_service(tmp_path: Path) -> None:
    with serving(settings_for(tmp_path / "home"), worker=False) as (url, _app):
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        walked = 0
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path.startswith(_WAITS) or operation.path.endswith("/events"):
                continue
            if operation.path.startswith(_OURS):
                check(operation)
                walked += 1
        assert walked > 40


@pytest.mark.timeout(1_800)
def test_no_request_for_pictures_breaks_the_service(tmp_path: Path) -> None:
    """With a worker, since an accepted request is answered with the finished pictures."""
    options = settings_for(tmp_path / "home").api.model_copy(update={"image_wait_s": 600.0})
    with serving(settings_for(tmp_path / "home", api=options)) as (url, _app):
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        found = [operation.ok() for operation in schema.get_all_operations()]
        pictures = [operation for operation in found if operation.path.startswith(_WAITS)]
        assert {operation.path for operation in pictures} == {
            "/v1/images/generations", "/v1/images/edits", "/v1/images/{image_id}/content",
        }  # fmt: skip
        for operation in pictures:
            check(operation)


def check(operation: Any) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def holds(case: Any) -> None:
        answer = case.call(timeout=900)
        shown = (operation.method, operation.path, answer.status_code, answer.text[:400])
        assert answer.status_code < 500, shown
        if answer.status_code >= 400 and not operation.path.startswith(_UPSTREAM):
            assert "problem+json" in str(answer.headers.get("content-type")), shown
            assert operation.method == "head" or answer.json()["error"]["code"], shown

    holds()
