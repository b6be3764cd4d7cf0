"""Settings of the hash exchanges: where lists of known content are fetched from."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class ExchangeSettings(BaseModel):
    """One exchange, and the bank that it fills."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bank: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="the bank that this exchange fills"
    )
    kind: Literal["ncmec", "stopncii"] = Field(description="ncmec or stopncii")
    url: str = Field("", description="address of the service; needed for ncmec, which has several")
    username: str = Field("", description="user name of ncmec")
    password: SecretStr = Field(SecretStr(""), description="password of ncmec")
    subscription_key: SecretStr = Field(SecretStr(""), description="subscription key of stopncii")
    fetch_key: SecretStr = Field(SecretStr(""), description="stopncii's key for fetching")
    feedback_key: SecretStr = Field(SecretStr(""), description="stopncii's key for feedback")
    category: str = Field("hash_match", description="category of harm of what it lists")
    action: Literal["block", "review"] = Field("block", description="what a match is worth")

    @model_validator(mode="after")
    def _complete(self) -> ExchangeSettings:
        if self.kind == "ncmec":
            whole = self.url and self.username and self.password.get_secret_value()
        else:
            whole = self.subscription_key.get_secret_value() and self.fetch_key.get_secret_value()
        if not whole:
            needed = {
                "ncmec": "url, username and password",
                "stopncii": "subscription_key and fetch_key",
            }[self.kind]
            raise ValueError(f"an exchange of the kind {self.kind} needs {needed}")
        return self
