"""Fetching what a client names, without becoming the client's hand inside our network.

A name is resolved once, every address it has must be public, and the connection goes to one of
those very addresses (a second answer of the name server is never asked for). Redirects are
followed a few times, each checked anew; webhooks follow none. No proxy, no cookies, no netrc.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from guarded_gen.errors import GuardedGenError
from media.addresses import is_public, resolve

_MOST_REDIRECTS = 3
_WHOLE_TIMES = 6
"""How much longer than one answer of the other side a whole download may take."""
_PORTS = frozenset({80, 443, 8080, 8443})
_HOST = re.compile(r"^[A-Za-z0-9._:-]{1,253}$")
Resolve = Callable[[str, int], list[str]]


class UnsafeAddress(GuardedGenError):
    """The URL leads where this service must not go."""

    code = "unsafe_url"
    http_status = 400


class FetchFailed(GuardedGenError):
    """The other side did not answer as it should."""

    code = "fetch_failed"
    http_status = 400


class _Pinned(httpcore.NetworkBackend):
    """Connects to the one address that was checked, whatever name stands in the URL."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        return self._inner.connect_tcp(
            self._address, port, timeout=timeout, socket_options=socket_options
        )


class Fetcher:
    """``allow_private`` is for tests on loopback only."""

    def __init__(
        self, timeout_s: float, allow_private: bool = False, resolver: Resolve = resolve
    ) -> None:
        self._timeout_s = timeout_s
        self._allow_private = allow_private
        self._resolve = resolver

    def check(self, url: str) -> tuple[str, str]:
        """The URL, normalised, and the address to connect to; :class:`UnsafeAddress` if none."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UnsafeAddress("the URL cannot be read") from error
        host = parts.hostname or ""
        schemes = ("https", "http") if self._allow_private else ("https",)
        if parts.scheme not in schemes or not _HOST.match(host):
            raise UnsafeAddress("the URL must be https:// with a plain host name")
        if parts.username is not None or parts.password is not None:
            raise UnsafeAddress("the URL must not carry credentials")
        port = port or (443 if parts.scheme == "https" else 80)
        if not self._allow_private and port not in _PORTS:
            raise UnsafeAddress(f"port {port} is not allowed in a URL")
        try:
            addresses = self._resolve(host, port)
            if not addresses:
                raise OSError("no address")
            public = all(is_public(address) for address in addresses)
        except (OSError, UnicodeError, ValueError) as error:
            raise FetchFailed("the host of the URL has no address") from error
        if not public and not self._allow_private:
            raise UnsafeAddress("the URL leads to an address that is not public")
        return url, addresses[0]

    @contextmanager
    def _client(self, address: str) -> Iterator[httpx.Client]:
        transport = httpx.HTTPTransport(verify=True, retries=0, trust_env=False)
        pool = transport._pool
        pool._network_backend = _Pinned(address)
        with httpx.Client(
            transport=transport, timeout=self._timeout_s, follow_redirects=False, trust_env=False
        ) as client:
            yield client

    def download(self, url: str, destination: Path, most: int) -> str:
        """Fetch ``url`` into a file of at most ``most`` bytes; returns its media type."""
        end = time.monotonic() + _WHOLE_TIMES * self._timeout_s
        for _ in range(_MOST_REDIRECTS + 1):
            url, address = self.check(url)
            try:
                with (
                    self._client(address) as client,
                    client.stream("GET", url, headers={"accept-encoding": "identity"}) as answer,
                ):
                    if answer.is_redirect:
                        url = urljoin(url, answer.headers.get("location", ""))
                        continue
                    if answer.status_code != 200:
                        raise FetchFailed(f"the URL answered {answer.status_code}")
                    size = 0
                    with destination.open("wb") as out:
                        for chunk in answer.iter_bytes():
                            if time.monotonic() > end:
                                raise FetchFailed("the URL gives its bytes too slowly")
                            size += len(chunk)
                            if size > most:
                                raise FetchFailed(f"the URL gives more than {most} bytes")
                            out.write(chunk)
                    return str(answer.headers.get("content-type", "")).split(";")[0].strip()
            except (httpx.HTTPError, httpx.InvalidURL, httpcore.NetworkError) as error:
                raise FetchFailed(f"the URL could not be fetched: {type(error).__name__}") from (
                    error
                )
        raise FetchFailed("the URL redirects too often")

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Send a webhook; returns the status. A redirect is an answer, not an invitation."""
        url, address = self.check(url)
        try:
            with (
                self._client(address) as client,
                client.stream("POST", url, content=body, headers=headers) as answer,
            ):
                return answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, httpcore.NetworkError) as error:
            raise FetchFailed(f"no answer: {type(error).__name__}") from error
