"""Weights between a transformers folder and a nanotron checkpoint, both ways, exact; shards of tp and pp are merged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from records.errors import UserError, run_command
from records.files import replacing, write_json
from training.model_config import model_config
from training.weights import open_weights

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


def to_nanotron(transformers_folder: Path, checkpoint: Path, dtype: torch.dtype | None = None) -> None:
    """Write the weights of a transformers folder as a nanotron checkpoint of one rank (`tp` = `pp` = 1).

    Args:
        transformers_folder: config.json and safetensors, in one file or in many.
        checkpoint: folder to write.
        dtype: of the weights written; None keeps theirs.

    Raises:
        UserError: no Llama or Mistral, or weights that are missing, damaged or of other shapes than its config says.
    """
    config = model_config(transformers_folder)
    shapes = _shapes(config)
    with replacing(checkpoint) as partial, open_weights(transformers_folder) as weights:
        partial.mkdir()
        for name, parts in _names(config["num_hidden_layers"], config["tie_word_embeddings"]):
            pieces = [weights.get(part, shapes[".".join(part.split(".")[-2:])]) for part in parts]
            whole = torch.cat(pieces) if len(pieces) > 1 else pieces[0]
            _write_parameter(partial, name, whole if dtype is None else whole.to(dtype))
        write_json(partial / "model_config.json", config)
        meta = {"version": CHECKPOINT_VERSION, "tp": 1, "dp": 1, "metas": {}}
        write_json(partial / "checkpoint_metadata.json", meta)


def to_transformers(checkpoint: Path, like: Path, model_file: Path, dtype: torch.dtype | None = None) -> None:
    """Write `model.safetensors` from a nanotron checkpoint of any topology.

    Args:
        checkpoint: folder that holds `model/**/model_weight*.safetensors`.
        like: transformers folder whose `config.json` describes the model.
        model_file: where to write.
        dtype: of the weights written; None keeps theirs.

    Raises:
        UserError: the checkpoint lacks a weight, or one is damaged.
    """
    config = model_config(like)
    heads, dimension = config["num_attention_heads"], config["hidden_size"] // config["num_attention_heads"]
    keys = config["num_key_value_heads"]
    tensors: dict[str, torch.Tensor] = {}
    for name, parts in _names(config["num_hidden_layers"], config["tie_word_embeddings"]):
        whole = _read_parameter(checkpoint, name)
        whole = whole if dtype is None else whole.to(dtype)
        sizes = {3: [heads * dimension, keys * dimension, keys * dimension], 2: [config["intermediate_size"]] * 2}
        split = whole.split(sizes[len(parts)]) if len(parts) > 1 else (whole,)
        tensors |= {part: piece.contiguous() for part, piece in zip(parts, split, strict=True)}
    save_file(dict(sorted(tensors.items())), model_file, metadata={"format": "pt"})


def _shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of transformers weights by the last two parts of their names."""
    hidden, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    keys = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    return {
        "embed_tokens.weight": (vocabulary, hidden),
        "lm_head.weight": (vocabulary, hidden),
        "norm.weight": (hidden,),
        "input_layernorm.weight": (hidden,),
        "post_attention_layernorm.weight": (hidden,),
        "q_proj.weight": (hidden, hidden),
        "k_proj.weight": (keys, hidden),
        "v_proj.weight": (keys, hidden),
        "o_proj.weight": (hidden, hidden),
        "gate_proj.weight": (inner, hidden),
        "up_proj.weight": (inner, hidden),
        "down_proj.weight": (hidden, inner),
    }


def check_weights(transformers_folder: Path) -> None:
    """Raise UserError when a transformers folder lacks a weight, or one is damaged or of another shape."""
    config = model_config(transformers_folder)
    shapes = _shapes(config)
    with open_weights(transformers_folder) as weights:
        for _, parts in _names(config["num_hidden_layers"], config["tie_word_embeddings"]):
            for part in parts:
                weights.check(part, shapes[".".join(part.split(".")[-2:])])


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
        try:
            with safe_open(file, "pt") as stored:
                shard, header = stored.get_tensor("data"), stored.metadata() or {}
        except SafetensorError as error:
            raise UserError(f"{file} is damaged ({error}); remove the checkpoint and run `make train` again") from None
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


if __name__ == "__main__":
    from training.convert_command import main

    sys.exit(run_command(main))
