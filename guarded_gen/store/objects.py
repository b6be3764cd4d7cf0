"""Where published clips and uploads lie: a local folder, or an object store by URL (fsspec).

A key is a relative path of ours, never a client's text. An object appears whole or not at all.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec

from guarded_gen.errors import NotFound, StorageFailed

KEY = re.compile(r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)*$")
_CHUNK = 1024 * 1024


class Storage:
    """Objects below ``url``: a path, ``file://…``, or ``s3://bucket/prefix``."""

    def __init__(self, url: str, options: dict[str, Any] | None = None) -> None:
        try:
            filesystem, root = fsspec.core.url_to_fs(url, **{**_patience(url), **(options or {})})
        except (ImportError, ValueError) as error:
            raise StorageFailed(
                f"storage_url: {error}", "install the extra for it, for instance guarded-gen[s3]"
            ) from error
        self._fs = filesystem
        self._root = root.rstrip("/")
        self.local = Path(self._root) if "file" in _protocols(filesystem) else None

    def _path(self, key: str) -> str:
        if not KEY.match(key):
            raise StorageFailed(f"{key[:80]!r} is no storage key")
        return f"{self._root}/{key}"

    def put(self, key: str, source: Path) -> None:
        """Store the file under ``key``, replacing what is there."""
        path = self._path(key)
        try:
            if self.local is not None:
                target = Path(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
                try:
                    with source.open("rb") as read, part.open("wb") as write:
                        while chunk := read.read(_CHUNK):
                            write.write(chunk)
                        write.flush()
                        os.fsync(write.fileno())
                    part.replace(target)
                finally:
                    part.unlink(missing_ok=True)
            else:
                self._fs.put_file(str(source), path)
        except Exception as error:
            raise _failed("written", error) from error

    def size(self, key: str) -> int:
        try:
            return int(self._fs.size(self._path(key)))
        except FileNotFoundError as error:
            raise NotFound("the stored file is gone") from error
        except StorageFailed:
            raise
        except Exception as error:
            raise _failed("read", error) from error

    def chunks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """Bytes ``start`` to ``end`` (exclusive), in pieces of at most 1 MiB."""
        try:
            with self._fs.open(self._path(key), "rb") as file:
                file.seek(start)
                left = end - start
                while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                    left -= len(chunk)
                    yield chunk
        except FileNotFoundError as error:
            raise NotFound("the stored file is gone") from error
        except Exception as error:
            raise _failed("read", error) from error

    def signed_url(self, key: str, seconds: int, name: str, media_type: str) -> str | None:
        """An address at which the store itself hands out the object for so long, to be saved as
        ``name``; None where it has none, as a local folder."""
        if self.local is not None:
            return None
        try:
            return str(
                self._fs.sign(
                    self._path(key),
                    expiration=seconds,
                    ResponseContentDisposition=f'attachment; filename="{name}"',
                    ResponseContentType=media_type,
                )
            )
        except (NotImplementedError, TypeError):  # no such addresses, or not with a name
            return None
        except Exception as error:
            raise _failed("linked to", error) from error

    def fetch(self, key: str, destination: Path) -> Path:
        """Copy an object to a local file."""
        destination.parent.mkdir(parents=True, exist_ok=True)
        with destination.open("wb") as out:
            for chunk in self.chunks(key, 0, self.size(key)):
                out.write(chunk)
        return destination

    def remove(self, key: str) -> None:
        """Remove an object; none there is fine."""
        try:
            self._fs.rm_file(self._path(key))
        except FileNotFoundError:
            return
        except StorageFailed:
            raise
        except Exception as error:
            raise _failed("removed", error) from error
        if self.local is not None:
            folder = Path(self._path(key)).parent
            while folder != self.local and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent

    def check(self) -> None:
        """Raise :class:`StorageFailed` when the store does not answer."""
        try:
            if self.local is not None:
                self.local.mkdir(parents=True, exist_ok=True)
                if not os.access(self.local, os.W_OK):
                    raise OSError(f"{self.local} is not writable")
            else:
                self._fs.invalidate_cache()
                self._fs.ls(self._root.split("/", 1)[0], detail=False)
        except Exception as error:
            raise _failed("reached", error) from error


def _patience(url: str) -> dict[str, Any]:
    """Bounds of an S3 client for a server that answers nothing; the settings may give others."""
    if not url.startswith(("s3:", "s3a:")):
        return {}
    bounds = {"connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 2}}
    # signed addresses would be of version 2, which younger regions refuse
    return {"config_kwargs": {**bounds, "signature_version": "s3v4"}}


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _failed(what: str, error: Exception) -> StorageFailed:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return StorageFailed(
        f"a stored file could not be {what}: {reason}",
        "check storage_url, its rights and the free space",
    )
