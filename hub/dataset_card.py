"""The dataset's card: what the corpus wrote, completed with what only a release knows or the viewer wants."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from hub.card_fields import split_card
from hub.inputs import Inputs
from records.errors import UserError

Render = Callable[[str, dict[str, Any]], str]
CREATION = {
    "annotations_creators": ["machine-generated"],
    "language_creators": ["found", "machine-generated"],
    "source_datasets": ["original"],
    "task_ids": ["language-modeling"],
}
"""How every corpus of this tooling comes about; a card that says otherwise keeps its own word."""


def dataset_card(inputs: Inputs, common: dict[str, Any], render: Render) -> str:
    """README.md of the dataset repository.

    Raises:
        UserError: the corpus's card has no front matter, or does not say what was not compared.
    """
    values, body = split_card(inputs.corpus / "README.md")
    _check_honesty(inputs, body)
    values = {**values, **{name: value for name, value in CREATION.items() if not values.get(name)}}
    values["configs"] = [config for config in map(_with_files(inputs.corpus), values.get("configs", [])) if config]
    values["dataset_info"] = dataset_info(inputs)
    own_name = str(inputs.manifest["name"])
    body = body.replace(f'load_dataset("{own_name}"', f'load_dataset("{common["dataset"]}"')
    body = body.replace(f"`{own_name}` is the repository", f"`{common['dataset']}` is the repository")
    datasheet = inputs.corpus / "datasheet.md"
    sheet = _demoted(datasheet.read_text(encoding="utf-8")) if datasheet.is_file() else ""
    end = render("dataset_end.md.j2", {**common, "datasheet": sheet, "name": common["dataset"]})
    head = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=10_000)
    return f"---\n{head}---\n\n{body.rstrip()}\n\n{end}"


def _with_files(corpus: Path) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """Leave out splits of a config that have no file (`load_dataset` fails on them), and configs without any."""

    def kept(config: dict[str, Any]) -> dict[str, Any] | None:
        files = [row for row in config.get("data_files", []) if any(corpus.glob(row["path"]))]
        return {**config, "data_files": files} if files else None

    return kept


def _check_honesty(inputs: Inputs, body: str) -> None:
    for name in inputs.manifest.get("decontamination", {}).get("unchecked") or ():
        if str(name) not in body:
            raise UserError(
                f"{inputs.corpus / 'README.md'} does not say that the corpus was not compared with {name}; run"
                " `make corpus` again"
            )


def _demoted(text: str) -> str:
    """A document as a section: every heading one level down."""
    return re.sub(r"^(#{1,5}) ", r"#\1 ", text.strip(), flags=re.M)


def dataset_info(inputs: Inputs) -> list[dict[str, Any]]:
    """`dataset_info` of every config: features, and per split rows and bytes, read from the tables themselves."""
    found = []
    for config, splits in _tables(inputs.corpus).items():
        features = _features(next(iter(splits.values()))[0])
        rows = [_split(name, files) for name, files in splits.items()]
        found.append(
            {
                "config_name": config,
                "features": features,
                "splits": rows,
                "download_size": sum(file.stat().st_size for files in splits.values() for file in files),
                "dataset_size": sum(row["num_bytes"] for row in rows),
            }
        )
    return found


def _tables(corpus: Path) -> dict[str, dict[str, list[Path]]]:
    """Config → split → its tables that hold rows."""
    import pyarrow.parquet as pq

    found: dict[str, dict[str, list[Path]]] = {}
    for file in sorted((corpus / "data").glob("*/*.parquet")):
        if pq.read_metadata(file).num_rows:
            found.setdefault(file.parent.name, {}).setdefault(file.name.partition("-")[0], []).append(file)
    return found


def _split(name: str, files: list[Path]) -> dict[str, Any]:
    import pyarrow.parquet as pq

    metadata = [pq.read_metadata(file) for file in files]
    size = sum(one.row_group(group).total_byte_size for one in metadata for group in range(one.num_row_groups))
    return {"name": name, "num_bytes": size, "num_examples": sum(one.num_rows for one in metadata)}


def _features(table: Path) -> Any:
    import pyarrow.parquet as pq
    from datasets import Features

    return Features.from_arrow_schema(pq.read_schema(table))._to_yaml_list()
