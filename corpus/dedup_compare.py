"""The last word on near duplicates: rows that MinHash put into one cluster are compared exactly before one is removed.

MinHash finds pairs by chance, and its clusters are chains whose ends may differ. A row is removed only when it shares
enough of its word n-grams with a row that stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from datatrove.pipeline.base import PipelineStep

from corpus.row_places import Place, RowFiles
from corpus.rows import jsonl_files
from corpus.word_hashes import shingles
from records.files import replacing, write_json
from records.recipe_corpus import DedupRecipe

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

MOST_COMPARED = 1000
"""Rows of a cluster that the others are compared with; one that is like none of them stays. Bounds time and memory."""


def least_alike(recipe: DedupRecipe) -> float:
    """The Jaccard index at which MinHash finds about half of all pairs, `(1 / buckets) ** (1 / hashes_per_bucket)`
    (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4): the least that removes a row.
    """
    return float((1 / recipe.buckets) ** (1 / recipe.hashes_per_bucket))


def jaccard(one: Any, other: Any) -> float:
    """Shared over all elements of two sorted arrays without repetitions; 1 where both are empty."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared) if len(one) or len(other) else 1.0


class CompareClusters(PipelineStep):
    """Writes datatrove's cluster files again, with only those rows in `.remove` that are like a row that stays.

    One task. It holds the n-grams of the rows that stay of one cluster; texts are read where they stand.
    """

    type = "🫂 - DEDUP"
    name = "exact comparison"

    def __init__(self, clusters: Path, rows: Path, output: Path, recipe: DedupRecipe) -> None:
        """Args: what MinhashDedupCluster wrote, the folder of the rows, where files go, and the recipe's keys."""
        super().__init__()
        self.clusters, self.rows, self.output = clusters, rows, output
        self.n_gram, self.least = recipe.n_gram, least_alike(recipe)

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Compare; pass no document on."""
        files = jsonl_files(self.rows)
        members = _members(self.clusters)
        places = [_places(number, file, members) for number, file in enumerate(files)]
        kept_by: dict[tuple[int, int], tuple[int, int]] = {}
        likeness: list[float] = []
        with RowFiles(files) as rows:
            for cluster in _each_cluster(members):
                n_grams = (
                    ((file, row), np.unique(shingles(rows.read(places[file][row]).text, self.n_gram)))
                    for row, file in cluster
                )
                for row, kept, found in alike(n_grams, self.least):
                    kept_by[row] = kept
                    likeness += [found] if row != kept else []
        with replacing(self.output) as partial:
            partial.mkdir(parents=True)
            _write_clusters(partial, kept_by, len(files))
            write_json(partial / "compared.json", _figures(likeness, len(kept_by), self.least))
        yield from ()


def alike(rows: Iterator[tuple[Any, Any]], least: float) -> Iterator[tuple[Any, Any, float]]:
    """Of each row the one that stays in its place, itself where none before it is like it, and how alike the two are.

    Args:
        rows: names of rows with their n-grams (sorted, no repetitions), those to be preferred first.
        least: Jaccard index.
    """
    stay: list[tuple[Any, Any]] = []
    for name, n_grams in rows:
        for kept, others in stay:
            # The Jaccard index is at most the quotient of the sizes.
            if min(len(n_grams), len(others)) >= least * max(len(n_grams), len(others)):
                found = jaccard(n_grams, others)
                if found >= least:
                    yield name, kept, found
                    break
        else:
            if len(stay) < MOST_COMPARED:
                stay.append((name, n_grams))
            yield name, name, 1.0


def _members(folder: Path) -> Any:
    """`int [rows, 3]`: cluster, row and file. Rows were dealt to the files in turn, so this order is that of the rows
    before: what dedup prefers comes first.
    """
    found = [np.zeros((0, 3), dtype=np.int64)]
    for file in sorted(folder.glob("*.clusters")):
        row, cluster = np.fromfile(file, dtype="<u4").astype(np.int64).reshape(-1, 2).T
        found.append(np.stack([cluster, row, np.full_like(row, int(file.stem))], axis=1))
    every = np.concatenate(found)
    return every[np.lexsort((every[:, 2], every[:, 1], every[:, 0]))]


def _each_cluster(members: Any) -> Iterator[list[tuple[int, int]]]:
    starts = np.flatnonzero(np.diff(members[:, 0], prepend=-1))
    for cluster in np.split(members[:, 1:], starts[1:]) if len(members) else ():
        yield [(int(row), int(file)) for row, file in cluster]


def _places(number: int, file: Path, members: Any) -> dict[int, Place]:
    """Where the lines of the clusters' rows stand in a file."""
    wanted = set(members[members[:, 2] == number, 1].tolist())
    found, start = {}, 0
    with file.open("rb") as stream:
        for row, line in enumerate(stream):
            if row in wanted:
                found[row] = Place(number, start, len(line))
            start += len(line)
    return found


def _write_clusters(folder: Path, kept_by: dict[tuple[int, int], tuple[int, int]], files: int) -> None:
    """`<rank>.remove` (rows) and `<rank>.sizes` (row, rows of which it is one), little-endian uint32 as datatrove's."""
    stay = sorted(set(kept_by.values()))
    sizes = dict.fromkeys(stay, 0)
    for kept in kept_by.values():
        sizes[kept] += 1
    for number in range(files):
        rows = sorted((row, kept) for (file, row), kept in kept_by.items() if file == number)
        gone = [row for row, kept in rows if kept != (number, row)]
        np.array(gone, dtype="<u4").tofile(folder / f"{number:06d}.remove")
        np.array([(row, sizes[kept]) for row, kept in rows], dtype="<u4").tofile(folder / f"{number:06d}.sizes")


def _figures(likeness: Sequence[float], rows: int, least: float) -> dict[str, Any]:
    found = sorted(round(value, 3) for value in likeness)
    quantiles = {f"p{q}": found[q * (len(found) - 1) // 100] for q in (1, 5, 25, 50)} if found else {}
    figures = {"compared": rows, "removed": len(found), "stay": rows - len(found)}
    return {"least_alike": round(least, 3), **figures, **quantiles}
