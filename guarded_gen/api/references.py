"""Pictures and clips that a request refers to: uploaded, fetched from a URL, or files of ours."""

from __future__ import annotations

import base64
import binascii
import secrets
from pathlib import Path

from guarded_gen.access.keys import Caller
from guarded_gen.api.bodies import Upload
from guarded_gen.api.context import Api
from guarded_gen.api.problems import Problem, invalid, not_found
from guarded_gen.api.requests import InputReference
from guarded_gen.store.tables.jobs import StoredFile
from media.errors import MediaError, MediaLimitExceeded
from media.open import ending_of, open_media

MAX_IMAGE_BYTES = 50 * 1024**2


def store_reference(
    api: Api,
    caller: Caller,
    job_id: str,
    upload: Upload | None,
    named: InputReference | str | None,
    *,
    video: bool = False,
) -> str:
    """Check a reference and keep it for the job; returns its storage key."""
    path = upload.path if upload is not None else None
    fetched: Path | None = None
    if path is None:
        api.scratch.mkdir(parents=True, exist_ok=True)
        fetched = api.scratch / secrets.token_hex(16)
    try:
        if fetched is not None:
            path = _named(api, caller, named, fetched)
        assert path is not None, "an upload or a name was given"
        ending = _ending(api, path, video=video)
        key = f"inputs/{job_id}/{secrets.token_hex(8)}{ending}"
        api.jobs.storage.put(key, path)
        return key
    finally:
        if fetched is not None:
            fetched.unlink(missing_ok=True)


def _named(api: Api, caller: Caller, named: InputReference | str | None, into: Path) -> Path:
    if isinstance(named, str):
        named = InputReference(image_url=named)
    if named is None or (named.image_url is None) == (named.file_id is None):
        raise invalid("input_reference takes a file, an image_url or a file_id", "input_reference")
    if named.image_url is not None:
        return image_at(api, named.image_url, into, "input_reference.image_url")
    with api.jobs.store.read() as session:
        file = session.get(StoredFile, named.file_id or "")
    if file is None or file.tenant != caller.tenant:
        raise not_found("file", named.file_id or "")
    return api.jobs.storage.fetch(file.storage_key, into)


def image_at(api: Api, url: str, into: Path, param: str) -> Path:
    """The picture at a ``data:`` or public ``https:`` URL, as a file."""
    if url[:5].lower() == "data:":
        head, comma, data = url[5:].partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise invalid("a data URL must be base64-encoded", param)
        try:
            into.write_bytes(base64.b64decode(data, validate=True))
        except (binascii.Error, ValueError) as error:
            raise invalid("the data URL is not valid base64", param) from error
        return into
    try:
        api.fetcher.download(url, into, MAX_IMAGE_BYTES)
    except Exception as error:
        problem = Problem.of(error)
        problem.param = param
        raise problem from error
    return into


def _ending(api: Api, path: Path, *, video: bool) -> str:
    """The ending under which a reference is kept, by what it is; refuses what is none.

    Pictures may be any that the gates read, videos too: one list for every api.
    """
    param = "video" if video else "input_reference"
    try:
        media = open_media(path, api.settings.limits.media)
        next(media.frames())
    except MediaLimitExceeded as error:
        raise invalid(str(error), param) from error
    except MediaError as error:
        raise invalid(
            f"the {'video' if video else 'picture'} cannot be read: {error}", param
        ) from error
    if video == media.is_picture:
        wanted = "a video" if video else "a picture"
        raise invalid(f"{param} takes {wanted}", param)
    return ending_of(media.info.container)
