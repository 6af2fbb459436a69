"""Element-wise parts of a Llama layer with hand-written backward passes: less memory traffic than autograd's."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional


class RMSNormFunction(torch.autograd.Function):
    """Root mean square norm (arXiv 1910.07467), computed in fp32 as transformers does."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        """`states` [..., hidden], `weight` [hidden]."""
        wide = states.float()
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
        normed = (wide * scale).to(states.dtype)
        ctx.save_for_backward(normed, weight, scale)
        return weight * normed

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        """d states = scale · (g·w − normed · mean(g·w·normed)); d weight = Σ g·normed."""
        normed, weight, scale = ctx.saved_tensors
        product = gradients[0] * normed
        of_weight = product.flatten(0, -2).sum(0)
        along = product.mul_(weight).float().mean(-1, keepdim=True)
        inner = (gradients[0] * weight).float().addcmul_(normed.float(), along, value=-1)
        return inner.mul_(scale).to(normed.dtype), of_weight, None


class SwiGLUFunction(torch.autograd.Function):
    """silu(gate) · up (arXiv 2002.05202) of a merged projection."""

    @staticmethod
    def forward(ctx: Any, merged: torch.Tensor) -> torch.Tensor:
        """`merged` [..., 2 · intermediate], gates first."""
        gate, up = merged.chunk(2, dim=-1)
        opened = functional.silu(gate)
        ctx.save_for_backward(merged, opened)
        return opened * up

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Both halves are written where the merged projection wants them, without a concatenation."""
        merged, opened = ctx.saved_tensors
        gate, up = merged.chunk(2, dim=-1)
        result = torch.empty_like(merged)
        of_gate, of_up = result.chunk(2, dim=-1)
        torch.mul(gradients[0], opened, out=of_up)
        torch.ops.aten.silu_backward.grad_input(gradients[0] * up, gate, grad_input=of_gate)
        return result


class RotaryFunction(torch.autograd.Function):
    """Rotary embeddings (RoFormer, arXiv 2104.09864) in transformers' layout: dimension i turns with i + half."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """`states` [heads, batch, sequence, dimension], any strides; `cos`, `sin` [batch, sequence, dimension / 2]."""
        ctx.save_for_backward(cos, sin)
        return _turn(states, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Turning back by the same angles."""
        cos, sin = ctx.saved_tensors
        return _turn(gradients[0], cos, sin, -1), None, None


def _turn(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, direction: int) -> torch.Tensor:
    result = torch.empty(states.shape, dtype=states.dtype, device=states.device)
    first, second = states.chunk(2, dim=-1)
    of_first, of_second = result.chunk(2, dim=-1)
    torch.mul(first, cos, out=of_first).addcmul_(second, sin, value=-direction)
    torch.mul(second, cos, out=of_second).addcmul_(first, sin, value=direction)
    return result


class CrossEntropyFunction(torch.autograd.Function):
    """Mean cross entropy that works inside the logits' own memory, the largest tensor of a step."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """`logits` fp32 [positions, vocabulary] are overwritten; `labels` [positions]."""
        logits = logits.detach()
        logits.sub_(logits.amax(-1, keepdim=True))
        at_label = logits.gather(1, labels[:, None]).squeeze(1)
        sums = logits.exp_().sum(-1)
        ctx.save_for_backward(logits, sums, labels)
        return (sums.log() - at_label).mean()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        """(softmax − one-hot) / positions."""
        exponentials, sums, labels = ctx.saved_tensors
        share = gradients[0] / len(labels)
        result = exponentials.mul_((share / sums)[:, None])
        result[torch.arange(len(labels), device=labels.device), labels] -= share
        return result, None


def rms_norm(states: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """`states` [..., hidden] scaled to root mean square 1, times `weight`."""
    return RMSNormFunction.apply(states, weight, eps)


def swiglu(merged: torch.Tensor) -> torch.Tensor:
    """[..., 2 · intermediate] → [..., intermediate]."""
    return SwiGLUFunction.apply(merged)


def rotary(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """`states` [heads, batch, sequence, dimension] turned by the positions' angles; contiguous."""
    return RotaryFunction.apply(states, cos, sin)


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy in nats of `logits` fp32 [positions, vocabulary], which are overwritten."""
    return CrossEntropyFunction.apply(logits, labels)
