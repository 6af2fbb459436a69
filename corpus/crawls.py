"""Crawls as candidates of retrieval: read once into chunks, counted, and which of them may enter shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from corpus.crawl_files import crawl_files, source_of
from corpus.crawl_rows import CrawlChunks, parts_of
from corpus.drops import read_counts
from corpus.executor import jsonl_writer, run_blocks
from corpus.licences import is_allowed
from corpus.rows import jsonl_files, read_documents
from corpus.steps import Work
from corpus.tokenizer import control_tokens
from records.recipe_corpus import CrawlRecipe


def crawl_chunks(work: Work, folder: Path) -> list[Path]:
    """Files with the chunks of all crawls of the recipe; none where it names no crawl. Raises UserError: no file."""
    crawls = work.recipe.corpus.retrieval.crawls
    if not crawls:
        return []
    parts = [(item, part) for item in crawls for part in parts_of(item, crawl_files(item))]
    place = folder / "crawl"
    block = CrawlChunks(parts, control_tokens(work.step("tokenizer")), place)
    run_blocks("crawls", [block, jsonl_writer(place / "rows")], place, len(parts), work.workers)
    return jsonl_files(place / "rows")


def may_enter(crawls: Collection[CrawlRecipe]) -> set[str]:
    """Crawls whose chunks may become rows: of a licence that asks for notices only, or that the recipe opts in."""
    return {source_of(item) for item in crawls if item.opt_in or (item.license and is_allowed(item.license))}


def crawl_counts(work: Work, folder: Path, hits: Collection[str]) -> dict[str, Any]:
    """Of each crawl: licence, whether it may enter shards, pages, chunks, what was retrieved, and what was dropped."""
    crawls = work.recipe.corpus.retrieval.crawls
    if not crawls:
        return {}
    chunks: Counter[str] = Counter()
    retrieved: Counter[str] = Counter()
    for item in read_documents(*jsonl_files(folder / "crawl" / "rows")):
        chunks[item.metadata["source"]] += 1
        retrieved[item.metadata["source"]] += item.id in hits
    counts, allowed = read_counts(folder / "crawl" / "drops"), may_enter(crawls)
    return {
        name: {
            "license": item.license or "unknown",
            "may_enter": name in allowed,
            "pages": counts.get(name, {}).get("kept", 0),
            "chunks": chunks[name],
            "retrieved": retrieved[name],
            "dropped": counts.get(name, {}).get("dropped", {}),
        }
        for name, item in ((source_of(item), item) for item in crawls)
    }
