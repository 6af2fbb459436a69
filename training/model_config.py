"""Model configs between transformers and nanotron: Llama and Mistral shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from records.errors import UserError
from records.files import read_json

SAME = (
    "bos_token_id", "eos_token_id", "hidden_size", "initializer_range", "intermediate_size", "max_position_embeddings",
    "num_attention_heads", "num_hidden_layers", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings",
    "vocab_size",
)  # fmt: skip
# What transformers leaves out of config.json where it is the class's default.
DEFAULTS = {"tie_word_embeddings": False, "initializer_range": 0.02, "rms_norm_eps": 1e-6, "bos_token_id": 1,
            "eos_token_id": 2}  # fmt: skip
SIZES = ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "vocab_size")


def model_config(transformers_folder: Path) -> dict[str, Any]:
    """nanotron's model config from a transformers `config.json`.

    Raises:
        UserError: the model is no Llama or Mistral that the adapter can train (biases, scaled rotary embeddings, …).
    """
    config = read_json(transformers_folder / "config.json", made_by="make train")
    missing = [name for name in SIZES if not isinstance(config.get(name), int)]
    if missing:
        raise UserError(f"{transformers_folder / 'config.json'} lacks {', '.join(missing)}; it describes no Llama")
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0)}
    scaled = config.get("rope_scaling") or {}
    eos = config.get("eos_token_id")
    unlike = {
        "model_type": config.get("model_type") not in ("llama", "mistral"),
        "attention_bias": bool(config.get("attention_bias")),
        "mlp_bias": bool(config.get("mlp_bias")),
        "hidden_act": config.get("hidden_act", "silu") != "silu",
        "rope_type": (scaled.get("rope_type") or rope.get("rope_type") or "default") != "default",
        "head_dim": config.get("head_dim", 0) not in (0, None, config["hidden_size"] // config["num_attention_heads"]),
    }
    if any(unlike.values()):
        names = ", ".join(name for name, differs in unlike.items() if differs)
        raise UserError(f"{transformers_folder} is no plain Llama ({names}); the adapter trains plain Llamas only")
    config = {"num_key_value_heads": config["num_attention_heads"], "max_position_embeddings": 2048} | DEFAULTS | config
    # A list of ends (Llama 3 Instruct) is for generation; nanotron wants one number and does not use it.
    eos = eos[0] if isinstance(eos, list) else eos
    window = config.get("sliding_window") if config["model_type"] == "mistral" else None
    # pad_token_id stays None: nanotron would give it torch's padding_idx, whose embedding learns nothing.
    return {name: config[name] for name in SAME} | {
        "eos_token_id": 2 if eos is None else eos,
        "hidden_act": "silu",
        "rope_theta": float(rope["rope_theta"]),
        "sliding_window": window,
        "pad_token_id": None,
    }


def transformers_config(config: dict[str, Any], dtype: str) -> dict[str, Any]:
    """A `config.json` for a nanotron model config, for a checkpoint that has no transformers folder to go by."""
    kind = "mistral" if config.get("sliding_window") else "llama"
    same = {name: config[name] for name in SAME if name in config}
    return same | {
        "architectures": [f"{kind.capitalize()}ForCausalLM"],
        "model_type": kind,
        "hidden_act": "silu",
        "dtype": dtype,
        "rope_parameters": {"rope_type": "default", "rope_theta": config["rope_theta"]},
        **({"sliding_window": config["sliding_window"]} if kind == "mistral" else {}),
    }
