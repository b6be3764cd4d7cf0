"""A trust list fetched by https from a server with a certificate: its authority decides."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from guarded_gen.errors import InvalidInput, NotFound
from guarded_gen.origin import trust as origin_trust
from guarded_gen.origin.trust import obtain
from provenance.errors import TrustListInvalid

NOW = datetime.now(UTC)


@dataclass
class Site:
    """A server on this machine; ``pages`` are status, headers and body by path."""

    url: str
    authority: Path
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=10))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), False)
    )
    if not authority:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    else:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(by, hashes.SHA256())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("Root of the site", root_key, "Root of the site", root_key, authority=True)
    leaf = _certificate("Site", key, "Root of the site", root_key, authority=False)
    (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "site.pem").write_bytes(leaf.public_bytes(Encoding.PEM) + private)
    made = Site("", folder / "root.pem")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = made.pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for header, value in headers.items():
                self.send_header(header, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "site.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made.url = f"https://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def test_a_list_comes_from_a_server_whose_authority_is_known(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.pages["/list.pem"] = (200, {}, b"the list")
    monkeypatch.setenv("SSL_CERT_FILE", str(site.authority))
    assert obtain(f"{site.url}/list.pem") == b"the list"


def test_a_server_whose_authority_is_not_known_gives_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.pages["/list.pem"] = (200, {}, b"the list")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(NotFound) as told:
        obtain(f"{site.url}/list.pem")
    assert "--from FILE" in told.value.remedy


def test_no_other_page_than_the_one_that_was_named(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(site.authority))
    site.pages["/moved"] = (302, {"Location": f"{site.url}/list.pem"}, b"")
    for page in ("/moved", "/nothing"):
        with pytest.raises(NotFound):
            obtain(site.url + page)
    with pytest.raises(InvalidInput):
        obtain(site.url.replace("https", "http") + "/list.pem")


def test_a_list_without_end_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(site.authority))
    monkeypatch.setattr(origin_trust, "MOST_BYTES", 1_000)
    site.pages["/large"] = (200, {}, b"x" * 5_000)
    with pytest.raises(TrustListInvalid):
        obtain(f"{site.url}/large")
