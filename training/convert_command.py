"""`python -m training.convert SRC DST`: a transformers folder or Hub id to a nanotron checkpoint, or back."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from records.errors import UserError
from records.files import read_json, replacing, write_json
from training.convert import to_nanotron, to_transformers
from training.model_config import transformers_config

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
WANTED = ["*.safetensors", "*.json", "*.model", "*.jinja", "tokenizer*", "LICENSE*"]
NOT_COPIED = (".safetensors", ".index.json", ".bin", ".pt", ".pth")


def main(argv: Sequence[str]) -> int:
    """Convert in the direction that SRC asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m training.convert",
        description="Convert weights, exactly: transformers → nanotron, or nanotron (any tp, pp) → transformers.",
    )
    parser.add_argument("source", metavar="SRC", help="transformers folder, Hub id, or nanotron checkpoint")
    parser.add_argument("target", metavar="DST", type=Path, help="folder to write; must not exist")
    parser.add_argument("--dtype", choices=sorted(DTYPES), help="of the weights written (default: as they are)")
    parser.add_argument("--like", help="transformers folder or Hub id that gives config and tokenizer on the way back")
    parser.add_argument("--revision", help="commit of the Hub id")
    options = parser.parse_args(argv)
    if options.target.exists():
        raise UserError(f"{options.target} exists; name a folder that does not")
    dtype = DTYPES.get(options.dtype)
    source = Path(options.source)
    if (source / "model_config.json").is_file() or (source / "model").is_dir():
        like = local_folder(options.like, options.revision) if options.like else None
        back(source, options.target, like, dtype)
    else:
        to_nanotron(local_folder(options.source, options.revision), options.target, dtype)
    print(f"training: {options.source} converted to {options.target}")
    return 0


def local_folder(name: str, revision: str | None = None) -> Path:
    """A transformers folder by path, or fetched from the Hub (safetensors, configs and tokenizer only).

    Raises:
        UserError: it is no folder, and the Hub does not give it.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UserError(f"no model at {name}; name a transformers folder or a Hub id such as owner/name")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=WANTED))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{name} is no folder here and the Hub does not give it ({reason}); gated models want HF_TOKEN, "
            "and HF_ENDPOINT names another Hub"
        ) from None


def back(checkpoint: Path, target: Path, like: Path | None, dtype: torch.dtype | None) -> None:
    """Write a transformers folder from a nanotron checkpoint.

    Args:
        checkpoint: of any topology.
        target: folder to write.
        like: where config and tokenizer come from; None writes a config from the checkpoint's own.
        dtype: of the weights; None keeps theirs.
    """
    with replacing(target) as partial:
        partial.mkdir()
        if like is None:
            config = read_json(checkpoint / "model_config.json", made_by="training")
            name = str(dtype or torch.float32).removeprefix("torch.")
            write_json(partial / "config.json", transformers_config(config, name))
        else:
            for file in sorted(like.iterdir()):
                if file.is_file() and not file.name.endswith(NOT_COPIED):
                    shutil.copyfile(file, partial / file.name)
        to_transformers(checkpoint, partial, partial / "model.safetensors", dtype)
