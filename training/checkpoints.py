"""Checkpoints of a stage: when one counts, which are kept, and what is wrong with one before it is resumed.

Rule: a checkpoint counts once its `complete.json` is there, written last. Then older ones go, beyond the newest
`keep_checkpoints`. A step whose loss, gradient or weights are no numbers writes none, so the newest is always good.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from records.errors import UserError
from records.files import remove, sha256_file, write_json

COMPLETE = "complete.json"
HASHED_BYTES = 1 << 20
"""Files up to this size are compared by hash, larger ones by size and header: hashing 12 bytes a parameter takes as
long as writing them."""


def seal(folder: Path, state: dict[str, Any], keep: int) -> None:
    """Say that a checkpoint is whole, with what it holds, and remove older ones.

    Args:
        folder: the checkpoint, `<checkpoints>/<step>`.
        state: what the trainer wants back.
        keep: newest checkpoints that stay.
    """
    files = {str(file.relative_to(folder)): _print(file) for file in sorted(folder.rglob("*")) if file.is_file()}
    write_json(folder / COMPLETE, {**state, "files": files})
    for older in sorted(_steps(folder.parent))[:-keep]:
        if older < int(folder.name):
            remove(folder.parent / str(older))
    for path in folder.parent.iterdir():
        if path.name.isdigit() and not (path / COMPLETE).is_file():
            remove(path)


def _print(file: Path) -> list[Any]:
    size = file.stat().st_size
    return [size, sha256_file(file) if size <= HASHED_BYTES else None]


def _steps(folder: Path) -> list[int]:
    whole = [path for path in folder.glob("*") if path.name.isdigit() and (path / COMPLETE).is_file()]
    return [int(path.name) for path in whole]


def latest_checkpoint(folder: Path) -> Path | None:
    """The last whole checkpoint below a folder."""
    step = max(_steps(folder), default=None)
    return None if step is None else folder / str(step)


def open_checkpoint(folder: Path, parallel: dict[str, Any]) -> dict[str, Any]:
    """Check a checkpoint before it is resumed, and return what its trainer kept.

    Args:
        folder: a checkpoint that counts.
        parallel: the topology that is going to resume it.

    Raises:
        UserError: it is damaged, or was written by another topology.
    """
    remedy = f"remove {folder}, then run the command again: it goes on from the checkpoint before, or from the start"
    try:
        state = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
        files, written = dict(state["files"]), dict(state["parallel"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / COMPLETE} is damaged ({error}); {remedy}") from None
    if written != parallel:
        raise UserError(
            f"{folder} was written with {_topology(written)} and the recipe now asks for {_topology(parallel)}: "
            "nanotron 0.4 cannot split an optimizer's state anew; set training.parallel back, or remove the folder "
            "above it to train the stage from its start"
        )
    for name, (size, digest) in files.items():
        file = folder / name
        if not file.is_file():
            raise UserError(f"{file} is missing from the checkpoint; {remedy}")
        if file.stat().st_size != size:
            raise UserError(f"{file} has {file.stat().st_size} bytes and was written with {size}; {remedy}")
        if digest is not None and sha256_file(file) != digest:
            raise UserError(f"{file} is not what was written (its sha256 differs); {remedy}")
    _check_headers(folder, remedy)
    return dict(state)


def _check_headers(folder: Path, remedy: str) -> None:
    from safetensors import SafetensorError, safe_open

    for file in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(file, "pt") as weights:
                weights.keys()
        except SafetensorError as error:
            raise UserError(f"{file} is damaged ({error}); {remedy}") from None


def _topology(parallel: dict[str, Any]) -> str:
    plain = " · ".join(f"{name} {parallel[name]}" for name in ("dp", "tp", "pp"))
    return plain + (" with ZeRO-1" if parallel.get("zero1") else "")
