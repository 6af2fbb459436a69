"""Make `import nanotron.trainer` work: nanotron 0.4 is of March 2024 and expects flash-attn and older libraries."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

FLASH_MODULES = {
    "flash_attn": ("bert_padding",),
    "flash_attn.bert_padding": (),
    "flash_attn.flash_attn_interface": ("flash_attn_varlen_func", "flash_attn_with_kvcache"),
    "flash_attn.layers": (),
    "flash_attn.layers.rotary": ("RotaryEmbedding",),
    "flash_attn.ops": (),
    "flash_attn.ops.triton": (),
    "flash_attn.ops.triton.layer_norm": ("layer_norm_fn",),
}
LOADER_MODULES = {
    "datasets": (
        "Dataset",
        "DatasetDict",
        "Features",
        "Sequence",
        "Value",
        "concatenate_datasets",
        "load_dataset",
    ),
    "transformers": ("PreTrainedTokenizer", "PreTrainedTokenizerBase"),
    "transformers.trainer_pt_utils": ("DistributedSamplerWithLoop",),
}


def boot() -> None:
    """Import nanotron's trainer and mend what breaks on import. Does nothing the second time."""
    if "nanotron.trainer" in sys.modules:
        return
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "1")  # nanotron's asynchronous linears assert it
    _import_logging()
    # nanotron's data loader is not used here, and what it imports costs four seconds a stage.
    absent = LOADER_MODULES | ({} if importlib.util.find_spec("flash_attn") else FLASH_MODULES)
    with _stubs({name: attributes for name, attributes in absent.items() if name not in sys.modules}):
        importlib.import_module("nanotron.trainer")
    _store_plain_shapes()
    _be_quiet()


def _import_logging() -> None:
    # nanotron.logging imports nanotron.config.config, which imports nanotron.logging: whichever comes first fails with
    # "cannot import name 'log_rank' from partially initialized module". The stub breaks the ring for one import.
    with _stubs({"nanotron.config": (), "nanotron.config.config": ("LoggingArgs",)}):
        importlib.import_module("nanotron.logging")


@contextmanager
def _stubs(modules: dict[str, tuple[str, ...]]) -> Iterator[None]:
    # Removed again afterwards, so that a later import finds the true module: transformers, for one, probes for
    # flash_attn and stumbles over a module without a spec.
    for name, attributes in modules.items():
        stub = types.ModuleType(name)
        stub.__path__ = []
        for attribute in attributes:
            setattr(stub, attribute, _NotImported)
        sys.modules[name] = stub
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]


class _NotImported:
    def __init__(self, *arguments: Any, **named: Any) -> None:
        raise RuntimeError("this part of nanotron needs flash-attn or its data loader; this project uses neither")


def _store_plain_shapes() -> None:
    # numpy 2 prints np.int64(256): the shapes written into checkpoint headers could not be read back
    # ("Checkpoint version mismatch").
    from nanotron.parallel.parameters import NanotronParameter, SlicesPair

    stock = NanotronParameter.mark_as_sharded

    def plain(part: Any) -> Any:
        return slice(*(None if x is None else int(x) for x in (part.start, part.stop, part.step)))

    def mark_as_sharded(
        self: Any, global_ranks: Iterable[int], local_global_slices_pairs: Iterable[Any], unsharded_shape: Iterable[int]
    ) -> None:
        pairs = tuple(
            SlicesPair(tuple(map(plain, pair.local_slices)), tuple(map(plain, pair.global_slices)))
            for pair in local_global_slices_pairs
        )
        stock(self, tuple(map(int, global_ranks)), pairs, tuple(map(int, unsharded_shape)))

    NanotronParameter.mark_as_sharded = mark_as_sharded


def _be_quiet() -> None:
    # One progress bar a stage: nanotron draws one for every load and save, and starts wandb if that is installed.
    import nanotron.serialize.optimizer
    import nanotron.serialize.weights
    import nanotron.trainer

    nanotron.trainer.wandb = None
    for module in (nanotron.serialize.weights, nanotron.serialize.optimizer):
        module.tqdm = lambda items, **named: items
