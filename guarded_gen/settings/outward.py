"""What the review room sends to the operator's own systems: ``[case_actions]``, ``[alerts]``."""

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


class AlertSettings(BaseModel):
    """Whom to tell of cases that wait longer than their queue promises."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field("", description="where alerts are posted, signed by `secret`; empty: nowhere")
    secret: SecretStr = Field(SecretStr(""), description="`whsec_…` for the posted alerts")
    smtp_host: str = Field("", description="mail server for alerts; empty: no mail")
    smtp_port: int = Field(587, gt=0, lt=65_536, description="its port")
    smtp_starttls: bool = Field(True, description="refuse a mail server without STARTTLS")
    smtp_user: str = Field("", description="user at the mail server; empty: none")
    smtp_password: SecretStr = Field(SecretStr(""), description="the user's password")
    mail_from: str = Field("guarded-gen@localhost", description="sender of the mails")
    mail_to: tuple[str, ...] = Field((), description="who gets the mails")

    _secret = field_validator("secret")(_whole)
