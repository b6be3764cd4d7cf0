"""An erasure takes a person's words and name out of everything that the home keeps in databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from guarded_gen.audit.erasure import erase
from guarded_gen.errors import Conflict

from .live import serving, settings_for

WORDS = "a crimson zeppelin glides over unmistakable dunes"
NAME = "zebulon-unmistakable"


def left(home: Path, secret: str) -> list[str]:
    """The database files of a home that hold a text."""
    return [
        path.name
        for path in home.rglob("*.db*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]


def test_words_and_name_are_gone_from_every_database_file(tmp_path: Path) -> None:
    with serving(settings_for(tmp_path)) as (url, app):
        log = app.state.api.services.log
        client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        ask: dict[str, Any] = {
            "extra_body": {"user": NAME, "metadata": {"of": NAME}, "negative_prompt": WORDS},
            "extra_headers": {"Idempotency-Key": "once"},
        }
        made = client.videos.create(prompt=WORDS, seconds="2", size="256x256", **ask)  # type: ignore[arg-type]
        with pytest.raises(Conflict, match="nothing was erased"):
            erase(log, NAME, "default", "test", "asked for it")
        done = client.videos.poll(made.id)
        assert done.status == "completed"
        assert left(tmp_path, WORDS) and left(tmp_path, NAME)
        gone = erase(log, NAME, "default", "test", "asked for it")
        assert gone.rows >= 1
        again = client.videos.retrieve(made.id)
        assert again.status == "completed" and again.prompt == ""
        assert client.videos.download_content(made.id).read()
    assert left(tmp_path, WORDS) == [] and left(tmp_path, NAME) == []
