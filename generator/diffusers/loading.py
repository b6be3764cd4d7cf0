"""From a folder or a hub id to a pipeline, without running anything that the folder brings."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from generator.diffusers.families import FAMILIES, PipelineFamily, family_of
from generator.diffusers.settings import DiffusersSettings
from generator.errors import BackendFailed, UnsupportedSpec, WeightsMismatch, WeightsMissing
from media.hashing import sha256_file

_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def library() -> Any:
    """The diffusers module. Raises :class:`UnsupportedSpec` when the extra is not installed."""
    try:
        import diffusers
    except ImportError as error:
        raise UnsupportedSpec(
            "the diffusers library is not installed", "pip install 'guarded-gen[diffusers]'"
        ) from error
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    return diffusers


def folder_of(settings: DiffusersSettings) -> Path:
    """The local folder of the model, fetched from the hub when it is named by id.

    Only configuration, tokenizer and safetensors files are fetched, at a fixed commit.
    """
    path = Path(settings.model)
    if path.is_dir():
        return path
    if not _HUB_ID.fullmatch(settings.model) or path.is_absolute():
        raise WeightsMissing(f"there is no folder {settings.model}", "give a folder or a hub id")
    if not _COMMIT.fullmatch(settings.revision):
        raise WeightsMismatch(
            f"the hub id {settings.model} has no commit as revision",
            "set revision to the 40 hex digits of a commit, so that the weights cannot change",
        )
    try:
        from huggingface_hub import snapshot_download

        return Path(
            snapshot_download(
                settings.model,
                revision=settings.revision,
                allow_patterns=["*.json", "*.txt", "*.model", "*.safetensors"],
            )
        )
    except Exception as error:
        raise WeightsMissing(
            f"{settings.model} cannot be fetched: {type(error).__name__}",
            "check the id, the revision and the network, or give a local folder",
        ) from error


def check(folder: Path, settings: DiffusersSettings) -> dict[str, str]:
    """SHA-256 (hex) of every weights file below ``folder``, by relative path.

    Raises :class:`WeightsMismatch` for a pickle, a wrong digest, or a file without a pin where
    pins are required, and :class:`WeightsMissing` where there are no weights.
    Cost: reads every file once.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in _PICKLES:
            raise WeightsMismatch(
                f"{name} is a pickle, which can run code when it is loaded",
                "use a copy of the model that has safetensors only",
            )
        if path.suffix == ".py":
            raise WeightsMismatch(f"{name} is code inside a model folder", "remove it")
        if path.suffix != ".safetensors":
            continue
        found[name] = sha256_file(path)
        pinned = settings.sha256.get(name)
        if pinned is None and settings.require_pins:
            raise WeightsMismatch(f"{name} has no pinned SHA-256", f"pin it: {found[name]}")
        if pinned is not None and pinned.lower() != found[name]:
            raise WeightsMismatch(f"{name} is not the file that was pinned", "fetch it again")
    missing = set(settings.sha256) - set(found)
    if missing or not found:
        what = ", ".join(sorted(missing)) or "safetensors files"
        raise WeightsMissing(f"{folder} has no {what}", "fetch the model again")
    return found


def check_loras(settings: DiffusersSettings) -> dict[str, str]:
    """SHA-256 (hex) of every adaptation, by ``lora:NAME``.

    Raises :class:`WeightsMissing`, and :class:`WeightsMismatch` for what is no safetensors file or
    not the one that was pinned. Cost: reads every file once.
    """
    found: dict[str, str] = {}
    for lora in settings.loras:
        if not lora.file.is_file():
            raise WeightsMissing(
                f"there is no file {lora.file}", "give the LoRA's safetensors file"
            )
        if lora.file.suffix != ".safetensors":
            raise WeightsMismatch(f"{lora.file.name} is no safetensors file", "convert it")
        digest = sha256_file(lora.file)
        if digest != lora.sha256.lower():
            raise WeightsMismatch(
                f"{lora.file.name} is not the file that was pinned", f"its SHA-256 is {digest}"
            )
        name = f"lora:{lora.file.stem}"
        if name in found:
            raise UnsupportedSpec(f"two LoRAs have the name {lora.file.stem}", "rename one")
        found[name] = digest
    return found


def put_loras(pipeline: Any, settings: DiffusersSettings) -> None:
    """Load the adaptations into a pipeline. Raises :class:`UnsupportedSpec` for one that takes
    none, and :class:`BackendFailed` for one that does not fit."""
    if not settings.loras:
        return
    if not hasattr(pipeline, "load_lora_weights"):
        raise UnsupportedSpec(f"{type(pipeline).__name__} takes no LoRA", "leave loras out")
    if importlib.util.find_spec("peft") is None:
        raise UnsupportedSpec(
            "the peft library is not installed", "pip install 'guarded-gen[diffusers]'"
        )
    names = [f"lora_{number}" for number in range(len(settings.loras))]
    for name, lora in zip(names, settings.loras, strict=True):
        try:
            state = load_file(lora.file)
            pipeline.load_lora_weights(state, adapter_name=name)
        except (SafetensorError, ValueError, RuntimeError, KeyError) as error:
            raise BackendFailed(
                f"{lora.file.name} does not fit this pipeline: {str(error)[:200]}",
                "was it trained for this model?",
            ) from error
    put = {name for part in pipeline.get_list_adapters().values() for name in part}
    for name, lora in zip(names, settings.loras, strict=True):
        if name not in put:  # the library passes over keys that it does not know
            raise BackendFailed(
                f"nothing of {lora.file.name} fits this pipeline", "was it trained for this model?"
            )
    pipeline.set_adapters(names, [lora.scale for lora in settings.loras])


def family(folder: Path) -> tuple[PipelineFamily, str]:
    """The family and the pipeline class that ``model_index.json`` names."""
    try:
        name = str(json.loads((folder / "model_index.json").read_text())["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackendFailed(
            f"{folder} has no readable model_index.json", "give the folder of a pipeline"
        ) from error
    known = family_of(name)
    if known is None:
        classes = ", ".join(c for f in FAMILIES.values() for c in f.modes)
        raise UnsupportedSpec(f"the pipeline {name} is not known", f"known: {classes}")
    return known, name


def device_of(settings: DiffusersSettings) -> str:
    if settings.device:
        return settings.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def load(folder: Path, pipeline_class: str, settings: DiffusersSettings) -> Any:
    """A pipeline of the class ``pipeline_class`` on its device, with memory and speed settings."""
    diffusers = library()
    device = device_of(settings)
    auto = torch.bfloat16 if device.startswith("cuda") else torch.float32
    dtype = auto if settings.dtype == "auto" else getattr(torch, settings.dtype)
    try:
        pipeline = getattr(diffusers, pipeline_class).from_pretrained(
            str(folder),
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            low_cpu_mem_usage=True,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendFailed(
            f"{folder} cannot be loaded as {pipeline_class}: {str(error)[:200]}",
            "does the folder hold all parts of this pipeline?",
        ) from error
    put_loras(pipeline, settings)
    match settings.offload:
        case "model":
            pipeline.enable_model_cpu_offload(device=device)
        case "sequential":
            pipeline.enable_sequential_cpu_offload(device=device)
        case "group":
            pipeline.enable_group_offload(
                onload_device=torch.device(device),
                offload_type="leaf_level",
                use_stream=device.startswith("cuda"),
            )
        case _:
            pipeline.to(device)
    if settings.vae_tiling:
        with contextlib.suppress(NotImplementedError, AttributeError):
            pipeline.vae.enable_tiling()
    _speed(diffusers, pipeline, settings)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _speed(diffusers: Any, pipeline: Any, settings: DiffusersSettings) -> None:
    if settings.attention:
        pipeline.transformer.set_attention_backend(settings.attention)
    if settings.cache == "first_block":
        config = diffusers.FirstBlockCacheConfig(threshold=settings.cache_threshold)
    elif settings.cache == "faster":
        config = diffusers.FasterCacheConfig(
            current_timestep_callback=lambda: pipeline.current_timestep
        )
    elif settings.cache == "pyramid":
        config = diffusers.PyramidAttentionBroadcastConfig(
            current_timestep_callback=lambda: pipeline.current_timestep
        )
    else:
        return
    pipeline.transformer.enable_cache(config)
