"""Models by Hub id, from the embedded Hub: `make convert SRC=owner/name`, and a recipe's base."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi
from safetensors.torch import load_file
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from records.calls import render_chat
from records.recipe import ROOT
from tests.hub.processes import Server
from tests.training.places import VOCABULARY, command, make_place, read, write_base

NAME = "local/tiny-llama"


def write_tokenizer(folder: Path) -> None:
    """As many ids as the tiny model has, two of them reserved, none for turns; `</s>` ends a text."""
    special = ["<s>", "</s>", "[control_1]", "[control_2]"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters += [f"filler{n}" for n in range(VOCABULARY - len(letters) - len(special))]
    words = {token: number for number, token in enumerate([*special, *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(folder)


@pytest.fixture
def published(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny Llama that the embedded Hub serves, too."""
    folder = tmp_path / "made"
    write_base(folder, tied=False)
    (folder / "record.json").unlink()
    write_tokenizer(folder)
    api = HfApi(endpoint=server.url, token=server.token)
    api.create_repo(NAME, exist_ok=True)
    api.upload_folder(repo_id=NAME, folder_path=folder)
    for name, value in {"HF_ENDPOINT": server.url, "HF_TOKEN": server.token, "NO_PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    return folder


def test_convert_takes_a_hub_id_both_ways(published: Path, tmp_path: Path) -> None:
    line = ["make", "-n", "convert", f"SRC={NAME}", f"DST={tmp_path}/x"]
    shown = subprocess.run(line, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True).stdout
    assert f"-m training.convert '{NAME}' '{tmp_path}/x'" in shown
    checkpoint, back = tmp_path / "checkpoint", tmp_path / "back"
    done = command(NAME, str(checkpoint), module="training.convert")
    assert done.returncode == 0, done.stderr
    done = command(str(checkpoint), str(back), "--like", NAME, module="training.convert")
    assert done.returncode == 0, done.stderr
    first, second = (load_file(folder / "model.safetensors") for folder in (published, back))
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        one, other = (AutoModelForCausalLM.from_pretrained(folder)(ids).logits for folder in (published, back))
    assert torch.equal(one, other)
    assert AutoTokenizer.from_pretrained(back).eos_token == "</s>"
    done = command("local/no-such", str(tmp_path / "none"), module="training.convert")
    assert done.returncode == 2 and "local/no-such is no folder here and the Hub does not give it" in done.stderr


def test_a_recipe_starts_from_a_hub_id(
    published: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns take the reserved ids, generation ends with them, and the weights are the published ones."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    place = make_place(tmp_path, {"base": {"name": "tiny", "size": "0.1m", "model": NAME}})
    for file in place.paths.model("base").iterdir():
        file.unlink()
    done = command("--recipe", str(place.file), "--stage", "base", module="training.stage")
    assert done.returncode == 0, done.stderr
    base = place.paths.model("base")
    record = read(base / "record.json")
    assert record["source"] == NAME
    assert record["version"] == HfApi(endpoint=server.url, token=server.token).model_info(NAME).sha
    first, second = (load_file(folder / "model.safetensors") for folder in (published, base))
    assert all(torch.equal(first[name], second[name]) for name in first)
    tokenizer = AutoTokenizer.from_pretrained(base)
    assert len(tokenizer) == VOCABULARY and tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"]) == [2, 3]
    assert read(base / "generation_config.json")["eos_token_id"] == [1, 3]
    messages = [{"role": "user", "content": "List my buckets"}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
    text = render_chat(messages, answer_next=True)
    assert (ids.count(2), ids.count(3)) == (text.count("<|im_start|>"), text.count("<|im_end|>"))
    assert tokenizer.apply_chat_template(messages, tokenize=False) == render_chat(messages)
