"""Translating the words of a case for whoever reviews it: ``[translation]``."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class TranslationSettings(BaseModel):
    """The service that a reviewer's request sends words to; without a URL there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field("", description="address of the translation service; empty: none")
    kind: Literal["libretranslate"] = Field(
        "libretranslate", description="what the service speaks: `libretranslate`"
    )
    api_key: SecretStr = Field(SecretStr(""), description="the service's key; empty: none is sent")
    timeout_s: float = Field(
        10.0, gt=0, le=120, description="time for a whole translation, in seconds"
    )
    restricted: bool = Field(
        False, description="let words of restricted cases be sent to the service too"
    )
    max_chars: int = Field(8_000, gt=0, description="longest text that is sent, in characters")
    max_answer_bytes: int = Field(
        262_144, gt=0, description="longest answer that is read, in bytes"
    )

    @field_validator("url")
    @classmethod
    def _names_a_host(cls, url: str) -> str:
        """The address without a slash at its end. Its host stands in the log and on pages, so it
        carries no secret."""
        if not url:
            return url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("write http:// or https:// and the host of the service")
        if parts.username is not None or parts.password is not None:
            raise ValueError("write the service's key into api_key, not into the address")
        if parts.query or parts.fragment:
            raise ValueError("write the address without a query")
        return url.rstrip("/")

    @property
    def host(self) -> str:
        """Host of the service, with the port where the address names one."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        return f"{host}:{parts.port}" if parts.port else host
