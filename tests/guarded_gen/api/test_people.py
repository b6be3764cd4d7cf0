"""Tokens of an OpenID Connect issuer that runs beside the test."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from guarded_gen.access import oidc as people
from guarded_gen.access.keys import Scope
from guarded_gen.access.oidc import People
from tests.waiting import PATIENCE_S

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_TIMEOUT_S", PATIENCE_S)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "1"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            base = f"http://127.0.0.1:{server.server_port}"
            body: dict[str, Any] = {"issuer": base, "jwks_uri": f"{base}/jwks"}
            if self.path == "/jwks":
                body = {"keys": [jwk]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: Any) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def token(issuer: str, key: Any = KEY, algorithm: str = "RS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": issuer, "aud": "us", "sub": "ada", "iat": now, "exp": now + 3600,
        "guarded_gen_tenant": "acme", "guarded_gen_scopes": "review audit",
    } | changes  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "1"})


def test_a_good_token_comes_in(issuer: str) -> None:
    caller = People(issuer, "us")(token(issuer))
    assert caller is not None
    assert (caller.tenant, caller.name) == ("acme", "oidc:ada")
    assert caller.scopes == {Scope.REVIEW, Scope.AUDIT}


def test_others_do_not(issuer: str) -> None:
    known = People(issuer, "us")
    secret = "x" * 64
    for wrong in (
        token(issuer, OTHER),
        token(issuer, secret, "HS256"),
        token(issuer, aud="them"),
        token(issuer, iss="https://evil.example"),
        token(issuer, exp=int(time.time()) - 120),
        token(issuer, exp=None),
        token(issuer, guarded_gen_tenant=None),
        token(issuer, guarded_gen_scopes=""),
        token(issuer, guarded_gen_scopes="root"),
        "a.b.c",
    ):
        assert known(wrong) is None
    assert People("http://127.0.0.1:9", "us")(token(issuer)) is None
