"""Where the server is and how long we bear with it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RemoteSettings(BaseModel):
    """Where the server is and how long we bear with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(description="the server, up to and with /v1; of ComfyUI without it")
    dialect: Literal["openai", "openrouter", "vllm-omni", "dynamo", "comfyui"] = Field(
        "openai", description="openai (SGLang too), openrouter, vllm-omni, dynamo or comfyui"
    )
    workflow: Path | None = Field(
        None, description="comfyui: the workflow, in the API format, with places such as {prompt}"
    )
    model: str = Field("", description="the model to ask for; empty: the server's own choice")
    api_key_env: str = Field(
        "GUARDED_GEN_REMOTE_KEY", description="environment variable that holds the key"
    )
    timeout: float = Field(30.0, gt=0, description="seconds for one call")
    poll_seconds: float = Field(1.0, gt=0, description="pause between two looks at a job")
    patience: float = Field(1800.0, gt=0, description="seconds until a job is given up")
    retries: int = Field(3, ge=0, le=10, description="tries after the first")
    max_bytes: int = Field(512 * 1024**2, gt=0, description="largest video taken")
    max_side: int = Field(2048, gt=0)
    max_seconds: float = Field(60.0, gt=0)
    size_multiple: int = Field(2, gt=0)
