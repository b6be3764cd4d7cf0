"""The official client, unmodified, against a real server."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests import waiting

warnings.filterwarnings("ignore", category=DeprecationWarning)
PROMPT = "a red ball rolls from left to right over green grass"
SMALL = {"size": "128x128", "seconds": "1"}


def test_create_poll_download_moderate_and_check(client: OpenAI, tmp_path: Path) -> None:
    video = client.videos.create_and_poll(prompt=PROMPT, **SMALL)
    assert video.status == "completed", video
    assert video.progress == 100
    assert video.id.startswith("video_")
    assert (video.seconds, video.size) == ("1", "128x128")
    assert video.expires_at and video.completed_at and video.expires_at > video.completed_at
    moderation = video.model_extra["moderation"]
    assert moderation["state"] == "allowed"
    assert len(moderation["decision_ids"]) == 2

    clip = tmp_path / "clip.mp4"
    client.videos.download_content(video.id).write_to_file(clip)
    assert clip.read_bytes()[4:8] == b"ftyp"
    for variant in ("thumbnail", "spritesheet"):
        picture = client.videos.download_content(video.id, variant=variant).read()
        assert picture[:2] == b"\xff\xd8"

    check = client.content_provenance_checks.create(file=clip)
    [c2pa] = [r for r in check.results if r.type == "c2pa"]
    assert (c2pa.outcome, c2pa.validation_state) == ("detected", "trusted")

    data = bytearray(clip.read_bytes())
    data[data.index(b"mdat") + 2_000] ^= 1
    check = client.content_provenance_checks.create(file=("x.mp4", io.BytesIO(bytes(data))))
    assert check.results[0].validation_state == "invalid"
    assert check.results[0].outcome == "not_detected"

    judged = client.moderations.create(input=["a quiet lake", "a red ball"])
    assert len(judged.results) == 2
    assert judged.results[0].category_scores.violence < 0.5


async def test_async_client_does_the_same(url: str) -> None:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
        video = await client.videos.create_and_poll(prompt=PROMPT, **SMALL)
        assert video.status == "completed"
        content = await client.videos.download_content(video.id)
        assert (await content.aread())[4:8] == b"ftyp"
        judged = await client.moderations.create(input="a quiet lake")
        assert judged.results[0].flagged is False


def test_json_and_numbers_as_text_are_the_same_request(url: str) -> None:
    body = {"prompt": PROMPT, "seconds": 1, "size": "128x128", "seed": "7"}
    answer = waiting.post(f"{url}/v1/videos", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["seed"] == 7
    assert answer.headers["openai-poll-after-ms"]
    assert answer.headers["x-request-id"].startswith("req_")
    form = {k: (None, str(v)) for k, v in body.items()}
    answer = waiting.post(f"{url}/v1/videos", files=form)
    assert answer.status_code == 200, answer.text
    assert answer.json()["seconds"] == "1"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_required_parameter", "prompt"),
        ({"prompt": ""}, "invalid_value", "prompt"),
        ({"prompt": "x", "size": "big"}, "invalid_value", "size"),
        ({"prompt": "x", "seconds": "many"}, "invalid_value", "seconds"),
        ({"prompt": "x", "seconds": 1e9}, "limit_exceeded", "seconds"),
        ({"prompt": "x", "colour": "red"}, "unknown_parameter", "colour"),
        ({"prompt": "x", "model": "other"}, "model_not_found", "model"),
        ({"prompt": "y" * 100_000}, "limit_exceeded", "prompt"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(url: str, body: dict, code: str, param: str) -> None:
    answer = waiting.post(f"{url}/v1/videos", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-should-retry"] == "false"
    problem = answer.json()
    assert problem["status"] == 400
    assert problem["error"]["code"] == code == problem["code"]
    assert problem["error"]["param"] == param


def test_a_missing_video_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.videos.retrieve("video_none")
    assert caught.value.code == "not_found"
    assert caught.value.request_id


def test_health(url: str) -> None:
    assert waiting.get(f"{url}/healthz").json()["status"] == "ok"
    ready = waiting.get(f"{url}/readyz")
    assert ready.status_code == 200, ready.text
    assert "guarded_gen_http_requests_total" in waiting.get(f"{url}/metrics").text
