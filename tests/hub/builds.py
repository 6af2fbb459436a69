"""A small build folder with everything that a release is made of; nothing in it comes from a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from records.calls import chat_template
from records.files import list_files, sha256_file, write_json
from records.model_names import trained_models
from records.recipe import load_recipe

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63f80f00010101001bb6ee56"
    "0000000049454e44ae426082"
)
"""A PNG of one pixel."""
CONFIGS = {"api_docs": (7, 2), "code": (5, 1)}
"""Config → rows of train and validation."""


def make_build(root: Path, training: dict[str, Any] | None = None) -> tuple[Path, Path]:
    """Write (build folder, recipe file): a tiny corpus, four tiny models with a base, results, and a Space.

    `training` are further keys of the recipe's training section; more models are written where they ask for them.
    """
    recipe = _write_recipe(root, training or {})
    build = root / "build" / "tiny"
    manifest = _write_corpus(build / "corpus")
    names = {"base": "base", **{model.name: model.kind for model in trained_models(load_recipe(str(recipe)))}}
    for name, stage in names.items():
        record = _write_model(build / "models" / name, name, stage, manifest)
        if stage in ("base", "control", "ift", "broad-ift"):
            _write_results(build / "eval" / name, record, len(stage) + (_seed(name) if stage == "ift" else 1) - 1)
    return root / "build", recipe


def _write_recipe(root: Path, training: dict[str, Any]) -> Path:
    space = root / "space"
    space.mkdir()
    matter = (
        "title: Demo\nemoji: 🔨\ncolorFrom: green\ncolorTo: gray\nsdk: gradio\nsdk_version: 6.31.0\napp_file: app.py\n"
        "short_description: A demo\nlicense: apache-2.0\nmodels:\n- nobody/none\ndatasets:\n- nobody/none\n"
    )
    (space / "README.md").write_text(f"---\n{matter}---\n\n# Demo\n")
    (space / "app.py").write_text("import calls\n")
    write_json(space / "vendored.json", {"calls.py": "records/calls.py"})
    values = yaml.safe_load((ROOT / "recipes" / "smoke.yaml").read_text())
    values["name"] = "tiny"
    values["training"]["base"] |= {"name": "tinybase", "size": "1m"}
    values["training"] |= training
    names = {"dataset": "forge-tiny", "space": "demo-tiny", "version": "v0.1.0", "space_folder": str(space)}
    values["release"] = {**names, "allow_unchecked": ["tau_bench"]}
    file = root / "tiny.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def _write_corpus(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: dict[str, int] = {}
    for config, counts in CONFIGS.items():
        for split, count in zip(("train", "validation"), counts, strict=True):
            path = folder / "data" / config / f"{split}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            texts = [f"{config} {split} {number}" for number in range(count)]
            columns: dict[str, Any] = {"text": texts, "license": ["MIT"] * count, "source": ["made"] * count}
            if config == "api_docs":
                columns["api_ids"] = [[f"made/{split}_{number}"] for number in range(count)]
            pq.write_table(pa.table(columns), path)
            rows[path.relative_to(folder).as_posix()] = count
    files = [{**row, "rows": rows[row["path"]]} for row in list_files(folder)]
    data_files = [{"split": split, "path": f"data/{{}}/{split}-*.parquet"} for split in ("train", "validation")]
    configs = [
        {"config_name": name, "data_files": [{**row, "path": row["path"].format(name)} for row in data_files]}
        for name in CONFIGS
    ]
    matter = {"license": "mit", "language": ["en"], "pretty_name": "Tiny", "size_categories": ["n<1K"]}
    matter |= {"task_categories": ["text-generation"], "tags": ["function-calling"], "configs": configs}
    card = yaml.safe_dump(matter, sort_keys=False)
    load = '```python\nfrom datasets import load_dataset\ndocs = load_dataset("tiny", "api_docs")\n```\n'
    (folder / "README.md").write_text(f"---\n{card}---\n\n# Tiny corpus\n\nNot compared: tau_bench.\n\n{load}")
    (folder / "datasheet.md").write_text("# Datasheet of tiny\n\n## Motivation\n\nTo be small.\n")
    (folder / "tokens").mkdir()
    (folder / "tokens" / "train.ds").write_bytes(b"not for publication")
    write_json(folder / "run.json", {"seconds": 1})
    (folder / "figures").mkdir()
    (folder / "figures" / "mix.png").write_bytes(PICTURE)
    manifest = {
        **{"schema": 1, "name": "tiny", "recipe": "tiny", "files": files},
        "decontamination": {"checked": ["bfcl"], "unchecked": ["tau_bench"]},
        "apis": {"distinct": 9, "by_source": {"made": 6, "other": 3}},
        "sources": [{"name": "made", "version": "1", "license": "MIT", "documents": 15, "url": ""}],
    }
    write_json(folder / "manifest.json", manifest)
    return sha256_file(folder / "manifest.json")


def _write_model(folder: Path, name: str, stage: str, manifest: str) -> str:
    folder.mkdir(parents=True)
    _write_weights(folder, seed=len(folder.name))
    _write_tokenizer(folder)
    record: dict[str, Any] = {
        **{"schema": 1, "name": "tinybase" if stage == "base" else name, "stage": stage, "recipe": "tiny"},
        **{
            "corpus": None if stage == "base" else manifest,
            "license": "Apache-2.0",
            "tokens": 2048,
            "steps": 4,
            "files": list_files(folder),
        },
        "loss": {"first": 5.5, "last": 4.25, "heldout_before": 5.25, "heldout": 4.5, "curve": [[512, 5.5]]},
        "hyperparameters": {"learning_rate": 1e-4, "sequence_length": 128, "seed": _seed(name)},
        "parallel": {"dp": 1, "tp": 1, "pp": 1},
    }
    if stage == "base":
        record |= {"source": "made", "version": "1", "note": "Instruct, dequantised from Q4_1"}
    write_json(folder / "record.json", record)
    write_json(folder / "run.json", {"seconds": 2})
    return sha256_file(folder / "record.json")


def _seed(name: str) -> int:
    return int(name.partition("-seed")[2] or 1)


def _write_weights(folder: Path, seed: int) -> None:
    from safetensors.numpy import save_file

    width, inner, words = 32, 64, 300
    random = np.random.default_rng(seed)
    shapes = {"model.embed_tokens.weight": (words, width), "model.norm.weight": (width,)}
    layer = "model.layers.0."
    shapes |= {f"{layer}self_attn.{name}_proj.weight": (width, width) for name in "qkvo"}
    shapes |= {f"{layer}mlp.{name}_proj.weight": (inner, width) for name in ("gate", "up")}
    shapes |= {f"{layer}mlp.down_proj.weight": (width, inner)}
    shapes |= {f"{layer}{name}_layernorm.weight": (width,) for name in ("input", "post_attention")}
    tensors = {name: random.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        **{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": words, "hidden_size": width},
        **{"intermediate_size": inner, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4},
        **{"tie_word_embeddings": True, "dtype": "float32", "max_position_embeddings": 128},
    }
    write_json(folder / "config.json", config)


def _write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {"<|endoftext|>": 0, "<unk>": 1, **{f"w{number}": number + 2 for number in range(100)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": chat_template()}))


def _write_results(folder: Path, record: str, right: int) -> None:
    task = {"score": right / 10, "stderr": 0.05, "n": 10, "version": 1}
    write_json(folder / "results.json", {"record": {"model": record, "tasks": {"bfcl_simple_python": task}}})
