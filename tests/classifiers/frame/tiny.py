"""Tiny models with the file layout of real ones, made and saved by the tests."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
    ViTConfig,
    ViTForImageClassification,
)

SIDE = 32


def preprocessor(folder: Path, **more: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "size": {"height": SIDE, "width": SIDE}, "do_normalize": True,
        "image_mean": [0.5] * 3, "image_std": [0.5] * 3, **more,
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(config))


def vit(folder: Path, labels: tuple[str, ...] = ("nsfw", "sfw"), seed: int = 0) -> Path:
    """An image classifier whose first label grows with brightness."""
    torch.manual_seed(seed)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=SIDE, patch_size=8, num_labels=len(labels),
        id2label=dict(enumerate(labels)), label2id={n: k for k, n in enumerate(labels)},
    )  # fmt: skip
    model = ViTForImageClassification(config)
    model.save_pretrained(folder)
    preprocessor(folder)
    return folder


def tokenizer(folder: Path, words: list[str]) -> None:
    vocabulary = {w: k for k, w in enumerate(["<pad>", "<s>", "</s>", "<unk>", *words])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", additional_special_tokens=[w for w in words if w.startswith("<")],
    ).save_pretrained(folder)  # fmt: skip


def clip(folder: Path) -> Path:
    torch.manual_seed(0)
    small = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }  # fmt: skip
    config = CLIPConfig(
        text_config={**small, "vocab_size": 32, "max_position_embeddings": 12, "eos_token_id": 2},
        vision_config={**small, "image_size": SIDE, "patch_size": 8},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    preprocessor(folder, size={"shortest_edge": SIDE}, do_center_crop=True, crop_size=SIDE)
    tokenizer(folder, ["a", "photo", "of", "blood", "flower", "knife"])
    return folder


def llava(folder: Path) -> Path:
    torch.manual_seed(0)
    words = ["<image>", "Yes", "No", "does", "this", "show", "blood"]
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        image_size=SIDE, patch_size=16, projection_dim=8,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_id=4, image_seq_length=4,
    )  # fmt: skip
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    tokenizer(folder, words)
    (folder / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "image_processor_type": "CLIPImageProcessor",
                "crop_size": SIDE,
                "size": {"shortest_edge": SIDE},
                "do_center_crop": True,
            }
        )
    )
    (folder / "processor_config.json").write_text(
        json.dumps(
            {
                "processor_class": "LlavaProcessor",
                "patch_size": 16,
                "image_token": "<image>",
                "vision_feature_select_strategy": "default",
                "num_additional_image_tokens": 1,
            }
        )
    )
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{% for c in m.content %}"
        "{% if c.type == 'image' %}<image> {% else %}{{ c.text }} {% endif %}"
        "{% endfor %}{% endfor %}"
    )
    return folder
