"""Where the signing key lives when it is not a file here: a token, or a key service."""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from guarded_gen.errors import ConfigInvalid
from provenance.certificates import SigningIdentity, load_certificates
from provenance.errors import CredentialInvalid
from provenance.keys import Algorithm, CallbackKey, Key, algorithm_for, check_signature
from provenance.pkcs11 import Pkcs11Key


class Pkcs11Settings(BaseModel):
    """A key in a PKCS#11 token; needs the ``pkcs11`` extra."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    library: Path = Field(description="the token's PKCS#11 library")
    token: str = Field(description="the token's label")
    label: str = Field(description="the private key's label on the token")
    pin: SecretStr = Field(description="the user's PIN")


class CallbackSettings(BaseModel):
    """A key behind a Python function of the operator's, such as a call to a key service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    function: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="module:function, which gets bytes and gives their signature",
    )
    der: bool = Field(False, description="ECDSA signatures come as DER, as key services give them")


class SigningSettings(BaseModel):
    """The certificate chain and the home of its key; without a chain, keys are files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chain: Path | None = Field(
        None, description="PEM certificates, leaf first, whose key is in a token or a key service"
    )
    algorithm: Algorithm | None = Field(
        None, description="signature algorithm; empty: the one that fits the certificate"
    )
    pkcs11: Pkcs11Settings | None = Field(None, description="a key in a PKCS#11 token")
    callback: CallbackSettings | None = Field(None, description="a key behind a function")

    @model_validator(mode="after")
    def _one_key(self) -> SigningSettings:
        homes = [h for h in (self.pkcs11, self.callback) if h is not None]
        if (self.chain is None) != (not homes) or len(homes) > 1:
            raise ValueError("give a chain together with either pkcs11 or callback")
        return self


def outside_identity(settings: SigningSettings) -> SigningIdentity:
    """The identity whose key lives outside; its key has signed a random challenge.

    Raises :class:`CredentialInvalid` for a chain that cannot be read or does not belong to the
    key, :class:`KeyUnavailable` when the key's home does not answer, and :class:`ConfigInvalid`
    when the function is not there.
    """
    assert settings.chain is not None
    chain = load_certificates(settings.chain)
    public = chain[0].public_key()
    algorithm = settings.algorithm or algorithm_for(public)
    key = _key(settings, algorithm)
    challenge = secrets.token_bytes(64)
    if not check_signature(public, algorithm, key.sign(challenge), challenge):
        raise CredentialInvalid(
            "the first certificate of the chain does not belong to the key",
            "check signing.chain, signing.algorithm and the key's label",
        )
    root = chain[-1] if chain[-1].issuer == chain[-1].subject else None
    return SigningIdentity(key, chain, root)


def _key(settings: SigningSettings, algorithm: Algorithm) -> Key:
    token = settings.pkcs11
    if token is not None:
        return Pkcs11Key(
            algorithm, token.library, token.token, token.label, token.pin.get_secret_value()
        )
    assert settings.callback is not None
    return CallbackKey(algorithm, _function(settings.callback.function), settings.callback.der)


def _function(name: str) -> Callable[[bytes], bytes]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigInvalid(
            f"signing.callback.function: {name} is not there: {error}",
            "write it as module:function; the module must be importable",
        ) from error
    if not callable(found):
        raise ConfigInvalid(f"signing.callback.function: {name} is no function")
    return found
