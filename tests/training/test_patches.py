"""Each patch of nanotron 0.4, taken back: what breaks is what the patch is there for."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch

from records.recipe import ROOT
from tests.training.places import Place, make_trainer

FRESH = r"""
import contextlib, importlib, importlib.util, os, sys
import numpy, torch, safetensors.torch
import training.boot as boot
from training.boot import boot as start

def ring(): importlib.import_module("nanotron.trainer")
def no_ring(): boot._import_logging = lambda: None; start()
def flash(): boot.FLASH_MODULES = {}; start()
def kept():
    stock, held = boot._stubs, []
    def keep(modules):
        inner = stock(modules)
        inner.__enter__()
        if "flash_attn" in modules: held.append(inner)
        yield
        if inner not in held: inner.__exit__(None, None, None)
    boot._stubs = contextlib.contextmanager(keep)
    start()
    importlib.util.find_spec("flash_attn")
def devices():
    import training.device as device
    device._no_cuda_calls = lambda: None
    device.prepare(threads=1)
    from nanotron.parallel import ParallelContext
    ParallelContext(tensor_parallel_size=1, pipeline_parallel_size=1, data_parallel_size=1)
def own_group():
    import training.device as device
    device._start_process_group = lambda: None
    device.prepare(threads=1)
    from nanotron.parallel import ParallelContext
    ParallelContext(tensor_parallel_size=1, pipeline_parallel_size=1, data_parallel_size=1)
def fine(): start(); assert "flash_attn" not in sys.modules and sys.modules["nanotron.trainer"].wandb is None

for case in (ring, no_ring, flash, kept, devices, own_group, fine):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try: case(); said = "works"
        except BaseException as error: said = repr(error)[:300]
        print(case.__name__, "|", said, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(torch.version.cuda is not None, reason="a GPU build of torch needs none of the patches for CPUs")
def test_what_booting_mends() -> None:
    """In fresh interpreters, forked from one that has torch alone."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", FRESH], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    found = dict(line.split(" | ", 1) for line in done.stdout.splitlines() if " | " in line)
    assert found.pop("fine") == "works", done.stdout
    expected = {
        "ring": "partially initialized module",
        "no_ring": "partially initialized module",
        "flash": "flash_attn",
        "kept": "__spec__ is None",
        "devices": "_cuda_setDevice",
        "own_group": "CUDA was not found",
    }
    for case, words in expected.items():
        assert words in found[case], (case, found[case])


def test_shapes_of_numpy_are_stored_as_plain_numbers(adapter: None) -> None:
    import numpy as np
    from nanotron.parallel.parameters import NanotronParameter, SlicesPair

    size = np.int64(4)
    parameter = NanotronParameter(torch.zeros(4, 4), requires_grad=True)
    pair = SlicesPair((slice(np.int64(0), size),), (slice(None, size),))
    parameter.mark_as_sharded([np.int64(0)], [pair], (size, size))
    info = parameter.get_sharded_info()
    assert "np." not in str((info.unsharded_shape, info.local_global_slices_pairs, info.global_ranks))
    assert "np." in str((size,)), "which is how stock nanotron would write it into a checkpoint's header"


def test_pipeline_ranks_are_balanced_by_the_costs_of_our_blocks(place: Place, adapter: None) -> None:
    trainer, *_ = make_trainer(place, "stage1")
    model = trainer.unwrapped_model
    builders = {block.module_builder for block in (*model.model.decoder, model.model.lm_head)}
    assert builders <= model.get_block_compute_costs().keys()
    from nanotron.models.llama import LlamaForTraining

    costs = LlamaForTraining.get_block_compute_costs(model)
    assert not builders & costs.keys(), "by stock costs our blocks weigh nothing, and all would lie on one rank"


def step(place: Place) -> None:
    trainer, plans, stage = make_trainer(place, "stage1")
    trainer.config.tokens.train_steps = 1
    trainer.train(trainer.micro_batches(plans.reader(stage.recipe, 1, 0), 0))


def stock(where: str, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Put nanotron's own function in place of ours, `training.trainer.<where>`."""

    def undo(patch: pytest.MonkeyPatch) -> None:
        import importlib

        module, _, function = name.rpartition(".")
        patch.setattr(f"training.trainer.{where}", getattr(importlib.import_module(module), function))

    return undo


def no_guard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("training.trainer.guarded", contextlib.nullcontext)


def cuda_calls(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(torch.cuda, "reset_peak_memory_stats", torch.cuda.memory.reset_peak_memory_stats)


def triton_norm(patch: pytest.MonkeyPatch) -> None:
    from torch import nn

    class Norm(nn.RMSNorm):
        def __init__(self, size: int, eps: float) -> None:
            super().__init__(size, eps=eps)

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return super().forward(input)

    patch.setattr("training.llama.RMSNorm", Norm)


def stock_head(patch: pytest.MonkeyPatch) -> None:
    from nanotron.parallel.tensor_parallel.nn import TensorParallelColumnLinear

    patch.setattr("training.llama.LossHead", TensorParallelColumnLinear)


def stock_settings(patch: pytest.MonkeyPatch) -> None:
    import nanotron.config

    patch.setattr("training.trainer.RopeLlamaConfig", nanotron.config.LlamaConfig)


UNDONE: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "device cuda read as cpu": (no_guard, "CUDA|cuda"),
    "a cuda call that does nothing": (cuda_calls, "_cuda_resetPeakMemoryStats"),
    "batches moved to the device there is": (
        stock("_to_device", "nanotron.dataloader.sanity_check_dataloader"),
        "CUDA",
    ),
    "norms that nanotron knows": (triton_norm, "RMSNorm|Norm"),
    "logits where a loss is": (stock_head, "label_mask"),
    "rope_theta and sliding window": (stock_settings, "rope_theta|sliding_window"),
}


@pytest.mark.skipif(torch.version.cuda is not None, reason="a GPU build of torch needs none of the patches for CPUs")
@pytest.mark.parametrize("patch", UNDONE)
def test_without_it_training_fails(patch: str, place: Place, adapter: None, monkeypatch: pytest.MonkeyPatch) -> None:
    undo, words = UNDONE[patch]
    if patch == next(iter(UNDONE)):
        step(place)  # as it is, it works
    undo(monkeypatch)
    with pytest.raises(Exception, match=words):
        step(place)
