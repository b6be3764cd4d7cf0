"""The OpenAPI side of answers: schemas of what the endpoints return."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def _object(required: str = "", **properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    names = required.split()
    if names:
        schema["required"] = names
    return schema


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(item: Schema) -> Schema:
    return _object(
        "object data has_more",
        object={"const": "list"},
        data={"type": "array", "items": item},
        first_id=_maybe(TEXT),
        last_id=_maybe(TEXT),
        has_more={"type": "boolean"},
    )


TEXT: Schema = {"type": "string"}
INT: Schema = {"type": "integer"}
ANY: Schema = {"type": "object"}

PROBLEM: Schema = _object(
    "type title status detail instance code error",
    type=TEXT,
    title=TEXT,
    status=INT,
    detail=TEXT,
    instance=TEXT,
    code=TEXT,
    remedy=TEXT,
    error=_object("message type code", message=TEXT, type=TEXT, code=TEXT, param=_maybe(TEXT)),
)
VIDEO: Schema = _object(
    "id object status model progress prompt seconds size created_at moderation",
    id=TEXT,
    object={"const": "video"},
    status={"enum": ["queued", "in_progress", "completed", "failed"]},
    model=TEXT,
    progress={"type": "integer", "minimum": 0, "maximum": 100},
    prompt=TEXT,
    seconds=TEXT,
    size=TEXT,
    created_at=INT,
    completed_at=_maybe(INT),
    expires_at=_maybe(INT),
    remixed_from_video_id=_maybe(TEXT),
    error=_maybe(_object("code message", code=TEXT, message=TEXT)),
    moderation=_object(
        "state decision_ids reason_codes",
        state=TEXT,
        decision_ids={"type": "array", "items": TEXT},
        reason_codes={"type": "array", "items": TEXT},
        appeal_url=_maybe(TEXT),
    ),
    provenance=_maybe(ANY),
)
VIDEO_PAGE = _list(VIDEO)
VIDEO_DELETED = _object(
    "id object deleted", id=TEXT, object={"const": "video.deleted"}, deleted={"type": "boolean"}
)
MODERATION = _object(
    "id model results",
    id=TEXT,
    model=TEXT,
    results={
        "type": "array",
        "items": _object(
            "flagged categories category_scores category_applied_input_types",
            flagged={"type": "boolean"},
            categories=ANY,
            category_scores=ANY,
            category_applied_input_types=ANY,
        ),
    },
)
PROVENANCE = _object(
    "object created_at results",
    object={"const": "content_provenance_check"},
    created_at=INT,
    results={"type": "array", "items": _object("type outcome", type=TEXT, outcome=TEXT)},
)
UPLOAD_LABEL = _object(
    "object label made_with_ai notice sources",
    object={"const": "upload_label"},
    label=_maybe(TEXT),
    made_with_ai=_maybe({"type": "boolean"}),
    notice={"enum": ["generated", "possible", "suspected", "none"]},
    sources={"type": "array", "items": ANY},
)
LIST = _list(ANY)


def answers(schema: Schema | None = None, status: int = 200) -> dict[int | str, Any]:
    """The ``responses`` of an operation: its answer and the one error body."""
    described: dict[int | str, Any] = {
        code: {"description": text, "content": {"application/problem+json": {"schema": PROBLEM}}}
        for code, text in (
            ("4XX", "The request cannot be served as it is; `error.code` says why."),
            ("5XX", "The service failed; nothing was lost."),
        )
    }
    if schema is not None:
        described[status] = {
            "description": "Done.",
            "content": {"application/json": {"schema": schema}},
        }
    return described
