"""Signing in with an OpenID Connect issuer: authorization code flow with PKCE (RFC 7636).

The ID token is accepted as OpenID Connect Core 3.1.3.7 asks: signed by a key of the issuer's JWKS,
for this client, in time, with the nonce of this sign-in. Everything that one sign-in must remember
(:class:`Begun`) is kept by whoever calls, bound to the browser that began it.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from guarded_gen.access.oidc import signing_key
from guarded_gen.errors import GuardedGenError
from guarded_gen.settings.sign_in import SignInSettings
from guarded_gen.store.comparing import same_secret

_log = logging.getLogger(__name__)
_ALGORITHMS = ["RS256", "ES256", "EdDSA"]
_LEEWAY_S = 30
_TIMEOUT_S = 10


class ProviderFailed(GuardedGenError):
    """The identity provider cannot be reached, or answered what cannot be accepted."""

    code = "sign_in_failed"
    http_status = 502


class SignInRefused(GuardedGenError):
    """The provider, or the proof that this browser began the sign-in, says no."""

    code = "sign_in_refused"
    http_status = 403


@dataclass(frozen=True, slots=True)
class Begun:
    """One sign-in that was begun: what must come back, and the secret of its challenge."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> Begun:
        return cls(*(secrets.token_urlsafe(n) for n in (24, 24, 48)))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class CodeFlow:
    """One for each issuer; its document and keys are fetched when first needed and kept."""

    def __init__(self, settings: SignInSettings) -> None:
        self._settings = settings
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._lock = threading.Lock()
        self._found: dict[str, Any] | None = None
        self._keys: jwt.PyJWKClient | None = None

    def address(self, begun: Begun, back: str) -> str:
        """Where the browser goes; raises :class:`ProviderFailed` when the issuer is away."""
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": back,
            "scope": self._settings.oidc_scopes,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
        address = str(self._document()["authorization_endpoint"])
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    def finish(self, begun: Begun, answer: dict[str, str], back: str) -> dict[str, Any]:
        """The claims of whoever signed in, from the query that the browser came back with.

        Raises :class:`SignInRefused` when the provider refused or the answer belongs to another
        sign-in, :class:`ProviderFailed` when the provider's own answers are no good.
        """
        again = "begin the sign-in again"
        if not same_secret(answer.get("state", ""), begun.state):
            raise SignInRefused("this answer belongs to another sign-in", again)
        named = answer.get("iss")  # RFC 9207
        if named is not None and named.rstrip("/") != self._issuer:
            raise SignInRefused("this answer is from another issuer", again)
        if answer.get("error") or not answer.get("code"):
            said = answer.get("error", "no code")[:80]
            raise SignInRefused(f"your identity provider refused: {said}", again)
        return self._claims(self._token(answer["code"], begun, back), begun)

    def _token(self, code: str, begun: Begun, back: str) -> str:
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": begun.verifier,
            "client_id": self._settings.oidc_client_id,
        }
        secret = self._settings.oidc_client_secret.get_secret_value()
        # client_secret_basic is what every provider must know (RFC 6749 2.3.1)
        auth = httpx.BasicAuth(self._settings.oidc_client_id, secret) if secret else None
        try:
            answer = httpx.post(
                str(self._document()["token_endpoint"]),
                data=given,
                timeout=_TIMEOUT_S,
                **({"auth": auth} if auth else {}),  # type: ignore[arg-type]
            )
            body = answer.json()
            if answer.status_code in (400, 401):
                _log.warning("code refused: %s", str(body.get("error"))[:80])
                raise SignInRefused(
                    "your identity provider did not take the code back", "begin again"
                )
            return str(answer.raise_for_status().json()["id_token"])
        except (httpx.HTTPError, ValueError, KeyError, AttributeError) as error:
            raise self._failed(error) from error

    def _claims(self, token: str, begun: Begun) -> dict[str, Any]:
        document = self._document()
        with self._lock:
            if self._keys is None:
                self._keys = jwt.PyJWKClient(str(document["jwks_uri"]), timeout=_TIMEOUT_S)
        try:
            key = signing_key(self._keys, token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=_ALGORITHMS,
                audience=self._settings.oidc_client_id,
                issuer=str(document["issuer"]),
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "sub", "aud"]},
            )
        except (jwt.PyJWTError, httpx.HTTPError, OSError, ValueError) as error:
            raise self._failed(error) from error
        parties = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        party = claims.get("azp", None if len(parties) > 1 else self._settings.oidc_client_id)
        if party != self._settings.oidc_client_id:
            raise SignInRefused("this identity was made for another client", "begin again")
        if not same_secret(str(claims.get("nonce", "")), begun.nonce):
            raise SignInRefused("this identity belongs to another sign-in", "begin again")
        return claims

    def _document(self) -> dict[str, Any]:
        with self._lock:
            if self._found is not None:
                return self._found
        try:
            # the operator named this address, so it may be a private one
            url = f"{self._issuer}/.well-known/openid-configuration"
            found = httpx.get(url, timeout=_TIMEOUT_S).raise_for_status().json()
            wanted = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
            document = {name: str(found[name]) for name in wanted}
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise self._failed(error) from error
        if document["issuer"].rstrip("/") != self._issuer:
            raise ProviderFailed("the issuer names itself otherwise", "correct sign_in.oidc_issuer")
        with self._lock:
            self._found = document
        return document

    def _failed(self, error: Exception) -> ProviderFailed:
        _log.warning("the issuer failed: %s: %s", type(error).__name__, str(error)[:200])
        return ProviderFailed(
            "your identity provider did not answer as it must",
            "try again; if it stays so, tell an admin",
        )
