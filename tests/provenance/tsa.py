"""A small RFC 3161 time-stamp authority for tests and measurements.

It believes its own clock and keeps its key in memory, so nobody else should believe it:
hence ``Unsafe`` in its name. It answers over HTTP on the loopback address only.

Sources: RFC 3161 (requests, tokens), RFC 5652 (signed data), RFC 5816 (certificate ids).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.certificates import Authority, issue_authority, issue_leaf

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_POLICY = "1.3.6.1.4.1.13762.3"
_MOST_QUERY_BYTES = 16 * 1024

Clock = Callable[[], datetime]


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, *parts)


def _set(*parts: bytes) -> bytes:
    return _der(0x31, *sorted(parts))


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _octets(value: bytes) -> bytes:
    return _der(0x04, value)


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    out = bytearray([first * 40 + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | number & 0x7F)
        out += bytes(reversed(digits))
    return _der(0x06, bytes(out))


def _read(data: bytes, offset: int) -> tuple[int, bytes, int]:
    """Tag, body and the offset behind one DER value; raises ``ValueError``."""
    if offset + 2 > len(data):
        raise ValueError("DER is cut off")
    tag, length = data[offset], data[offset + 1]
    offset += 2
    if length & 0x80:
        count = length & 0x7F
        if count > 4 or offset + count > len(data):
            raise ValueError("DER length is wrong")
        length = int.from_bytes(data[offset : offset + count], "big")
        offset += count
    if offset + length > len(data):
        raise ValueError("DER is cut off")
    return tag, data[offset : offset + length], offset + length


def parse_query(query: bytes) -> tuple[bytes, int | None]:
    """The ``MessageImprint`` (whole DER) and the nonce of a time-stamp request."""
    tag, body, _ = _read(query, 0)
    if tag != 0x30:
        raise ValueError("no time-stamp request")
    _, _, after_version = _read(body, 0)
    imprint_tag, _, after = _read(body, after_version)
    if imprint_tag != 0x30:
        raise ValueError("no message imprint")
    imprint = body[after_version:after]
    nonce: int | None = None
    while after < len(body):
        tag, value, after = _read(body, after)
        if tag == 0x02:
            nonce = int.from_bytes(value, "big")
    return imprint, nonce


class UnsafeTimestampAuthority:
    """Issues time-stamps by ``clock``; :attr:`url` answers while the context is open."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._root: Authority = issue_authority("Guarded Gen development time-stamp root")
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = issue_leaf(
            self._root,
            self._key.public_key(),
            "Guarded Gen development time-stamps",
            purposes=(ExtendedKeyUsageOID.TIME_STAMPING,),
            critical_purposes=True,
        )
        self._server: ThreadingHTTPServer | None = None

    @property
    def root(self) -> x509.Certificate:
        return self._root.certificate

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the authority answers only inside its context")
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def respond(self, query: bytes) -> bytes:
        """A ``TimeStampResp`` for a ``TimeStampReq``; raises ``ValueError``."""
        imprint, nonce = parse_query(query)
        return _sequence(_sequence(_integer(0)), self._token(imprint, nonce))

    def _token(self, imprint: bytes, nonce: int | None) -> bytes:
        moment = self._clock().astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode("ascii")
        info = _sequence(
            _integer(1),
            _oid(_POLICY),
            imprint,
            _integer(secrets.randbits(63)),
            _der(0x18, moment),
            _integer(nonce) if nonce is not None else b"",
        )
        certificate = self._certificate
        der = certificate.public_bytes(Encoding.DER)
        sha256 = _sequence(_oid(_SHA256))
        certificate_id = _sequence(_octets(hashlib.sha256(der).digest()))
        attributes = (
            _sequence(_oid(_CONTENT_TYPE), _set(_oid(_TST_INFO))),
            _sequence(_oid(_MESSAGE_DIGEST), _set(_octets(hashlib.sha256(info).digest()))),
            _sequence(_oid(_SIGNING_CERTIFICATE_V2), _set(_sequence(_sequence(certificate_id)))),
        )
        signature = self._key.sign(_set(*attributes), ec.ECDSA(hashes.SHA256()))
        signer = _sequence(
            _integer(1),
            _sequence(certificate.issuer.public_bytes(), _integer(certificate.serial_number)),
            sha256,
            _der(0xA0, *sorted(attributes)),
            _sequence(_oid(_ECDSA_SHA256)),
            _octets(signature),
        )
        signed = _sequence(
            _integer(3),
            _set(sha256),
            _sequence(_oid(_TST_INFO), _der(0xA0, _octets(info))),
            _der(0xA0, der),
            _set(signer),
        )
        return _sequence(_oid(_SIGNED_DATA), _der(0xA0, signed))

    def __enter__(self) -> UnsafeTimestampAuthority:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", "0"))
                try:
                    if size > _MOST_QUERY_BYTES:
                        raise ValueError("too long")
                    body = authority.respond(self.rfile.read(size))
                except ValueError:
                    self.send_error(400)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
