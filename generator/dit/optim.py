"""Muon for the matrices, AdamW for the rest.

Muon (Jordan et al. 2024): momentum, then the nearest orthogonal matrix by Newton-Schulz steps,
which bear bfloat16; on processors without it that is ten times slower than float32.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonal(matrix: Tensor, steps: int = 4, within: torch.dtype = torch.float32) -> Tensor:
    """About the nearest semi-orthogonal matrix to ``matrix [m, n]``: singular values near 1.

    ``within``: the type to compute in; the result has the type of ``matrix``.
    """
    a, b, c = _QUINTIC
    x = (matrix / (matrix.norm() + 1e-7)).to(within)
    flipped = x.shape[0] > x.shape[1]
    if flipped:
        x = x.T
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if flipped else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """``lr`` is on AdamW's scale: updates are scaled to a root mean square of 0.2."""

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        decay: float = 0.01,
        within: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})
        self._within = within

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    continue
                state = self.state[param]
                if not state:
                    state["buffer"] = torch.zeros_like(param)
                buffer = state["buffer"]
                buffer.lerp_(param.grad, 1 - group["momentum"])
                update = orthogonal(param.grad.lerp(buffer, group["momentum"]), within=self._within)
                param.mul_(1 - group["lr"] * group["decay"])
                param.add_(update, alpha=-group["lr"] * 0.2 * max(param.shape) ** 0.5)


def build(
    model: nn.Module, lr: float, within: torch.dtype = torch.float32
) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices (not the modulations), AdamW for everything else."""
    matrices: list[Tensor] = []
    rest: list[Tensor] = []
    for name, param in model.named_parameters():
        inner = name.startswith("blocks.") and "modulation" not in name
        (matrices if inner and param.ndim == 2 else rest).append(param)
    return [
        Muon(matrices, lr, within=within),
        torch.optim.AdamW(rest, lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def update(
    optimizers: list[torch.optim.Optimizer], model: nn.Module, loss: Tensor, rate: float
) -> None:
    """One step down the gradient of ``loss``, whose norm is cut to 1, at the learning rate."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights towards the model's: ``decay`` of them stays."""
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
