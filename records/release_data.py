"""What a Space's second tab shows, as files of its folder `release/`: summary, API search index, figures."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from records.files import read_json, write_json

FOLDER = "release"
MAX_APIS = 20_000
"""Rows of the search index; a larger corpus is thinned out evenly."""
MAX_DESCRIPTION = 160
MAX_FIGURE_BYTES = 400_000
CORPUS_KEYS = ("name", "tokenizer", "apis", "configs", "sources")
DESCRIPTIONS = (
    re.compile(r'^ "description": "((?:[^"\\]|\\.)*)"', re.M),  # JSON Schema
    re.compile(r'^    r?"""(.+?)(?:"""|\n\s*\n)', re.M | re.S),  # a signature and its docstring
    re.compile(r"^Answer: (?:`[^`]+`\. )?(.+?)(?:\n\s*\n|\Z)", re.M | re.S),  # question and answer
    re.compile(r"\A# [^\n]+\n\n[^\n]+\n\n(.+?)(?:\n\s*\n|\Z)", re.S),  # heading, library, description
)
"""Where each form of document says what its function does (`corpus` writes them)."""


def write_release(build: Path, space: Path, models: Collection[str] | None = None) -> bool:
    """Write `<space>/release/` from the build folder of a recipe; False, and nothing written, without a corpus.

    Args:
        build: the recipe's build folder.
        space: the Space's folder.
        models: those whose scores are shown; None takes every one that was scored.

    Raises:
        UserError: a record that an earlier step wrote cannot be read.
    """
    corpus = build / "corpus"
    if not (corpus / "manifest.json").is_file():
        return False
    manifest = read_json(corpus / "manifest.json", "make corpus")
    scored = [
        file for file in sorted(build.glob("eval/*/results.json")) if models is None or file.parent.name in models
    ]
    folder = space / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    recipe = manifest.get("recipe")
    summary = {"corpus": {key: manifest.get(key) for key in CORPUS_KEYS}}
    summary["corpus"]["recipe"] = recipe.get("name") if isinstance(recipe, dict) else recipe
    write_json(folder / "summary.json", {**summary, "scores": {file.parent.name: _scores(file) for file in scored}})
    write_json(folder / "apis.json", _index(corpus))
    for figure in [*corpus.glob("figures/*.png"), *build.glob("eval/*.png"), *build.glob("eval/figures/*.png")]:
        if figure.stat().st_size <= MAX_FIGURE_BYTES:
            shutil.copyfile(figure, folder / figure.name)
    return True


def _scores(results: Path) -> dict[str, Any]:
    tasks = read_json(results, "make eval").get("record", {}).get("tasks", {})
    return {task: {key: one.get(key) for key in ("score", "stderr", "n")} for task, one in tasks.items()}


def _index(corpus: Path) -> list[list[str]]:
    rows = dict[str, list[str]]()
    for row in _documents(corpus):
        for name in (row["api_ids"] or [])[:1]:
            rows.setdefault(name, [name, _about(row["text"]), row["source"] or "", row["license"] or ""])
    every = -(-len(rows) // MAX_APIS) or 1
    return [rows[name] for name in sorted(rows)][::every]


def _documents(corpus: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as parquet

    for file in sorted(corpus.glob("data/api_docs/train-*.parquet")):
        with parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(columns=["api_ids", "text", "source", "license"]):
                for row in batch.to_pylist():
                    ids = row["api_ids"]
                    yield {**row, "api_ids": json.loads(ids) if isinstance(ids, str) else ids}


def _about(text: str) -> str:
    """The description that a document of any form gives of its function, or how the document begins."""
    for form in DESCRIPTIONS:
        if found := form.search(text):
            about = found.group(1)
            about = json.loads(f'"{about}"') if form is DESCRIPTIONS[0] else about
            return " ".join(about.split())[:MAX_DESCRIPTION]
    return " ".join(text.split())[:MAX_DESCRIPTION]
