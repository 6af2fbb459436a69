"""Attention over packed sequences: documents do not see each other and positions restart, on torch's own kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from nanotron.nn.layer_norm import TritonRMSNorm
from nanotron.parallel.tensor_parallel.nn import TensorParallelColumnLinear, TensorParallelRowLinear
from torch import nn
from torch.nn import functional

from training.fused import rms_norm, rotary


@dataclass
class Packing:
    """What all layers need to know about the micro batch at hand, computed once."""

    positions: torch.Tensor
    """Position of each token in its document, int64 [batch, sequence]; 0 opens a document."""
    cos: torch.Tensor
    """[batch, sequence, head dimension / 2]"""
    sin: torch.Tensor
    lengths: list[int]
    """Tokens of each document, row after row; for the CPU, where one small attention a document is fastest."""
    mask: torch.Tensor | None
    """True where a query (row) may see a key (column), [batch, 1, sequence, sequence]; for GPUs, else None."""


class PackingCache:
    """Keeps the `Packing` of the last micro batch, so that thirty layers share one."""

    def __init__(self, head_dimension: int, rope_theta: float) -> None:
        self.head_dimension = head_dimension
        self.rope_theta = rope_theta
        self.last: Packing | None = None

    def of(self, positions: torch.Tensor, dtype: torch.dtype) -> Packing:
        """The packing that belongs to these positions."""
        if self.last is None or self.last.positions is not positions:
            cos, sin = rotary_table(positions, self.head_dimension, self.rope_theta)
            on_cpu = positions.device.type == "cpu"
            lengths, mask = (document_lengths(positions), None) if on_cpu else ([], document_mask(positions))
            self.last = Packing(positions, cos.to(dtype), sin.to(dtype), lengths, mask)
        return self.last


def rotary_table(positions: torch.Tensor, head_dimension: int, theta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines [batch, sequence, head dimension / 2] of the angles position / theta^(2i / dimension)."""
    exponents = torch.arange(0, head_dimension, 2, dtype=torch.int64, device=positions.device).float() / head_dimension
    angles = positions[:, :, None].float() * (1.0 / theta**exponents)
    return angles.cos(), angles.sin()


def document_lengths(positions: torch.Tensor) -> list[int]:
    """Lengths of all documents in [batch, sequence] positions, row after row."""
    opens = positions == 0
    opens[:, 0] = True
    starts = opens.flatten().nonzero().flatten().tolist()
    return [stop - start for start, stop in zip(starts, [*starts[1:], positions.numel()], strict=True)]


def document_mask(positions: torch.Tensor) -> torch.Tensor:
    """Who may see whom: earlier tokens of the same document, [batch, 1, sequence, sequence]."""
    document = (positions == 0).cumsum(dim=1)
    return (document[:, None, :, None] == document[:, None, None, :]).tril()


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing) -> torch.Tensor:
    """Causal attention inside each document.

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
    documents = zip(*(_by_document(states, packing) for states in (query, key, value)), strict=True)
    alone = [
        functional.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True, enable_gqa=grouped)
        for q, k, v in documents
    ]
    return torch.cat(alone, dim=2).view(query.shape)


def _by_document(states: torch.Tensor, packing: Packing) -> tuple[torch.Tensor, ...]:
    return states.flatten(1, 2).split(packing.lengths, dim=1)


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


class RMSNorm(TritonRMSNorm):
    """Root mean square norm without Triton; a subclass because nanotron tests for the type."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """`input` [..., hidden]."""
        return rms_norm(input, self.weight, self.eps)
