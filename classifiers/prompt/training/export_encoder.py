"""Export the fine-tuned encoder to int8 ONNX with fixed scales, and its tables beside it.

``python -m classifiers.prompt.training.export_encoder --run RUN --base BASE --out FOLDER``

Matrix weights become int8 per output channel (seven bits: eight overflow on processors without
VNNI). Activations are scaled by constants measured on training rows, never by the batch at run
time, so a text's score does not depend on its neighbours. Writes ``encoder.onnx``,
``embeddings.safetensors``, ``heads.safetensors`` and ``tokenizer.json``, and prints how far int8
strays from float32. States named with ``--average`` are averaged with that of ``--run``: what one
moment of the training learnt too closely, the mean of several forgets.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file
from torch import Tensor

from classifiers.prompt.encoder import EncoderScorer
from classifiers.prompt.training import rows as corpus
from classifiers.prompt.training.model import (
    ATTENTION_HEADS,
    EPSILON,
    HIDDEN,
    Layer,
    PromptEncoder,
    padded,
    tokenizer_of,
)

Floats = NDArray[np.float32]
WEIGHT_MAX = 63
SMOOTH = 0.5
"""Share of a channel's spread that moves into the weights (SmoothQuant, Xiao et al., 2023)."""
OPS = "com.microsoft"


class Ranges:
    """Largest and smallest value of every channel at the four matrix inputs of every layer."""

    def __init__(self) -> None:
        self.high: dict[str, Floats] = {}
        self.low: dict[str, Floats] = {}

    def see(self, name: str, x: Tensor, mask: Tensor) -> None:
        kept = x[mask > 0].float()
        high, low = kept.amax(0).numpy(), kept.amin(0).numpy()
        self.high[name] = np.maximum(self.high.get(name, high), high)
        self.low[name] = np.minimum(self.low.get(name, low), low)


def measure(model: PromptEncoder, encoded: Sequence[Sequence[int]]) -> Ranges:
    """Ranges over token lists, in float32."""
    ranges, hooks = Ranges(), []
    now: dict[str, Tensor] = {}
    for number, layer in enumerate(model.layers):
        for part in ("qkv", "attended", "widen", "narrow"):

            def hook(_: object, given: tuple[Tensor], name: str = f"{number}.{part}") -> None:
                ranges.see(name, given[0], now["mask"])

            hooks.append(getattr(layer, part).register_forward_pre_hook(hook))
    order = sorted(encoded, key=len)
    with torch.no_grad():
        for start in range(0, len(order), 32):
            ids, mask = padded(order[start : start + 32])
            now["mask"] = mask
            model(ids, mask)
    for one in hooks:
        one.remove()
    return ranges


class Graph:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(
        self, op: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Any
    ) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def narrowed(
        self, x: str, name: str, linear: torch.nn.Linear, ranges: Ranges
    ) -> tuple[str, Floats, NDArray[np.int8], Floats]:
        """``x`` with its channels of wide spread narrowed, and the factors by which they were.

        The factors go into the weights, which come back as int8 with one scale a column.
        """
        weight = linear.weight.detach().float().numpy()
        high, low = ranges.high[name], ranges.low[name]
        spread = np.maximum(np.maximum(high, -low), 1e-5)
        factor = spread**SMOOTH / np.maximum(np.abs(weight).max(0), 1e-5) ** (1 - SMOOTH)
        factor = (factor / np.exp(np.log(factor).mean())).astype(np.float32)
        narrowed = self.node("Mul", [x, self.constant(f"{name}.f", 1 / factor)], f"{name}.n")
        weight = weight * factor
        w_scale = np.maximum(np.abs(weight).max(1), 1e-8).astype(np.float32) / WEIGHT_MAX
        table = np.round(weight / w_scale[:, None]).astype(np.int8).T
        return narrowed, factor, table, w_scale

    def quantised(
        self, x: str, name: str, linear: torch.nn.Linear, ranges: Ranges
    ) -> tuple[list[str], NDArray[np.int8], Floats]:
        """``x`` as uint8 with its scale and zero point; the matching int8 weights and scales."""
        high, low = ranges.high[name], ranges.low[name]
        narrowed, factor, table, w_scale = self.narrowed(x, name, linear, ranges)
        top, bottom = max((high / factor).max(), 0.0), min((low / factor).min(), 0.0)
        scale = np.float32((top - bottom) / 255)
        zero = np.uint8(np.clip(np.round(-bottom / scale), 0, 255))
        a_scale = self.constant(f"{name}.as", np.array(scale))
        a_zero = self.constant(f"{name}.az", np.array(zero, np.uint8))
        whole = self.node("QuantizeLinear", [narrowed, a_scale, a_zero], f"{name}.q")
        return [whole, a_scale, a_zero], table, w_scale

    def linear(self, x: str, name: str, linear: torch.nn.Linear, ranges: Ranges) -> str:
        (whole, a_scale, a_zero), table, w_scale = self.quantised(x, name, linear, ranges)
        return self.node(
            "MatMulIntegerToFloat",
            [
                whole,
                self.constant(f"{name}.w", table),
                a_scale,
                self.constant(f"{name}.ws", w_scale),
                a_zero,
                self.constant(f"{name}.wz", np.zeros(len(w_scale), np.int8)),
                self.constant(f"{name}.b", linear.bias.detach().numpy()),
            ],
            f"{name}.y",
            OPS,
        )

    def by_row(self, x: str, name: str, linear: torch.nn.Linear, ranges: Ranges) -> str:
        """As :meth:`linear`, each row scaled by its own largest value; the bias is left out.

        For the input behind the widened layer, where one token in a thousand is a hundred times
        larger than the rest.
        """
        narrowed, _, table, w_scale = self.narrowed(x, name, linear, ranges)
        size = self.node("Abs", [narrowed], f"{name}.abs")
        axes = self.constant(f"{name}.axes", np.array([-1], np.int64))
        size = self.node("ReduceMax", [size, axes], f"{name}.max", keepdims=1)
        least = self.constant(f"{name}.least", np.array(1e-6, np.float32))
        size = self.node("Max", [size, least], f"{name}.size")
        unit = self.node("Div", [narrowed, size], f"{name}.unit")
        a_scale = self.constant(f"{name}.as", np.array(1 / 127, np.float32))
        a_zero = self.constant(f"{name}.az", np.array(128, np.uint8))
        whole = self.node("QuantizeLinear", [unit, a_scale, a_zero], f"{name}.q")
        y = self.node(
            "MatMulIntegerToFloat",
            [
                whole,
                self.constant(f"{name}.w", table),
                a_scale,
                self.constant(f"{name}.ws", w_scale),
                a_zero,
                self.constant(f"{name}.wz", np.zeros(len(w_scale), np.int8)),
            ],
            f"{name}.part",
            OPS,
        )
        return self.node("Mul", [y, size], f"{name}.y")

    def normed(
        self, x: str, y: str, name: str, norm: torch.nn.LayerNorm, bias: Tensor | None = None
    ) -> str:
        # the fused operator is not vectorised: the parts take a sixth of its time
        total = self.node("Add", [x, y], f"{name}.sum")
        if bias is not None:
            total = self.node(
                "Add", [total, self.constant(f"{name}.b", bias.detach().numpy())], f"{name}.total"
            )
        return self.node(
            "LayerNormalization",
            [total, self.constant(f"{name}.g", norm.weight.detach().numpy()),
             self.constant(f"{name}.h", norm.bias.detach().numpy())],
            f"{name}.o", epsilon=EPSILON, axis=-1,
        )  # fmt: skip

    def layer(self, x: str, number: int, layer: Layer, ranges: Ranges) -> str:
        (whole, a_scale, a_zero), table, w_scale = self.quantised(
            x, f"{number}.qkv", layer.qkv, ranges
        )
        seen = self.node(
            "QAttention",
            [
                whole,
                self.constant(f"{number}.w", table),
                self.constant(f"{number}.b", layer.qkv.bias.detach().numpy()),
                a_scale,
                self.constant(f"{number}.ws", w_scale),
                "length",
                a_zero,
                self.constant(f"{number}.wz", np.zeros(len(w_scale), np.int8)),
            ],
            f"{number}.seen",
            OPS,
            num_heads=ATTENTION_HEADS,
        )
        y = self.linear(seen, f"{number}.attended", layer.attended, ranges)
        x = self.normed(x, y, f"{number}.norm1", layer.norm1)
        wide = self.linear(x, f"{number}.widen", layer.widen, ranges)
        wide = self.node("Gelu", [wide], f"{number}.gelu", OPS)
        y = self.by_row(wide, f"{number}.narrow", layer.narrow, ranges)
        return self.normed(x, y, f"{number}.norm2", layer.norm2, layer.narrow.bias)


def build(model: PromptEncoder, ranges: Ranges) -> onnx.ModelProto:
    """Embedded tokens float32 [N, T, 384] and lengths int32 [N] to hidden states [N, T, 384]."""
    graph = Graph()
    x = graph.node(
        "LayerNormalization",
        [
            "embedded",
            graph.constant("g0", model.norm0.weight.detach().numpy()),
            graph.constant("h0", model.norm0.bias.detach().numpy()),
        ],
        "x0",
        epsilon=EPSILON,
        axis=-1,
    )
    for number, layer in enumerate(model.layers):
        assert isinstance(layer, Layer)
        x = graph.layer(x, number, layer, ranges)
    made = helper.make_graph(
        graph.nodes,
        "encoder",
        [
            helper.make_tensor_value_info("embedded", TensorProto.FLOAT, ["n", "t", HIDDEN]),
            helper.make_tensor_value_info("length", TensorProto.INT32, ["n"]),
        ],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", "t", HIDDEN])],
        graph.constants,
    )
    return helper.make_model(
        made,
        ir_version=10,
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(OPS, 1)],
    )


def averaged(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the weights of several moments of one training (Izmailov et al., 2018)."""
    return {k: torch.stack([s[k].float() for s in states]).mean(0) for k in states[0]}


def tables(model: PromptEncoder, base: Path) -> dict[str, NDArray[np.generic]]:
    """What :class:`EncoderScorer` needs outside the graph."""
    return {
        "word": load_file(base / "embeddings.safetensors")["word"],
        "place": model.place.detach().numpy().astype(np.float32),
    }


def heads(model: PromptEncoder) -> dict[str, NDArray[np.generic]]:
    """The heads as the training left them."""
    return {
        "head": model.head.weight.detach().numpy().astype(np.float32),
        "bias": model.head.bias.detach().numpy().astype(np.float32),
    }


def main() -> None:
    ask = argparse.ArgumentParser(description="export the encoder")
    ask.add_argument("--run", type=Path, required=True)
    ask.add_argument("--average", type=Path, nargs="*", default=[], help="states of earlier steps")
    ask.add_argument("--base", type=Path, required=True)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--seed", type=int, default=7)
    options = ask.parse_args()
    states = [
        torch.load(file, weights_only=True) for file in (options.run / "state.pt", *options.average)
    ]
    model = PromptEncoder(options.base, states[0]["layers"]).eval()
    model.load_state_dict(averaged([state["model"] for state in states]), strict=False)
    train, held = corpus.load(options.data, options.seed)
    rng = np.random.default_rng(options.seed)
    tokenizer = tokenizer_of(options.base)
    sample = rng.choice(len(train), 800, replace=False)
    encoded = [e.ids for e in tokenizer.encode_batch([train[i].text for i in sample])]
    options.out.mkdir(parents=True, exist_ok=True)
    graph = build(model, measure(model, encoded))
    onnx.save_model(graph, options.out / "encoder.onnx")
    save_file(tables(model, options.base), options.out / "embeddings.safetensors")
    save_file(heads(model), options.out / "heads.safetensors")
    shutil.copyfile(options.base / "tokenizer.json", options.out / "tokenizer.json")

    texts = [held[i].text for i in rng.choice(len(held), 80, replace=False)]
    scorer = EncoderScorer(
        options.out / "encoder.onnx",
        options.out / "embeddings.safetensors",
        options.out / "heads.safetensors",
        options.out / "tokenizer.json",
    )
    small = scorer.score(texts)
    exact = np.empty_like(small)
    with torch.no_grad():
        for i, one in enumerate(tokenizer.encode_batch(texts)):
            exact[i] = model(*padded([one.ids]))[0].numpy()
    strayed = np.abs(small - exact)
    print(
        json.dumps(
            {
                "bytes": sum(f.stat().st_size for f in options.out.iterdir()),
                "mean_logit_difference": round(float(strayed.mean()), 3),
                "99_percent": round(float(np.quantile(strayed, 0.99)), 3),
                "spread_of_logits": round(float(exact.std(0).mean()), 3),
            }
        )
    )


if __name__ == "__main__":
    main()
