"""People instead of keys: ID or access tokens of one OpenID Connect issuer.

Accepted are tokens signed by a key of the issuer's JWKS (RS256, ES256, EdDSA; never ``none`` or a
shared secret), for our audience, in time. The claim ``guarded_gen_tenant`` names the tenant and
``guarded_gen_scopes`` (a list, or text with spaces) the scopes; without them nobody comes in.
"""

from __future__ import annotations

import logging
import threading

import httpx
import jwt

from guarded_gen.access.keys import Caller, Scope

_log = logging.getLogger(__name__)
_ALGORITHMS = ["RS256", "ES256", "EdDSA"]
_LEEWAY_S = 30
_TIMEOUT_S = 5
TENANT_CLAIM = "guarded_gen_tenant"
SCOPES_CLAIM = "guarded_gen_scopes"


def signing_key(keys: jwt.PyJWKClient, token: str) -> jwt.PyJWK:
    """The issuer's key that a token names; raises :class:`jwt.PyJWTError` without one.

    A token need not name its key where the issuer has only one (OpenID Connect Core 10.1).
    """
    if jwt.get_unverified_header(token).get("kid") is None:
        only = keys.get_signing_keys()
        if len(only) == 1:
            return only[0]
    return keys.get_signing_key_from_jwt(token)


class People:
    """Verifies tokens of ``issuer``; its keys are fetched when first needed and cached."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer.rstrip("/")
        self._audience = audience
        self._keys: jwt.PyJWKClient | None = None
        self._lock = threading.Lock()

    def _client(self) -> jwt.PyJWKClient:
        with self._lock:
            if self._keys is None:
                # the operator named this address, so it may be a private one
                url = f"{self._issuer}/.well-known/openid-configuration"
                found = httpx.get(url, timeout=_TIMEOUT_S).raise_for_status().json()
                if found.get("issuer", "").rstrip("/") != self._issuer:
                    raise jwt.InvalidIssuerError("the issuer names itself otherwise")
                self._keys = jwt.PyJWKClient(found["jwks_uri"], timeout=_TIMEOUT_S)
            return self._keys

    def __call__(self, token: str) -> Caller | None:
        """The person that ``token`` belongs to; None for any token that is not good now."""
        try:
            key = signing_key(self._client(), token)
            claims = jwt.decode(
                token,
                key.key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "sub", "aud"]},
            )
            if str(claims["iss"]).rstrip("/") != self._issuer:
                return None
            given = claims.get(SCOPES_CLAIM, [])
            names = given.split() if isinstance(given, str) else given
            scopes = frozenset(Scope(name) for name in names)
            tenant = claims.get(TENANT_CLAIM)
        except (jwt.PyJWTError, httpx.HTTPError, OSError, ValueError, KeyError, TypeError) as error:
            _log.info("token refused: %s", type(error).__name__, extra={"event": "token_refused"})
            return None
        if not isinstance(tenant, str) or not tenant or not scopes:
            return None
        return Caller(tenant[:64], scopes, person=f"oidc:{claims['sub']}"[:120])
