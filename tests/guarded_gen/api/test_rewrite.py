"""A refusal that offers a safer wording, and the request that takes the offer up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from .live import serving, settings_for

OFFENDING = "a naked woman walks along the beach at sunset"
OFFERED = "a woman walks along the beach at sunset"
SMALL: dict[str, Any] = {"size": "128x128", "seconds": "1"}
RULE = """\
rules:
  - id: N-1
    category: sexual
    stage: [prompt]
    at_least: 0.2
    action: block
    reason: sexual
    examples:
      - {score: 0.9, expect: block}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    home = tmp_path_factory.mktemp("rewrite")
    text = Path(__file__).with_name("policy.yaml").read_text()
    (home / "policy.yaml").write_text(text.replace("rules:\n", RULE))
    settings = settings_for(home, policy=str(home / "policy.yaml"), prompts={"rewrite": True})
    with serving(settings, open_access=False, worker=False) as (url, app):
        yield url, app


def client_of(served: tuple[str, Any], tenant: str) -> OpenAI:
    url, app = served
    _, key = app.state.api.keys.create(tenant, "t", ["generate", "audit"])
    return OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


def refusal(client: OpenAI, **fields: Any) -> dict[str, Any]:
    with pytest.raises(openai.BadRequestError) as caught:
        client.videos.create(**fields, **SMALL)
    body = caught.value.body
    assert isinstance(body, dict)
    return body


def test_an_offer_is_taken_up_and_both_wordings_stay_on_record(served: tuple[str, Any]) -> None:
    services = served[1].state.api.services
    with client_of(served, "acme") as client:
        refused = refusal(client, prompt=OFFENDING)
        assert refused["code"] == "moderation_blocked"
        offer = refused["rewrite"]
        assert offer == {
            "prompt": OFFERED, "removed": ["naked"], "rewrite_of": refused["decision_id"],
        }  # fmt: skip
        assert "explanation" not in json.dumps(refused), "reviewers see the words, callers do not"
        video = client.videos.create(
            prompt=offer["prompt"], extra_body={"rewrite_of": offer["rewrite_of"]}, **SMALL
        )
    assert video.status == "queued"
    [decision] = video.model_extra["moderation"]["decision_ids"]
    entry = services.log.entry(decision)
    assert (entry.action, entry.related) == ("allow", refused["decision_id"])
    assert entry.body["rewrite_of"] == refused["decision_id"]
    assert json.loads(services.log.payload(refused["decision_id"]))["rewrite"]["prompt"] == OFFERED
    assert json.loads(services.log.payload(decision))["prompt"] == OFFERED


def test_what_is_sent_as_a_rewording_is_judged_like_any_prompt(served: tuple[str, Any]) -> None:
    with client_of(served, "acme") as client:
        first = refusal(client, prompt=OFFENDING)
        again = refusal(client, prompt=OFFENDING, extra_body={"rewrite_of": first["decision_id"]})
        assert again["code"] == "moderation_blocked"
        assert again["decision_id"] != first["decision_id"]


def test_only_a_refusal_of_ones_own_can_be_reworded(served: tuple[str, Any]) -> None:
    with client_of(served, "acme") as acme, client_of(served, "other") as other:
        refused = refusal(acme, prompt=OFFENDING)["decision_id"]
        allowed = acme.videos.create(prompt=OFFERED, **SMALL)
        [allowed] = allowed.model_extra["moderation"]["decision_ids"]
        for client, decision in ((other, refused), (acme, allowed), (acme, "dec_none")):
            answer = refusal(client, prompt=OFFERED, extra_body={"rewrite_of": decision})
            assert (answer["code"], answer["param"]) == ("unknown_decision", "rewrite_of")
