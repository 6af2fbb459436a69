"""Linear layers on oneDNN against torch's own, and that they are what training runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch.nn import functional

from tests.training.places import Place, make_trainer
from training import linear as ours
from training.linear import OPT_OUT, linear, onednn_is_faster

has_avx512 = pytest.mark.skipif(not onednn_is_faster(), reason="oneDNN is not used on a processor without AVX-512")


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Forget what the rule said before, and after."""
    monkeypatch.setattr(ours, "onednn_is_faster", onednn_is_faster.__wrapped__)
    return monkeypatch


def tensors(*shapes: tuple[int, ...]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randn(*shape, generator=generator) for shape in shapes]


def gradients(function: object, x: torch.Tensor, weight: torch.Tensor, along: torch.Tensor) -> list[torch.Tensor]:
    """Result, d x and d weight of `function` for the gradient `along`, in the type of `x`."""
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    made = function(x, weight)  # type: ignore[operator]
    made.backward(along.to(made.dtype))
    assert x.grad is not None and weight.grad is not None
    return [made.detach(), x.grad, weight.grad]


@has_avx512
@pytest.mark.parametrize("shape", [(3, 5, 48), (1, 1, 48), (64, 2, 96), (0, 2, 48), (17, 48)])
@pytest.mark.parametrize("out", [1, 160])
def test_result_and_gradients_are_those_of_torch(shape: tuple[int, ...], out: int) -> None:
    """As near to float64 as torch's float32 is."""
    x, weight, along = tensors(shape, (out, shape[-1]), (*shape[:-1], out))
    found = gradients(linear, x, weight, along)
    plain = gradients(functional.linear, x, weight, along)
    exact = gradients(functional.linear, x.double(), weight.double(), along.double())
    for made, theirs, wanted in zip(found, plain, exact, strict=True):
        assert made.shape == wanted.shape and made.is_contiguous()
        torch.testing.assert_close(made, theirs, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(made.double(), wanted, rtol=1e-5, atol=1e-4)


@has_avx512
def test_gradients_of_any_strides_are_taken() -> None:
    """Attention hands on views that are permuted, and a sum's gradient is one number expanded."""
    x, weight, along = tensors((4, 6, 48), (32, 48), (32, 6, 4))
    turned = along.permute(2, 1, 0)
    for found, wanted in zip(
        gradients(linear, x, weight, turned), gradients(functional.linear, x, weight, turned), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    weight.requires_grad_()
    (of_weight,) = torch.autograd.grad(linear(x.transpose(0, 1), weight).sum(), weight)
    torch.testing.assert_close(of_weight, x.flatten(0, 1).sum(0).expand(32, 48), rtol=1e-4, atol=1e-4)


@has_avx512
def test_the_same_input_gives_the_same_bits() -> None:
    x, weight, along = tensors((65, 3, 48), (160, 48), (65, 3, 160))
    first = gradients(linear, x, weight, along)
    for _ in range(3):
        assert all(torch.equal(a, b) for a, b in zip(first, gradients(linear, x, weight, along), strict=True))


GROWTH = """
import torch
from training.linear import keep_few_prepared, product
keep_few_prepared()
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
def multiply(counts):
    for count in counts:
        product(torch.ones(4096, count), torch.ones(512, count))  # 8 MB, as the gradient of a head whose rows vary
multiply(range(1, 40))
before = resident()
multiply(range(40, 100))
print(resident() - before)
"""


@has_avx512
def test_memory_stays_when_the_number_of_rows_varies() -> None:
    kept = {name: value for name, value in os.environ.items() if name not in ours.CACHES}
    told = subprocess.run([sys.executable, "-c", GROWTH], env=kept, capture_output=True, text=True, check=True)
    assert int(told.stdout) < 120e6, "60 products of 8 MB are not all kept"
    without = {**kept, **dict.fromkeys(ours.CACHES, "1024")}
    told = subprocess.run([sys.executable, "-c", GROWTH], env=without, capture_output=True, text=True, check=True)
    assert int(told.stdout) > 400e6, "they would be, if torch's own limits stood"


def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[torch.Size, torch.Size]]:
    """Shapes of the products that oneDNN makes from here on."""
    seen: list[tuple[torch.Size, torch.Size]] = []
    product = ours.product

    def watched(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        seen.append((left.shape, right.shape))
        return product(left, right)

    monkeypatch.setattr(ours, "product", watched)
    return seen


@has_avx512
def test_all_matrices_of_a_step_are_multiplied_so(place: Place, adapter: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and both gradients of four linears a layer and of the head."""
    trainer, plans, stage = make_trainer(place, "stage1")
    trainer.config.tokens.train_steps = 1
    seen = calls(monkeypatch)
    monkeypatch.setattr(functional, "linear", None)  # nothing else multiplies
    trainer.train(trainer.micro_batches(plans.reader(stage.recipe, 1, 0), 0))
    assert len(seen) == 3 * (2 * 4 + 1) * stage.recipe.accumulation
    assert all(name in os.environ for name in ours.CACHES)


@pytest.mark.parametrize("why", ["asked", "no oneDNN", "no AVX-512", "bfloat16", "bias"])
def test_torch_multiplies_otherwise(fresh: pytest.MonkeyPatch, why: str) -> None:
    x, weight = tensors((6, 48), (32, 48))
    bias = None
    if why == "asked":
        fresh.setenv(OPT_OUT, "torch")
    elif why == "no oneDNN":
        fresh.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    elif why == "no AVX-512":
        fresh.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": False})
    elif why == "bfloat16":
        x, weight = x.bfloat16(), weight.bfloat16()
    else:
        bias = torch.ones(32)
    seen = calls(fresh)
    assert torch.equal(linear(x, weight, bias), functional.linear(x, weight, bias))
    assert not seen
