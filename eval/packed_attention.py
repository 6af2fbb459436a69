"""Causal attention with grouped heads on CPU, in blocks that leave out what lies in the future."""

from __future__ import annotations

import torch
from torch import Tensor

from eval.packed_linear import BLOCK_ROWS

BLOCK = 96
"""Queries that are multiplied together: few look past the diagonal, and the products stay large."""


def padded(length: int) -> int:
    """Places that a text of this length gets, so that few shapes occur."""
    return -(-length // BLOCK_ROWS) * BLOCK_ROWS


def attend_text(queries: Tensor, keys: Tensor, values: Tensor, start: int) -> Tensor:
    """Attention of consecutive tokens of one text to all before them and themselves.

    Args:
        queries: [heads, tokens, size], scaled already.
        keys, values: [kv heads, places, size], finite; places are at least `padded(start + tokens)`, and what lies
            behind the text is not looked at.
        start: place of the first query.

    Returns:
        [tokens, heads * size], float32.
    """
    heads, tokens, size = queries.shape
    kv_heads = len(keys)
    group = heads // kv_heads
    made = torch.empty(tokens, heads, size)
    for first in range(0, tokens, BLOCK):
        count = min(BLOCK, tokens - first)
        seen = padded(start + first + count)
        part = queries[:, first : first + count].reshape(kv_heads, group * count, size)
        scores = _scores(part, keys[:, :seen]).view(kv_heads, group, count, seen)
        scores[..., start + first :].masked_fill_(_future(count, seen - start - first), -torch.inf)
        weights = scores.softmax(-1).view(kv_heads, group * count, seen)
        mixed = _mix(weights, values[:, :seen]).view(heads, count, size)
        made[first : first + count] = mixed.transpose(0, 1)
    return made.view(tokens, heads * size)


def attend_rows(queries: Tensor, keys: Tensor, values: Tensor, hidden: Tensor) -> Tensor:
    """Attention of the newest tokens of many texts.

    Args:
        queries: [rows, heads, tokens, size], scaled already.
        keys, values: [rows, kv heads, places, size].
        hidden: [rows, 1, tokens, places], True where a token may not look.

    Returns:
        [rows, tokens, heads * size], float32.
    """
    rows, heads, tokens, size = queries.shape
    kv_heads, places = keys.shape[1:3]
    grouped = queries.reshape(rows, kv_heads, heads // kv_heads * tokens, size)
    scores = (grouped.to(keys.dtype) @ keys.transpose(-1, -2)).float().view(rows, heads, tokens, places)
    weights = scores.masked_fill_(hidden, -torch.inf).softmax(-1).view(rows, kv_heads, -1, places)
    mixed = (weights.to(values.dtype) @ values).float().view(rows, heads, tokens, size)
    return mixed.transpose(1, 2).reshape(rows, tokens, heads * size)


def _scores(queries: Tensor, keys: Tensor) -> Tensor:
    """[kv heads, n, size] and [kv heads, places, size] to float32 [kv heads, n, places]."""
    return (queries.to(keys.dtype) @ keys.transpose(1, 2)).float()


def _mix(weights: Tensor, values: Tensor) -> Tensor:
    return (weights.to(values.dtype) @ values).float()


def _future(tokens: int, places: int) -> Tensor:
    """True where place > token."""
    return torch.ones(tokens, places, dtype=torch.bool).triu(1)
