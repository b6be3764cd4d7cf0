"""What clients may ask: one model for each POST, for JSON and forms alike.

Numbers may come as strings (forms have nothing else). Unknown fields are refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from guarded_gen.access.keys import Caller
from guarded_gen.api.bodies import Body, label
from guarded_gen.api.problems import Problem
from guarded_gen.api.schemas import BINARY, NAMED, TEXT, reference
from provenance.label import LabelWish

_SIZE = re.compile(r"^\s*(\d{1,5})\s*[xX]\s*(\d{1,5})\s*$")
_M = TypeVar("_M", bound=BaseModel)


def _number(value: Any) -> Any:
    """``"4"``, ``"4.0"`` and ``4`` alike; booleans are no numbers."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    if isinstance(value, str):
        text = value.strip()
        if not re.fullmatch(r"[+-]?\d{1,19}(\.\d{1,9})?", text):
            raise ValueError("must be a number")
        return float(text) if "." in text else int(text)
    return value


def _truth(value: Any) -> Any:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def _object(value: Any) -> Any:
    """In forms an object is a part of JSON (OpenAPI's rule), or has bracketed names."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError("must be an object") from error
    return value


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _or_text(kind: str) -> WithJsonSchema:
    """Forms have text only, and SDKs send numbers as text in JSON too."""
    return WithJsonSchema({"anyOf": [{"type": kind}, {"type": "string"}]})


Int = Annotated[int, BeforeValidator(_number), _or_text("integer")]
Num = Annotated[float, BeforeValidator(_number), _or_text("number")]
Truth = Annotated[bool, BeforeValidator(_truth), _or_text("boolean")]
Short = Annotated[str, Field(max_length=200)]
EndUser = Annotated[str, Field(min_length=1, max_length=128)]
"""The caller's own name for the person who asks; only a pseudonym of it goes on record."""
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    BeforeValidator(_object),
    Field(max_length=16),
]


def _wish(value: Any) -> Any:
    """``true``, ``false`` and a text alone stand for a label with nothing else said."""
    value = _object(_truth(value))
    if isinstance(value, bool):
        return {"show": value}
    return {"text": value} if isinstance(value, str) else value


Place = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Label = Annotated[LabelWish, BeforeValidator(_wish)]
_INPUT = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {
            "type": "array",
            "items": {
                "type": "object",
                "title": "ModerationPart",
                "required": ["type"],
                "properties": {
                    "type": {"type": "string", "enum": ["text", "image_url"]},
                    "text": {"type": "string"},
                    "image_url": {
                        "type": "object",
                        "title": "ModerationPicture",
                        "required": ["url"],
                        "properties": {"url": {"type": "string"}},
                    },
                },
            },
        },
    ]
}
"""A text, texts, or texts and pictures (``https:`` or ``data:``) that belong together."""


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)


class InputReference(Request):
    """A picture or clip to start from: a URL (``https:`` or ``data:``) or an uploaded file."""

    image_url: str | None = None
    file_id: Short | None = None


class VideoSource(Request):
    id: Short


REFERENCE_PARTS = {
    "input_reference[image_url]": TEXT,
    "input_reference[file_id]": TEXT,
    "characters[][id]": {"type": "array", "items": TEXT},
}
SOURCE_PARTS = {"video[id]": TEXT}
"""How forms name the parts of nested fields."""


class Sampling(Request):
    """Fields that other servers of this API take as well."""

    model: Short | None = None
    width: Int | None = None
    height: Int | None = None
    num_frames: Int | None = Field(None, gt=0)
    fps: Num | None = Field(None, gt=0)
    seed: Int | None = Field(None, ge=0, lt=2**63)
    negative_prompt: str | None = None
    num_inference_steps: Int | None = Field(None, gt=0, le=1000)
    guidance_scale: Num | None = Field(None, ge=0, le=100)
    user: EndUser | None = None
    safety_identifier: EndUser | None = None
    metadata: Metadata | None = None
    priority: Int | None = Field(None, ge=1, le=100)
    format: Short | None = None
    """Name of the result's file format; what the mode has by itself when left out."""
    jurisdiction: Place | None = None
    """Where the clip is offered: its laws on marking hold, and the policy's layers for it."""
    label: Label | None = None
    rewrite_of: Annotated[str, Field(pattern=r"^dec_[A-Za-z0-9_-]{1,64}$")] | None = None
    """Decision whose offered wording this prompt is: the caller confirms it with this."""


class CreateVideo(Sampling):
    prompt: str = Field(min_length=1)
    seconds: Num | None = Field(None, gt=0)
    size: Annotated[str, Field(max_length=16)] | None = None
    input_reference: InputReference | str | None = None
    characters: Annotated[list[VideoSource], Field(max_length=8)] | None = None


class RemixVideo(Sampling):
    prompt: str = Field(min_length=1)


class EditVideo(Sampling):
    prompt: str = Field(min_length=1)
    video: VideoSource | None = None
    strength: Num | None = Field(None, gt=0, le=1)


class ExtendVideo(Sampling):
    prompt: str = Field(min_length=1)
    seconds: Num = Field(gt=0)
    video: VideoSource | None = None
    direction: Literal["forward", "back"] = "forward"
    """``back``: lead up to where the video begins."""


class BlendVideos(Sampling):
    prompt: str = Field(min_length=1)
    videos: Annotated[list[VideoSource], Field(min_length=2, max_length=2)]
    """From the end of the first to the start of the second."""
    seconds: Num = Field(gt=0)


class LinkVideo(Request):
    variant: Literal["video", "thumbnail", "spritesheet"] = "video"
    expires_in: Int = Field(3_600, gt=0, le=7 * 86_400)
    """Seconds for which the link works."""


class CreateCharacter(Request):
    name: str = Field(min_length=1, max_length=80)
    consent_id: Short | None = None


class CreateConsent(Request):
    subject: str = Field(min_length=1, max_length=128)
    scopes: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=80)]], Field(min_length=1, max_length=16)
    ]
    evidence_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    valid_days: Num = Field(365.0, gt=0, le=3_660)


class GenerateImage(Request):
    prompt: str = Field(min_length=1)
    model: Short | None = None
    n: Int | None = Field(None, ge=1, le=10)
    size: Annotated[str, Field(max_length=16)] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    output_format: Short | None = None
    output_compression: Int | None = Field(None, ge=0, le=100)
    quality: Short | None = None
    background: Short | None = None
    moderation: Short | None = None
    style: Short | None = None
    seed: Int | None = Field(None, ge=0, lt=2**63)
    user: EndUser | None = None
    safety_identifier: EndUser | None = None
    jurisdiction: Place | None = None
    label: Label | None = None
    stream: Truth | None = None
    partial_images: Int | None = Field(None, ge=0, le=3)


class EditImage(GenerateImage):
    input_fidelity: Short | None = None
    strength: Num | None = Field(None, gt=0, le=1)


class Moderate(Request):
    input: Annotated[Any, WithJsonSchema(_INPUT)]
    model: Short | None = None
    user: EndUser | None = None
    safety_identifier: EndUser | None = None


class CreateBatch(Request):
    input_file_id: Short
    endpoint: Short
    completion_window: Literal["24h"]
    metadata: Metadata | None = None
    output_expires_after: dict[str, Any] | None = None


class CreateFile(Request):
    purpose: Short
    expires_after: dict[str, Any] | None = None


EventTypes = Annotated[
    list[Annotated[str, Field(max_length=80)]], BeforeValidator(_list), Field(max_length=64)
]


class CreateEndpoint(Request):
    name: str = Field(min_length=1, max_length=200)
    url: str = Field(min_length=1, max_length=2_000)
    event_types: EventTypes


class UpdateEndpoint(Request):
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    url: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    event_types: EventTypes | None = None


class RotateSecret(Request):
    keep_old_secret_active_for_24_hours: Truth = False


class TestEndpoint(Request):
    event_type: str = Field(max_length=80)


class CreateAppeal(Request):
    decision_id: Short
    reason: str = Field(min_length=1, max_length=4_000)


class DecideCase(Request):
    action: Short
    reason: Short
    note: Annotated[str, Field(max_length=4_000)] | None = None


class ReplayPolicy(Request):
    policy: str = Field(min_length=1, max_length=200_000)


class CreateKey(Request):
    name: str = Field(min_length=1, max_length=80)
    tenant: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] | None = None
    scopes: Annotated[list[Short], BeforeValidator(_list), Field(min_length=1, max_length=16)]
    expires_in_days: Int | None = Field(None, gt=0, le=3650)


def parsed(model: type[_M], body: Body, files: frozenset[str] = frozenset()) -> _M:
    """``body`` as ``model``; raises a 400 that names the first wrong field."""
    body.only(frozenset(model.model_fields) | files)
    for name in body.files:
        if name not in files:
            raise Problem(400, "invalid_value", f"{name} does not take a file", param=name)
    try:
        return model.model_validate(body.fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        param = label(".".join(str(part) for part in first["loc"])) or None
        missing = first["type"] == "missing"
        raise Problem(
            400,
            "missing_required_parameter" if missing else "invalid_value",
            f"{param}: {first['msg']}" if param else first["msg"],
            param=param,
        ) from error


class NamesUser(Protocol):
    user: str | None
    safety_identifier: str | None


def subject_of(wanted: NamesUser, caller: Caller) -> str:
    """Whom a request concerns: the end user that it names, else the caller itself."""
    return wanted.safety_identifier or wanted.user or caller.name


def only(name: str, value: object, *allowed: object) -> None:
    """Refuse a field that this service cannot follow, unless its value changes nothing."""
    if value is not None and value not in allowed:
        choices = f"leave it out, or send {' or '.join(map(str, allowed))}" if allowed else None
        raise Problem(
            400,
            "unsupported_parameter",
            f"{name} is not supported with this value",
            param=name,
            remedy=choices or f"leave {name} out",
        )


def size_of(text: str) -> tuple[int, int]:
    """``"1280x720"`` → ``(1280, 720)``."""
    match = _SIZE.match(text)
    if match is None:
        raise Problem(400, "invalid_value", "size is WIDTHxHEIGHT, like 1280x720", param="size")
    return int(match[1]), int(match[2])


def request_body(
    model: type[BaseModel],
    files: Mapping[str, str] | None = None,
    flat: Mapping[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The OpenAPI ``requestBody`` of an operation that takes ``model``.

    One body each, as the SDKs send it: a form where there are ``files`` (by name, each ``one`` or
    ``many``), JSON elsewhere. ``flat`` are names for parts of nested fields in forms, like
    ``video[id]``. The door itself takes JSON and forms everywhere.
    """
    if files is None:
        return _body("application/json", _named_request(model))
    return _body("multipart/form-data", _named_form(model, files, flat or {}))


def _body(media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media: {"schema": schema}}}}


class _ForClients(GenerateJsonSchema):
    """Defaults in words: generators of TypeScript take a field with a ``default`` for one that is
    always there, and demand it of whoever sends the request."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = self.generate_inner(schema["schema"])
        default = schema.get("default")
        if default is None or "default_factory" in schema:
            return made
        return {**made, "description": f"By default {json.dumps(default)}."}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    made = model.model_json_schema(
        ref_template="#/components/schemas/{model}", schema_generator=_ForClients
    )
    NAMED.update(made.pop("$defs", {}))
    return made


def _named_request(model: type[BaseModel]) -> dict[str, Any]:
    schema = _schema(model)
    NAMED[model.__name__] = schema
    return reference(model.__name__)


def _named_form(
    model: type[BaseModel], files: Mapping[str, str], flat: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    schema = _schema(model)
    fields = schema.setdefault("properties", {})
    for name in {part.partition("[")[0] for part in flat}:
        fields.pop(name, None)
    for name, count in files.items():
        if count == "many":
            fields[f"{name}[]"] = {"type": "array", "items": BINARY}
        else:
            fields[name] = BINARY
    fields.update(flat)
    NAMED[model.__name__] = schema
    return reference(model.__name__)
