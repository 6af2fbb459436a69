"""Step `dedup`: exact duplicates, then near duplicates by datatrove's MinHash blocks, over all configs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers.jsonl import JsonlReader
from datatrove.utils.hashing import HashConfig
from datatrove.utils.word_tokenizers import WordTokenizer

from corpus.executor import jsonl_writer, run_blocks
from corpus.rows import jsonl_files, read_documents, with_reason, write_documents
from corpus.steps import Work, write_report

if TYPE_CHECKING:
    from datatrove.data import Document, DocumentsPipeline

SHARDS = 4
"""Files of the input, and MinHash tasks; the outcome depends on it, so it is fixed."""
ORDER = ("trajectories", "benchmark_derived", "api_docs", "web", "text", "code", "ift", "labels")
"""Of exact duplicates the row of the config named first is kept."""
EXACT_ONLY = ("ift", "labels")
"""Call examples share their tools by design, and labels are copies of other rows: near duplicates there are wanted."""


class PlainWords(WordTokenizer):
    """Words as text already normalised by datatrove has them: between spaces. No model, any language."""

    def word_tokenize(self, text: str) -> list[str]:
        """The words."""
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        """The lines."""
        return text.splitlines()

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """The whole text as one span."""
        return [(0, len(text))]


def deduplicate(work: Work, folder: Path) -> None:
    """Write `kept/*.jsonl` (all configs) and a report of what was removed from which config."""
    rows = in_order(read_documents(*jsonl_files(work.step("privacy") / "rows")))
    unique, exact = without_exact(rows)
    plain = [row for row in unique if row.metadata["config"] not in EXACT_ONLY]
    for shard in range(SHARDS):
        write_documents(folder / "unique" / f"{shard:05d}.jsonl", plain[shard::SHARDS])
    near_duplicates(work, folder)
    others = [row for row in unique if row.metadata["config"] in EXACT_ONLY]
    write_documents(folder / "kept" / "others.jsonl", others)
    removed = list(read_documents(*jsonl_files(folder / "removed")))
    kept = list(read_documents(*jsonl_files(folder / "kept")))
    near = {name: _counted(removed, name) for name in ORDER if _counted(removed, name)["count"]}
    reasons = {"exact_duplicate": exact, "near_duplicate": near}
    write_report(folder, {"dropped": reasons, "kept": _by_config(kept), "exact_only": list(EXACT_ONLY)})


def in_order(rows: Iterable[Document]) -> list[Document]:
    """Rows by config in ORDER, then by id: which of two duplicates stays depends on nothing else."""
    return sorted(rows, key=lambda row: (ORDER.index(row.metadata["config"]), row.id))


def without_exact(rows: Iterable[Document]) -> tuple[list[Document], dict[str, dict[str, Any]]]:
    """The first of all rows with the same text, blanks and case aside; and removals by config with one example."""
    seen: dict[bytes, str] = {}
    unique: list[Document] = []
    dropped: dict[str, dict[str, Any]] = {}
    for row in rows:
        config = row.metadata["config"]
        # Labels repeat rows of other configs, so they are compared with one another alone.
        scope = "labels" if config == "labels" else ""
        key = hashlib.sha256(f"{scope}\n{' '.join(row.text.lower().split())}".encode()).digest()
        if key in seen:
            found = dropped.setdefault(config, {"count": 0, "example": f"{row.id} = {seen[key]}"})
            found["count"] += 1
        else:
            seen[key] = row.id
            unique.append(row)
    return unique, dropped


def near_duplicates(work: Work, folder: Path) -> None:
    """Run datatrove's four MinHash blocks over `unique/`; write `kept/` and `removed/`."""
    recipe = work.recipe.corpus.dedup
    # datatrove's xxhash hands text to a library that now takes bytes alone; its sha1 encodes the text.
    hashing = HashConfig(precision=64, hash_fc="sha1")
    config = MinhashConfig(recipe.n_gram, recipe.buckets, recipe.hashes_per_bucket, hash_config=hashing)
    minhash = folder / "minhash"

    def reader() -> JsonlReader:
        return JsonlReader(str(folder / "unique"), compression=None, add_file_path=False)

    signature = MinhashDedupSignature(str(minhash / "signatures"), config, language=PlainWords())
    run_blocks("dedup · signatures", [reader(), signature], folder, SHARDS, work.workers)
    buckets = MinhashDedupBuckets(str(minhash / "signatures"), str(minhash / "buckets"), config=config)
    # Small files: starting processes would take longer than the work.
    run_blocks("dedup · buckets", [buckets], folder, recipe.buckets, 1)
    cluster = MinhashDedupCluster(
        str(minhash / "buckets"), str(minhash / "clusters"), config, save_cluster_id=True, save_cluster_size=True
    )
    run_blocks("dedup · clusters", [cluster], folder, 1, 1)
    keep = MinhashDedupFilter(str(minhash / "clusters"), exclusion_writer=jsonl_writer(folder / "removed"))
    sizes = RecordClusterSize(minhash / "clusters")
    run_blocks("dedup · keep", [reader(), sizes, keep, jsonl_writer(folder / "kept")], folder, SHARDS, 1)


class RecordClusterSize(PipelineStep):
    """Puts the size of a row's cluster into its provenance; must see every row that got a signature.

    datatrove's filter loads the sizes too, but not in a task none of whose rows is removed.
    """

    type = "🫂 - DEDUP"
    name = "cluster size"

    def __init__(self, clusters: Path) -> None:
        """`clusters`: where MinhashDedupCluster wrote `<rank>.sizes`, pairs of uint32 (place of the row, size)."""
        super().__init__()
        self.clusters = clusters

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Pass every document on with its provenance."""
        file = self.clusters / f"{rank:06d}.sizes"
        pairs = np.fromfile(file, dtype="<u4").reshape(-1, 2).tolist() if file.exists() else []
        sizes = dict(pairs)
        for place, row in enumerate(data or ()):
            yield with_reason(row, "dedup", {"cluster_size": sizes.get(place, 1)})


def _counted(rows: list[Document], config: str) -> dict[str, Any]:
    found = [row.id for row in rows if row.metadata["config"] == config]
    return {"count": len(found), "example": found[0] if found else None}


def _by_config(rows: list[Document]) -> dict[str, int]:
    counts = dict.fromkeys(ORDER, 0)
    for row in rows:
        counts[row.metadata["config"]] += 1
    return counts
