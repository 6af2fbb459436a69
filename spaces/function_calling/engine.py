"""One Llama on the CPU, one text at a time: int8 weights and activations; keys and values of earlier prompts are kept.

Weights have one scale an output row and activations one scale a token (LLM.int8() without outliers, arXiv:2208.07339,
section 2); products are whole numbers, so a first token with huge activations does not blur the others. A prompt that
begins like an earlier one, as the same tools do, is read from where they part.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

KEPT_TEXTS = 3
"""Texts whose keys and values are kept, the least recently used one being replaced."""

ROWS_AT_ONCE = 2_048
LONGEST = 2_816
"""Most tokens of prompt and answer together; the keys and values of so many have their place from the start."""


class Quantised(NamedTuple):
    """A weight matrix [out, in] as int8, transposed to [in, out], and the scale of each output row."""

    values: Tensor
    scales: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """[tokens, in] float → [tokens, out] float."""
        scale = x.abs().amax(-1, keepdim=True).clamp_(min=1e-8).mul_(1 / 127)
        whole = torch.div(x, scale).round_().to(torch.int8)
        return torch._int_mm(whole, self.values).float().mul_(scale).mul_(self.scales)


def quantise(weight: Tensor) -> Quantised:
    """Round a float matrix [out, in] to int8, symmetric, one scale a row."""
    scales = torch.maximum(weight.amax(1), -weight.amin(1)).clamp(min=1e-8) / 127
    values = torch.empty(weight.shape, dtype=torch.int8)
    for start in range(0, len(weight), ROWS_AT_ONCE):  # a few rows in float at a time, for the sake of memory
        rows = slice(start, start + ROWS_AT_ONCE)
        values[rows] = (weight[rows] / scales[rows, None]).round_().to(torch.int8)
    return Quantised(values.t(), scales)


class Layer(NamedTuple):
    """One decoder layer; projections that read the same input are one matrix."""

    norm: Tensor
    qkv: Quantised
    out: Quantised
    mlp_norm: Tensor
    gate_up: Quantised
    down: Quantised


@dataclass
class KeptText:
    """Keys and values [layers, kv heads, LONGEST, head size] of the tokens read so far."""

    keys: Tensor
    values: Tensor
    ids: list[int] = field(default_factory=list)
    used: int = 0

    def shares(self, ids: list[int]) -> int:
        """How many tokens both texts begin with."""
        pairs = zip(self.ids, ids, strict=False)
        return next((n for n, (mine, yours) in enumerate(pairs) if mine != yours), min(len(self.ids), len(ids)))


class UnsupportedModelError(Exception):
    """The folder's architecture is none that this engine computes."""


class Int8Llama:
    """A Llama of transformers' layout, in int8. Not safe for several threads at once; `model.py` holds the lock."""

    def __init__(self, folder: Path) -> None:
        """Read config.json and the safetensors beside it, and quantise them (a second for 135M weights).

        Raises:
            UnsupportedModelError: no Llama, or one with biases, scaled positions or another activation.
            OSError: a file is missing.
        """
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        require_plain_llama(config)
        # What config.json leaves out has the defaults of transformers' LlamaConfig.
        self.heads = config["num_attention_heads"]
        self.kv_heads = config.get("num_key_value_heads") or self.heads
        self.size = config.get("head_dim") or config["hidden_size"] // self.heads
        self.eps, self.inner = config.get("rms_norm_eps", 1e-6), config["intermediate_size"]
        self._read(folder, config["num_hidden_layers"])
        theta = (config.get("rope_parameters") or config).get("rope_theta", 10_000.0)
        angles = torch.outer(torch.arange(LONGEST).float(), theta ** (-torch.arange(0, self.size, 2) / self.size))
        angles = torch.cat([angles, angles], 1)
        self.cos, self.sin = angles.cos()[:, None], angles.sin()[:, None]
        self.texts: list[KeptText] = []
        self.clock = 0
        self._warm_up()

    def _warm_up(self) -> None:
        """Make the libraries compile their kernels now, and not for the first visitor."""
        self.start(list(range(64)))
        self.step([0])
        self.texts.clear()

    def _read(self, folder: Path, layers: int) -> None:
        from safetensors import safe_open

        places: dict[str, Path] = {}
        for file in sorted(folder.glob("*.safetensors")):
            with safe_open(file, framework="pt") as opened:
                places |= dict.fromkeys(opened.keys(), file)

        def get(name: str) -> Tensor:
            if name not in places:
                raise UnsupportedModelError(f"{folder} has no weight {name}")
            # Opened anew, and a copy: an open map keeps all that was read of it in memory.
            with safe_open(places[name], framework="pt") as opened:
                return opened.get_tensor(name).to(torch.float32, copy=True)

        def joined(prefix: str, names: str) -> Quantised:
            return quantise(torch.cat([get(f"{prefix}{name}_proj.weight") for name in names.split()]))

        self.layers = []
        for number in range(layers):
            at = f"model.layers.{number}."
            self.layers.append(
                Layer(
                    get(f"{at}input_layernorm.weight"),
                    joined(f"{at}self_attn.", "q k v"),
                    joined(f"{at}self_attn.", "o"),
                    get(f"{at}post_attention_layernorm.weight"),
                    joined(f"{at}mlp.", "gate up"),
                    joined(f"{at}mlp.", "down"),
                )
            )
        words = get("model.embed_tokens.weight")
        self.words = quantise(words)
        self.head = quantise(get("lm_head.weight")) if "lm_head.weight" in places else self.words
        self.norm = get("model.norm.weight")

    def start(self, ids: list[int]) -> Tensor:
        """Logits [vocabulary] after a prompt; what an earlier text shares with it is not read again."""
        self.clock += 1
        best = max(self.texts, key=lambda text: text.shares(ids), default=None)
        if best is None or (best.shares(ids) < min(16, len(best.ids)) and len(self.texts) < KEPT_TEXTS):
            shape = (len(self.layers), self.kv_heads, LONGEST, self.size)
            best = KeptText(torch.empty(shape), torch.empty(shape))
            self.texts.append(best)
        elif best.shares(ids) < 16:
            best = min(self.texts, key=lambda text: text.used)
        best.used, self.text = self.clock, best
        del best.ids[min(best.shares(ids), len(ids) - 1) :]
        return self.step(ids[len(best.ids) :])

    @torch.inference_mode()
    def step(self, ids: list[int]) -> Tensor:
        """Logits [vocabulary] after more tokens of the text that `start` began."""
        start, count = len(self.text.ids), len(ids)
        here = torch.tensor(ids)
        x = self.words.values.t()[here].float() * self.words.scales[here, None]
        end = start + count
        mask = torch.ones(count, end, dtype=torch.bool).tril_(start) if count > 1 else None
        width = x.shape[-1:]
        for number, layer in enumerate(self.layers):
            mixed = layer.qkv(functional.rms_norm(x, width, layer.norm, self.eps))
            x = x + layer.out(self._attend(mixed, number, start, mask))
            both = layer.gate_up(functional.rms_norm(x, width, layer.mlp_norm, self.eps))
            x = x + layer.down(functional.silu(both[:, : self.inner]).mul_(both[:, self.inner :]))
        self.text.ids += ids
        return self.head(functional.rms_norm(x[-1:], width, self.norm, self.eps))[0]

    def _attend(self, mixed: Tensor, number: int, start: int, mask: Tensor | None) -> Tensor:
        count, size, end = mixed.shape[0], self.size, start + mixed.shape[0]
        turning = (self.heads + self.kv_heads) * size
        both = mixed[:, :turning].view(count, -1, size)
        turned = torch.cat((-both[..., size // 2 :], both[..., : size // 2]), -1)
        both = torch.addcmul(both * self.cos[start:end], turned, self.sin[start:end])
        keys, values = self.text.keys[number], self.text.values[number]
        keys[:, start:end] = both[:, self.heads :].transpose(0, 1)
        values[:, start:end] = mixed[:, turning:].view(count, -1, size).transpose(0, 1)
        keys, values = keys[:, :end], values[:, :end]
        if mask is None:  # one token: the queries of a kv head are the rows of one product
            asked = both[0, : self.heads].view(self.kv_heads, -1, size)
            shares = torch.softmax(torch.bmm(asked, keys.transpose(1, 2)).mul_(size**-0.5), -1)
            return torch.bmm(shares, values).view(1, -1)
        asked = both[:, : self.heads].transpose(0, 1)[None]
        read = functional.scaled_dot_product_attention(asked, keys[None], values[None], attn_mask=mask, enable_gqa=True)
        return read[0].transpose(0, 1).reshape(count, -1)


def require_plain_llama(config: dict[str, Any]) -> None:
    """Raise UnsupportedModelError when the configuration asks for anything that `Int8Llama` does not compute."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    plain = (
        config.get("model_type") == "llama"
        and not config.get("attention_bias")
        and not config.get("mlp_bias")
        and config.get("hidden_act", "silu") == "silu"
        and rope.get("rope_type", "default") == "default"
    )
    if not plain:
        raise UnsupportedModelError(f"model_type {config.get('model_type')} is no plain Llama")


class PlainTransformers:
    """Any causal model, by transformers, in its own precision on the GPU and float32 on the CPU; same two methods."""

    def __init__(self, folder: Path, device: str) -> None:
        from transformers import AutoModelForCausalLM

        kind = torch.bfloat16 if device == "cuda" else torch.float32
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=kind)
        self.model, self.device = model.to(device).eval(), device

    def start(self, ids: list[int]) -> Tensor:
        """Logits [vocabulary] after a prompt."""
        self.past: Any = None
        return self.step(ids)

    @torch.inference_mode()
    def step(self, ids: list[int]) -> Tensor:
        """Logits [vocabulary] after more tokens."""
        given = torch.tensor([ids], device=self.device)
        out = self.model(given, past_key_values=self.past, use_cache=True, logits_to_keep=1)
        self.past = out.past_key_values
        return out.logits[0, -1].float().cpu()
