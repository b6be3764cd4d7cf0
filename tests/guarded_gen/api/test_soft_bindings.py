"""The Soft Binding Resolution API on a fresh home, against the published contract's shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from guarded_gen.errors import describe
from provenance.errors import CredentialInvalid

from .live import serving, settings_for

EXAMPLES = 12

_MATCHES = {
    "type": "object",
    "required": ["matches"],
    "properties": {
        "matches": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["manifestId"],
                "properties": {
                    "manifestId": {"type": "string"},
                    "endpoint": {"type": "string"},
                    "similarityScore": {"type": "integer", "minimum": 0, "maximum": 100},
                },
            },
        }
    },
}
_ALGORITHMS = {
    "type": "object",
    "properties": {
        "watermarks": {
            "type": "array",
            "items": {
                "required": ["alg"],
                "oneOf": [{"required": ["watermarks"]}, {"required": ["fingerprints"]}],
            },
        },
        "fingerprints": {"type": "array", "items": {"required": ["alg"]}},
    },
}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "done", "content": {"application/json": {"schema": schema}}}


def _query(name: str, kind: str = "string", *, required: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": kind}
    if kind == "integer":
        schema |= {"minimum": 1, "default": 10}
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _answers(ok: dict[str, Any], *others: int) -> dict[str, Any]:
    return {"200": ok} | {str(code): {"description": "not done"} for code in (*others, 500)}


_ASSET = {"schema": {"type": "string", "format": "binary"}}
CONTRACT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "soft bindings", "version": "1.0.0"},
    "paths": {
        "/matches/byBinding": {
            "get": {
                "parameters": [
                    _query("value", required=True), _query("alg", required=True),
                    _query("maxResults", "integer"),
                ],
                "responses": _answers(_json(_MATCHES), 400, 414),
            },
            "post": {
                "parameters": [_query("maxResults", "integer")],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {
                        "type": "object", "required": ["value", "alg"],
                        "properties": {"alg": {"type": "string"}, "value": {"type": "string"}},
                    }}},
                },
                "responses": _answers(_json(_MATCHES), 400),
            },
        },
        "/matches/byContent": {
            "post": {
                "parameters": [
                    _query("alg"), _query("maxResults", "integer"), _query("hintAlg"),
                    _query("hintValue"),
                ],
                "requestBody": {
                    "content": {f"{kind}/*": _ASSET for kind in ("image", "video", "text")}
                },
                "responses": _answers(_json(_MATCHES), 415),
            }
        },
        "/manifests/{manifestId}": {
            "get": {
                "parameters": [
                    _query("returnActiveManifest", "boolean"),
                    {"name": "manifestId", "in": "path", "required": True,
                     "schema": {"type": "string"}},
                ],
                "responses": _answers(
                    {"description": "a store", "content": {"application/c2pa": {}}}, 400, 404
                ),
            }
        },
        "/services/supportedAlgorithms": {"get": {"responses": _answers(_json(_ALGORITHMS))}},
    },
}  # fmt: skip
"""Paths, parameters, status codes and answers of the API's version 1.0.0, in our words."""


@pytest.mark.timeout(600)
def test_answers_on_a_fresh_home_keep_to_the_contract(tmp_path: Path) -> None:
    home = tmp_path / "fresh" / "home"
    with serving(settings_for(home), worker=False) as (url, _app):
        # the first thing that this service is ever asked
        first = httpx.post(
            f"{url}/v1/matches/byContent", content=b"\0" * 64,
            headers={"content-type": "video/mp4"}, timeout=120,
        )  # fmt: skip
        assert (first.status_code, first.json()) == (200, {"matches": []})
        schema = schemathesis.openapi.from_dict(CONTRACT)
        schema.config.update(base_url=f"{url}/v1")
        walked = 0
        for found in schema.get_all_operations():
            _holds(found.ok(), home)
            walked += 1
        assert walked == 5


def _holds(operation: Any, home: Path) -> None:
    refused = ("positive_data_acceptance",)  # a 400 that the contract names is an answer too
    left_out = [check for check in _every_check() if check.__name__ in refused]

    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def holds(case: Any) -> None:
        answer = case.call(timeout=300)
        case.validate_response(answer, excluded_checks=left_out)
        assert answer.status_code < 500
        assert str(home.parent) not in answer.text

    holds()


def _every_check() -> list[Any]:
    from schemathesis.checks import CHECKS

    return list(CHECKS.get_all())


def test_an_unwritable_upload_folder_names_no_place(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(settings_for(home), worker=False) as (url, _app):
        (home / "uploads").write_text("a file where a folder should be")
        for path in ("/v1/matches/byContent", "/v1/content_provenance_checks"):
            answer = httpx.post(
                f"{url}{path}", content=b"\0" * 64, headers={"content-type": "video/mp4"},
                timeout=120,
            )  # fmt: skip
            assert answer.status_code >= 400
            assert str(tmp_path) not in answer.text, path
            assert json.loads(answer.text)["error"]["message"]


def test_only_people_at_this_machine_are_told_where_things_lie(tmp_path: Path) -> None:
    where = tmp_path / "keys" / "leaf.key"
    wrong = CredentialInvalid(f"{where}: no key", f"chmod 600 {where}, then see /v1/models")
    for error in (wrong, FileNotFoundError(2, "No such file", str(where))):
        abroad, here = describe(error), describe(error, local=True)
        assert str(tmp_path) not in f"{abroad.message} {abroad.remedy}"
        assert "leaf.key" in abroad.message
        assert str(where) in here.message
    assert "/v1/models" in str(describe(wrong).remedy)
