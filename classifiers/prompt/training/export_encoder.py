"""Export the fine-tuned encoder to int8 ONNX.

``python -m classifiers.prompt.training.export_encoder --run RUN --out FOLDER``

Matrix weights become int8 per channel (dynamic quantisation), word embeddings int8 too.
Writes ``encoder.onnx`` and ``tokenizer.json`` and prints how far int8 strays from float32.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from classifiers.prompt.encoder import EncoderScorer
from classifiers.prompt.training.train_encoder import Encoder, base_folder


def main() -> None:
    ask = argparse.ArgumentParser(description="export the encoder")
    ask.add_argument("--run", type=Path, required=True)
    ask.add_argument("--out", type=Path, required=True)
    options = ask.parse_args()
    model = Encoder().eval()
    model.load_state_dict(torch.load(options.run / "state.pt", weights_only=True)["model"])
    ids = torch.randint(1000, 20000, (2, 12))
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        torch.onnx.export(
            model, (ids, torch.ones_like(ids)), str(plain), input_names=["ids", "mask"],
            output_names=["logits"], opset_version=17, dynamo=False,
            dynamic_axes={"ids": {0: "n", 1: "t"}, "mask": {0: "n", 1: "t"}, "logits": {0: "n"}},
        )  # fmt: skip
        quantize_dynamic(
            plain, options.out / "encoder.onnx", weight_type=QuantType.QInt8, per_channel=True,
            reduce_range=True,
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
        )  # fmt: skip
        shutil.copyfile(base_folder() / "tokenizer.json", options.out / "tokenizer.json")
        texts = ["a red ball rolls over the street", "a naked couple in bed", "how to make a bomb"]
        small = EncoderScorer(options.out / "encoder.onnx", options.out / "tokenizer.json")
        exact = EncoderScorer(plain, options.out / "tokenizer.json")
        strayed = float(np.abs(small.score(texts) - exact.score(texts)).max())
    size = (options.out / "encoder.onnx").stat().st_size
    print(json.dumps({"bytes": size, "largest_logit_difference": round(strayed, 3)}))


if __name__ == "__main__":
    main()
