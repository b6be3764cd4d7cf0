"""Choices of the operator: pages that call the API, a token for metrics, a log behind a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from guarded_gen.access.keys import Scope
from guarded_gen.composition.services import Services
from guarded_gen.server import create_app

from .live import settings_for

PAGE = "https://app.example.com"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, str]]:
    choices = {"cors_origins": [PAGE], "metrics_token": "t0ken", "public_log": False}
    folder: Path = tmp_path_factory.mktemp("choices")
    services = Services(settings_for(folder, api=choices))
    app = create_app(services, worker=False)
    _, key = app.state.api.keys.create("default", "auditor", [Scope.AUDIT.value])
    yield TestClient(app), key
    services.close()


def test_a_page_of_a_named_origin_may_call_the_api_and_no_other(
    site: tuple[TestClient, str],
) -> None:
    http, _ = site
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x"}
    before = http.options("/v1/moderations", headers={"origin": PAGE, **asked})
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == PAGE
    answer = http.get("/v1/models", headers={"origin": PAGE})
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "retry-after" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    other = http.get("/v1/models", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    console = http.get("/verify", headers={"origin": PAGE})
    assert "access-control-allow-origin" not in console.headers


def test_metrics_ask_for_their_token(site: tuple[TestClient, str]) -> None:
    http, key = site
    for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {key}"}):
        assert http.get("/metrics", headers=given).status_code == 401
    told = http.get("/metrics", headers={"authorization": "Bearer t0ken"})
    assert told.status_code == 200
    assert "guarded_gen_" in told.text


def test_a_log_that_is_not_public_asks_for_a_key_with_its_scope(
    site: tuple[TestClient, str],
) -> None:
    http, key = site
    assert http.get("/log/checkpoint").status_code == 401
    told = http.get("/log/checkpoint", headers={"authorization": f"Bearer {key}"})
    assert told.status_code == 200, told.text
