"""Weights between a transformers folder and a nanotron checkpoint, both ways, exact; shards of tp and pp are merged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from records.errors import UserError
from records.files import read_json, replacing, write_json

CHECKPOINT_VERSION = "1.2"
EMBEDDING = "model.token_position_embeddings.pp_block.token_embedding.weight"
NORM = "model.final_layer_norm.pp_block.weight"
HEAD = "model.lm_head.pp_block.weight"
LAYER_PARTS = {
    "attn.qkv_proj.weight": ("self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"),
    "attn.o_proj.weight": ("self_attn.o_proj.weight",),
    "mlp.gate_up_proj.weight": ("mlp.gate_proj.weight", "mlp.up_proj.weight"),
    "mlp.down_proj.weight": ("mlp.down_proj.weight",),
    "input_layernorm.weight": ("input_layernorm.weight",),
    "post_attention_layernorm.weight": ("post_attention_layernorm.weight",),
}


def model_config(transformers_folder: Path) -> dict[str, Any]:
    """nanotron's model config from a transformers `config.json`.

    Raises:
        UserError: the model is no Llama that the adapter can train (biases, scaled rotary embeddings, …).
    """
    config = read_json(transformers_folder / "config.json", made_by="make train")
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0), "rope_type": "default"}
    unlike = {
        "model_type": config["model_type"] != "llama",
        "attention_bias": bool(config.get("attention_bias")),
        "mlp_bias": bool(config.get("mlp_bias")),
        "hidden_act": config.get("hidden_act", "silu") != "silu",
        "rope_type": rope.get("rope_type", "default") != "default",
        "head_dim": config.get("head_dim", 0) not in (0, None, config["hidden_size"] // config["num_attention_heads"]),
    }
    if any(unlike.values()):
        names = ", ".join(name for name, differs in unlike.items() if differs)
        raise UserError(f"{transformers_folder} is no plain Llama ({names}); the adapter trains plain Llamas only")
    same = (
        "bos_token_id", "eos_token_id", "hidden_act", "hidden_size", "initializer_range", "intermediate_size",
        "max_position_embeddings", "num_attention_heads", "num_hidden_layers", "num_key_value_heads", "rms_norm_eps",
        "tie_word_embeddings", "vocab_size",
    )  # fmt: skip
    # pad_token_id stays None: nanotron would give it torch's padding_idx, whose embedding learns nothing.
    return {name: config[name] for name in same} | {"rope_theta": float(rope["rope_theta"]), "pad_token_id": None}


def to_nanotron(transformers_folder: Path, checkpoint: Path) -> None:
    """Write the weights of a transformers folder as a nanotron checkpoint of one rank (`tp` = `pp` = 1)."""
    config = model_config(transformers_folder)
    with replacing(checkpoint) as partial, safe_open(transformers_folder / "model.safetensors", "pt") as weights:
        for name, parts in _names(config["num_hidden_layers"], config["tie_word_embeddings"]):
            pieces = [weights.get_tensor(part) for part in parts]
            _write_parameter(partial, name, torch.cat(pieces) if len(pieces) > 1 else pieces[0])
        write_json(partial / "model_config.json", config)
        meta = {"version": CHECKPOINT_VERSION, "tp": 1, "dp": 1, "metas": {}}
        write_json(partial / "checkpoint_metadata.json", meta)


def to_transformers(checkpoint: Path, like: Path, model_file: Path) -> None:
    """Write `model.safetensors` from a nanotron checkpoint of any topology.

    Args:
        checkpoint: folder that holds `model/**/model_weight*.safetensors`.
        like: transformers folder whose `config.json` describes the model.
        model_file: where to write.

    Raises:
        UserError: the checkpoint lacks a weight.
    """
    config = model_config(like)
    heads, dimension = config["num_attention_heads"], config["hidden_size"] // config["num_attention_heads"]
    keys = config["num_key_value_heads"]
    tensors: dict[str, torch.Tensor] = {}
    for name, parts in _names(config["num_hidden_layers"], config["tie_word_embeddings"]):
        whole = _read_parameter(checkpoint, name)
        sizes = {3: [heads * dimension, keys * dimension, keys * dimension], 2: [config["intermediate_size"]] * 2}
        split = whole.split(sizes[len(parts)]) if len(parts) > 1 else (whole,)
        tensors |= {part: piece.contiguous() for part, piece in zip(parts, split, strict=True)}
    save_file(dict(sorted(tensors.items())), model_file, metadata={"format": "pt"})


def _names(layers: int, tied: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield EMBEDDING, ("model.embed_tokens.weight",)
    for layer in range(layers):
        for part, sources in LAYER_PARTS.items():
            yield f"model.decoder.{layer}.pp_block.{part}", tuple(f"model.layers.{layer}.{s}" for s in sources)
    yield NORM, ("model.norm.weight",)
    if not tied:  # with tied weights nanotron keeps the embedding only
        yield HEAD, ("lm_head.weight",)


def _folder(checkpoint: Path, name: str) -> Path:
    return checkpoint.joinpath("model", *name.split(".")[:-1])


def _write_parameter(checkpoint: Path, name: str, tensor: torch.Tensor) -> None:
    folder = _folder(checkpoint, name)
    folder.mkdir(parents=True, exist_ok=True)
    if "norm" in name.rsplit(".", 2)[-2] or name == NORM:
        save_file({"data": tensor}, folder / "model_weight.safetensors")
        return
    everything = "|".join(["None,None,None"] * tensor.dim())
    header = {
        "version": CHECKPOINT_VERSION,
        "local_global_slices_pairs": f"{everything}#{everything}",
        "unsharded_shape": str(tuple(tensor.shape)),
    }
    save_file({"data": tensor}, folder / "model_weight_pp-rank-0-of-1_tp-rank-0-of-1.safetensors", metadata=header)


def _read_parameter(checkpoint: Path, name: str) -> torch.Tensor:
    files = sorted(_folder(checkpoint, name).glob("model_weight*.safetensors"))
    if not files:
        raise UserError(f"the checkpoint {checkpoint} lacks {name}; remove its folder and run `make train` again")
    whole: torch.Tensor | None = None
    for file in files:
        with safe_open(file, "pt") as stored:
            shard, header = stored.get_tensor("data"), stored.metadata() or {}
        if "unsharded_shape" not in header or len(files) == 1:
            return shard
        if whole is None:
            shape = [int(size) for size in header["unsharded_shape"].strip("()").split(",") if size]
            whole = torch.empty(shape, dtype=shard.dtype)
        for pair in header["local_global_slices_pairs"].split(";"):
            local, across = (tuple(map(_slice, side.split("|"))) for side in pair.split("#"))
            whole[across] = shard[local]
    assert whole is not None
    return whole


def _slice(text: str) -> slice:
    return slice(*(None if part == "None" else int(part) for part in text.split(",")))
