from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from .live import serving, settings_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    home = tmp_path_factory.mktemp("api")
    with serving(settings_for(home)) as (url, app):
        yield url, app


@pytest.fixture(scope="module")
def url(server: tuple[str, Any]) -> str:
    return server[0]


@pytest.fixture(scope="module")
def app(server: tuple[str, Any]) -> Any:
    return server[1]


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client
