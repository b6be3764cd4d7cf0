"""Fine-tune the multilingual encoder, one head per category.

``python -m classifiers.prompt.training.train_encoder --data ../shared/data/prompts --base BASE
--out RUN``

``BASE`` is made by ``base_e5``. Word vectors and the lowest layers stay as they are: they hold what
the languages have in common, and a small corpus of mostly English rows only harms them. Stops
at ``--minutes`` or ``--steps``, whichever comes first, and goes on from ``RUN/state.pt`` when
that exists.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from classifiers.prompt.heads import INDEX
from classifiers.prompt.training import noise
from classifiers.prompt.training import rows as corpus
from classifiers.prompt.training.model import PromptEncoder, padded, tokenizer_of

UNSAFE_WEIGHT = 4.0
"""How much the one harm head counts against each of the nineteen categories."""
EASY_LOSS = 0.01
"""A row below it has been learnt and is drawn more rarely from then on …"""
EASY_SHARE = 0.3
"""… this often, so that the steps go where something is left to learn."""
EMBEDDED = 0.35
"""Share of rows that are copied with harmless scenes around them."""
NOISE = 0.12
"""Share of English rows that are copied in disguise."""
WARM_STEPS = 60


def batches(
    lengths: NDArray[np.int64],
    chance: NDArray[np.float64],
    tokens: int,
    rng: np.random.Generator,
) -> Iterator[NDArray[np.int64]]:
    """Endless batches of row numbers, each about ``tokens`` tokens wide when padded.

    ``chance`` may change meanwhile; it is read anew every 4096 rows.
    """
    while True:
        drawn = rng.choice(len(chance), size=4096, p=chance / chance.sum())
        drawn = drawn[np.argsort(lengths[drawn], kind="stable")]
        groups, start = [], 0
        while start < len(drawn):
            size = 1
            while start + size < len(drawn) and (size + 1) * lengths[drawn[start + size]] <= tokens:
                size += 1
            groups.append(drawn[start : start + size])
            start += size
        for i in rng.permutation(len(groups)):
            yield groups[i]


def material(folder: Path, seed: int) -> list[corpus.Row]:
    """Training rows with their copies: embedded in scenes, and disguised."""
    train, _ = corpus.load(folder, seed)
    english = [row for row in train if corpus.english(row)]
    return [
        *train,
        *corpus.embedded(train, EMBEDDED, seed),
        *noise.copies(english, NOISE, seed),
    ]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--base", type=Path, required=True)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--layers", type=int, default=7, help="lowest layers that are kept")
    ask.add_argument("--frozen", type=int, default=2, help="lowest layers left as they are")
    ask.add_argument("--steps", type=int, default=100_000)
    ask.add_argument("--minutes", type=float, default=40.0)
    ask.add_argument("--tokens", type=int, default=2_048, help="tokens per batch, padded")
    ask.add_argument("--rate", type=float, default=1.2e-4)
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--threads", type=int, default=1)
    options = ask.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    train = material(options.data, options.seed)
    tokenizer = tokenizer_of(options.base)
    encoded = [e.ids for e in tokenizer.encode_batch([row.text for row in train])]
    lengths = np.array([len(ids) for ids in encoded])
    target = torch.from_numpy(np.stack([row.target for row in train]))
    weight = torch.from_numpy(np.stack([row.weight for row in train]))
    weight[:, INDEX["unsafe"]] *= UNSAFE_WEIGHT
    even = corpus.cell_probabilities(train)
    chance = even.copy()

    model = PromptEncoder(options.base, options.layers)
    model.norm0.requires_grad_(False)
    model.layers[: options.frozen].requires_grad_(False)
    body = [p for p in model.layers.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        [{"params": body, "scale": 1.0}, {"params": model.head.parameters(), "scale": 10.0}],
        weight_decay=0.01,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    state_file = options.out / "state.pt"
    step, spent = 0, 0.0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["spent"]
        # else the same rows would be drawn again, in the same order
        rng = np.random.default_rng((options.seed, step))
        torch.manual_seed(options.seed + step)

    def save() -> None:
        partial = state_file.with_suffix(".tmp")
        kept = {k: v for k, v in model.state_dict().items() if not k.startswith("word.")}
        torch.save(
            {
                "model": kept,
                "optimiser": optimiser.state_dict(),
                "step": step,
                "spent": spent + time.monotonic() - started,
                "layers": options.layers,
            },
            partial,
        )
        partial.replace(state_file)

    print(json.dumps({"rows": len(train), "from_step": step}), flush=True)
    model.train()
    model.layers[: options.frozen].eval()
    started, mean = time.monotonic(), None
    for picked in batches(lengths, chance, options.tokens, rng):
        elapsed = (time.monotonic() - started) / (options.minutes * 60)
        if step >= options.steps or elapsed > 1:
            break
        ids, mask = padded([encoded[number] for number in picked])
        done = max(step / options.steps, elapsed)
        rate = options.rate * min(1.0, (step + 1) / WARM_STEPS) * max(0.02, 1 - done)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                low = model.run(model.embed(ids), mask, 0, options.frozen)
            hidden = model.run(low, mask, options.frozen, options.layers)
        logits = model.judge(hidden, mask)
        loss = nn.functional.binary_cross_entropy_with_logits(
            logits, target[picked], weight=weight[picked], reduction="none"
        )
        mass = weight[picked].sum(1).clamp(min=1e-6)
        learnt = (loss.detach().sum(1) / mass).numpy() < EASY_LOSS
        chance[picked] = even[picked] * np.where(learnt, EASY_SHARE, 1.0)
        loss = loss.sum() / weight[picked].sum().clamp(min=1) * 4
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        value = float(loss.detach()) / 4
        mean = value if mean is None else 0.98 * mean + 0.02 * value
        if step % 25 == 0:
            now = spent + time.monotonic() - started
            print(json.dumps({"step": step, "loss": round(mean, 4), "s": round(now)}), flush=True)
        if step % 100 == 0:
            save()
    save()
    print(json.dumps({"step": step, "minutes": round((time.monotonic() - started) / 60, 1)}))


if __name__ == "__main__":
    main()
