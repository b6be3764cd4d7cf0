"""Reading requests: JSON, multipart and urlencoded forms become the same plain fields.

The SDKs send multipart with bracketed names (``input_reference[image_url]``, ``image[]``) and
numbers as strings; others send JSON. Uploads are streamed to files below a scratch folder under
names of our own: a client's file name is only ever a label.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from guarded_gen.api.problems import Problem, invalid

_MAX_FIELDS = 1_000
_MAX_FILES = 32
_MAX_DEPTH = 32
_COPY_CHUNK = 1024 * 1024
_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a client sent. ``path`` is ours and goes away with the request."""

    path: Path
    label: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of a request by name, nested as sent, and the files by their field's name."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, list[Upload]] = field(default_factory=dict)

    def file(self, name: str) -> Upload | None:
        sent = self.files.get(name, [])
        if len(sent) > 1:
            raise invalid(f"{name} takes one file", name)
        return sent[0] if sent else None

    def only(self, known: frozenset[str]) -> None:
        """Refuse fields that nothing here reads: a misspelt limit must not pass in silence."""
        for name in [*self.fields, *self.files]:
            if name not in known:
                raise Problem(
                    400,
                    "unknown_parameter",
                    f"unknown parameter {label(name)!r}",
                    param=label(name),
                )


def label(text: str) -> str:
    """A client's own name for something, safe for logs, headers and JSON; at most 200 chars."""
    return _UNPRINTABLE.sub("", text)[:200]


@asynccontextmanager
async def body_of(request: Request, scratch: Path) -> AsyncIterator[Body]:
    """The body of ``request``; uploads live below ``scratch`` until the block ends.

    Errors: 400 for what cannot be read, 413 past the upload limit, 415 for other media types.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    folder = scratch / secrets.token_hex(16)
    try:
        if kind == "multipart/form-data":
            yield await _multipart(request, folder)
        elif kind == "application/x-www-form-urlencoded":
            form = await request.form(max_fields=_MAX_FIELDS)
            yield Body(fields=_nest([(k, v) for k, v in form.multi_items() if isinstance(v, str)]))
        elif kind in ("", "application/json") or kind.endswith("+json"):
            yield Body(fields=_json(await request.body()))
        else:
            raise Problem(
                415,
                "unsupported_media_type",
                "send application/json, multipart/form-data or x-www-form-urlencoded",
            )
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_remove, folder)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()


async def _multipart(request: Request, folder: Path) -> Body:
    texts: list[tuple[str, str]] = []
    files: dict[str, list[Upload]] = {}
    try:
        form = await MultiPartParser(
            request.headers,
            request.stream(),
            max_files=_MAX_FILES,
            max_fields=_MAX_FIELDS,
            max_part_size=_MAX_TEXT_PART,
        ).parse()
    except (MultiPartException, KeyError, UnicodeDecodeError, LookupError) as error:
        raise invalid(f"the form cannot be read: {label(str(error))}", code="invalid_form") from (
            error
        )
    except HTTPException as error:
        raise invalid("the form cannot be read", code="invalid_form") from error
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                await anyio.to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))
                path = folder / secrets.token_hex(8)
                size = 0
                async with await anyio.open_file(path, "wb") as out:
                    while chunk := await value.read(_COPY_CHUNK):
                        size += len(chunk)
                        await out.write(chunk)
                upload = Upload(
                    path,
                    label(value.filename or ""),
                    label(value.content_type or "application/octet-stream"),
                    size,
                )
                files.setdefault(name.removesuffix("[]"), []).append(upload)
            else:
                texts.append((name, value))
    finally:
        await form.close()
    return Body(_nest(texts), files)


_MAX_TEXT_PART = 16 * 1024**2
"""A data URL of an image travels as text; longer ones must come as files."""


def _json(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise invalid("the body is not valid JSON in UTF-8", code="invalid_json") from error
    if not isinstance(value, dict):
        raise invalid("the body must be a JSON object", code="invalid_json")
    _clean(value)
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _clean(value: Any, depth: int = 0) -> None:
    """Text that no database or encoder takes is refused at the api."""
    if depth > _MAX_DEPTH:
        raise invalid(f"the body is nested deeper than {_MAX_DEPTH}", code="invalid_json")
    if isinstance(value, str):
        if "\x00" in value:
            raise invalid("text must not contain NUL", code="invalid_text")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise invalid("text must be valid Unicode", code="invalid_text") from error
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _clean(key, depth + 1)
            _clean(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _clean(item, depth + 1)


def _nest(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """``[("a[b]", "1"), ("c[]", "2")]`` → ``{"a": {"b": "1"}, "c": ["2"]}``."""
    root: dict[str, Any] = {}
    for name, text in pairs:
        _clean(name)
        _clean(text)
        match = _KEY.match(name)
        if match is None:
            raise invalid(f"field name {label(name)!r} cannot be read", code="invalid_form")
        steps = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(steps) > _MAX_DEPTH:
            raise invalid("a field name is nested too deep", code="invalid_form")
        _put(root, steps, text, name)
    return root


def _put(root: dict[str, Any], steps: list[str], text: str, name: str) -> None:
    here: Any = root
    for position, step in enumerate(steps):
        last = position == len(steps) - 1
        fresh: Any = text if last else ([] if steps[position + 1] == "" else {})
        if isinstance(here, list):
            if step != "":
                raise invalid(f"field {label(name)!r} mixes list and object", code="invalid_form")
            # a list of objects repeats its keys: a key seen before opens the next object
            if not last and here and isinstance(here[-1], dict):
                following = steps[position + 1]
                if following != "" and following not in here[-1]:
                    here = here[-1]
                    continue
            here.append(fresh)
            here = fresh
        elif isinstance(here, dict):
            if step == "":
                raise invalid(f"field {label(name)!r} mixes list and object", code="invalid_form")
            if last:
                if step in here:
                    raise invalid(f"field {label(name)!r} is given twice", code="invalid_form")
                here[step] = text
            else:
                here = here.setdefault(step, fresh)
        else:
            raise invalid(f"field {label(name)!r} is a value and an object", code="invalid_form")
