"""A real OpenID provider on loopback: Authlib's server, which insists on PKCE and on a nonce."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from authlib.oauth2.rfc7636 import CodeChallenge
from werkzeug.serving import make_server

from tests.waiting import PATIENCE_S

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its import of a module that moves in Authlib 2
    from oidc_provider_mock import User, _app


class Proof(CodeChallenge):
    """RFC 7636 as Authlib checks it, with the challenges of this server's codes."""

    kept: dict[str, tuple[str, str]]

    def get_authorization_code_challenge(self, code: Any) -> str:
        return self.kept[code.code][0]

    def get_authorization_code_challenge_method(self, code: Any) -> str:
        return self.kept[code.code][1]


class ProvenCode(_app.OpenIDCode):
    """OpenID Connect on top of a code that only its verifier opens."""

    def __call__(self, grant: Any) -> None:
        super().__call__(grant)
        proof = Proof(required=True)
        proof.kept = CHALLENGES
        proof(grant)
        keep = grant.save_authorization_code

        def save(code: str, request: Any) -> None:
            data = request.payload.data
            CHALLENGES[code] = (data["code_challenge"], data["code_challenge_method"])
            keep(code, request)

        grant.save_authorization_code = save


CHALLENGES: dict[str, tuple[str, str]] = {}


@contextmanager
def provider(*people: User) -> Iterator[str]:
    """The issuer's address."""
    plain, _app.OpenIDCode = _app.OpenIDCode, ProvenCode
    try:
        app = _app.app(require_nonce=True, user_claims=people)
        server = make_server("127.0.0.1", 0, app.wsgi_app.app, threaded=True)
    finally:
        _app.OpenIDCode = plain
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(PATIENCE_S)
        server.server_close()


def agree(address: str, sub: str) -> str:
    """Sign in at the provider as ``sub`` (empty: refuse); where it sends the browser then."""
    form = {"sub": sub} if sub else {"action": "deny"}
    with httpx.Client(timeout=PATIENCE_S, follow_redirects=False) as browser:
        assert browser.get(address).status_code == 200
        return browser.post(address, data=form).headers["location"]
