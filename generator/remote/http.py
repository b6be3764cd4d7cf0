"""A careful HTTP client: bounded time and bytes, counted retries, guarded redirects.

The server's own address is the operator's choice and is trusted. Where it redirects to is not:
a redirect to another host is followed only over the checked public address that its name
resolved to, so that neither a private address nor a name that changes its mind is reached, and
never with our key.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from generator.errors import BackendFailed
from generator.remote.settings import RemoteSettings
from media.addresses import is_public, resolve

_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_LONGEST_PAUSE = 30.0
_JSON_BYTES = 1024**2


def public_address(host: str, port: int) -> str:
    """An address of ``host`` that is on the public internet.

    Raises :class:`BackendFailed` when any of its addresses is private, loopback, link-local,
    reserved or multicast, or when it has none.
    """
    try:
        found = resolve(host, port)
    except OSError as error:
        raise BackendFailed(f"the server redirects to {host}, which has no address") from error
    if not all(is_public(address) for address in found):
        raise BackendFailed(
            f"the server redirects to {host}, which is a private address",
            "let the server hand out its videos itself, or from a public address",
        )
    return found[0]


@dataclass(slots=True)
class Client:
    """Calls below ``base_url``. ``wait`` sleeps between tries (given for tests and cancelling)."""

    base_url: str
    key: str = field(repr=False)
    timeout: float
    retries: int
    wait: Callable[[float], None] = time.sleep
    _http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        url = httpx.URL(self.base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise BackendFailed(
                f"{self.base_url!r} is no address of a server", "give http(s)://host[:port]/v1"
            )
        self._http = httpx.Client(timeout=self.timeout, follow_redirects=False, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def reach(self, path: str) -> dict[str, Any]:
        """One GET without a key, then close; any answer below 500 will do. Gives the JSON object
        that it answered, or an empty one."""
        url = httpx.URL(self.base_url.rstrip("/") + path)
        try:
            with self._http.stream("GET", url) as response:
                status = response.status_code
                text = self._bounded(response) if response.is_success else b""
        except httpx.TransportError as error:
            raise BackendFailed(f"{url.host} cannot be reached: {type(error).__name__}") from error
        finally:
            self.close()
        if status >= 500:
            raise BackendFailed(f"{url.host} answers {status}")
        try:
            return _object(text)
        except BackendFailed:  # whatever it says there, it answers
            return {}

    def send(self, path: str, **body: Any) -> None:
        """One POST whose answer is not read, tried once."""
        url = httpx.URL(self.base_url.rstrip("/") + path)
        try:
            with self._http.stream("POST", url, headers=self._own(), **body) as response:
                if not response.is_success:
                    raise BackendFailed(f"the server answered {response.status_code}")
        except httpx.TransportError as error:
            raise BackendFailed(f"{url.host} cannot be reached: {type(error).__name__}") from error

    def _own(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def save_base64(
        self, path: str, name: str, to: Path, settings: RemoteSettings, **body: Any
    ) -> None:
        """POST once, wait up to ``patience``, and write what stands in base64 under ``name`` of the
        answer to ``to``: read as it comes, at most ``max_bytes``. Nothing stays on failure."""
        url = httpx.URL(self.base_url.rstrip("/") + path)
        timeout = httpx.Timeout(settings.timeout, read=settings.patience)
        try:
            with (
                self._http.stream(
                    "POST", url, headers=self._own(), timeout=timeout, **body
                ) as response,
                to.open("wb") as file,
            ):
                if not response.is_success:
                    raise BackendFailed(
                        f"the server answered {response.status_code}: "
                        f"{_words(self._bounded(response))}",
                        "look at the request and at the server's log",
                    )
                size = 0
                for part in decoded(response.iter_bytes(), name):
                    size += len(part)
                    if size > settings.max_bytes:
                        raise BackendFailed(
                            f"the server's video is larger than {settings.max_bytes} bytes",
                            "raise max_bytes, or ask for a shorter clip",
                        )
                    file.write(part)
        except httpx.TransportError as error:
            to.unlink(missing_ok=True)
            raise BackendFailed(
                f"{url.host} gave no video: {type(error).__name__}",
                "check base_url, and raise patience where videos take longer",
            ) from error
        except BackendFailed:
            to.unlink(missing_ok=True)
            raise

    def json(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        once: bool = False,
        **body: Any,
    ) -> dict[str, Any]:
        """One call that answers a JSON object of at most 1 MiB.

        Retried on connection errors and on 408, 425, 429 and 5xx, unless ``once``; a POST is
        retried only because its ``Idempotency-Key`` makes a second one harmless.
        Raises :class:`BackendFailed` with the server's own words, shortened.
        """
        url = httpx.URL(self.base_url.rstrip("/") + path)
        retries = 0 if once else self.retries
        for attempt in range(retries + 1):
            pause = min(_LONGEST_PAUSE, 0.5 * 2**attempt)
            try:
                with self._http.stream(
                    method, url, headers={**self._own(), **(headers or {})}, **body
                ) as response:
                    text = self._bounded(response)
                    if response.status_code in _RETRIED and attempt < retries:
                        pause = _after(response, pause)
                    elif not response.is_success:
                        raise BackendFailed(
                            f"the server answered {response.status_code}: {_words(text)}",
                            "look at the request and at the server's log",
                        )
                    else:
                        return _object(text)
            except httpx.TransportError as error:
                if attempt == retries:
                    raise BackendFailed(
                        f"{url.host} cannot be reached: {type(error).__name__}",
                        "check base_url and whether the server runs",
                    ) from error
            self.wait(pause)
        raise BackendFailed(f"{url.host} kept failing")

    def _bounded(self, response: httpx.Response) -> bytes:
        text = b""
        for chunk in response.iter_bytes():
            text += chunk
            if len(text) > _JSON_BYTES:
                raise BackendFailed("the server's answer is larger than 1 MiB")
        return text

    def download(self, path: str, to: Path, most: int) -> None:
        """Write the body of a GET to ``to``, at most ``most`` bytes. Nothing stays on failure."""
        url = httpx.URL(self.base_url.rstrip("/") + path)
        headers = self._own()
        extensions: dict[str, Any] = {}
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                with self._http.stream(
                    "GET", url, headers=headers, extensions=extensions
                ) as response:
                    if response.status_code in _REDIRECTS:
                        url, headers, extensions = self._redirected(url, response)
                        continue
                    if not response.is_success:
                        raise BackendFailed(f"the video cannot be had: {response.status_code}")
                    size = 0
                    with to.open("wb") as file:
                        for chunk in response.iter_bytes():
                            size += len(chunk)
                            if size > most:
                                raise BackendFailed(
                                    f"the server's video is larger than {most} bytes",
                                    "raise max_bytes, or ask for a shorter clip",
                                )
                            file.write(chunk)
                    return
            raise BackendFailed("the server redirects in circles")
        except httpx.TransportError as error:
            to.unlink(missing_ok=True)
            raise BackendFailed(f"the download broke off: {type(error).__name__}") from error
        except BackendFailed:
            to.unlink(missing_ok=True)
            raise

    def _redirected(
        self, url: httpx.URL, response: httpx.Response
    ) -> tuple[httpx.URL, dict[str, str], dict[str, Any]]:
        target = url.join(response.headers.get("location", ""))
        home = httpx.URL(self.base_url)
        if (target.scheme, target.host, target.port) == (home.scheme, home.host, home.port):
            return target, self._own(), {}
        if target.scheme not in ("http", "https"):
            raise BackendFailed(f"the server redirects to {target.scheme!r}")
        port = target.port or (443 if target.scheme == "https" else 80)
        address = public_address(target.host, port)
        pinned = target.copy_with(host=address)
        host = target.netloc.decode("ascii")
        return pinned, {"Host": host}, {"sni_hostname": target.host}


def _after(response: httpx.Response, pause: float) -> float:
    try:
        return min(_LONGEST_PAUSE, max(0.0, float(response.headers["retry-after"])))
    except (KeyError, ValueError):
        return pause


def _words(text: bytes) -> str:
    """The server's message: untrusted text, one short printable line."""
    line = text.decode("utf-8", "replace")
    try:
        error = httpx.Response(200, content=text).json()["error"]
        line = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        pass
    return "".join(c if c.isprintable() else " " for c in line)[:200]


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = httpx.Response(200, content=text).json()
    except ValueError as error:
        raise BackendFailed("the server answered no JSON") from error
    if not isinstance(value, dict):
        raise BackendFailed("the server answered no JSON object")
    return value


def decoded(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The bytes that stand in base64 as the text ``name`` of a JSON document, as they come.

    Raises :class:`BackendFailed` where there is no such text within its first MiB, or it is no
    base64.
    """
    head, inside, kept = b"", False, b""
    opening = re.compile(rb'"' + re.escape(name.encode()) + rb'"\s*:\s*"')
    for chunk in chunks:
        if not inside:
            head += chunk
            found = opening.search(head)
            if found is None:
                if len(head) > _JSON_BYTES:
                    break
                continue
            inside, chunk = True, head[found.end() :]
        text, quote, _ = chunk.partition(b'"')
        # JSON may escape the slash, which base64 has
        kept = (kept + text).replace(b"\\/", b"/")
        whole = len(kept) - len(kept) % 4 if not kept.endswith(b"\\") else 0
        ready, kept = kept[:whole], kept[whole:]
        try:
            yield base64.b64decode(ready, validate=True)
        except ValueError as error:
            raise BackendFailed("the server's video is no base64") from error
        if quote:
            if kept:
                raise BackendFailed("the server's video is no base64")
            return
    raise BackendFailed(f"the server's answer has no whole {name}", "look at the server's log")
