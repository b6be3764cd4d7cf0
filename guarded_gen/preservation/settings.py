"""Settings of preservation and of reports to a hotline. Nothing is sent until these are given."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

NCMEC = "ncmec"


class HotlineSettings(BaseModel):
    """NCMEC's CyberTipline, or a server that speaks as it does. Empty: reports are not possible."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        "", description="address of the reporting service, which gives it with the login"
    )
    username: str = Field("", description="user name of the reporting service")
    password: SecretStr = Field(SecretStr(""), description="password of the reporting service")
    first_name: str = Field("", description="first name of the person who reports")
    last_name: str = Field("", description="last name of the person who reports")
    email: str = Field("", description="address at which the authorities reach that person")
    company: str = Field("", description="what every report says of your company")
    service: str = Field("", description="name of the product in which it happened")
    timeout_s: float = Field(30.0, gt=0, description="longest wait for one answer")
    max_tries: int = Field(20, gt=0, description="tries before a person is asked to look")

    @property
    def ready(self) -> bool:
        return all((self.url, self.username, self.password.get_secret_value(), self.email))


class HotlineKind(StrEnum):
    """Of what kind a hotline is that people tell through its own form; see
    :mod:`guarded_gen.preservation.by_hand`."""

    INHOPE = "inhope"
    NCA = "nca"
    FORM = "form"


class FormHotline(BaseModel):
    """A hotline that a person tells, by its form or portal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        pattern=r"^[a-z0-9-]{1,32}$", description="what you call it; stands in the log"
    )
    kind: HotlineKind = Field(HotlineKind.FORM, description="inhope, nca or form")
    where: str = Field(min_length=1, description="address of its form or portal")

    @field_validator("name")
    @classmethod
    def _not_ncmec(cls, name: str) -> str:
        if name == NCMEC:
            raise ValueError("ncmec is told by this service: set preservation.hotline")
        return name


class RemovalSettings(BaseModel):
    """Requests for removal by people who are shown, at ``/removal``, without an account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours: float = Field(
        48.0, gt=0, description="until when a request is to be answered; 48 by the TAKE IT DOWN Act"
    )
    max_per_day: int = Field(
        500, gt=0, description="requests taken within 24 hours; further ones are asked to come back"
    )


class PreservationSettings(BaseModel):
    """What is kept of the gravest cases, and for whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipient: Path | None = Field(
        None, description="PEM certificate (RSA) of the legal role; evidence is sealed to its key"
    )
    max_file_bytes: int = Field(
        512 * 1024**2, gt=0, description="largest file that is sealed into evidence"
    )
    hotline: HotlineSettings = Field(
        default_factory=HotlineSettings, description="the reporting service and who reports"
    )
    hotlines: tuple[FormHotline, ...] = Field(
        (), description="other hotlines, which a person tells: name, kind, where"
    )
    removal: RemovalSettings = Field(
        default_factory=RemovalSettings, description="requests by people who are shown"
    )
