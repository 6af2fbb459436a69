"""Every config of a published dataset, loaded whole and streamed, as the libraries' users load it."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

from hub.card_fields import read_front_matter
from records.errors import UserError

STREAMED_ROWS = 20


def verify_dataset(repo: str, revision: str, folder: Path) -> dict[str, dict[str, int]]:
    """Load every config that the card names.

    Args:
        repo: owner/name.
        revision: tag.
        folder: the downloaded repository.

    Returns:
        config → split → rows.

    Raises:
        UserError: rows differ from the manifest, or the streamed ones from the loaded ones.
    """
    names = [config["config_name"] for config in read_front_matter(folder / "README.md").get("configs", [])]
    expected = expected_rows(folder)
    if sorted(names) != sorted(expected):
        raise UserError(f"dataset {repo}: the card names configs {sorted(names)}, the manifest {sorted(expected)}")
    return {name: _verify_config(repo, revision, name, expected[name]) for name in sorted(names)}


def expected_rows(folder: Path) -> dict[str, dict[str, int]]:
    """Config → split → rows, from the manifest's `data/<config>/<split>-….parquet` files that hold any."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, int]] = {}
    for row in manifest.get("files", []):
        parts = str(row["path"]).split("/")
        if len(parts) == 3 and parts[0] == "data" and parts[2].endswith(".parquet") and row["rows"]:
            splits = found.setdefault(parts[1], {})
            split = parts[2].partition("-")[0]
            splits[split] = splits.get(split, 0) + int(row["rows"])
    return found


def _verify_config(repo: str, revision: str, config: str, expected: dict[str, int]) -> dict[str, int]:
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(repo, config, revision=revision)
    rows = {str(split): part.num_rows for split, part in sorted(loaded.items())}
    if rows != expected:
        raise UserError(f"dataset {repo}, config {config}: loaded {rows} rows, the manifest says {expected}")
    streamed: Any = datasets.load_dataset(repo, config, revision=revision, streaming=True)
    for split, part in loaded.items():
        first = list(islice(streamed[split], STREAMED_ROWS))
        if first != [part[number] for number in range(min(STREAMED_ROWS, part.num_rows))]:
            raise UserError(f"dataset {repo}, config {config}, split {split}: streaming gives other rows than loading")
    return rows
