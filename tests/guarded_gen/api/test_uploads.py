"""``/v1/uploads/label`` over HTTP, and the place and label of a request at the door."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.waiting import PATIENCE_S

from .live import serving, settings_for

PROMPT = "a red circle moves over the sea"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("uploads")
    compliance = {"provider": "Example Studio"}
    with serving(settings_for(home, compliance=compliance)) as (url, _):
        yield url


def label(url: str, data: bytes, **fields: str) -> dict[str, Any]:
    answer = httpx.post(
        f"{url}/v1/uploads/label", files={"file": ("x.png", data)}, data=fields, timeout=PATIENCE_S
    )
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_a_picture_of_ours_is_told_with_its_place_and_label_and_others_are_not(url: str) -> None:
    with OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        made = client.images.generate(
            prompt=PROMPT, model="world", size="512x512", n=1,
            extra_body={"jurisdiction": "DE", "label": {"text": "AI picture", "size": "0.08"}},
        )  # fmt: skip
        data = base64.b64decode(str(made.data[0].b64_json))  # type: ignore[index]
        check = client.content_provenance_checks.create(file=("p.png", data))
        manifest = check.model_extra["report"]["verification"]["manifest"]  # type: ignore[index]
        told = manifest["assertions"]["org.guarded-gen.disclosure"]
        assert told["profiles"] == ["eu-ai-act"]
        assert (told["visibleLabel"]["text"], told["visibleLabel"]["share"]) == ("AI picture", 0.08)
        for wrong, code in (
            ({"jurisdiction": "CN"}, "compliance_unmet"),
            ({"jurisdiction": "ZZ"}, "invalid_input"),
            ({"jurisdiction": "IN", "label": False}, "compliance_unmet"),
        ):
            with pytest.raises(openai.BadRequestError) as caught:
                client.images.generate(
                    prompt=PROMPT, model="world", size="512x512", extra_body=wrong
                )
            assert caught.value.code == code

    said = label(url, data, declared="false")
    assert said["label"].startswith("Made by a computer program") and said["notice"] == "generated"
    assert said["signed"] and said["contradicts_declaration"] is True, "the mark says it too"
    stripped = label(url, _without_credentials(data))
    assert stripped["label"] == "Made with AI, says Example Studio by an invisible mark"
    assert stripped["made_with_ai"] is True
    plain = label(url, _noise())
    assert plain["label"] is None and plain["made_with_ai"] is None and plain["notice"] == "none"
    missing = httpx.post(f"{url}/v1/uploads/label", data={"declared": "true"})
    assert missing.status_code == 400


def _without_credentials(data: bytes) -> bytes:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(out, "PNG")
    return out.getvalue()


def _noise() -> bytes:
    import io

    import numpy as np
    from PIL import Image

    out = io.BytesIO()
    noise = np.random.default_rng(3).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


def test_nothing_is_kept_of_an_upload(url: str, tmp_path: Path) -> None:
    before = label(url, _noise())
    assert label(url, _noise()) == before
