"""How servers of videos differ: one dialect a file."""

from __future__ import annotations

from generator.remote.dialects.base import Dialect
from generator.remote.dialects.comfyui import ComfyUI
from generator.remote.dialects.dynamo import Dynamo
from generator.remote.dialects.openai import OpenAI
from generator.remote.dialects.openrouter import OpenRouter
from generator.remote.dialects.vllm_omni import VllmOmni

DIALECTS: dict[str, type[Dialect]] = {
    "openai": OpenAI,
    "openrouter": OpenRouter,
    "vllm-omni": VllmOmni,
    "dynamo": Dynamo,
    "comfyui": ComfyUI,
}
"""Name in the settings to dialect; one is made for each job."""
