"""A plain Llama on CPU that reads many texts as one row of tokens, without padding, each common beginning once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from eval.packed_attention import BLOCK, attend_rows, attend_text, padded
from eval.packed_linear import BLOCK_ROWS, ROWS, Linear, linear_kind
from eval.packed_tree import Segment, Tree
from records.errors import UserError

GROUP_TOKENS = 512
"""Tokens that pass through all layers together while texts are read: few enough to stay in the cache."""


@dataclass(frozen=True)
class Layer:
    """Weights of one decoder layer. The norms' weights and the scale of attention are part of the matrices."""

    qkv: Linear
    out: Linear
    gate_up: Linear
    down: Linear


@dataclass
class Cache:
    """Keys and values by layer, [rows, kv heads, places, size]; a row's text begins at place 0."""

    keys: list[Tensor]
    values: list[Tensor]

    def keep(self, rows: Sequence[int], places: int) -> None:
        """Leave only these rows, in this order, the first `places` of each; few are moved."""
        moves = [(to, row) for to, row in enumerate(rows) if to != row]
        for layer, every in enumerate(zip(self.keys, self.values, strict=True)):
            for held in every:
                for to, row in moves:
                    held[to, :, :places] = held[row, :, :places]
            self.keys[layer], self.values[layer] = every[0][: len(rows)], every[1][: len(rows)]


@dataclass(frozen=True)
class Newest:
    """The tokens of one step: for each row its newest ones, as one list."""

    ids: Tensor
    rows: Tensor
    slots: Tensor
    """Which of its row's new tokens each is."""
    places: Tensor
    """Place in its row's text."""


class PackedLlama:
    """RMSNorm, rotary positions, grouped heads, SiLU.

    Args:
        folder: of transformers.
        compute_type: `float32`, or `int8` (products in int8, attention in bfloat16).

    Raises:
        UserError: the folder holds another architecture, or this CPU lacks the instructions.
    """

    def __init__(self, folder: Path, compute_type: str = "float32") -> None:
        from transformers import AutoConfig, AutoModelForCausalLM

        kind = linear_kind(compute_type)
        _require_plain(AutoConfig.from_pretrained(folder), folder)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        config = model.config
        self.compute_type = compute_type
        self.heads, self.kv_heads, self.size = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.epsilon = config.rms_norm_eps
        self.kept = torch.float32 if compute_type == "float32" else torch.bfloat16
        self.embedding = model.model.embed_tokens.weight.detach()
        self.limit = int(config.max_position_embeddings)
        with torch.inference_mode():
            self.head: Linear = kind(model.lm_head.weight * model.model.norm.weight)
            self.layers = [self._layer(layer, kind) for layer in model.model.layers]
            powers = torch.arange(0, self.size, 2, dtype=torch.float32) / self.size
            angles = torch.outer(torch.arange(self.limit), config.rope_parameters["rope_theta"] ** -powers)
            self.turns = torch.polar(torch.ones_like(angles), angles)

    def _layer(self, layer: Any, kind: Any) -> Layer:
        heads, mlp = layer.self_attn, layer.mlp
        queries = self._in_pairs(heads.q_proj.weight) * self.size**-0.5
        qkv = torch.cat([queries, self._in_pairs(heads.k_proj.weight), heads.v_proj.weight])
        gate_up = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
        return Layer(
            kind(qkv * layer.input_layernorm.weight),
            kind(heads.o_proj.weight),
            kind(gate_up * layer.post_attention_layernorm.weight),
            kind(mlp.down_proj.weight),
        )

    def _in_pairs(self, weight: Tensor) -> Tensor:
        """Rows of each head so ordered that the two numbers of a rotation are neighbours, one complex number."""
        return weight.unflatten(0, (-1, 2, self.size // 2)).transpose(1, 2).flatten(0, 2)

    def _norm(self, x: Tensor) -> Tensor:
        """What RMSNorm multiplies each row with, [tokens, 1]."""
        return (torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_() / x.shape[-1]).add_(self.epsilon).rsqrt_()

    def _heads(self, layer: Layer, x: Tensor, turns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [tokens, heads, size], keys and values [tokens, kv heads, size]."""
        every = layer.qkv(x, self._norm(x)).view(len(x), -1, self.size)
        turned = self.heads + self.kv_heads
        pairs = torch.view_as_complex(every[:, :turned].unflatten(-1, (-1, 2)))
        rotated = torch.view_as_real(pairs * turns).flatten(-2)
        return rotated[:, : self.heads], rotated[:, self.heads :], every[:, turned:]

    def _rest(self, layer: Layer, x: Tensor, attended: Tensor) -> Tensor:
        """What follows attention in a layer; attended is [tokens, heads * size]."""
        x = x + layer.out(attended)
        gate, up = layer.gate_up(x, self._norm(x)).chunk(2, dim=-1)
        return layer.down(functional.silu(gate).mul_(up)).add_(x)

    def best(self, x: Tensor) -> Tensor:
        """The likeliest next token behind each hidden state."""
        return self.order(x).argmax(-1)

    def order(self, x: Tensor) -> Tensor:
        """Logits [states, vocabulary], each row up to a positive factor of its own."""
        padded_x = _with_rows(x, ROWS)
        return self.head.order(padded_x, self._norm(padded_x))[: len(x)]

    def scores(self, x: Tensor) -> Tensor:
        """Logits [states, vocabulary] of hidden states."""
        padded_x = _with_rows(x, ROWS)
        return self.head(padded_x, self._norm(padded_x))[: len(x)]

    def read(
        self,
        tree: Tree,
        wanted: Sequence[Sequence[int]],
        cache: Cache | None = None,
        known: Sequence[Sequence[Tensor]] = (),
    ) -> list[Tensor]:
        """Read every segment once.

        Args:
            wanted: by segment: places in the text whose hidden states are asked for.
            cache: filled with a row for each text of the tree.
            known: by text: keys and values of what its first segment starts behind, in blocks
                [layers, 2, kv heads, BLOCK, size].

        Returns:
            By segment: hidden states [places wanted, hidden size] behind the last layer.
        """
        reading = _Reading(self, tree, cache, known)
        made: list[Tensor] = []
        for group in _groups(tree.segments):
            made += self._read_group(reading, group, wanted)
        return made

    def _read_group(self, reading: _Reading, group: list[int], wanted: Sequence[Sequence[int]]) -> list[Tensor]:
        segments = [reading.tree.segments[n] for n in group]
        ids = torch.tensor([token for segment in segments for token in segment.ids])
        turns = self.turns[torch.cat([torch.arange(segment.start, segment.end) for segment in segments]), None]
        x = _with_rows(self.embedding[ids], BLOCK_ROWS)
        turns = _with_rows(turns, BLOCK_ROWS)
        asked, firsts = [], _firsts(segments)
        for n, segment, first in zip(group, segments, firsts, strict=True):
            asked += [first + place - segment.start for place in wanted[n]]
        last = torch.tensor(asked, dtype=torch.long)
        for number, layer in enumerate(self.layers):
            queries, keys, values = self._heads(layer, x, turns)
            attended = torch.zeros(len(x), self.heads * self.size)
            for n, segment, first in zip(group, segments, firsts, strict=True):
                own = slice(first, first + len(segment.ids))
                k, v = reading.place(number, n, keys[own], values[own])
                attended[own] = attend_text(queries[own].transpose(0, 1), k, v, segment.start)
            if number == len(self.layers) - 1:
                if len(last) == 0:
                    x = x[last]
                    break
                x, attended = _with_rows(x[last], BLOCK_ROWS), _with_rows(attended[last], BLOCK_ROWS)
            x = self._rest(layer, x, attended)
        return list(x[: len(last)].split([len(wanted[n]) for n in group]))

    def step(self, newest: Newest, cache: Cache, hidden: Tensor) -> Tensor:
        """Write the newest tokens into the cache; hidden states [tokens, hidden size] behind the last layer.

        Args:
            hidden: [rows, 1, most new tokens of a row, places], True where a token may not look.
        """
        count, (rows, _, width, places) = len(newest.ids), hidden.shape
        x = _with_rows(self.embedding[newest.ids], ROWS)
        turns = _with_rows(self.turns[newest.places, None], ROWS)
        for number, layer in enumerate(self.layers):
            queries, keys, values = self._heads(layer, x, turns)
            cache.keys[number][newest.rows, :, newest.places] = keys[:count].to(self.kept)
            cache.values[number][newest.rows, :, newest.places] = values[:count].to(self.kept)
            asked = queries.new_zeros(rows, width, self.heads, self.size)
            asked[newest.rows, newest.slots] = queries[:count]
            k, v = cache.keys[number][:, :, :places], cache.values[number][:, :, :places]
            attended = attend_rows(asked.transpose(1, 2), k, v, hidden)[newest.rows, newest.slots]
            x = self._rest(layer, x, _with_rows(attended, ROWS))
        return x[:count]

    def empty_cache(self, rows: int, places: int) -> Cache:
        """A cache of zeros."""
        shape = (rows, self.kv_heads, padded(places), self.size)
        keys = [torch.zeros(shape, dtype=self.kept) for _ in self.layers]
        return Cache(keys, [torch.zeros(shape, dtype=self.kept) for _ in self.layers])


class _Reading:
    """Where keys and values of the segments lie while texts are read."""

    def __init__(
        self, model: PackedLlama, tree: Tree, cache: Cache | None, known: Sequence[Sequence[Tensor]] = ()
    ) -> None:
        self.model, self.tree, self.cache = model, tree, cache
        self.texts: list[list[int]] = [[] for _ in tree.segments]
        for text, end in enumerate(tree.ends):
            self.texts[end].append(text)
        self.parents = {segment.parent for segment in tree.segments}
        self.held: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self.known = {tree.path(text)[0]: blocks for text, blocks in enumerate(known)}
        """By first segment: the blocks before it."""

    def place(self, layer: int, number: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put a segment's keys and values [tokens, kv heads, size] behind those of its parents.

        Returns:
            Both, [kv heads, places, size], of the text from its beginning.
        """
        segment = self.tree.segments[number]
        texts = self.texts[number]
        if self.cache and texts and number not in self.parents:
            whole = self.cache.keys[layer][texts[0]], self.cache.values[layer][texts[0]]
        else:
            shape = (self.model.kv_heads, padded(segment.end), self.model.size)
            whole = torch.zeros(shape, dtype=self.model.kept), torch.zeros(shape, dtype=self.model.kept)
        if number in self.parents:
            self.held[layer, number] = whole
        for kind, (kept, new) in enumerate(zip(whole, (keys, values), strict=True)):
            if segment.parent is not None:
                kept[:, : segment.start] = self.held[layer, segment.parent][kind][:, : segment.start]
            for block, held in enumerate(self.known.get(number, ())):
                kept[:, block * BLOCK : (block + 1) * BLOCK] = held[layer, kind]
            kept[:, segment.start : segment.end] = new.transpose(0, 1)
        if self.cache:
            for text in texts:
                for row, kept in zip(
                    (self.cache.keys[layer][text], self.cache.values[layer][text]), whole, strict=True
                ):
                    if row.data_ptr() != kept.data_ptr():
                        row[:, : segment.end] = kept[:, : segment.end]
        return whole


def _groups(segments: Sequence[Segment]) -> Iterator[list[int]]:
    """Consecutive segments of about GROUP_TOKENS together, at least one."""
    group: list[int] = []
    tokens = 0
    for number, segment in enumerate(segments):
        if group and tokens + len(segment.ids) > GROUP_TOKENS:
            yield group
            group, tokens = [], 0
        group.append(number)
        tokens += len(segment.ids)
    yield group


def _firsts(segments: Sequence[Segment]) -> list[int]:
    """Where each segment's tokens begin when all lie in one row."""
    firsts = [0]
    for segment in segments[:-1]:
        firsts.append(firsts[-1] + len(segment.ids))
    return firsts


def _with_rows(x: Tensor, multiple: int) -> Tensor:
    """`x` with zeros behind it, so that its rows are a multiple."""
    missing = -len(x) % multiple
    return torch.cat([x, x.new_zeros(missing, *x.shape[1:])]) if missing else x


def _require_plain(config: Any, folder: Path) -> None:
    rope = getattr(config, "rope_parameters", None) or {}
    plain = config.model_type == "llama" and config.hidden_act == "silu" and rope.get("rope_type") == "default"
    if not plain or config.attention_bias or config.mlp_bias:
        raise UserError(f"{folder} is not a plain Llama; set evaluation.backend to hf in the recipe")
