"""Completion marks: a step that is done with the same inputs is not done again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from records.files import sha256_json, write_json

PINS = Path(__file__).resolve().parent.parent / "requirements" / "constraints.txt"


def fingerprint(**inputs: Any) -> str:
    """Hash of everything a step's output depends on: recipe values, hashes of inputs, and the package pins."""
    pins = PINS.read_text() if PINS.exists() else ""
    return sha256_json({**inputs, "pins": pins})


def is_done(mark: Path, print_of_inputs: str) -> bool:
    """True when `mark` says the step ended with these inputs."""
    try:
        return bool(json.loads(mark.read_text())["fingerprint"] == print_of_inputs)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


def set_done(mark: Path, print_of_inputs: str) -> None:
    """Write the mark; the last thing a step does."""
    write_json(mark, {"fingerprint": print_of_inputs})
