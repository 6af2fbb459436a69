"""Attention over packed sequences: documents do not see each other and positions restart, on torch's own kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from nanotron.parallel.tensor_parallel.nn import TensorParallelColumnLinear, TensorParallelRowLinear
from torch import nn
from torch.nn import functional

from training.fused import rotary


@dataclass(frozen=True)
class Run:
    """Tokens at successive positions: a document, or a branch of one."""

    length: int
    root: int
    """Number of the run that opened its document."""
    shared: int
    """Tokens at the document's start that it sees beside its own; 0 for a document."""
    mask: torch.Tensor | None
    """True where its tokens may see a key, [length, shared + length]; None where causal attention says the same, which
    is so for a document no longer than the window."""


@dataclass
class Packing:
    """What all layers need to know about the micro batch at hand, computed once."""

    positions: torch.Tensor
    """Position of each token in its document, int64 [batch, sequence], as `packing.Row` has it."""
    cos: torch.Tensor
    """[batch, sequence, head dimension / 2]"""
    sin: torch.Tensor
    runs: list[Run]
    """What stands in the rows, one after another; for the CPU, where one small attention a run is fastest."""
    mask: torch.Tensor | None
    """True where a query (row) may see a key (column), [batch, 1, sequence, sequence]; for GPUs, else None."""


class PackingCache:
    """Keeps the `Packing` of the last micro batch, so that thirty layers share one."""

    def __init__(self, head_dimension: int, rope_theta: float, window: int | None = None) -> None:
        self.head_dimension = head_dimension
        self.window = window
        self.rope_theta = rope_theta
        self.last: Packing | None = None

    def of(self, positions: torch.Tensor, dtype: torch.dtype) -> Packing:
        """The packing that belongs to these positions."""
        if self.last is None or self.last.positions is not positions:
            cos, sin = rotary_table(positions, self.head_dimension, self.rope_theta)
            on_cpu = positions.device.type == "cpu"
            runs, mask = (
                (find_runs(positions, self.window), None) if on_cpu else ([], packed_mask(positions, self.window))
            )
            self.last = Packing(positions, cos.to(dtype), sin.to(dtype), runs, mask)
        return self.last


def rotary_table(positions: torch.Tensor, head_dimension: int, theta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines [batch, sequence, head dimension / 2] of the angles position / theta^(2i / dimension)."""
    exponents = torch.arange(0, head_dimension, 2, dtype=torch.int64, device=positions.device).float() / head_dimension
    angles = positions[:, :, None].float() * (1.0 / theta**exponents)
    return angles.cos(), angles.sin()


def _opens(positions: torch.Tensor) -> torch.Tensor:
    """True where a run begins, [batch, sequence]."""
    opens = torch.ones_like(positions, dtype=torch.bool)
    opens[:, 1:] = positions[:, 1:] != positions[:, :-1] + 1
    return opens


def find_runs(positions: torch.Tensor, window: int | None = None) -> list[Run]:
    """The runs of [batch, sequence] positions, row after row; a token sees the `window` positions up to its own."""
    starts = _opens(positions).flatten().nonzero().flatten().tolist()
    places = positions.flatten().tolist()
    runs: list[Run] = []
    root = 0
    for start, stop in zip(starts, [*starts[1:], len(places)], strict=True):
        length, shared = stop - start, places[start]
        if shared == 0:
            root = len(runs)
        cut = window is not None and shared + length > window
        mask = torch.ones(length, shared + length, dtype=torch.bool).tril(shared) if shared or cut else None
        if mask is not None and window is not None:
            mask = mask.triu(shared - window + 1)
        runs.append(Run(length, root, shared, mask))
    return runs


def packed_mask(positions: torch.Tensor, window: int | None = None) -> torch.Tensor:
    """Who may see whom: earlier tokens of the same run, and the start of the document that it branches from.

    Args:
        positions: [batch, sequence].
        window: positions up to its own that a token sees (Mistral, arXiv 2310.06825); None sees all.

    Returns:
        bool [batch, 1, sequence, sequence].
    """
    opens = _opens(positions)
    run = opens.cumsum(dim=1)
    document = (positions == 0).cumsum(dim=1)
    places = torch.arange(positions.shape[1], device=positions.device)
    begins = torch.where(opens, places, 0).cummax(dim=1).values
    shared = positions.gather(1, begins)  # of each token's run

    def same(number: torch.Tensor) -> torch.Tensor:
        return number[:, None, :, None] == number[:, None, None, :]

    before = (positions[:, None, None, :] < shared[:, None, :, None]) & (shared == 0)[:, None, None, :]
    seen = (same(run) | (same(document) & before)).tril()
    if window is None:
        return seen
    return seen & (positions[:, None, :, None] - positions[:, None, None, :] < window)


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing) -> torch.Tensor:
    """Causal attention inside each document and along each of its branches.

    Args:
        query: [query heads, batch, sequence, dimension].
        key, value: [key heads, batch, sequence, dimension]; query heads share them in groups.
        packing: where documents begin and end.

    Returns:
        [query heads, batch, sequence, dimension].
    """
    grouped = key.shape[0] != query.shape[0]
    if packing.mask is not None:
        q, k, v = (states.transpose(0, 1) for states in (query, key, value))
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=packing.mask, enable_gqa=grouped)
        return seen.transpose(0, 1)
    queries, keys, values = (
        states.flatten(1, 2).split([run.length for run in packing.runs], dim=1) for states in (query, key, value)
    )
    seen_by_run = [
        functional.scaled_dot_product_attention(
            queries[number][None],
            _seen(keys, number, run)[None],
            _seen(values, number, run)[None],
            attn_mask=run.mask,
            is_causal=run.mask is None,
            enable_gqa=grouped,
        )
        for number, run in enumerate(packing.runs)
    ]
    return torch.cat(seen_by_run, dim=2).view(query.shape)


def _seen(states: Sequence[torch.Tensor], number: int, run: Run) -> torch.Tensor:
    """Keys or values [heads, shared + length, dimension] that a run sees."""
    if not run.shared:
        return states[number]
    return torch.cat((states[run.root][:, : run.shared], states[number]), dim=1)


class PackedAttention(nn.Module):
    """Stands in for nanotron's CausalSelfAttention, which needs flash-attn, fixes rope_theta and interleaves pairs.

    Parameters have the stock names and shards, so checkpoints stay nanotron's.
    """

    def __init__(self, config: Any, parallel_config: Any, tp_pg: Any, packing: PackingCache) -> None:
        super().__init__()
        self.head_dimension = config.hidden_size // config.num_attention_heads
        self.query_heads = config.num_attention_heads // tp_pg.size()
        self.key_heads = config.num_key_value_heads // tp_pg.size()
        self.packing = packing
        query, key = config.num_attention_heads * self.head_dimension, config.num_key_value_heads * self.head_dimension
        common = {"pg": tp_pg, "mode": parallel_config.tp_mode, "bias": False}
        self.qkv_proj = TensorParallelColumnLinear(
            config.hidden_size, query + 2 * key, contiguous_chunks=(query, key, key), **common
        )
        self.o_proj = TensorParallelRowLinear(query, config.hidden_size, **common)

    def forward(self, hidden_states: torch.Tensor, sequence_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """`hidden_states` [sequence, batch, hidden]; `sequence_mask` carries positions [batch, sequence]."""
        packing = self.packing.of(sequence_mask, hidden_states.dtype)
        merged = self.qkv_proj(hidden_states)
        length, batch, _ = merged.shape
        heads = merged.view(length, batch, -1, self.head_dimension).permute(2, 1, 0, 3)
        turning, value = heads.split([self.query_heads + self.key_heads, self.key_heads])
        query, key = rotary(turning, packing.cos, packing.sin).split([self.query_heads, self.key_heads])
        joined = attend(query, key, value, packing).permute(2, 1, 0, 3).reshape(length, batch, -1)
        return {"hidden_states": self.o_proj(joined), "sequence_mask": sequence_mask}
