"""Credentials on a server: fetched only from hosts that the operator named.

A file may name any address, that of a service inside the network included, so the default is
to ask nobody. Only HTTPS (or plain HTTP to a loopback host that was named), no redirects, a
time-out, and a limit on the answer.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from provenance.limits import ProvenanceLimits

ACCEPT = "application/c2pa, application/x-c2pa-manifest-store"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest store, or why there is none."""

    store: bytes | None
    reason: str = ""


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def fetch_store(url: str, allowed_hosts: frozenset[str], limits: ProvenanceLimits) -> Fetched:
    """The manifest store at ``url``; never raises for what the server does."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return Fetched(None, "the address is malformed")
    if host not in allowed_hosts:
        return Fetched(None, "the host is not one that may be asked")
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(host)):
        return Fetched(None, "only HTTPS is used")
    body = bytearray()
    try:
        with (
            httpx.Client(timeout=limits.verify_seconds, follow_redirects=False) as client,
            client.stream("GET", url, headers={"Accept": ACCEPT}) as reply,
        ):
            if reply.status_code != httpx.codes.OK:
                return Fetched(None, f"the server answered {reply.status_code}")
            for chunk in reply.iter_bytes():
                body += chunk
                if len(body) > limits.max_store_bytes:
                    return Fetched(None, "the answer is past the limit")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Fetched(None, f"the server could not be asked: {type(error).__name__}")
    return Fetched(bytes(body))
