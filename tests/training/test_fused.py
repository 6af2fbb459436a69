"""Hand-written backward passes against finite differences and against torch's own forward."""

from __future__ import annotations

import torch
from torch.autograd import gradcheck

from training.fused import cross_entropy, rms_norm, rotary, swiglu


def states(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)


def test_rms_norm() -> None:
    inputs, weight = states(3, 2, 8), states(8)
    expected = torch.nn.functional.rms_norm(inputs.float(), (8,), weight.float(), 1e-5)
    assert torch.allclose(rms_norm(inputs.float(), weight.float(), 1e-5), expected, atol=1e-6)
    found = torch.autograd.grad(rms_norm(inputs.float(), weight.float(), 1e-5).cos().sum(), (inputs, weight))
    wanted = torch.autograd.grad(expected.cos().sum(), (inputs, weight))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(found, wanted, strict=True))


def test_swiglu() -> None:
    merged = states(3, 2, 8)
    gate, up = merged.chunk(2, dim=-1)
    assert torch.allclose(swiglu(merged), torch.nn.functional.silu(gate) * up)
    assert gradcheck(swiglu, (merged,))


def test_rotary() -> None:
    heads, angles = states(2, 1, 5, 4), torch.rand(1, 5, 2, dtype=torch.float64)
    cos, sin = angles.cos(), angles.sin()
    turned = torch.view_as_complex(torch.stack(heads.chunk(2, dim=-1), -1)) * torch.polar(
        torch.ones_like(angles), angles
    )
    assert torch.allclose(rotary(heads, cos, sin), torch.cat((turned.real, turned.imag), -1))
    assert gradcheck(lambda x: rotary(x, cos, sin), (heads,))


def test_cross_entropy() -> None:
    logits, labels = states(7, 11), torch.tensor([0, 3, 10, 5, 5, 1, 2])
    assert torch.allclose(cross_entropy(logits.clone(), labels), torch.nn.functional.cross_entropy(logits, labels))
    (found,) = torch.autograd.grad(cross_entropy(logits.clone(), labels), logits)
    (wanted,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, labels), logits)
    assert torch.allclose(found, wanted)
