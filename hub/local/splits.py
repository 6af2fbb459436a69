"""Which configs and splits a dataset has."""

from __future__ import annotations

import fnmatch
from typing import Any

from hub.local.describe import card_data
from hub.local.store import Store
from hub.local.treestore import FrozenTree

MAX_SPLITS = 100
NAMES = ("train", "validation", "test")


def splits(store: Store, tree: FrozenTree) -> dict[tuple[str, str], str]:
    """(config, split) → its first Parquet file: as the card's `configs` say, else by names of files."""
    files = [path for path in tree if path.endswith(".parquet")]
    found: dict[tuple[str, str], str] = {}
    for config, split, pattern in _declared(card_data(store, tree)):
        if match := next((path for path in files if path == pattern or fnmatch.fnmatchcase(path, pattern)), None):
            found.setdefault((config, split), match)
        if len(found) >= MAX_SPLITS:
            break
    if not found:
        for path in files[:MAX_SPLITS]:
            name = path.rpartition("/")[2]
            split = next((split for split in NAMES if name.startswith(split)), "train")
            found.setdefault(("default", split), path)
    return found


def _declared(card: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    for config in _list(card.get("configs")):
        if not isinstance(config, dict) or not isinstance(config.get("config_name"), str):
            continue
        for item in _list(config.get("data_files")):
            split, paths = (item.get("split"), item.get("path")) if isinstance(item, dict) else ("train", item)
            rows += [(config["config_name"], str(split), path) for path in _list(paths) if isinstance(path, str)]
    return rows


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
