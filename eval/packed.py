"""An lm-eval model for Llama weights on CPU: `@register_model("packed")`, the arithmetic of transformers in float32.

What makes it fast is what it leaves out. Prompts of a batch are packed into one row of tokens, so nothing is padded;
the text that all of them begin with is read once; keys and values have their place from the start, so no step copies
them; and rows that have ended leave the batch.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.registry import register_model
from torch import Tensor
from torch.nn import functional

from eval.answers import Prompt
from eval.generation import END, GreedyLM
from records.errors import UserError

LENGTH_SPREAD = 4.0
"""Nothing is padded when prompts are read; only attention while writing covers the longest text."""

KEEP_SHARE = 0.75
"""Ended rows are dropped once at most this share of the rows is still being written."""


@dataclass(frozen=True)
class Layer:
    """Weights of one decoder layer; projections that read the same input are one matrix."""

    norm: Tensor
    qkv: Tensor
    out: Tensor
    mlp_norm: Tensor
    gate_up: Tensor
    down: Tensor


@dataclass(frozen=True)
class _Pack:
    """Prompts as one row of tokens: what they share, then the tail of each."""

    ids: Tensor
    positions: Tensor
    """Of each token in its own prompt."""
    shared: int
    """Tokens that all prompts begin with."""
    tails: list[slice]
    """Where each prompt's own tokens lie in `ids`; none is empty."""
    masks: dict[int, Tensor]
    """What the tokens of a tail may look at, by length of the tail."""
    last: Tensor
    """Where each prompt's last token lies in `ids`."""

    def spread(self, packed: Tensor, room: int) -> Tensor:
        """[kv heads, tokens, size] as [rows, kv heads, longest + room, size], prompts ending together."""
        lengths = [self.shared + tail.stop - tail.start for tail in self.tails]
        longest = max(lengths)
        rows = torch.empty(len(lengths), packed.shape[0], longest + room, packed.shape[2])
        for row, tail, length in zip(rows, self.tails, lengths, strict=True):
            start = longest - length
            row[:, :start] = 0
            row[:, start : start + self.shared] = packed[:, : self.shared]
            row[:, start + self.shared : longest] = packed[:, tail]
        return rows


def _pack(prompts: list[list[int]]) -> _Pack:
    shared = _shared_prefix(prompts)
    ends = list(itertools.accumulate((len(prompt) - shared for prompt in prompts), initial=shared))
    tails = [slice(start, stop) for start, stop in itertools.pairwise(ends)]
    return _Pack(
        ids=torch.tensor(prompts[0][:shared] + [token for prompt in prompts for token in prompt[shared:]]),
        positions=torch.cat([torch.arange(shared), *[torch.arange(shared, len(prompt)) for prompt in prompts]]),
        shared=shared,
        tails=tails,
        masks={length: _causal(length, shared) for length in {tail.stop - tail.start for tail in tails}},
        last=torch.tensor([tail.stop - 1 for tail in tails]),
    )


class PackedLlama:
    """Greedy decoding of a plain Llama: RMSNorm, rotary positions, grouped heads, SiLU.

    Raises:
        UserError: the folder holds another architecture.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForCausalLM

        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        config = model.config
        _require_plain(config, folder)
        self.heads, self.kv_heads, self.size = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.epsilon = config.rms_norm_eps
        self.embedding, self.head = model.model.embed_tokens.weight.detach(), model.lm_head.weight.detach()
        self.final_norm = model.model.norm.weight.detach()
        self.layers = [_layer(layer) for layer in model.model.layers]
        powers = torch.arange(0, self.size, 2, dtype=torch.float32) / self.size
        angles = torch.outer(
            torch.arange(config.max_position_embeddings), config.rope_parameters["rope_theta"] ** -powers
        )
        self.cos, self.sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)

    def _heads(self, layer: Layer, x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [tokens, heads, size], keys and values [tokens, kv heads, size]."""
        normed = functional.rms_norm(x, x.shape[-1:], layer.norm, self.epsilon)
        every = functional.linear(normed, layer.qkv).view(len(x), -1, self.size)
        queries, keys, values = every.split([self.heads, self.kv_heads, self.kv_heads], dim=1)
        cos, sin = self.cos[positions, None], self.sin[positions, None]
        return _rotate(queries, cos, sin), _rotate(keys, cos, sin), values

    def _rest(self, layer: Layer, x: Tensor, attended: Tensor) -> Tensor:
        """What follows attention in a layer; attended is [tokens, heads * size]."""
        x = x + functional.linear(attended, layer.out)
        normed = functional.rms_norm(x, x.shape[-1:], layer.mlp_norm, self.epsilon)
        gate, up = functional.linear(normed, layer.gate_up).chunk(2, dim=-1)
        return x + functional.linear(functional.silu(gate) * up, layer.down)

    def _best(self, x: Tensor) -> Tensor:
        normed = functional.rms_norm(x, x.shape[-1:], self.final_norm, self.epsilon)
        return functional.linear(normed, self.head).argmax(-1)

    def read(self, prompts: list[list[int]], room: int) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Read prompts, each token once and what they share once for all.

        Args:
            prompts: token ids, none empty.
            room: positions kept free behind the prompts.

        Returns:
            The next token of each [rows], then keys and values by layer [rows, kv heads, longest + room, size]; all
            prompts end at place `longest`, and what lies left of a prompt is zero.
        """
        pack = _pack(prompts)
        x = self.embedding[pack.ids]
        every_key, every_value = [], []
        for layer in self.layers:
            queries, keys, values = (part.transpose(0, 1) for part in self._heads(layer, x, pack.positions))
            every_key.append(pack.spread(keys, room))
            every_value.append(pack.spread(values, room))
            attended = self._attend_packed(pack, queries, keys, values)
            if layer is self.layers[-1]:
                x, attended = x[pack.last], attended[pack.last]
            x = self._rest(layer, x, attended)
        return self._best(x), every_key, every_value

    def _attend_packed(self, pack: _Pack, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """All are [heads, packed tokens, size]; returns [packed tokens, heads * size]."""
        head = slice(0, pack.shared)
        parts = []
        if pack.shared:
            parts.append(_attend(queries[:, head], keys[:, head], values[:, head], _causal(pack.shared, 0)))
        for tail in pack.tails:
            seen = (torch.cat([part[:, head], part[:, tail]], dim=1) for part in (keys, values))
            parts.append(_attend(queries[:, tail], next(seen), next(seen), pack.masks[tail.stop - tail.start]))
        return torch.cat(parts)

    def step(
        self, tokens: Tensor, positions: Tensor, hidden: Tensor, keys: list[Tensor], values: list[Tensor], end: int
    ) -> Tensor:
        """The next token of each row.

        Args:
            tokens: [rows], the newest token of each.
            positions: [rows], its place in its own text.
            hidden: [rows, 1, 1, places], minus infinity left of each row's prompt.
            keys, values: by layer, as `read` gives them; place `end` is written.
            end: where the newest tokens lie.
        """
        x = self.embedding[tokens]
        group = self.heads // self.kv_heads
        for layer, k, v in zip(self.layers, keys, values, strict=True):
            queries, k[:, :, end], v[:, :, end] = self._heads(layer, x, positions)
            grouped = queries.view(len(x), self.kv_heads, group, self.size)
            scores = grouped @ k[:, :, : end + 1].transpose(-1, -2) * self.size**-0.5
            weights = (scores + hidden[..., : end + 1]).softmax(-1)
            x = self._rest(layer, x, (weights @ v[:, :, : end + 1]).view(len(x), -1))
        return self._best(x)

    @torch.inference_mode()
    def generate(self, prompts: list[list[int]], most: int, ends: Any) -> list[list[int]]:
        """Greedy continuations.

        Args:
            prompts: token ids, none empty.
            most: most new tokens.
            ends: called with the ids of a growing answer; True ends it. The id that ended it is the last one.
        """
        tokens, keys, values = self.read(prompts, most)
        end = max(map(len, prompts))
        lengths = torch.tensor([len(prompt) for prompt in prompts])
        hidden = torch.zeros(len(prompts), 1, 1, end + most)
        for row, prompt in enumerate(prompts):
            hidden[row, ..., : end - len(prompt)] = -torch.inf
        answers: list[list[int]] = [[] for _ in prompts]
        rows = list(range(len(prompts)))
        ended: set[int] = set()
        for count in range(most):
            for row, token in zip(rows, tokens.tolist(), strict=True):
                if row not in ended:
                    answers[row].append(token)
                    if ends(answers[row]):
                        ended.add(row)
            going = [place for place, row in enumerate(rows) if row not in ended]
            if not going or count == most - 1:
                break
            if len(going) <= KEEP_SHARE * len(rows):
                rows = [rows[place] for place in going]
                keep = torch.tensor(going)
                tokens, lengths, hidden = tokens[keep], lengths[keep], hidden[keep]
                keys, values = [k[keep] for k in keys], [v[keep] for v in values]
            tokens = self.step(tokens, lengths + count, hidden, keys, values, end + count)
        return answers


def _require_plain(config: Any, folder: Path) -> None:
    rope = getattr(config, "rope_parameters", None) or {}
    plain = config.model_type == "llama" and config.hidden_act == "silu" and rope.get("rope_type") == "default"
    if not plain or config.attention_bias or config.mlp_bias:
        raise UserError(f"{folder} is not a plain Llama; set evaluation.backend to hf in the recipe")


def _layer(layer: Any) -> Layer:
    heads, mlp = layer.self_attn, layer.mlp
    return Layer(
        layer.input_layernorm.weight.detach(),
        torch.cat([heads.q_proj.weight, heads.k_proj.weight, heads.v_proj.weight]).detach(),
        heads.o_proj.weight.detach(),
        layer.post_attention_layernorm.weight.detach(),
        torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]).detach(),
        mlp.down_proj.weight.detach(),
    )


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


def _causal(tail: int, before: int) -> Tensor:
    """True where a token of a tail may look: everything before it, the shared prefix included."""
    return torch.ones(tail, before + tail, dtype=torch.bool).tril(before)


def _attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Attention of one text: queries [heads, tokens, size] to [tokens, heads * size]."""
    found = functional.scaled_dot_product_attention(
        queries[None], keys[None], values[None], attn_mask=mask, enable_gqa=True
    )
    return found[0].transpose(0, 1).flatten(1)


def _shared_prefix(prompts: list[list[int]]) -> int:
    """Tokens that all prompts begin with, leaving each at least one of its own."""
    first, last = min(prompts), max(prompts)
    limit = min(map(len, prompts)) - 1
    for place in range(limit):
        if first[place] != last[place]:
            return place
    return limit


@register_model("packed")
class PackedLM(GreedyLM):
    """Greedy generation by `PackedLlama`, one thread a batch.

    Args:
        pretrained: a transformers folder of a plain Llama.
        batch_size, answers, identity, label: as in `GreedyLM`.
    """

    def __init__(
        self,
        pretrained: str | Path,
        batch_size: int | str = 48,
        answers: Path | None = None,
        identity: str = "",
        label: str = "answers",
        **_: Any,
    ) -> None:
        from transformers import AutoTokenizer

        decoding = {"backend": f"packed on torch {torch.__version__}", "compute_type": "float32"}
        tokenizer = AutoTokenizer.from_pretrained(str(pretrained))
        super().__init__(tokenizer, decoding, batch_size, answers, identity, label, LENGTH_SPREAD)
        self.model = PackedLlama(Path(pretrained))
        self.max_length = len(self.model.cos)
        self.end = self.tokenizer.convert_tokens_to_ids(END)

    def answer(self, batch: list[Prompt]) -> list[list[int]]:
        """See `GreedyLM`."""
        torch.set_num_threads(1)  # of this worker; equal batches then give equal answers on any number of cores
        prompts = [self.tokenizer.encode(prompt.text) for prompt in batch]
        return self.model.generate(
            prompts, batch[0].max_new_tokens, lambda ids: ids[-1] == self.end or self.settled(ids)
        )
