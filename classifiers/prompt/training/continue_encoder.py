"""Go on from the shipped weights: train the upper layers and the heads over the shipped lower ones.

``python -m classifiers.prompt.training.continue_encoder --data ../shared/data/prompts
--weights classifiers/prompt/weights --out FOLDER``

No float state of an earlier training is needed: the upper layers start from the shipped int8
weights, scaled back to float. The lower layers stay as they are, byte for byte; what they give out
is computed once for every row, by the int8 graph that also computes it at run time. Each of
``--workers`` processes learns its own part of the rows; their weights are averaged every few steps
(local SGD, Stich, 2019). Writes ``encoder.onnx``, ``embeddings.safetensors``, ``heads.safetensors``
and ``tokenizer.json``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn

from classifiers.prompt.encoder import EncoderScorer
from classifiers.prompt.heads import HEADS, INDEX
from classifiers.prompt.training import export_encoder as export
from classifiers.prompt.training import rows as corpus
from classifiers.prompt.training.fit_heads import chosen
from classifiers.prompt.training.model import HIDDEN, Layer, pool
from classifiers.prompt.training.train_encoder import (
    EASY_LOSS,
    EASY_SHARE,
    UNSAFE_WEIGHT,
    WARM_STEPS,
    batches,
    material,
)

Arrays = Mapping[str, NDArray[np.generic]]
FILES = ("encoder.onnx", "embeddings.safetensors", "heads.safetensors", "tokenizer.json")
NEW = ("own:film_", "own:breadth_")
"""Sources of which every row is learnt; of the others ``--rows`` are drawn."""
DROPPED = 0.1
"""Share of tokens that a step does not see: no single word may carry a row."""
TOGETHER = 10
"""Steps of a worker between two averages of all workers' weights."""


class Upper(nn.Module):
    """The upper layers and the heads; hidden states [N, T, 384] and mask to logits [N, heads]."""

    def __init__(self, layers: Sequence[Layer], head: Arrays) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(HIDDEN, len(HEADS))
        self.head.weight.data.copy_(torch.from_numpy(head["head"].copy()))
        self.head.bias.data.copy_(torch.from_numpy(head["bias"].copy()))

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            added = torch.where(mask[:, None, None, :] > 0, 0.0, -1e4)
            for layer in self.layers:
                hidden = layer(hidden, added)
        found: Tensor = self.head(self.drop(pool(hidden, mask)))
        return found


def constants(graph: onnx.ModelProto) -> dict[str, NDArray[np.generic]]:
    """All constants of a graph by name."""
    return {one.name: numpy_helper.to_array(one) for one in graph.graph.initializer}


def layer_of(found: Arrays, number: int) -> Layer:
    """Layer ``number`` of an exported graph, its int8 weights scaled back to float."""

    def weight(name: str, table: str) -> NDArray[np.float32]:
        # the exporter moved 1 / f from the inputs into the weights
        scale, factor = (np.array(found[k], np.float32) for k in (f"{table}.ws", f"{name}.f"))
        return np.asarray(found[f"{table}.w"].astype(np.float32).T * scale[:, None] * factor)

    n, made = number, Layer()
    made.load_state_dict(
        {
            key: torch.from_numpy(np.array(value, np.float32))
            for key, value in {
                "qkv.weight": weight(f"{n}.qkv", f"{n}"),
                "qkv.bias": found[f"{n}.b"],
                "attended.weight": weight(f"{n}.attended", f"{n}.attended"),
                "attended.bias": found[f"{n}.attended.b"],
                "norm1.weight": found[f"{n}.norm1.g"],
                "norm1.bias": found[f"{n}.norm1.h"],
                "widen.weight": weight(f"{n}.widen", f"{n}.widen"),
                "widen.bias": found[f"{n}.widen.b"],
                "narrow.weight": weight(f"{n}.narrow", f"{n}.narrow"),
                "narrow.bias": found[f"{n}.norm2.b"],
                "norm2.weight": found[f"{n}.norm2.g"],
                "norm2.bias": found[f"{n}.norm2.h"],
            }.items()
        }
    )
    return made


def below(graph: onnx.ModelProto, layer: int) -> onnx.ModelProto:
    """The graph that ends with the hidden states which ``layer`` reads."""
    cut = onnx.ModelProto()
    cut.CopyFrom(graph)
    del cut.graph.output[:]
    cut.graph.output.append(
        helper.make_tensor_value_info(f"{layer - 1}.norm2.o", TensorProto.FLOAT, ["n", "t", HIDDEN])
    )
    return cut


def spliced(old: onnx.ModelProto, new: onnx.ModelProto, first: int) -> onnx.ModelProto:
    """``old`` with the layers from ``first`` on taken from ``new``, which holds only those."""
    made = onnx.ModelProto()
    made.CopyFrom(old)
    kept = [node for node in old.graph.node if _number(node.output[0]) < first]
    values = [one for one in old.graph.initializer if _number(one.name) < first]
    del made.graph.node[:], made.graph.initializer[:]
    made.graph.node.extend([*kept, *new.graph.node])
    made.graph.initializer.extend([*values, *new.graph.initializer])
    return made


def _number(name: str) -> int:
    head = name.split(".", 1)[0]
    return int(head) if head.isdigit() else -1


def upper_graph(layers: Sequence[Layer], ranges: export.Ranges, first: int) -> onnx.ModelProto:
    """The nodes of the upper layers, numbered from ``first``, as the exporter makes them."""
    graph = export.Graph()
    x = f"{first - 1}.norm2.o"
    for number, layer in enumerate(layers, start=first):
        x = graph.layer(x, number, layer, ranges)
    return helper.make_model(helper.make_graph(graph.nodes, "upper", [], [], graph.constants))


def measured(
    layers: Sequence[Layer], first: int, rows: Sequence[NDArray[np.float16]]
) -> export.Ranges:
    """Ranges of the upper layers' inputs over hidden states, in float32."""
    ranges, hooks = export.Ranges(), []
    now: dict[str, Tensor] = {}
    for number, layer in enumerate(layers, start=first):
        for part in ("qkv", "attended", "widen", "narrow"):

            def hook(_: object, given: tuple[Tensor], name: str = f"{number}.{part}") -> None:
                ranges.see(name, given[0], now["mask"])

            hooks.append(getattr(layer, part).register_forward_pre_hook(hook))
    order = sorted(rows, key=len)
    with torch.no_grad():
        for start in range(0, len(order), 32):
            hidden, now["mask"] = stacked(order[start : start + 32])
            added = torch.where(now["mask"][:, None, None, :] > 0, 0.0, -1e4)
            for layer in layers:
                hidden = layer(hidden, added)
    for one in hooks:
        one.remove()
    return ranges


def stacked(rows: Sequence[NDArray[np.float16]]) -> tuple[Tensor, Tensor]:
    """Hidden states [T, 384] as one batch and its mask."""
    width = max(map(len, rows))
    hidden = torch.zeros(len(rows), width, HIDDEN)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for at, row in enumerate(rows):
        hidden[at, : len(row)] = torch.from_numpy(row).float()
        mask[at, : len(row)] = 1
    return hidden, mask


def thinned(mask: Tensor) -> Tensor:
    """``mask`` [N, T] without :data:`DROPPED` of its tokens; the marks at the start stay."""
    kept = mask * (torch.rand(mask.shape) >= DROPPED)
    kept[:, 0] = mask[:, 0]
    return kept


@dataclass(frozen=True, slots=True)
class WorkerRows:
    """What one worker learns: hidden states of its rows, targets and weights [rows, heads]."""

    hidden: Sequence[NDArray[np.float16]]
    target: Tensor
    weight: Tensor
    chance: NDArray[np.float64]


def share(options: argparse.Namespace, lower: Path, rank: int) -> WorkerRows:
    """The rows of worker ``rank``, and what the lower layers give out for them."""
    every = material(options.data, options.seed)
    new = chosen([r for r in every if r.source.startswith(NEW)], options.new, options.seed)
    old = chosen([r for r in every if not r.source.startswith(NEW)], options.rows, options.seed)
    train = [*new, *old][rank :: options.workers]
    scorer = EncoderScorer(lower, *(options.weights / name for name in FILES[1:]))
    started = time.monotonic()
    hidden = scorer.hidden([row.text for row in train])
    spent = round(time.monotonic() - started)
    print(json.dumps({"worker": rank, "rows": len(train), "features_s": spent}), flush=True)
    weight = torch.from_numpy(np.stack([row.weight for row in train]))
    weight[:, INDEX["unsafe"]] *= UNSAFE_WEIGHT
    target = torch.from_numpy(np.stack([row.target for row in train]))
    return WorkerRows(hidden, target, weight, corpus.cell_probabilities(train))


def learn(model: Upper, given: WorkerRows, options: argparse.Namespace, rank: int) -> int:
    """Train ``model`` in place for ``options.minutes``; returns the steps of this worker."""
    rng = np.random.default_rng((options.seed, rank))
    torch.manual_seed(options.seed + rank)
    lengths = np.array([len(row) for row in given.hidden])
    chance = given.chance.copy()
    optimiser = torch.optim.AdamW(
        [{"params": list(model.layers.parameters()), "scale": 1.0},
         {"params": list(model.head.parameters()), "scale": 5.0}],
        weight_decay=0.01,
    )  # fmt: skip
    model.train()
    distributed.barrier()
    started, mean = time.monotonic(), None
    for step, picked in enumerate(batches(lengths, chance, options.tokens, rng)):
        done = (time.monotonic() - started) / (options.minutes * 60)
        if step % TOGETHER == 0 and _averaged(model, done) > 1:
            return step
        rate = options.rate * min(1.0, (step + 1) / WARM_STEPS) * max(0.02, 1 - done)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        states, mask = stacked([given.hidden[i] for i in picked])
        logits, weight = model(states, thinned(mask)), given.weight[picked]
        loss = nn.functional.binary_cross_entropy_with_logits(
            logits, given.target[picked], weight=weight, reduction="none"
        )
        learnt = (loss.detach().sum(1) / weight.sum(1).clamp(min=1e-6)).numpy() < EASY_LOSS
        chance[picked] = given.chance[picked] * np.where(learnt, EASY_SHARE, 1.0)
        loss = loss.sum() / weight.sum().clamp(min=1) * 4
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        value = float(loss.detach()) / 4
        mean = value if mean is None else 0.98 * mean + 0.02 * value
        if step % 25 == 24:
            spent = round(time.monotonic() - started)
            told = {"worker": rank, "step": step + 1, "loss": round(mean, 4), "s": spent}
            print(json.dumps(told), flush=True)
            if rank == 0:
                torch.save(model.state_dict(), options.out / "state.pt")
    raise AssertionError("batches never end")


def _averaged(model: Upper, done: float) -> float:
    """Make the weights of all workers their mean; returns how far the first of them is."""
    for value in model.parameters():
        distributed.all_reduce(value.data)
        value.data /= distributed.get_world_size()
    first = torch.tensor(done)
    distributed.broadcast(first, 0)
    return float(first)


def work(rank: int, options: argparse.Namespace, lower: Path, meet: str) -> None:
    """One worker; the first writes the results."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{meet}", rank=rank, world_size=options.workers
    )
    given = share(options, lower, rank)
    graph = onnx.load(options.weights / "encoder.onnx")
    found, head = constants(graph), load_file(options.weights / "heads.safetensors")
    model = Upper([layer_of(found, n) for n in range(options.first, layers_of(graph))], head)
    shipped = {k: v.clone() for k, v in model.state_dict().items()}
    if options.state:
        model.load_state_dict(torch.load(options.state, weights_only=True))
    steps = learn(model, given, options, rank)
    used = torch.tensor([float(steps), time.process_time()])
    distributed.all_reduce(used)
    if rank == 0:
        print(json.dumps({"steps": int(used[0]), "processor_s": round(float(used[1]))}), flush=True)
        write(model, shipped, given, options)


def write(
    model: Upper, shipped: Mapping[str, Tensor], given: WorkerRows, options: argparse.Namespace
) -> None:
    """The files of every share of the shipped weights that is kept."""
    rng = np.random.default_rng(options.seed)
    graph = onnx.load(options.weights / "encoder.onnx")
    trained = {k: v.clone() for k, v in model.state_dict().items()}
    count = min(800, len(given.hidden))
    sample = [given.hidden[i] for i in rng.choice(len(given.hidden), count, replace=False)]
    for kept in options.kept:
        model.load_state_dict({k: kept * shipped[k] + (1 - kept) * trained[k] for k in trained})
        model.eval()
        folder = options.out / f"kept_{kept:g}"
        folder.mkdir(exist_ok=True)
        layers = [layer for layer in model.layers if isinstance(layer, Layer)]
        made = upper_graph(layers, measured(layers, options.first, sample), options.first)
        onnx.save_model(spliced(graph, made, options.first), folder / "encoder.onnx")
        save_file(
            {
                "head": model.head.weight.detach().numpy(),
                "bias": model.head.bias.detach().numpy(),
            },
            folder / "heads.safetensors",
        )
        for name in ("embeddings.safetensors", "tokenizer.json"):
            shutil.copyfile(options.weights / name, folder / name)


def layers_of(graph: onnx.ModelProto) -> int:
    """How many layers a graph has."""
    return 1 + max(_number(node.output[0]) for node in graph.graph.node)


def main() -> None:
    ask = argparse.ArgumentParser(description="train the upper layers over the shipped lower ones")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--weights", type=Path, required=True, help="folder of the shipped files")
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--state", type=Path, help="weights that an earlier run left: go on from them")
    ask.add_argument("--first", type=int, default=4, help="lowest layer that is trained")
    ask.add_argument("--rows", type=int, default=18_000, help="rows of the older sources")
    ask.add_argument("--new", type=int, default=30_000, help="rows of the newest sources")
    ask.add_argument("--workers", type=int, default=1)
    ask.add_argument("--minutes", type=float, default=20.0)
    ask.add_argument("--tokens", type=int, default=2_048)
    ask.add_argument("--rate", type=float, default=6e-5)
    ask.add_argument(
        "--kept",
        type=float,
        nargs="+",
        default=[0.0, 0.3],
        help="shares of the shipped weights in the results, one folder each",
    )
    ask.add_argument("--seed", type=int, default=7)
    options = ask.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    lower = options.out / "lower.onnx"
    onnx.save_model(below(onnx.load(options.weights / "encoder.onnx"), options.first), lower)
    with tempfile.TemporaryDirectory() as folder:
        meet = str(Path(folder) / "meet")
        spawn(work, (options, lower, meet), nprocs=options.workers)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
