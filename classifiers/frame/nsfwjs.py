"""A second opinion on nudity, which also knows drawings: nsfwjs' MobileNetV2.

Source: npm ``nsfwjs`` (MIT, Infinite Red). The model is a TensorFlow.js graph with weights of 8 bit
inside two JavaScript files, whose bytes are pinned. They are read as text, never run: the graph's
eleven kinds of operations become an ONNX graph in memory. Trained on photographs and drawings by
five classes: drawing, hentai, neutral, porn, sexy.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ClassifierError
from media.clip import Pixels

WEIGHTS = ("nsfwjs_graph", "nsfwjs_weights_1", "nsfwjs_weights_2")
"""The pins of the files in the registry, in the order in which they belong together."""

CLASSES = ("drawing", "hentai", "neutral", "porn", "sexy")
_EXPLICIT = ("hentai", "porn")
_SIDE = 224
_OPSET = 17


class NsfwJs:
    """The loaded model; about 25 ms of processor time a frame."""

    def __init__(self, graph: Path, weights: Sequence[Path], threads: int = 1) -> None:
        import onnxruntime

        try:
            model = to_onnx(graph.read_text("utf-8"), [f.read_text("ascii") for f in weights])
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise ClassifierError(f"{graph.name} cannot be read: {error}", "pull it again") from (
                error
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def classes(self, pixels: Pixels) -> NDArray[np.float64]:
        """Shares of :data:`CLASSES`, ``[T, 5]``, of ``uint8 [T, H, W, 3]`` RGB."""
        from PIL import Image

        size = (_SIDE, _SIDE)
        batch = np.stack(
            [
                np.asarray(
                    Image.fromarray(np.ascontiguousarray(frame)).resize(
                        size, Image.Resampling.BILINEAR, reducing_gap=2
                    ),
                    np.float32,
                )
                for frame in pixels
            ]
        )
        [shares] = self._session.run(None, {"input": batch.transpose(0, 3, 1, 2) / 255})
        found = np.asarray(shares, np.float64)
        if not np.isfinite(found).all():
            raise ValueError("the model gave shares that are no numbers")
        return found

    def score(self, pixels: Pixels) -> Mapping[str, NDArray[np.floating[Any]]]:
        """``sexual`` in [0, 1], ``[T]``: the shares of the explicit classes together."""
        shares = self.classes(pixels)
        columns = [CLASSES.index(name) for name in _EXPLICIT]
        return {"sexual": np.clip(shares[:, columns].sum(1), 0, 1)}


def to_onnx(graph: str, weights: Sequence[str]) -> bytes:
    """The model as ONNX: input ``float32 [T, 3, 224, 224]`` in [0, 1], output ``[T, 5]``.

    ``graph`` and ``weights`` are the texts of the JavaScript files. Raises ``ValueError`` or
    ``KeyError`` for files of another make, such as an operation that this reader does not know.
    """
    from onnx import TensorProto, helper, numpy_helper

    described = json.loads(_as_json(_exported(graph)))
    arrays = _arrays(described["weightsManifest"], b"".join(_decoded(text) for text in weights))
    nodes: list[Any] = []
    used: dict[str, NDArray[Any]] = {}
    for node in described["modelTopology"]["node"]:
        operation, inputs, output = node["op"], list(node.get("input", ())), node["name"]
        if operation in ("Const", "Placeholder"):
            continue
        made = _operation(operation, node.get("attr", {}), inputs, output, arrays, used)
        nodes += [helper.make_node(kind, given, [out], **more) for kind, given, out, more in made]
    last = nodes[-1].output[0]
    # Constants that stand on their own, such as the scale of the input, keep their names.
    loose = {name for n in nodes for name in n.input} & arrays.keys() - used.keys()
    used |= {name: arrays[name] for name in loose}
    made_graph = helper.make_graph(
        nodes,
        "nsfwjs",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["T", 3, _SIDE, _SIDE])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["T", len(CLASSES)])],
        [numpy_helper.from_array(value, name) for name, value in used.items()],
    )
    model = helper.make_model(made_graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = 8
    return bytes(model.SerializeToString())


_Made = list[tuple[str, list[str], str, dict[str, Any]]]


def _operation(
    operation: str,
    attributes: Mapping[str, Any],
    inputs: list[str],
    output: str,
    arrays: Mapping[str, NDArray[np.float32]],
    used: dict[str, NDArray[Any]],
) -> _Made:
    """One operation of TensorFlow as operations of ONNX; its weights go into ``used``."""
    if operation in ("_FusedConv2D", "FusedDepthwiseConv2dNative"):
        return _convolution(operation, attributes, inputs, output, arrays, used)
    if operation == "_FusedMatMul":
        used[inputs[1]], used[inputs[2]] = arrays[inputs[1]], arrays[inputs[2]]
        return [("Gemm", inputs, output, {})]
    if operation == "AvgPool":
        sides = _numbers(attributes, "ksize")[1:3]
        return [("AveragePool", inputs, output, {"kernel_shape": sides})]
    if operation == "Squeeze":
        return [("Flatten", inputs, output, {"axis": 1})]
    plain = {
        "Mul": "Mul",
        "Sub": "Sub",
        "AddV2": "Add",
        "Softmax": "Softmax",
        "Identity": "Identity",
    }
    return [(plain[operation], inputs, output, {})]


def _convolution(
    operation: str,
    attributes: Mapping[str, Any],
    inputs: list[str],
    output: str,
    arrays: Mapping[str, NDArray[np.float32]],
    used: dict[str, NDArray[Any]],
) -> _Made:
    kernel, bias = inputs[1], inputs[2]
    value = arrays[kernel]
    group = 1
    if operation == "_FusedConv2D":
        used[kernel] = np.ascontiguousarray(value.transpose(3, 2, 0, 1))
    else:
        group = value.shape[2]
        flat = value.reshape(*value.shape[:2], 1, -1)
        used[kernel] = np.ascontiguousarray(flat.transpose(3, 2, 0, 1))
    used[bias] = arrays[bias]
    more = {
        "strides": _numbers(attributes, "strides")[1:3],
        "group": group,
        "kernel_shape": list(value.shape[:2]),
        "auto_pad": "SAME_UPPER" if _texts(attributes["padding"]) == ["SAME"] else "VALID",
    }
    fused = _texts(attributes["fused_ops"]["list"])
    if fused == ["BiasAdd"]:
        return [("Conv", inputs, output, more)]
    if fused != ["BiasAdd", "Relu6"]:
        raise ValueError(f"no operation {fused}")
    used["zero"], used["six"] = np.array(0, np.float32), np.array(6, np.float32)
    between = f"{output}/linear"
    return [
        ("Conv", inputs, between, more),
        ("Clip", [between, "zero", "six"], output, {}),
    ]


def _numbers(attributes: Mapping[str, Any], name: str) -> list[int]:
    return [int(value) for value in attributes[name]["list"]["i"]]


def _texts(value: Mapping[str, Any]) -> list[str]:
    """Strings of TensorFlow.js are base64, one or a list."""
    coded = value["s"]
    return [
        base64.b64decode(text).decode() for text in (coded if isinstance(coded, list) else [coded])
    ]


def _exported(source: str) -> str:
    """What the module exports, as it stands between the bundler's wrapping."""
    begin = source.index("exports=", source.index("({1:[")) + len("exports=")
    return source[begin : source.rindex("},{}]},{},[1])(1)")]


def _decoded(source: str) -> bytes:
    try:
        return base64.b64decode(_exported(source).strip('"'), validate=True)
    except binascii.Error as error:
        raise ValueError(f"no weights: {error}") from error


_STRING = re.compile(r'("(?:[^"\\]|\\.)*")')


def _as_json(literal: str) -> str:
    """A minified object literal as JSON: quoted keys, ``!0`` and ``!1``, numbers with a zero."""
    parts = _STRING.split(literal)
    for k in range(0, len(parts), 2):
        part = re.sub(r"([{,])([A-Za-z_]\w*):", r'\1"\2":', parts[k])
        part = part.replace("!0", "true").replace("!1", "false")
        parts[k] = re.sub(r"(?<!\d)\.(\d)", r"0.\1", part)
    return "".join(parts)


def _arrays(manifest: Sequence[Any], data: bytes) -> dict[str, NDArray[np.float32]]:
    """Every weight as ``float32``, from 8 bit with a scale and a least value."""
    found: dict[str, NDArray[np.float32]] = {}
    at = 0
    for group in manifest:
        for entry in group["weights"]:
            count = int(np.prod(entry["shape"], dtype=np.int64))
            coded = entry.get("quantization")
            kind = np.dtype(coded["dtype"] if coded else entry["dtype"]).newbyteorder("<")
            raw = np.frombuffer(data, kind, count, at)
            at += count * kind.itemsize
            value = raw.astype(np.float32)
            if coded:
                value = value * np.float32(coded["scale"]) + np.float32(coded["min"])
            found[entry["name"]] = value.reshape(entry["shape"])
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes of weights belong to nothing")
    return found
