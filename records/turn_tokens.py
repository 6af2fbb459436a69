"""The tokens that open and close a turn, in tokenizers that were made without them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from records.errors import UserError
from records.files import sha256_json, write_text

TURN_TOKENS = ("<|im_start|>", "<|im_end|>")
END_OF_DOCUMENT = "<|endoftext|>"
RESERVED = re.compile(r"<\|reserved_special_token_\d+\|>|\[control_\d+\]|<unused\d+>|<SPECIAL_\d+>|<\|extra_\d+\|>")
"""How tokenizers name ids that stand for nothing (Llama 3, Mistral v0.3, Gemma, Mistral Nemo, Qwen)."""


def give_turn_tokens(folder: Path) -> bool:
    """Let `<|im_start|>` and `<|im_end|>` take reserved ids of the tokenizer saved in `folder`, where it lacks them.

    The vocabulary keeps its size, so that the model's weights fit as they are.

    Returns:
        Whether each is one token now. Without reserved ids they stay what the tokenizer makes of their letters, which
        trains as well and costs a few tokens a turn.

    Raises:
        UserError: there is no tokenizer.json, or it cannot be read.
    """
    file = folder / "tokenizer.json"
    values = _read(file)
    added = sorted(values.get("added_tokens") or [], key=lambda token: int(token["id"]))
    vocabulary = values["model"].get("vocab")
    known = {token["content"] for token in added}
    missing = [token for token in TURN_TOKENS if token not in known]
    free = [token["content"] for token in added if RESERVED.fullmatch(token["content"])]
    if len(free) < len(missing):
        return False
    names = dict(zip(free, missing, strict=False))
    if not names:
        return True
    for token in added:
        token["content"] = names.get(token["content"], token["content"])
    if isinstance(vocabulary, dict):
        values["model"]["vocab"] = {names.get(token, token): number for token, number in vocabulary.items()}
    write_text(file, json.dumps(values, ensure_ascii=False))
    for other in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / other).is_file():
            write_text(folder / other, json.dumps(_renamed(_read(folder / other), names), ensure_ascii=False, indent=1))
    return True


def document_end(folder: Path) -> str:
    """The token that ends a document: `<|endoftext|>` where a saved tokenizer has it, else its own end of text.

    Raises:
        UserError: it has neither.
    """
    values = _read(folder / "tokenizer.json")
    added = {token["content"] for token in values.get("added_tokens") or []}
    if END_OF_DOCUMENT in added:
        return END_OF_DOCUMENT
    config = folder / "tokenizer_config.json"
    end: Any = _read(config).get("eos_token") if config.is_file() else None
    end = end.get("content") if isinstance(end, dict) else end
    if end not in added:
        raise UserError(f"the tokenizer in {folder} has no token that ends a document ({END_OF_DOCUMENT} or eos_token)")
    return str(end)


def vocabulary_sha256(folder: Path) -> str:
    """Hash of which text has which id in a saved tokenizer, whatever else its files say."""
    from tokenizers import Tokenizer

    return sha256_json(sorted(Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab().items()))


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{file} is missing; name a folder or repository with a fast tokenizer") from None
    except ValueError as error:
        raise UserError(f"{file} is no JSON ({error})") from None
