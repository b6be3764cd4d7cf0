"""The OpenAPI document is a contract: whole, kept, and good for generated clients."""

from __future__ import annotations

import ast
import copy
import importlib
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel

from guarded_gen.api import requests as bodies
from guarded_gen.api.examples import EXAMPLES
from tests import waiting
from tests.waiting import until

from .receiver import receiving

ROOT = Path(__file__).parents[3]
contract = SimpleNamespace(**runpy.run_path(str(ROOT / "scripts" / "contract.py")))
VIOLENT = "a man kills another man with a knife, blood everywhere"


@pytest.fixture(scope="module")
def document(url: str) -> dict[str, Any]:
    made: dict[str, Any] = waiting.get(f"{url}/openapi.json").json()
    return made


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    every = (one for methods in document["paths"].values() for one in methods.values())
    return {one["operationId"]: one for one in every}


def test_every_operation_is_described_as_a_whole(document: dict[str, Any]) -> None:
    validate(document)
    every = operations(document)
    assert len(every) == sum(len(methods) for methods in document["paths"].values())
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in every.items():
        assert set(operation["tags"]) <= tags, name
        content = operation.get("requestBody", {}).get("content", {})
        assert len(content) <= 1, f"{name} has one body"
        for schema in [*content.values(), *_contents(operation)]:
            assert schema["schema"].get("$ref") or schema["schema"].get("type") == "string", name
    assert every["healthz"]["security"] == [] and "security" not in every["create_video"]
    assert document["security"] == [{"key": []}]
    assert set(document["webhooks"]) >= {"video.completed", "video.failed", "appeal.decided"}


def _contents(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for r in operation["responses"].values() for c in r.get("content", {}).values()]


def test_every_operation_that_takes_json_has_an_example(document: dict[str, Any]) -> None:
    taking = {
        name
        for name, operation in operations(document).items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    } - {"query_by_large_binding"}  # of C2PA's own contract
    assert taking <= set(EXAMPLES) <= set(operations(document))


def test_no_request_has_a_default(document: dict[str, Any]) -> None:
    """A client made by ``openapi-typescript`` would have to send it."""
    schemas = document["components"]["schemas"]
    fields = {
        (name, field): described
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
    }
    assert fields["LinkVideo", "expires_in"]["description"] == "By default 3600."
    assert [where for where, described in fields.items() if "default" in described] == []


def test_the_contract_is_the_one_that_was_kept(document: dict[str, Any]) -> None:
    kept = json.loads(contract.KEPT.read_text("utf-8"))
    assert contract.breaking(kept, document) == []
    assert contract.differences(kept, document) == [], "run: python scripts/contract.py"


def _drop_operation(d: dict[str, Any]) -> None:
    del d["paths"]["/v1/models"]["get"]


def _rename(d: dict[str, Any]) -> None:
    d["paths"]["/v1/models"]["get"]["operationId"] = "models"


def _require(d: dict[str, Any]) -> None:
    d["components"]["schemas"]["CreateVideo"]["required"].append("seconds")


def _drop_field(d: dict[str, Any]) -> None:
    del d["components"]["schemas"]["Video"]["properties"]["progress"]


def _optional(d: dict[str, Any]) -> None:
    d["components"]["schemas"]["Video"]["required"].remove("status")


def _retype(d: dict[str, Any]) -> None:
    d["components"]["schemas"]["Video"]["properties"]["progress"] = {"type": "string"}


def _new_status(d: dict[str, Any]) -> None:
    d["components"]["schemas"]["Video"]["properties"]["status"]["enum"].append("paused")


def _numbers_only(d: dict[str, Any]) -> None:
    d["components"]["schemas"]["CreateVideo"]["properties"]["seconds"] = {"type": "number"}


def _no_form(d: dict[str, Any]) -> None:
    d["paths"]["/v1/videos"]["post"]["requestBody"]["content"] = {}


def _new_parameter(d: dict[str, Any]) -> None:
    added = {"in": "query", "name": "region", "required": True, "schema": {"type": "string"}}
    d["paths"]["/v1/models"]["get"].setdefault("parameters", []).append(added)


@pytest.mark.parametrize(
    "change",
    [_drop_operation, _rename, _require, _drop_field, _optional, _retype, _new_status,
     _numbers_only, _no_form, _new_parameter],
)  # fmt: skip
def test_a_change_that_breaks_clients_is_found(
    document: dict[str, Any], change: Callable[[dict[str, Any]], None]
) -> None:
    changed = copy.deepcopy(document)
    change(changed)
    assert contract.breaking(document, changed)


def test_what_clients_need_not_notice_breaks_nothing(document: dict[str, Any]) -> None:
    changed = copy.deepcopy(document)
    schemas = changed["components"]["schemas"]
    schemas["Video"]["properties"]["mood"] = {"type": "string"}
    schemas["CreateVideo"]["properties"]["mood"] = {"type": "string"}
    changed["paths"]["/v1/moods"] = copy.deepcopy(changed["paths"]["/v1/models"])
    assert contract.breaking(document, changed) == []
    assert contract.differences(document, changed)


def test_no_field_of_a_request_is_ignored() -> None:
    """Every field that a request may have is read somewhere in the code of the API."""
    read: set[str] = set()
    for path in (ROOT / "guarded_gen" / "api").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                read.add(node.attr)
    named = [m for m in vars(bodies).values() if isinstance(m, type) and issubclass(m, BaseModel)]
    models = [m for m in named if m.__module__ == bodies.__name__]
    assert len(models) > 15
    unread = {f"{m.__name__}.{f}" for m in models for f in m.model_fields if f not in read}
    assert unread == set()


@pytest.fixture(scope="module")
def generated(url: str, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """A client made by openapi-python-client from what the service says of itself."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_bytes(waiting.get(f"{url}/openapi.json").content)
    (folder / "config.yaml").write_text("post_hooks: []\n")
    made = subprocess.run(
        [Path(sys.executable).with_name("openapi-python-client"), "generate", "--path",
         folder / "openapi.json", "--meta", "none", "--output-path", folder / "made_client",
         "--config", folder / "config.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = made.stdout + made.stderr
    assert made.returncode == 0 and "WARNING" not in told, told
    sys.path.insert(0, str(folder))
    try:
        for path in sorted((folder / "made_client").rglob("*.py")):
            name = ".".join(path.relative_to(folder).with_suffix("").parts)
            importlib.import_module(name.removesuffix(".__init__"))
        return importlib.import_module("made_client")
    finally:
        sys.path.remove(str(folder))


def part(client: ModuleType, name: str) -> Any:
    return sys.modules[f"{client.__name__}.{name}"]


def test_a_generated_client_creates_polls_downloads_and_understands_errors(
    url: str, generated: ModuleType
) -> None:
    models = part(generated, "models")
    client = generated.AuthenticatedClient(base_url=url, token="none", timeout=None)
    body = models.CreateVideo(
        prompt="a red ball rolls over green grass", seconds="1", size="128x128",
        metadata=models.CreateVideoMetadataType0.from_dict({"order": "7"}),
    )  # fmt: skip
    made = part(generated, "api.videos.create_video").sync(client=client, body=body)
    assert isinstance(made, models.Video), made
    assert made.metadata.to_dict() == {"order": "7"}

    retrieve = part(generated, "api.videos.retrieve_video").sync
    until(lambda: retrieve(made.id, client=client).status == "completed")
    file = part(generated, "api.videos.video_content").sync(made.id, client=client)
    assert file.payload.read(12)[4:8] == b"ftyp"

    refused = part(generated, "api.videos.create_video").sync(
        client=client, body=models.CreateVideo(prompt=VIOLENT)
    )
    assert isinstance(refused, models.Problem)
    assert refused.code == "moderation_blocked" and refused.error.decision_id
    listed = part(generated, "api.videos.list_videos").sync(client=client, limit=1)
    assert listed.data[0].id == made.id
    judged = part(generated, "api.moderations.moderate").sync(
        client=client, body=models.Moderate(input_="a boat on the sea")
    )
    assert judged.results[0].flagged is False


def test_a_generated_client_reads_a_webhook_that_was_verified(
    url: str, generated: ModuleType
) -> None:
    from standardwebhooks import Webhook

    models = part(generated, "models")
    client = generated.AuthenticatedClient(base_url=url, token="none", timeout=None)
    with receiving() as (hook, received):
        body = models.CreateEndpoint(name="generated", url=hook, event_types=["video.completed"])
        endpoint = part(generated, "api.webhooks.create_endpoint").sync(client=client, body=body)
        part(generated, "api.webhooks.test_endpoint").sync(
            endpoint.id, client=client, body=models.TestEndpoint(event_type="video.completed")
        )
    headers, sent = received[-1]
    Webhook(endpoint.signing_secret).verify(sent, headers)
    event = models.WebhookEvent.from_dict(json.loads(sent))
    assert event.type_ == "video.completed" and event.data.id


class Things:
    """What the examples name, made before they are sent."""

    def __init__(self, url: str, receiver: str, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self.receiver = receiver
        self.headers = headers or {}

    def post(self, path: str, **options: Any) -> dict[str, Any]:
        answer = waiting.post(f"{self.url}{path}", headers=self.headers, **options)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def endpoint(self) -> str:
        fields = {"name": "x", "url": self.receiver, "event_types": ["video.failed"]}
        return str(self.post("/v1/webhook_endpoints", json=fields)["id"])

    def file(self) -> str:
        line = {"custom_id": "1", "method": "POST", "url": "/v1/videos", "body": {"prompt": "x"}}
        sent = {"file": ("lines.jsonl", json.dumps(line).encode())}
        return str(self.post("/v1/files", data={"purpose": "batch"}, files=sent)["id"])

    def refused(self) -> str:
        body = {"prompt": VIOLENT}
        answer = waiting.post(f"{self.url}/v1/videos", json=body, headers=self.headers)
        return str(answer.json()["error"]["decision_id"])

    def case(self) -> str:
        fields = {"prompt": "Punainen pallo vierii vihreällä nurmella", "size": "128x128"}
        held = self.post("/v1/videos", json=fields)
        cases = waiting.get(f"{self.url}/v1/reviews", headers=self.headers).json()["data"]
        return str(next(case["id"] for case in cases if case["item"] == held["id"]))

    def video(self) -> str:
        fields = {"prompt": "a red ball rolls over green grass", "seconds": 1, "size": "128x128"}
        id = str(self.post("/v1/videos", json=fields)["id"])
        until(lambda: waiting.get(f"{self.url}/v1/videos/{id}").json()["status"] == "completed")
        return id


_CANNOT = dict.fromkeys(("edit_video", "extend_video", "blend_videos"), "unsupported_mode")
"""What the model of this server cannot do: the answer says so, and the example was understood."""


def test_the_examples_of_the_contract_work(url: str, document: dict[str, Any]) -> None:
    every = {
        operation["operationId"]: (path, operation)
        for path, methods in document["paths"].items()
        for operation in methods.values()
    }
    with receiving() as (hook, _received):
        things = Things(url, hook)
        video = things.video()
        for name in EXAMPLES:
            path, operation = every[name]
            [(media, content)] = operation["requestBody"]["content"].items()
            fields = dict(content["examples"]["example"]["value"])
            stand = {
                "video[id]": lambda: video, "videos": lambda: [{"id": video}] * 2,
                "input_file_id": things.file,
                "url": lambda: hook, "decision_id": things.refused,
            }  # fmt: skip
            fields |= {key: make() for key, make in stand.items() if key in fields}
            places = {
                "{video_id}": lambda: video, "{case_id}": things.case, "{id}": things.endpoint,
            }  # fmt: skip
            for place, make in places.items():
                if place in path:
                    path = path.replace(place, make())
            if media == "application/json":
                answer = waiting.post(f"{url}{path}", json=fields)
            else:
                parts = {
                    key: (None, value if isinstance(value, str) else json.dumps(value))
                    for key, value in fields.items()
                }
                answer = waiting.post(f"{url}{path}", files=parts)
            if name in _CANNOT:
                assert answer.json()["code"] == _CANNOT[name], answer.text
            else:
                assert answer.status_code == 200, (name, answer.text)
