"""The other services of the official client."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from PIL import Image

from tests import waiting
from tests.waiting import until

from .receiver import receiving

PROMPT = "a red ball rolls from left to right over green grass"
SMALL: dict[str, Any] = {"size": "128x128", "seconds": "1"}
VIOLENT = "a man kills another man with a knife, blood everywhere"


@pytest.fixture(scope="module")
def done(url: str) -> Any:
    client = OpenAI(base_url=f"{url}/v1", api_key="none")
    video = client.videos.create_and_poll(prompt=PROMPT, **SMALL)
    assert video.status == "completed", video
    return video


@pytest.mark.parametrize("name", ["sora-2", "sora-2-pro", "gpt-image-1"])
def test_names_of_the_former_services_mean_the_default_backend(
    client: OpenAI, url: str, name: str
) -> None:
    if name.startswith("sora"):
        made = client.videos.create(prompt=PROMPT, model=name, **SMALL)
        assert made.model == "world"
        client.videos.delete(made.id)
    else:
        body = {"prompt": PROMPT, "model": name, "size": "128x128", "response_format": "b64_json"}
        answer = waiting.post(f"{url}/v1/images/generations", json=body)
        assert answer.status_code == 200, answer.text
        assert base64.b64decode(answer.json()["data"][0]["b64_json"]).startswith(b"\x89PNG")


def test_list_pages_and_delete(client: OpenAI) -> None:
    made = [client.videos.create(prompt=PROMPT, **SMALL).id for _ in range(3)]
    listed = [video.id for video in client.videos.list(limit=2)]
    assert listed[:3] == made[::-1]
    assert len(listed) == len(set(listed)) > 2
    upward = client.videos.list(limit=100, order="asc").data
    assert [v.id for v in upward] == listed[::-1]
    assert client.videos.delete(made[0]).deleted
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve(made[0])


def test_remix_keeps_the_seed(client: OpenAI, done: Any) -> None:
    video = client.videos.remix(done.id, prompt="a blue ball rolls over green grass")
    assert video.remixed_from_video_id == done.id
    assert video.model_extra["seed"] == done.model_extra["seed"]
    assert video.size == done.size
    assert client.videos.poll(video.id).status == "completed"


def test_edit_and_extend_say_what_the_backend_cannot_do(url: str, done: Any) -> None:
    for path, extra in (("edits", {}), ("extensions", {"seconds": "4"})):
        for kind in ("json", "form"):
            if kind == "json":
                body = {"prompt": PROMPT, "video": {"id": done.id}, **extra}
                answer = waiting.post(f"{url}/v1/videos/{path}", json=body)
            else:
                form = {"prompt": PROMPT, "video[id]": done.id, **extra}
                answer = waiting.post(
                    f"{url}/v1/videos/{path}", files={k: (None, v) for k, v in form.items()}
                )
            assert answer.status_code == 400, answer.text
            assert answer.json()["error"]["code"] == "unsupported_mode"


def test_character_is_tied_to_a_consent(client: OpenAI, url: str, done: Any) -> None:
    clip = client.videos.download_content(done.id).read()
    character = client.videos.create_character(name="Ada", video=("a.mp4", clip))
    assert client.videos.get_character(str(character.id)).name == "Ada"
    assert character.model_extra["usable"] is False
    kept = waiting.post(
        f"{url}/v1/videos/characters", data={"name": "Bo", "consent_id": "c-1"},
        files={"video": ("b.mp4", clip)},
    ).json()  # fmt: skip
    assert kept["usable"] is True
    assert waiting.delete(f"{url}/v1/videos/characters/{kept['id']}").json()["deleted"]
    assert waiting.get(f"{url}/v1/videos/characters/{kept['id']}").status_code == 404


def test_images_are_signed(client: OpenAI) -> None:
    made = client.images.generate(prompt=PROMPT, model="world", size="256x256", n=1)
    assert made.data
    data = base64.b64decode(str(made.data[0].b64_json))
    assert Image.open(io.BytesIO(data)).size == (256, 256)
    check = client.content_provenance_checks.create(file=("p.png", data))
    assert check.results[0].validation_state == "trusted"
    for model in ("world", "dit"):  # the second can edit, but videos only
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.edit(image=("p.png", data), prompt="make it blue", model=model)
        assert caught.value.code == "unsupported_mode"


def test_the_caller_chooses_the_format(client: OpenAI) -> None:
    made = client.images.generate(
        prompt=PROMPT, model="world", size="256x256", n=1, output_format="webp"
    )
    assert made.output_format == "webp"
    data = base64.b64decode(str(made.data[0].b64_json))  # type: ignore[index]
    assert Image.open(io.BytesIO(data)).format == "WEBP"
    clip = client.videos.create_and_poll(
        prompt=PROMPT, seconds="1", size="256x256", extra_body={"format": "webp"}
    )
    assert clip.model_extra["format"] == "webp"
    content = client.videos.download_content(clip.id)
    assert content.response.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(content.read())).n_frames == 24  # type: ignore[attr-defined]
    with pytest.raises(openai.BadRequestError) as caught:
        client.videos.create(prompt=PROMPT, extra_body={"format": "png"})
    assert caught.value.param == "format"
    with pytest.raises(openai.BadRequestError):
        client.images.generate(prompt=PROMPT, output_format="jpeg")


def test_moderation_of_pictures_and_bad_inputs(client: OpenAI) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "green").save(picture, "PNG")
    url = "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()
    judged = client.moderations.create(
        input=[{"type": "text", "text": "a lake"}, {"type": "image_url", "image_url": {"url": url}}]
    )
    assert len(judged.results) == 1
    for bad in ([], [1], [{"type": "image_url", "image_url": {"url": "data:,x"}}], ""):
        with pytest.raises(openai.BadRequestError):
            client.moderations.create(input=bad)  # type: ignore[arg-type]


def test_models(client: OpenAI) -> None:
    models = {model.id: model for model in client.models.list()}
    assert models["world"].model_extra["neural"] is False
    assert client.models.retrieve("world").owned_by == "guarded-gen"


def test_a_refusal_can_be_understood_and_appealed(client: OpenAI, url: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.videos.create(prompt=VIOLENT, **SMALL)
    error = caught.value
    assert error.code == "moderation_blocked"
    assert error.response.headers["x-should-retry"] == "false"
    body = error.body
    assert isinstance(body, dict)
    assert body["reason_code"] == "violence"
    assert body["appeal_url"].startswith(f"{url}/appeal/{body['decision_id']}/")
    assert waiting.get(body["appeal_url"]).status_code == 200
    appeal = waiting.post(
        f"{url}/v1/appeals", json={"decision_id": body["decision_id"], "reason": "it is a film"}
    )
    assert appeal.status_code == 200, appeal.text
    listed = waiting.get(f"{url}/v1/appeals", params={"decision_id": body["decision_id"]}).json()
    assert listed["data"][0]["id"] == appeal.json()["id"]
    entry = waiting.get(f"{url}/v1/audit/entries/{body['decision_id']}").json()
    assert entry["decision"]["action"] == "block"
    assert "knife" not in json.dumps(entry)


def test_a_batch_of_videos(client: OpenAI) -> None:
    body = {"prompt": PROMPT, "size": "128x128", "seconds": 1}
    lines = [
        {"custom_id": f"l{n}", "method": "POST", "url": "/v1/videos", "body": b}
        for n, b in enumerate([body, {**body, "prompt": VIOLENT}, {**body, "size": "1x1"}])
    ]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    source = client.files.create(file=("in.jsonl", data), purpose="batch")
    assert client.files.content(source.id).read() == data
    batch = client.batches.create(
        input_file_id=source.id, endpoint="/v1/videos", completion_window="24h"
    )
    batch = until(lambda: (b := client.batches.retrieve(batch.id)).status == "completed" and b)
    counts = batch.request_counts
    assert counts and (counts.total, counts.completed, counts.failed) == (3, 1, 2)
    [good] = client.files.content(str(batch.output_file_id)).read().splitlines()
    assert json.loads(good)["response"]["body"]["status"] == "completed"
    bad = client.files.content(str(batch.error_file_id)).read().splitlines()
    codes = [json.loads(line)["response"]["body"]["error"]["code"] for line in bad]
    assert codes == ["moderation_blocked", "limit_exceeded"]
    assert batch.id in [b.id for b in client.batches.list(limit=5)]
    wrong = client.files.create(file=("in.jsonl", b"not json\n"), purpose="batch")
    failed = client.batches.create(
        input_file_id=wrong.id, endpoint="/v1/videos", completion_window="24h"
    )
    failed = until(lambda: (b := client.batches.retrieve(failed.id)).status == "failed" and b)
    assert failed.errors and failed.errors.data and failed.errors.data[0].line == 1
    assert client.files.delete(wrong.id).deleted


def about(id: str) -> Callable[[tuple[dict[str, str], bytes]], bool]:
    """Whether a delivery tells of this video: those of other tests may still be under way."""
    return lambda delivery: json.loads(delivery[1])["data"]["id"] == id


def test_webhooks_are_signed_and_verified_by_the_sdk(client: OpenAI) -> None:
    with receiving([503]) as (hook, received):
        endpoint = client.webhooks.create(
            name="t", url=hook, event_types=["video.completed", "video.failed"]
        )
        result = client.webhooks.test(endpoint.id, event_type="video.completed")
        assert result.status_code == 503
        first = endpoint.signing_secret
        rotated = client.webhooks.rotate_secret(
            endpoint.id, keep_old_secret_active_for_24_hours=True
        )
        assert rotated.signing_secret != first
        video = client.videos.create(prompt=PROMPT, **SMALL)
        headers, body = until(lambda: next(filter(about(video.id), received[1:]), None))
        event = client.webhooks.unwrap(body, headers, secret=rotated.signing_secret)
        assert client.webhooks.unwrap(body, headers, secret=first)
        assert event.type == "video.completed"  # type: ignore[comparison-overlap]
        assert event.data.id == video.id  # type: ignore[union-attr]
        with pytest.raises(openai.InvalidWebhookSignatureError):
            client.webhooks.unwrap(body + b" ", headers, secret=first)
        assert client.webhooks.update(endpoint.id, name="u").name == "u"
        assert "video.completed" in client.webhooks.event_types.list().data
        assert [e.id for e in client.webhooks.list()] == [endpoint.id]
        assert client.webhooks.delete(endpoint.id).deleted


def test_progress_as_events(url: str, client: OpenAI) -> None:
    video = client.videos.create(prompt=PROMPT, **SMALL)
    names = []
    with waiting.stream("GET", f"{url}/v1/videos/{video.id}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("event:"):
                names.append(line.split(":", 1)[1].strip())
    assert names[-1] == "video.completed"


def test_held_for_a_person_then_approved(client: OpenAI, url: str) -> None:
    video = client.videos.create(prompt="Punainen pallo vierii vihreällä nurmella", **SMALL)
    assert video.status == "in_progress"
    assert video.model_extra["moderation"]["state"] == "pending_review"
    cases = waiting.get(f"{url}/v1/reviews").json()["data"]
    case = next(case for case in cases if case["item"] == video.id)
    decided = waiting.post(
        f"{url}/v1/reviews/{case['id']}/decision",
        json={"action": "allow", "reason": "context_changes_meaning"},
    )
    assert decided.status_code == 200, decided.text
    ended = until(lambda: (v := client.videos.retrieve(video.id)).status == "completed" and v)
    assert ended.model_extra["moderation"]["state"] == "approved"


def test_policies_and_replay(url: str, done: Any) -> None:
    listed = waiting.get(f"{url}/v1/policies").json()["data"]
    assert any(item["active"] and item["digest"] for item in listed)
    text = Path(__file__).with_name("policy.yaml").read_text()
    same = waiting.post(f"{url}/v1/policies/replays", json={"policy": text}).json()
    assert same["decisions"] > 0
    assert same["changed"] == 0, same
    stricter = text.replace("at_least: 0.6", "at_least: 0.01").replace("score: 0.9", "score: 0.99")
    other = waiting.post(f"{url}/v1/policies/replays", json={"policy": stricter}).json()
    assert other["changes"].get("allow>review", 0) > 0, other
    for example in other["examples"]:
        assert example["reason"] and example["before"] != example["after"]
    wrong = waiting.post(f"{url}/v1/policies/replays", json={"policy": "rules: ["})
    assert wrong.status_code == 400


def test_a_policy_from_a_client_reads_no_file_of_the_server(url: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2\n")
    text = f"policy: x\nversion: '1'\nextends: {secret}\n"
    answer = waiting.post(f"{url}/v1/policies/replays", json={"policy": text})
    assert answer.status_code == 400
    assert "a policy of the library" in answer.text
    assert "hunter2" not in answer.text
