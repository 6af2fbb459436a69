"""Linear layers of the packed backend on oneDNN: float32 as transformers computes, and int8 for speed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from records.errors import UserError

ROWS = 8
"""Rows are padded to a multiple of this: oneDNN compiles a kernel for every new shape, in about 0.4 ms."""
BLOCK_ROWS = 32
"""The same for texts that are read, where rows are many."""


class Linear(ABC):
    """`x @ weight.T` without bias; `weight` is [out, in], float32."""

    @abstractmethod
    def __call__(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        """`(factor * x) @ weight.T` of x [tokens, in] and factor [tokens, 1]: [tokens, out], float32."""

    def order(self, x: Tensor, factor: Tensor) -> Tensor:
        """As a call, but each row may miss a positive factor: enough where only the largest entry is asked for."""
        return self(x, factor)


class Float32Linear(Linear):
    """Float32 throughout; weights lie as oneDNN wants them, whose AVX-512 kernels MKL does not use on every CPU."""

    def __init__(self, weight: Tensor) -> None:
        self.packed = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        weight = weight.detach().float().contiguous()
        self.weight: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, 256) if self.packed else weight

    def __call__(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        """See `Linear`."""
        x = x if factor is None else x * factor
        if not self.packed:
            return functional.linear(x, self.weight)
        made: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, None, "none", [], "")
        return made


class Int8Linear(Linear):
    """Symmetric int8: weights scaled per output channel, activations per token as they come; sums are int32.

    Both sides are `round(127 * value / largest magnitude)`; an activation is stored as uint8 with zero point 128, what
    the VNNI instructions multiply.
    """

    def __init__(self, weight: Tensor) -> None:
        weight = weight.detach().float()
        scales = weight.abs().amax(1).clamp_min(1e-12) / 127
        self.weight = torch.ops.onednn.qlinear_prepack((weight / scales[:, None]).round().to(torch.int8), None)
        self.scales = scales
        self.zero_point = torch.tensor(128.5)

    def __call__(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        """See `Linear`."""
        made, scale = self._product(x)
        return made.mul_(scale if factor is None else scale * factor)

    def order(self, x: Tensor, factor: Tensor) -> Tensor:
        """See `Linear`."""
        return self._product(x)[0]

    def _product(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The product without the scales of the rows, and those [tokens, 1]."""
        scale = x.abs().amax(-1, keepdim=True).clamp_min_(1e-12).div_(127)
        levels = torch.addcmul(self.zero_point, x, scale.reciprocal()).to(torch.uint8)
        made: Tensor = torch.ops.onednn.qlinear_pointwise(
            levels, 1.0, 128, self.weight, self.scales, None, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return made, scale


def linear_kind(compute_type: str) -> Any:
    """The class for `float32` or `int8`.

    Raises:
        UserError: int8 is asked for where its instructions are missing, or the name is neither.
    """
    if compute_type == "float32":
        return Float32Linear
    if compute_type != "int8":
        raise UserError(f"compute type {compute_type!r} of the packed backend is neither float32 nor int8")
    if not (torch.backends.mkldnn.is_available() and torch.cpu.get_capabilities().get("avx512_vnni", False)):
        raise UserError(
            "evaluation.backend packed-int8 needs a CPU with AVX-512 VNNI and a torch with oneDNN; set it to packed"
        )
    return Int8Linear
