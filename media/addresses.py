"""Which network addresses files may be fetched from: those of the open Internet."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

# special-purpose ranges that ipaddress calls global, and tunnels whose inside cannot be seen
_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2001:db8::/32",
        "2002::/16",
        "100::/64",
        "fec0::/10",
        "::/96",
    )
)


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, by the system's resolver; raises ``OSError`` for none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(text: str) -> bool:
    """Whether an address is one of the open Internet, in whatever IPv6 clothes it comes."""
    address: Any = ipaddress.ip_address(text.partition("%")[0])
    if address.version == 6:
        inner = address.ipv4_mapped
        if inner is not None:
            return is_public(str(inner))
    if any(address in net for net in _REFUSED if net.version == address.version):
        return False
    return bool(address.is_global and not address.is_multicast)
