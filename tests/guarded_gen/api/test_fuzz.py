"""schemathesis over the whole OpenAPI document: no answer is a 5xx, every error is a problem.

Requests that fit the contract and requests that do not, for things that exist and for others, with
a key that may do everything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from guarded_gen.access.keys import Scope
from guarded_gen.api.contract import PUBLIC
from tests import waiting

from .live import serving, settings_for
from .test_contract import Things

EXAMPLES = int(os.environ.get("GUARDED_GEN_FUZZ_EXAMPLES", "4"))
_UPSTREAM = ("/v1/manifests", "/v1/services", "/v1/matches")
"""Routes of the Soft Binding Resolution API have the specification's own error bodies."""
_WAITS = "/v1/images"
"""Pictures are answered when a worker has made them."""


class Door:
    """A running service, a key for everything, and what exists there."""

    def __init__(self, url: str, app: Any) -> None:
        _, text = app.state.api.keys.create("fuzz", "all", [scope.value for scope in Scope])
        self.url = url
        self.headers = {"authorization": f"Bearer {text}"}
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        self.operations = [found.ok() for found in schema.get_all_operations()]
        self.ids: dict[str, list[str]] = {}

    def check(self, operation: Any) -> None:
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))

        @given(case=cases, data=st.data())
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def holds(case: Any, data: st.DataObject) -> None:
            for name in case.path_parameters or {}:
                known = self.ids.get(name)
                if known and data.draw(st.booleans()):
                    case.path_parameters[name] = data.draw(st.sampled_from(known))
            self.answered(operation, case.call(timeout=900, headers=self.headers))

        holds()

    @staticmethod
    def answered(operation: Any, answer: Any) -> None:
        shown = (operation.method, operation.path, answer.status_code, answer.text[:400])
        assert answer.status_code < 500, shown
        if answer.status_code < 400 or operation.path.startswith((*_UPSTREAM, "/log/")):
            return
        assert "problem+json" in str(answer.headers.get("content-type")), shown
        assert operation.method == "head" or answer.json()["error"]["code"], shown


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with serving(
        settings_for(tmp_path_factory.mktemp("fuzz")), worker=False, open_access=False
    ) as (url, app):
        door = Door(url, app)
        things = Things(url, "http://127.0.0.1:9/hook", door.headers)
        fields = {"prompt": "a red ball rolls over green grass", "seconds": 1, "size": "128x128"}
        ended = things.post("/v1/videos", json=fields)["id"]
        things.post(f"/v1/videos/{ended}/cancel")
        file = things.file()
        batch = {"input_file_id": file, "endpoint": "/v1/videos", "completion_window": "24h"}
        door.ids = {
            "video_id": [ended],
            "image_id": [ended],
            "id": [things.endpoint()],
            "file_id": [file],
            "batch_id": [things.post("/v1/batches", json=batch)["id"]],
            "case_id": [things.case()],
            "entry_id": [things.refused()],
            "model": ["world"],
        }
        yield door


@pytest.mark.timeout(900)
def test_no_request_breaks_the_service(door: Door) -> None:
    walked = 0
    for operation in door.operations:
        if not operation.path.startswith(_WAITS):
            door.check(operation)
            walked += 1
    assert walked == len(door.operations) - 3


def test_every_operation_needs_a_key(door: Door) -> None:
    open_to_all = set()
    for operation in door.operations:
        path = operation.path
        for name in (part[1:-1] for part in path.split("/") if part.startswith("{")):
            path = path.replace(f"{{{name}}}", door.ids.get(name, ["1"])[0])
        asked = {"decision_id": "dec_1", "alg": "x", "value": "x"}
        answer = waiting.request(operation.method.upper(), door.url + path, params=asked)
        if answer.status_code != 401:
            open_to_all.add(operation.path)
    assert open_to_all == {one.path for one in door.operations if one.path.startswith(PUBLIC)}


@pytest.mark.timeout(1_800)
def test_no_request_for_pictures_breaks_the_service(tmp_path: Path) -> None:
    """With a worker, since an accepted request is answered with the finished pictures."""
    options = settings_for(tmp_path / "home").api.model_copy(update={"image_wait_s": 600.0})
    with serving(settings_for(tmp_path / "home", api=options)) as (url, app):
        door = Door(url, app)
        pictures = [one for one in door.operations if one.path.startswith(_WAITS)]
        assert {operation.path for operation in pictures} == {
            "/v1/images/generations", "/v1/images/edits", "/v1/images/{image_id}/content",
        }  # fmt: skip
        for operation in pictures:
            door.check(operation)
