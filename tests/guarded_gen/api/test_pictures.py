"""Pictures at the API's door are looked at as the gates look at files: every frame."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from openai import OpenAI
from PIL import Image

from guarded_gen.gates.banks import bank_info
from tests.media.pictures import picture
from tests.media.wrappings import animation, other


def moderated(client: OpenAI, path: Path) -> Any:
    url = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    given = [{"type": "image_url", "image_url": {"url": url}}]
    return client.moderations.create(input=given).results[0]  # type: ignore[arg-type]


def test_a_listed_picture_is_found_in_the_second_frame(
    client: OpenAI, app: Any, tmp_path: Path
) -> None:
    listed = picture(7, 256, 256)
    Image.fromarray(listed).save(tmp_path / "listed.png")
    services = app.state.api.services
    info = bank_info("seconds", "gore", "block")
    services.banks.add(info, tmp_path / "listed.png", services.settings.limits.media)
    for ending in ("png", "gif", "webp"):
        path = animation(tmp_path / f"a.{ending}", [other(listed.shape), listed], quality=95)
        assert moderated(client, path).model_extra["action"] == "block", ending
