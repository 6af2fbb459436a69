"""Linear layers on oneDNN, forward and backward, where torch's own would be slower. Changes no result but its rounding.

torch multiplies float32 matrices on a CPU with MKL, which uses its AVX-512 kernels on Intel's processors only. oneDNN
uses AVX-512 wherever it is: on AMD's Zen 4 and 5 its products are twice as fast at the shapes of a 135M model.
"""

from __future__ import annotations

import functools
import os
import types
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

OPT_OUT = "TRAINING_LINEAR"
"""Environment variable: `torch` keeps torch's own products, whatever the processor."""
CACHES = ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")
"""Environment variables of torch's and of oneDNN's cache of prepared products, each 1,024 where it is not set."""
CACHED = "24"
"""Products that stay prepared. A step has 15 shapes. A product holds memory of the size of its result: 113 MB for the
gradient of the head of a 135M model, prepared anew for each number of tokens that carry loss."""


@functools.cache
def onednn_is_faster() -> bool:
    """Whether float32 products on this CPU go to oneDNN; a rule, not a race, so that two runs never differ.

    It takes a torch with oneDNN, a processor with AVX-512, and no `TRAINING_LINEAR=torch` in the environment.
    """
    if os.environ.get(OPT_OUT, "") == "torch" or not torch.backends.mkldnn.is_available():
        return False
    return hasattr(torch.ops.mkldnn, "_linear_pointwise") and bool(torch.cpu.get_capabilities().get("avx512_f"))


def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """`left @ right.T` by oneDNN; float32 [m, k] and [n, k], of any strides, give a contiguous [m, n]."""
    made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
    return made


class LinearFunction(torch.autograd.Function):
    """`x @ weight.T` whose three products are oneDNN's."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """`x` [..., in], `weight` [out, in] → [..., out]."""
        ctx.save_for_backward(x, weight)
        return product(x.reshape(-1, x.shape[-1]), weight).view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """d x = g · weight; d weight = gᵀ · x."""
        x, weight = ctx.saved_tensors
        gradient = gradients[0].reshape(-1, weight.shape[0])
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = product(gradient, weight.t()).view(x.shape)
        if ctx.needs_input_grad[1]:
            of_weight = product(gradient.t(), x.reshape(-1, x.shape[-1]).t())
        return of_x, of_weight


def linear(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """As torch.nn.functional.linear; by oneDNN for float32 on a CPU where that is faster."""
    wanted = bias is None and input.device.type == "cpu" and input.dtype == weight.dtype == torch.float32
    # A micro batch whose tokens carry no loss has an empty product, which oneDNN refuses.
    if wanted and input.numel() and onednn_is_faster():
        return LinearFunction.apply(input, weight)  # type: ignore[no-any-return]
    return functional.linear(input, weight, bias)


def keep_few_prepared() -> None:
    """Limit what torch and oneDNN keep of past products; they read it at the first one."""
    for name in CACHES:
        os.environ.setdefault(name, CACHED)


def use_onednn() -> None:
    """Let nanotron's column and row parallel linears multiply so: all of a Llama's matrices, its head included.

    nanotron 0.4 offers no choice; its linears call `F.linear` in one module, which gets an `F` with this one.
    """
    import nanotron.parallel.tensor_parallel.functional as stock

    keep_few_prepared()
    stock.F = types.SimpleNamespace(linear=linear)
