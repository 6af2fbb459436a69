"""Where tensors live: nanotron 0.4 writes "cuda" in its code; without a GPU that is read as "cpu", and NCCL as gloo."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed
from torch.overrides import TorchFunctionMode


def device() -> torch.device:
    """The device of this process: its GPU, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class CudaMeansCpu(TorchFunctionMode):
    """Inside this mode every torch function that is told device "cuda" gets "cpu"."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        named = {name: _on_cpu(value) for name, value in (kwargs or {}).items()}
        return func(*(_on_cpu(value) for value in args), **named)


def _on_cpu(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type == "cuda":
        return torch.device("cpu")
    if isinstance(value, str) and (value == "cuda" or value.startswith("cuda:")):
        return "cpu"
    return value


@contextmanager
def guarded() -> Iterator[None]:
    """Run nanotron's own set-up, saving and loading on whatever device there is."""
    if torch.cuda.is_available():
        yield
        return
    with CudaMeansCpu():
        yield


def threads_of_rank(world: int) -> int:
    """Threads of one of `world` processes on this machine: its share of the cores, or OMP_NUM_THREADS if less.

    Cores are those that this process may use; a container often has fewer than the machine.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores // world, int(os.environ.get("OMP_NUM_THREADS") or cores)))


def prepare(threads: int) -> None:
    """Set threads, process group and CUDA calls of this process; ranks come from the environment, as with torchrun.

    Args:
        threads: torch threads of this process.
    """
    from training.boot import boot

    torch.set_num_threads(threads)
    # Adam's second moments of hardly seen tokens are denormal, and arithmetic on denormals is slow.
    torch.set_flush_denormal(True)
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0")):
        os.environ.setdefault(name, value)
    _start_process_group()
    boot()
    if not torch.cuda.is_available():
        _no_cuda_calls()


def _start_process_group() -> None:
    # Started here because nanotron's own start raises "CUDA was not found" without a GPU.
    if torch.distributed.is_initialized():
        return
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if world == 1:
        # gloo looks up the host name otherwise, which fails on machines whose name does not resolve.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
        # A store in memory: no port is opened, so none can be in use.
        store = torch.distributed.HashStore()  # type: ignore[attr-defined]
        torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    else:
        torch.distributed.init_process_group(backend, rank=rank, world_size=world)


def _no_cuda_calls() -> None:
    # Both raise in a CPU build of torch; on a CPU there is nothing for them to do.
    from nanotron.parallel import ParallelContext

    def nothing(*arguments: Any, **named: Any) -> None:
        return None

    ParallelContext.set_device = nothing
    torch.cuda.reset_peak_memory_stats = nothing
