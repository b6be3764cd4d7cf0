"""CLIP models in the files of open_clip, read without open_clip.

open_clip itself needs torchvision, which does not run beside a CPU build of torch (design, traps).
Its plain architecture, a vision and a text transformer, is the one of transformers' ``CLIPModel``
under other names: the tensors are renamed, the attention's joint projection is split, the two last
projections are transposed. Any other architecture (a timm tower, SigLIP's pooling, CoCa) is
refused; such models are published for transformers too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from classifiers.errors import ClassifierError, RandomWeights, RuntimeMissing

CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"

_MODEL = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu"}
_VISION = {"image_size", "layers", "width", "patch_size", "head_width", "mlp_ratio"}
_TEXT = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"}
_HEAD_WIDTH, _MLP_RATIO = 64, 4.0
"""open_clip's defaults."""

_ARGMAX = 2
"""This end token makes transformers take the text's embedding where the highest token stands, as
open_clip does."""

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_RESAMPLE = {"bicubic": 3, "bilinear": 2}


def is_open_clip(folder: Path) -> bool:
    """Whether the folder holds such a model, and none of transformers."""
    return (folder / CONFIG).is_file() and not (folder / "model.safetensors").is_file()


def preprocessing(folder: Path) -> dict[str, Any]:
    """How pictures are prepared, in the words of ``preprocessor_config.json``."""
    told = _read(folder)
    given = told.get("preprocess_cfg", {})
    side = given.get("size", told["model_cfg"]["vision_cfg"].get("image_size", 224))
    if not isinstance(side, int):
        side = side[0] if len(set(side)) == 1 else 0
    mode, resample = given.get("resize_mode", "shortest"), given.get("interpolation", "bicubic")
    if not side or mode not in ("shortest", "squash") or resample not in _RESAMPLE:
        raise ClassifierError(f"{folder.name}: pictures prepared by {mode}, {resample}", _OTHERWISE)
    common = {
        "resample": _RESAMPLE[resample],
        "image_mean": given.get("mean", _MEAN),
        "image_std": given.get("std", _DEVIATION),
    }
    if mode == "squash":
        return common | {"size": side}
    return common | {"size": {"shortest_edge": side}, "do_center_crop": True, "crop_size": side}


def load(folder: Path) -> Any:
    """A ``CLIPModel`` of transformers with these weights.

    Raises ``ClassifierError`` for another architecture, ``RandomWeights`` where the file does not
    hold exactly the tensors that the architecture has, and ``RuntimeMissing``.
    """
    try:
        from safetensors.torch import load_file
        from transformers import CLIPConfig, CLIPModel
    except ImportError as error:
        raise RuntimeMissing(
            "transformers is not installed", "pip install 'guarded-gen[models]'"
        ) from error
    told = _read(folder)["model_cfg"]
    config = CLIPConfig(**_config(folder, told))
    model = CLIPModel(config)
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, ValueError) as error:
        raise ClassifierError(f"{folder.name} has no readable {WEIGHTS}", "bring it again") from (
            error
        )
    renamed = dict(_renamed(tensors))
    wanted = model.state_dict()
    wrong = sorted(
        name
        for name in wanted.keys() | renamed.keys()
        if name not in wanted or name not in renamed or wanted[name].shape != renamed[name].shape
    )
    if wrong:
        raise RandomWeights(
            f"{folder.name}: {len(wrong)} parameters do not fit the file, first {wrong[0]}",
            "bring the complete model",
        )
    model.load_state_dict({name: value.float() for name, value in renamed.items()})
    return model.train(False)


_OTHERWISE = "bring the model in the files of transformers, with config.json and model.safetensors"


def _read(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / CONFIG).read_text("utf-8"))
        parts = told["model_cfg"]
        if not isinstance(parts["vision_cfg"], dict) or not isinstance(parts["text_cfg"], dict):
            raise TypeError("vision_cfg and text_cfg are objects")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClassifierError(f"{folder.name}: {CONFIG} cannot be read", "bring it again") from (
            error
        )
    return dict(told)


def _config(folder: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    vision, text = told["vision_cfg"], told["text_cfg"]
    strange = sorted((told.keys() - _MODEL) | (vision.keys() - _VISION) | (text.keys() - _TEXT))
    if strange:
        raise ClassifierError(
            f"{folder.name}: open_clip models with {strange[0]} are not read", _OTHERWISE
        )
    act = "quick_gelu" if told.get("quick_gelu") else "gelu"
    try:
        return {
            "projection_dim": told["embed_dim"],
            "vision_config": {
                "hidden_size": vision["width"],
                "intermediate_size": int(vision["width"] * vision.get("mlp_ratio", _MLP_RATIO)),
                "num_hidden_layers": vision["layers"],
                "num_attention_heads": vision["width"] // vision.get("head_width", _HEAD_WIDTH),
                "image_size": vision["image_size"],
                "patch_size": vision["patch_size"],
                "hidden_act": act,
            },
            "text_config": {
                "hidden_size": text["width"],
                "intermediate_size": int(text["width"] * text.get("mlp_ratio", _MLP_RATIO)),
                "num_hidden_layers": text["layers"],
                "num_attention_heads": text["heads"],
                "vocab_size": text["vocab_size"],
                "max_position_embeddings": text["context_length"],
                "hidden_act": act,
                "eos_token_id": _ARGMAX,
                "bos_token_id": None,
                "pad_token_id": None,
            },
        }
    except (KeyError, TypeError) as error:
        raise ClassifierError(f"{folder.name}: {CONFIG} lacks {error}", _OTHERWISE) from error


_NAMES = (
    (r"^visual\.class_embedding$", "vision_model.embeddings.class_embedding"),
    (r"^visual\.conv1\.", "vision_model.embeddings.patch_embedding."),
    (r"^visual\.positional_embedding$", "vision_model.embeddings.position_embedding.weight"),
    (r"^visual\.ln_pre\.", "vision_model.pre_layrnorm."),
    (r"^visual\.ln_post\.", "vision_model.post_layernorm."),
    (r"^visual\.proj$", "visual_projection.weight"),
    (r"^visual\.transformer\.resblocks\.", "vision_model.encoder.layers."),
    (r"^transformer\.resblocks\.", "text_model.encoder.layers."),
    (r"^token_embedding\.", "text_model.embeddings.token_embedding."),
    (r"^positional_embedding$", "text_model.embeddings.position_embedding.weight"),
    (r"^ln_final\.", "text_model.final_layer_norm."),
    (r"^text_projection$", "text_projection.weight"),
    (r"\.attn\.out_proj\.", ".self_attn.out_proj."),
    (r"\.attn\.in_proj_", ".self_attn.{}_proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"\.ln_([12])\.", r".layer_norm\1."),
)


def _renamed(tensors: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and tensors as transformers has them."""
    for old, value in tensors.items():
        name = old
        for pattern, new in _NAMES:
            name = re.sub(pattern, new, name)
        if old in ("visual.proj", "text_projection"):
            yield name, value.T.contiguous()
        elif "{}" in name:
            for part, share in zip("qkv", value.chunk(3, 0), strict=True):
                yield name.format(part), share.contiguous()
        else:
            yield name, value
