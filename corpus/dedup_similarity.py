"""How alike the rows are that MinHash took for near duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus.rows import jsonl_files, read_documents
from corpus.word_hashes import shingles
from records.files import stable_hash

MEASURED = 400
"""Pairs whose similarity is measured."""


def similarity_to_the_kept(folder: Path, n_gram: int) -> dict[str, Any]:
    """How alike removed rows and the kept row of their cluster are: the exact Jaccard index of their word n-grams.

    MinHash removes by chance, and clusters are chains: two ends of one may differ. Measured on MEASURED removed rows.
    """
    kept, removed = _clusters(folder / "minhash" / "clusters")
    pairs = [(place, kept[cluster]) for place, cluster in removed if cluster in kept]
    pairs = sorted(pairs, key=lambda pair: stable_hash(f"similarity/{pair[0]}"))[:MEASURED]
    n_grams = _n_grams_at({place for pair in pairs for place in pair}, jsonl_files(folder / "unique"), n_gram)
    found = sorted(round(jaccard(n_grams[one], n_grams[other]), 3) for one, other in pairs)
    if not found:
        return {"measured": 0}
    quantiles = {f"p{q}": found[q * (len(found) - 1) // 100] for q in (1, 5, 25, 50)}
    below = sum(value < 0.5 for value in found) / len(found)
    return {"measured": len(found), "removed": len(removed), **quantiles, "share_below_half": round(below, 4)}


def _clusters(folder: Path) -> tuple[dict[int, tuple[int, int]], list[tuple[tuple[int, int], int]]]:
    """Cluster → (file, row) of the row that stays; and (file, row) with its cluster for every one that goes."""
    kept: dict[int, tuple[int, int]] = {}
    removed: list[tuple[tuple[int, int], int]] = []
    for file in sorted(folder.glob("*.clusters")):
        number = int(file.stem)
        gone_file = file.with_suffix(".remove")
        gone = set(np.fromfile(gone_file, dtype="<u4").tolist()) if gone_file.exists() else set()
        for row, cluster in np.fromfile(file, dtype="<u4").reshape(-1, 2).tolist():
            if row in gone:
                removed.append(((number, row), cluster))
            else:
                kept[cluster] = (number, row)
    return kept, removed


def _n_grams_at(wanted: set[tuple[int, int]], files: Sequence[Path], n_gram: int) -> dict[tuple[int, int], Any]:
    return {
        (number, place): np.unique(shingles(row.text, n_gram))
        for number, file in enumerate(files)
        for place, row in enumerate(read_documents(file))
        if (number, place) in wanted
    }


def jaccard(one: Any, other: Any) -> float:
    """Shared over all elements of two sorted arrays without repetitions; 1 where both are empty."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared) if len(one) or len(other) else 1.0
