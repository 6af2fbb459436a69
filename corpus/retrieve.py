"""Step `retrieval`: text chunks that lie near the API seeds, by embeddings and an exact faiss search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus.embed import Embed, model_folder
from corpus.executor import run_blocks
from corpus.rows import jsonl_files, read_documents, write_documents
from corpus.steps import Work, write_report
from records.files import stable_hash, write_json

if TYPE_CHECKING:
    from datatrove.data import Document

SHARDS = 8
"""Embedding tasks."""
FEW_TEXTS = 600
CHARACTERS = 700
"""Characters handed to the model: more than its tokens hold."""


def retrieve(work: Work, folder: Path) -> None:
    """Embed a sample of seeds and of text chunks; write `hits.json`: `{chunk id: {seed, score}}`, and a report."""
    recipe, seed = work.recipe.corpus.retrieval, work.recipe.seed
    rows = list(read_documents(*jsonl_files(work.step("sources") / "rows")))
    seeds = sample([r for r in rows if r.metadata["config"] == "api_docs"], recipe.seed_chunks, seed)
    chunks = sample([r for r in rows if r.metadata["config"] == "text"], recipe.candidate_chunks, seed)
    ids, vectors = embed(work, folder, seeds, chunks)
    place = {name: number for number, name in enumerate(ids)}
    seed_vectors = vectors[[place[f"seed:{item.id}"] for item in seeds]]
    chunk_vectors = vectors[[place[f"chunk:{item.id}"] for item in chunks]]
    nearest = search(seed_vectors, chunk_vectors, recipe.neighbours)
    best = best_seed(nearest, [item.id for item in seeds], [item.id for item in chunks])
    hits = {name: found for name, found in best.items() if found["score"] >= recipe.min_score}
    write_json(folder / "hits.json", hits)
    write_json(folder / "candidates.json", sorted(item.id for item in chunks))
    scores = sorted(found["score"] for found in best.values())
    below = sum(score < recipe.min_score for score in scores)
    write_report(
        folder,
        {
            "model": "sentence-transformers/all-MiniLM-L6-v2",
            "seeds": len(seeds),
            "candidates": len(chunks),
            "neighbours": recipe.neighbours,
            "min_score": recipe.min_score,
            "retrieved": len(hits),
            "dropped": {"below_min_score": below, "no_neighbour_of_a_seed": len(chunks) - len(best)},
            "scores": {f"p{q}": scores[q * (len(scores) - 1) // 100] for q in (5, 25, 50, 75, 95)},
            "seeds_with_a_hit": len({found["seed"] for found in hits.values()}),
        },
    )


def sample(rows: list[Document], count: int, seed: int) -> list[Document]:
    """At most `count` rows, by a hash of their ids."""
    return sorted(rows, key=lambda row: stable_hash(f"{seed}/retrieval/{row.id}"))[:count]


def embed(work: Work, folder: Path, seeds: list[Document], chunks: list[Document]) -> tuple[list[str], Any]:
    """Ids and vectors `[seeds + chunks, 384]` of all texts, embedded in shards of equal length texts."""
    from datatrove.data import Document
    from datatrove.pipeline.readers.jsonl import JsonlReader

    texts = [Document(text=prose(item), id=f"seed:{item.id}") for item in seeds]
    texts += [Document(text=item.text[:CHARACTERS], id=f"chunk:{item.id}") for item in chunks]
    # Texts of like length together, so that little is padding; shards take turns, so that tasks are equal.
    texts.sort(key=lambda item: (len(item.text), item.id))
    batches = [texts[start : start + 32] for start in range(0, len(texts), 32)]
    shards = [[item for batch in batches[shard::SHARDS] for item in batch] for shard in range(SHARDS)]
    for number, shard in enumerate(shards):
        write_documents(folder / "texts" / f"{number:05d}.jsonl", shard)
    reader = JsonlReader(str(folder / "texts"), compression=None, add_file_path=False)
    block = Embed(model_folder(), folder / "vectors", work.recipe.corpus.retrieval.tokens)
    # Every process loads the model, which takes longer than to embed a few hundred texts.
    workers = 1 if len(texts) < FEW_TEXTS else work.workers
    run_blocks("retrieval", [reader, block], folder, SHARDS, workers)
    vectors = np.concatenate([np.load(file) for file in sorted((folder / "vectors").glob("*.npy"))])
    return [item.id for shard in shards for item in shard], vectors


def prose(api_row: Document) -> str:
    """What an API row says in words: its form's punctuation and headings would only retrieve other references."""
    words = " ".join(line.strip(' #`"*{}[],') for line in api_row.text.split("\n"))
    return words[:CHARACTERS]


def search(seeds: Any, chunks: Any, neighbours: int) -> list[list[tuple[int, float]]]:
    """For each seed its nearest chunks `(row of chunks, cosine rounded to 3 decimals)`, best first.

    Args:
        seeds: unit vectors `[seeds, dimension]`.
        chunks: unit vectors `[chunks, dimension]`.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(chunks.shape[1])
    index.add(chunks)
    scores, rows = index.search(seeds, min(neighbours, len(chunks)))
    return [
        [(int(row), round(float(score), 3)) for row, score in zip(found, scored, strict=True) if row >= 0]
        for found, scored in zip(rows, scores, strict=True)
    ]


def best_seed(nearest: list[list[tuple[int, float]]], seeds: list[str], chunks: list[str]) -> dict[str, dict[str, Any]]:
    """For each chunk that is a neighbour of some seed, the seed of the highest score (ties: the first by id)."""
    best: dict[str, dict[str, Any]] = {}
    for name, found in sorted(zip(seeds, nearest, strict=True)):
        for row, score in found:
            known = best.get(chunks[row])
            if known is None or score > known["score"]:
                best[chunks[row]] = {"seed": name, "score": score}
    return dict(sorted(best.items()))
