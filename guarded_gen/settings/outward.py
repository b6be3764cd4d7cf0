"""What the review room sends to the operator's own systems: ``[case_actions]``."""

from __future__ import annotations

import base64

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from guarded_gen.review.roles import Role


def _whole(secret: SecretStr) -> SecretStr:
    """Refuse a secret that no signature can be made with, when the settings are read."""
    text = secret.get_secret_value()
    if text:
        try:
            bytes_ = base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except ValueError as error:
            raise ValueError("no webhook secret: write whsec_ and base64") from error
        if len(bytes_) < 16:
            raise ValueError("no webhook secret: whsec_ needs 16 bytes or more in base64")
    return secret


class CaseAction(BaseModel):
    """Something that a person can have done from a case: a signed webhook to the platform."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1, max_length=64)
    url: str = Field(pattern=r"^https?://")
    secret: SecretStr = Field(min_length=1)
    """``whsec_…``, as Standard Webhooks writes secrets."""
    roles: tuple[Role, ...] = (Role.LEAD,)
    needs_subject: bool = False
    """Only offered where the caller named an end user."""

    _secret = field_validator("secret")(_whole)
