"""Settings of the prompt gate: own entity files, and a second judge."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from classifiers.prompt.judges.cascade import Band


class JudgeSettings(BaseModel):
    """One second judge. ``kind`` is ``none``, ``sequence``, ``moderations`` or a guard family."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal[
        "none",
        "sequence",
        "moderations",
        "llama_guard",
        "qwen3guard",
        "shieldgemma",
        "wildguard",
        "gpt_oss_safeguard",
    ] = Field("none", description="which second judge is asked in the uncertain band")
    model: str = Field("", description="local folder, hub id, or the service's model name")
    revision: str = Field("", description="full commit of a hub id")
    url: str = Field("", description="base URL of a moderations service, ending in /v1")
    api_key: SecretStr = Field(SecretStr(""), description="bearer key of that service")
    policy: str = Field("", description="policy text for guards that judge by one")
    labels: dict[str, str] = Field({}, description="labels of a sequence classifier to categories")
    timeout: float = Field(10.0, gt=0, description="seconds for one call of the judge")
    device: str = Field("cpu", description="torch device of a local judge")
    band: Band = Field(Band(low=0.25, high=0.9), description="scores that go to the second judge")


class PromptSettings(BaseModel):
    """How prompts are judged; the defaults need no network and no GPU."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entities: tuple[Path, ...] = Field((), description="own entity lists, read after the shipped")
    judge: JudgeSettings = Field(JudgeSettings(), description="the second judge")
    rewrite: bool = Field(
        False, description="offer a safer wording of a refused or held prompt, to be confirmed"
    )
