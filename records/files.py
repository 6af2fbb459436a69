"""Hashing and writing so that a file is either whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from records.errors import UserError


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes, read in 4 MiB pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(4 << 20):
            digest.update(piece)
    return digest.hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_json(value: Any) -> str:
    """Hex sha256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def stable_hash(text: str) -> int:
    """A 64-bit integer that depends on the text alone, unlike `hash()`."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling path (file or folder) and rename it to `path` once the block has ended well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    remove(partial)
    yield partial
    if partial.is_dir():
        for file in sorted(partial.rglob("*")):
            if file.is_file():
                _sync(file)
        remove(path)
    else:
        _sync(partial)
    os.replace(partial, path)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds; no error when it is absent."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON with sorted keys, whole or not at all. Raises ValueError on NaN."""
    write_text(path, json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, made_by: str) -> Any:
    """Read JSON that an earlier step wrote. `made_by` is the command that makes it, named in the error."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; run `{made_by}` first") from None
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); remove it and run `{made_by}` again") from None


def list_files(folder: Path, leave_out: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """`[{path, sha256, bytes}]` of every file below a folder, sorted by path; `leave_out` names relative paths."""
    rows = []
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name not in leave_out:
            rows.append({"path": name, "sha256": sha256_file(file), "bytes": file.stat().st_size})
    return rows


def require_space(path: Path, needed_bytes: int) -> None:
    """Raise UserError when the disk below `path` has less free than a step is going to write."""
    probe = path
    while not probe.exists():
        probe = probe.parent
    free = shutil.disk_usage(probe).free
    if free < needed_bytes:
        raise UserError(
            f"{path} needs about {needed_bytes / 1e9:.1f} GB free and the disk has {free / 1e9:.1f} GB; "
            "free some space, or set BUILD=/another/disk/build"
        )
