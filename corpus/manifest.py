"""`manifest.json`: what the corpus is, the same bytes for the same inputs, pins and recipe."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from corpus.crawl_files import source_of
from corpus.documents import package_of
from corpus.rows import CONFIGS, GROUPS, SPLITS
from corpus.shards import shard_files
from corpus.steps import Work, report_of
from records.files import list_files
from records.recipe import Recipe

SCHEMA_VERSION = 1
NAMED_SOURCES = 8
"""Sources of APIs that text names; the table of sources has all."""


def manifest_of(work: Work, folder: Path, sources: list[dict[str, Any]], reports: dict[str, Any]) -> dict[str, Any]:
    """The manifest of the corpus in `folder`, of which the card, datasheet and figures are not written yet."""
    recipe, mix = work.recipe, reports["mix"]
    return {
        "schema": SCHEMA_VERSION,
        "name": recipe.release.dataset,
        "recipe": recipe_values(recipe),
        "tokenizer": report_of(work, "tokenizer"),
        "apis": apis_of(folder),
        "configs": {config: config_totals(reports["shards"][config]) for config in CONFIGS},
        "groups": {group: list(configs) for group, configs in GROUPS.items()},
        "mix": {key: mix[key] for key in ("target", "actual", "weights", "epochs", "stream_tokens")},
        "sources": sources,
        "decontamination": reports["decontamination"]["benchmarks"],
        "files": files_of(folder),
    }


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """The recipe's name, seed and corpus section; the number of workers changes nothing and is left out.

    Of paths the last part: where a file lies on this machine changes nothing either.
    """
    left_out = ("workers", "tokenizer")  # what it was is in the manifest's own `tokenizer`
    values = {key: value for key, value in dataclasses.asdict(recipe.corpus).items() if key not in left_out}
    for documents in (*values["sources"]["openapi"], *values["sources"]["mcp"]):
        documents["path"] = package_of(documents["path"])
    for values_of_crawl, item in zip(values["retrieval"]["crawls"], recipe.corpus.retrieval.crawls, strict=True):
        values_of_crawl["path"] = source_of(item)
    return {"name": recipe.name, "seed": recipe.seed, **values}


def config_totals(splits: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Documents, tokens and Parquet bytes of a config, and the tokens of each split."""
    totals = {key: sum(part[key] for part in splits.values()) for key in ("documents", "tokens", "bytes")}
    return {**totals, **{f"{split}_tokens": splits[split]["tokens"] for split in SPLITS}}


def apis_of(folder: Path) -> dict[str, Any]:
    """Distinct APIs that rows of the corpus document or call, in all and by source."""
    found: set[str] = set()
    for file in shard_files(folder):
        column = pq.read_table(file, columns=["api_ids"]).column("api_ids")
        found.update(name for names in column.to_pylist() for name in names)
    by_source: dict[str, int] = {}
    for name in found:
        by_source[name.split("/")[0]] = by_source.get(name.split("/")[0], 0) + 1
    return {"distinct": len(found), "by_source": dict(sorted(by_source.items()))}


def sources_of_apis(manifest: dict[str, Any]) -> str:
    """The sources of most APIs with their counts, and how many more sources there are, in words."""
    counts = manifest["apis"]["by_source"]
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:NAMED_SOURCES]
    named = [f"{name} ({count:,})" for name, count in most]
    more = len(counts) - len(named)
    *first, last = [*named, *([f"{more} more"] if more else [])]
    return f"{', '.join(first)} and {last}" if first else last


def files_of(folder: Path) -> list[dict[str, Any]]:
    """`{path, sha256, bytes, rows}` of every file; rows where a file has them: Parquet rows, documents of a shard."""
    return [{**file, "rows": rows_in(folder, folder / file["path"])} for file in list_files(folder)]


def rows_in(folder: Path, file: Path) -> int | None:
    """Rows of a Parquet file, documents of a tokenised shard, or None."""
    if file.suffix == ".parquet":
        return int(pq.ParquetFile(file).metadata.num_rows)
    if file.suffix == ".ds":
        return len(np.fromfile(f"{file}.index", dtype="<u8"))
    return None
