"""Step `decontamination`: rows that share word n-grams with a benchmark's questions or answers go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.readers.jsonl import JsonlReader

from corpus.benchmarks import PLANNED, BenchmarkIndex, Leak, benchmark_source, load_index
from corpus.executor import jsonl_writer, run_blocks
from corpus.rows import jsonl_files, read_documents
from corpus.steps import Work, write_report

if TYPE_CHECKING:
    from datatrove.data import Document

EXAMPLES = 20
"""Matched spans that the report shows."""
MOST_OBJECTS = 200
"""Places of a text that are tried as JSON."""


class BenchmarkFilter(BaseFilter):
    """Drops documents in which the index finds a leak; the reason is the benchmark's name."""

    name = "benchmarks"

    def __init__(self, benchmarks: tuple[str, ...], n_gram: int, removed: Path) -> None:
        """Args: what to look for, and the folder that dropped documents go to."""
        super().__init__(jsonl_writer(removed))
        self.benchmarks = benchmarks
        self.n_gram = n_gram

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        """True, or (False, benchmark)."""
        leaks = leaks_of(doc, load_index(self.benchmarks, self.n_gram))
        if not leaks:
            return True
        doc.metadata["leaks"] = [_described(leak) for leak in leaks]
        return False, leaks[0].item.benchmark


def leaks_of(row: Document, index: BenchmarkIndex) -> list[Leak]:
    """Leaks in everything a row holds."""
    parts = texts_of(row.text, row.metadata.get("messages"), row.metadata.get("tools"))
    return [leak for part in parts for leak in index.leaks(part)]


def texts_of(text: str, messages: str | None, tools: str | None) -> Iterator[str]:
    """All that a row says: its text, messages and tools, and their JSON with keys in order.

    Benchmark answers are indexed in that order of keys too, so that an answer with its arguments exchanged is found.
    """
    yield text
    if tools:
        yield tools
    if messages:
        yield messages
        yield json.dumps(json.loads(messages), sort_keys=True, ensure_ascii=False)
    else:
        yield from map(_in_order, _json_in(text))


def _in_order(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _json_in(text: str) -> Iterator[Any]:
    """JSON objects in a text, outermost ones, MOST_OBJECTS at most."""
    decoder, place = json.JSONDecoder(), 0
    for _ in range(MOST_OBJECTS):
        place = text.find('{"', place)
        if place < 0:
            return
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
        else:
            yield value


def decontaminate(work: Work, folder: Path) -> None:
    """Write `clean/*.jsonl` and the matched spans.

    Raises:
        UserError: a listed benchmark is missing.
    """
    recipe = work.recipe.corpus.decontamination
    source = work.step("dedup") / "kept"
    reader = JsonlReader(str(source), compression=None, add_file_path=False)
    block = BenchmarkFilter(recipe.benchmarks, recipe.n_gram, folder / "removed")
    pipeline = [reader, block, jsonl_writer(folder / "clean")]
    run_blocks("decontamination", pipeline, folder, len(jsonl_files(source)), work.workers)
    removed = list(read_documents(*jsonl_files(folder / "removed")))
    index = load_index(recipe.benchmarks, recipe.n_gram)
    checked = sum(1 for _ in read_documents(*jsonl_files(source)))
    write_report(
        folder,
        {
            "benchmarks": {"checked": list(recipe.benchmarks), "unchecked": unchecked(recipe.benchmarks)},
            "n_gram": recipe.n_gram,
            "sources": {name: benchmark_source(name).identity() for name in recipe.benchmarks},
            "n_grams_indexed": index.size,
            "items_too_short": index.too_short,
            "rows_checked": checked,
            "dropped": _counts(removed),
            "matches": _matches(removed),
            "spans": [span for row in removed for span in _spans(row)][:EXAMPLES],
        },
    )


def unchecked(checked: tuple[str, ...]) -> list[str]:
    """Benchmarks of the evaluation plan that this corpus was not compared with."""
    return [name for name in PLANNED if name not in checked]


def _described(leak: Leak) -> dict[str, str]:
    return {"benchmark": leak.item.benchmark, "item": leak.item.id, "part": leak.item.part, "words": leak.words}


def _spans(row: Document) -> list[dict[str, Any]]:
    first = row.metadata["leaks"][0]
    return [{"row": row.id, "config": row.metadata["config"], "n_grams": len(row.metadata["leaks"]), **first}]


def _matches(removed: list[Document]) -> dict[str, dict[str, int]]:
    """By benchmark: matched spans, and the items that they belong to (fingerprints do not tell items apart)."""
    spans: dict[str, list[str]] = {}
    for leak in (leak for row in removed for leak in row.metadata["leaks"]):
        spans.setdefault(leak["benchmark"], []).append(leak["item"])
    return {name: {"spans": len(items), "items": len(set(items))} for name, items in sorted(spans.items())}


def _counts(removed: list[Document]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for row in removed:
        by_config = counts.setdefault(row.metadata["filter_reason"], {})
        by_config[row.metadata["config"]] = by_config.get(row.metadata["config"], 0) + 1
    return counts
