"""Keys in a hardware security module, by PKCS#11; needs the ``pkcs11`` extra.

The key never leaves the token. ECDSA and Ed25519 sign in the token; for RSA the token makes
the PSS padding. Source: PKCS #11 v3.0, sections 2.1.8, 2.3.
"""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provenance.errors import CredentialInvalid, KeyUnavailable
from provenance.keys import Algorithm

_ECDSA = {Algorithm.ES256: "sha256", Algorithm.ES384: "sha384", Algorithm.ES512: "sha512"}
_PSS = {Algorithm.PS256: "SHA256", Algorithm.PS384: "SHA384", Algorithm.PS512: "SHA512"}
_PSS_BYTES = {Algorithm.PS256: 32, Algorithm.PS384: 48, Algorithm.PS512: 64}


@dataclass(frozen=True, slots=True)
class Pkcs11Key:
    """A private key named ``label`` on the token ``token``, reached through ``library``.

    A session is opened for each signature, so a token that was restarted is found again.
    """

    algorithm: Algorithm
    library: Path
    token: str
    label: str
    pin: str = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        pkcs11 = _module()
        try:
            found = pkcs11.lib(str(self.library)).get_token(token_label=self.token)
            with found.open(user_pin=self.pin) as session:
                key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=self.label)
                return self._sign_with(pkcs11, key, data)
        except (pkcs11.PKCS11Error, OSError, RuntimeError) as error:
            raise KeyUnavailable(
                f"the token {self.token!r} did not sign: {type(error).__name__} {error}".rstrip(),
                "check the token, its PIN and the key's label",
            ) from error

    def _sign_with(self, pkcs11: Any, key: Any, data: bytes) -> bytes:
        mechanism = pkcs11.Mechanism
        if self.algorithm in _ECDSA:
            digest = hashlib.new(_ECDSA[self.algorithm], data).digest()
            return bytes(key.sign(digest, mechanism=mechanism.ECDSA))
        if self.algorithm is Algorithm.ED25519:
            return bytes(key.sign(data, mechanism=mechanism.EDDSA))
        name = _PSS[self.algorithm]
        parameters = (
            mechanism[name],
            pkcs11.MGF[name],
            _PSS_BYTES[self.algorithm],
        )
        chosen = mechanism[f"{name}_RSA_PKCS_PSS"]
        return bytes(key.sign(data, mechanism=chosen, mechanism_param=parameters))


def _module() -> Any:
    try:
        return importlib.import_module("pkcs11")
    except ImportError as error:
        raise CredentialInvalid(
            "PKCS#11 support is not installed", "pip install 'guarded-gen[pkcs11]'"
        ) from error
