"""Step `dedup`: exact duplicates, then near duplicates over all configs, by datatrove's MinHash blocks and a comparison
of what they find.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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

from corpus.dedup_compare import CompareClusters
from corpus.executor import jsonl_writer, run_blocks
from corpus.row_places import Place, RowFiles, write_lines
from corpus.rows import jsonl_files, read_documents, with_reason
from corpus.steps import Work, write_report
from corpus.word_hashes import shingles
from records.files import read_json
from records.recipe_corpus import DedupRecipe

if TYPE_CHECKING:
    from datatrove.data import Document, DocumentsPipeline

SHARDS = 4
"""Files of the input, and MinHash tasks; the outcome depends on it, so it is fixed."""
ORDER = ("trajectories", "benchmark_derived", "api_docs", "web", "text", "code", "ift", "labels")
"""Of exact duplicates the row of the config named first is kept."""
EXACT_ONLY = ("ift", "labels")
"""Call examples share their tools by design, and labels are copies of other rows: near duplicates there are wanted."""

N_GRAMS_AT_ONCE = 256
"""As many hashes of all functions as the processor's cache holds; a long text costs no more memory than a short one."""
MOST_HASH = np.uint64((1 << 61) - 2)


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
    """Write `kept/*.jsonl` (all configs) and a report of what was removed from which config.

    Rows are read twice and never held: memory grows with their number, not with their texts.
    """
    with RowFiles(jsonl_files(work.step("privacy") / "rows")) as rows:
        unique, exact = without_exact(rows.scan())
        plain = [entry for entry in unique if entry.config not in EXACT_ONLY]
        for shard in range(SHARDS):
            write_lines(folder / "unique" / f"{shard:05d}.jsonl", (rows.line(e.place) for e in plain[shard::SHARDS]))
        others = (rows.line(entry.place) for entry in unique if entry.config in EXACT_ONLY)
        write_lines(folder / "kept" / "others.jsonl", others)
    near_duplicates(work.recipe.corpus.dedup, folder, work.workers)
    found, kept = _counted(folder / "removed"), _counted(folder / "kept")
    near = {name: found[name] for name in ORDER if name in found}
    write_report(
        folder,
        {
            "dropped": {"exact_duplicate": exact, "near_duplicate": near},
            "kept": {name: kept[name]["count"] if name in kept else 0 for name in ORDER},
            "exact_only": list(EXACT_ONLY),
            "compared": read_json(folder / "minhash" / "compared" / "compared.json", "python -m corpus"),
        },
    )


class Entry(NamedTuple):
    """What dedup remembers of a row."""

    order: int
    """Place of its config in ORDER."""
    id: str
    key: bytes
    """Hash of its text, blanks and case aside."""
    place: Place

    @property
    def config(self) -> str:
        """Its config."""
        return ORDER[self.order]


def entry_of(row: Document, place: Place) -> Entry:
    """What dedup remembers of a row."""
    config = row.metadata["config"]
    # Labels repeat rows of other configs, so they are compared with one another alone.
    scope = "labels" if config == "labels" else ""
    key = hashlib.blake2b(f"{scope}\n{' '.join(row.text.lower().split())}".encode(), digest_size=16).digest()
    return Entry(ORDER.index(config), row.id, key, place)


def without_exact(rows: Iterable[tuple[Document, Place]]) -> tuple[list[Entry], dict[str, dict[str, Any]]]:
    """The first of all rows with the same text; and removals by config with one example.

    First is by config in ORDER, then by id: which of two duplicates stays depends on nothing else.
    """
    seen: dict[bytes, str] = {}
    unique: list[Entry] = []
    dropped: dict[str, dict[str, Any]] = {}
    for entry in sorted(entry_of(row, place) for row, place in rows):
        if entry.key in seen:
            example = f"{entry.id} = {seen[entry.key]}"
            dropped.setdefault(entry.config, {"count": 0, "example": example})["count"] += 1
        else:
            seen[entry.key] = entry.id
            unique.append(entry)
    return unique, dropped


class WordSignatures(MinhashDedupSignature):
    """datatrove's signatures, whose word n-grams are hashed by the array.

    datatrove hashes each n-gram as a string of its own, and holds all hashes of a text at once. Both sides of
    `make bench-corpus` keep its other three blocks.
    """

    def get_shingles(self, text: str) -> Any:
        """Hashes of the word n-grams, `uint64 [n-grams, 1]`; all numbers count as the same word."""
        return shingles(text, self.config.n_grams)[:, None]

    def get_signature(self, shingles: Any) -> list[list[int]]:
        """The least of each hash function over all n-grams, by bucket.

        Multiplication by an odd number and addition modulo 2^64 (Dietzfelbinger et al. 1997), of which the 61 high
        bits are kept: datatrove's files end at the Mersenne prime 2^61 - 1.
        """
        factors, summands = self.parameters
        least = np.full(self.num_hashes, np.iinfo(np.uint64).max, dtype=np.uint64)
        for start in range(0, len(shingles), N_GRAMS_AT_ONCE):
            hashes = shingles[start : start + N_GRAMS_AT_ONCE] * (factors | np.uint64(1)) + summands
            np.minimum(least, hashes.min(axis=0), out=least)
        return [part.tolist() for part in np.split((least >> np.uint64(3)) % MOST_HASH, self.config.num_buckets)]


def near_duplicates(recipe: DedupRecipe, folder: Path, workers: int) -> None:
    """Run the four MinHash blocks over the files of `unique/`, with an exact comparison before the last; write `kept/`
    and `removed/`.
    """
    shards = len(jsonl_files(folder / "unique"))
    config = MinhashConfig(
        recipe.n_gram, recipe.buckets, recipe.hashes_per_bucket, hash_config=HashConfig(precision=64, hash_fc="sha1")
    )
    minhash = folder / "minhash"

    def reader() -> JsonlReader:
        return JsonlReader(str(folder / "unique"), compression=None, add_file_path=False)

    signature = WordSignatures(str(minhash / "signatures"), config, language=PlainWords())
    run_blocks("dedup · signatures", [reader(), signature], folder, shards, workers)
    buckets = MinhashDedupBuckets(str(minhash / "signatures"), str(minhash / "buckets"), config=config)
    # Small files: starting processes would take longer than the work.
    run_blocks("dedup · buckets", [buckets], folder, recipe.buckets, 1)
    cluster = MinhashDedupCluster(str(minhash / "buckets"), str(minhash / "clusters"), config, save_cluster_id=True)
    run_blocks("dedup · clusters", [cluster], folder, 1, 1)
    compared = minhash / "compared"
    compare = CompareClusters(minhash / "clusters", folder / "unique", compared, recipe)
    run_blocks("dedup · exact comparison", [compare], folder, 1, 1)
    keep = MinhashDedupFilter(str(compared), exclusion_writer=jsonl_writer(folder / "removed"))
    sizes = RecordClusterSize(compared)
    run_blocks("dedup · keep", [reader(), sizes, keep, jsonl_writer(folder / "kept")], folder, shards, 1)


class RecordClusterSize(PipelineStep):
    """Puts the size of a row's cluster into its provenance; must see every row that got a signature.

    datatrove's filter loads the sizes too, but not in a task none of whose rows is removed.
    """

    type = "🫂 - DEDUP"
    name = "cluster size"

    def __init__(self, clusters: Path) -> None:
        """`clusters`: where CompareClusters wrote `<rank>.sizes`, pairs of uint32 (place of the row, size)."""
        super().__init__()
        self.clusters = clusters

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Pass every document on with its provenance."""
        file = self.clusters / f"{rank:06d}.sizes"
        pairs = np.fromfile(file, dtype="<u4").reshape(-1, 2).tolist() if file.exists() else []
        sizes = dict(pairs)
        for place, row in enumerate(data or ()):
            yield with_reason(row, "dedup", {"cluster_size": sizes.get(place, 1)})


def _counted(folder: Path) -> dict[str, dict[str, Any]]:
    """Rows by config, with the id of the first."""
    counts: dict[str, dict[str, Any]] = {}
    for row in read_documents(*jsonl_files(folder)):
        counts.setdefault(row.metadata["config"], {"count": 0, "example": row.id})["count"] += 1
    return counts
