"""Step `retrieval`: text chunks, of the corpus's sources and of crawls, that lie near the API seeds.

Seeds become prototypes; a student trained on a sample looks at every candidate and the embedding model at what may be
near a prototype; the vectors go into a sharded index on disk that the prototypes search; quotas keep topics apart.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.cascade import CascadeSettings, Embedded, cascade
from corpus.crawls import crawl_chunks, crawl_counts, may_enter
from corpus.embed import CHARACTERS, NAME, embed, model_folder, model_identity
from corpus.prototypes import Prototypes, prototypes_of
from corpus.quotas import Hits, within_quotas
from corpus.retrieval_map import draw_map
from corpus.rows import jsonl_files, read_documents, with_reason
from corpus.steps import Work, write_report
from corpus.student import inverse_document_frequency, token_counts, weighted
from corpus.vector_index import VectorIndex, build_index
from records.files import canonical_json, replacing, stable_hash, write_json
from records.recipe_corpus import RetrievalRecipe

if TYPE_CHECKING:
    from datatrove.data import Document


@dataclass(frozen=True)
class Texts:
    """Ids, and of each the part of its text that a model may read."""

    ids: list[str]
    texts: list[str]

    def pairs(self, rows: Any) -> list[tuple[str, str]]:
        """`(id, text)` of some places."""
        return [(self.ids[row], self.texts[row]) for row in rows]


def retrieve(work: Work, folder: Path) -> None:
    """Write `hits.json` (`{chunk id: {seed, score, topic}}`), what was retrieved of crawls, index, map and report."""
    recipe, seed = work.recipe.corpus.retrieval, work.recipe.seed
    crawl = crawl_chunks(work, folder)
    seeds, candidates = seed_texts(work), candidate_texts(work, crawl)
    seed_vectors = embed(list(zip(seeds.ids, seeds.texts, strict=True)), folder / "seeds", recipe.tokens, work.workers)
    prototypes = prototypes_of(seed_vectors, recipe.prototypes, recipe.topics, seed)
    found = embedded_candidates(work, folder, seeds, seed_vectors, candidates, seed_vectors[prototypes.rows])
    ids = [candidates.ids[row] for row in found.rows]
    identity = model_identity(recipe.tokens)
    build_index(folder / "index", ids, found.vectors, identity)
    nearest = VectorIndex(folder / "index", identity).search(seed_vectors[prototypes.rows], recipe.neighbours)
    best = best_prototype(nearest, [seeds.ids[row] for row in prototypes.rows], [int(t) for t in prototypes.topics])
    near = {name: hit for name, hit in best.items() if hit["score"] >= recipe.min_score}
    hits, quotas = within_quotas(near, recipe.topic_share)
    write_hits(work, folder, crawl, hits)
    write_json(folder / "candidates.json", sorted(candidates.ids))
    write_json(folder / "near.json", sorted(near))
    is_hit = [name in hits for name in ids]
    draw_map(
        seed_vectors,
        found.vectors[[place for place, yes in enumerate(is_hit) if yes]],
        found.vectors[[place for place, yes in enumerate(is_hit) if not yes]],
        folder / "map.png",
    )
    scores = sorted(hit["score"] for hit in best.values())
    write_report(
        folder,
        {
            "model": NAME,
            "precision": identity["precision"],
            "seeds": len(seeds.ids),
            "prototypes": _about(prototypes),
            "candidates": len(candidates.ids),
            "neighbours": recipe.neighbours,
            "min_score": recipe.min_score,
            "cascade": found.report,
            "quotas": quotas,
            "retrieved": len(hits),
            "dropped": {
                "not_survived": len(candidates.ids) - len(ids),
                "no_neighbour_of_a_seed": len(ids) - len(best),
                "below_min_score": len(best) - len(near),
                "over_quota": quotas["over_quota"],
            },
            "scores": {f"p{q}": scores[q * (len(scores) - 1) // 100] for q in (5, 25, 50, 75, 95)} if scores else {},
            "seeds_with_a_hit": len({hit["seed"] for hit in hits.values()}),
            "crawls": crawl_counts(work, folder, set(hits)),
        },
    )


def _about(prototypes: Prototypes) -> dict[str, Any]:
    return {"count": len(prototypes.rows), "topics": len(set(prototypes.topics)), "cohesion": prototypes.cohesion}


def _rows_of(work: Work, config: str) -> Iterator[Document]:
    files = jsonl_files(work.step("sources") / "rows")
    return (row for row in read_documents(*files) if row.metadata["config"] == config)


def seed_texts(work: Work) -> Texts:
    """The seeds that are embedded."""
    return sampled(_rows_of(work, "api_docs"), work.recipe.corpus.retrieval.seed_chunks, work.recipe.seed, words=prose)


def candidate_texts(work: Work, crawl: Sequence[Path]) -> Texts:
    """All that is looked at: text of the sources, and chunks of crawls in the files given."""
    rows = chain(_rows_of(work, "text"), read_documents(*crawl))
    return sampled(rows, work.recipe.corpus.retrieval.candidate_chunks, work.recipe.seed)


def _start_of(row: Document) -> str:
    return row.text[:CHARACTERS]


def sampled(rows: Iterable[Document], count: int | None, seed: int, words: Any = _start_of) -> Texts:
    """Ids and words of at most `count` rows (null: all), chosen and ordered by a hash of their ids."""
    keyed = ((stable_hash(f"{seed}/retrieval/{row.id}"), row.id, words(row)) for row in rows)
    chosen = sorted(keyed) if count is None else heapq.nsmallest(count, keyed)
    return Texts([item[1] for item in chosen], [item[2] for item in chosen])


def prose(api_row: Document) -> str:
    """What an API row says in words: its form's punctuation and headings would only retrieve other references."""
    words = " ".join(line.strip(' #`"*{}[],') for line in api_row.text.split("\n"))
    return words[:CHARACTERS]


def embedded_candidates(
    work: Work, folder: Path, seeds: Texts, seed_vectors: Any, candidates: Texts, prototypes: Any
) -> Embedded:
    """The candidates that the cascade embeds; they are in the order of a hash, so their beginning is a sample."""
    import numpy as np

    recipe = work.recipe.corpus.retrieval
    counts = token_counts(candidates.texts, model_folder(), recipe.tokens)
    idf = inverse_document_frequency(counts)
    seed_words = weighted(token_counts(seeds.texts, model_folder(), recipe.tokens), idf)

    def vectors_of(name: str, rows: Any) -> Any:
        return embed(candidates.pairs(rows), folder / name, recipe.tokens, work.workers)

    order = np.arange(len(candidates.ids))
    return cascade(
        weighted(counts, idf), order, (seed_words, seed_vectors), prototypes, settings_of(recipe), vectors_of
    )


def settings_of(recipe: RetrievalRecipe) -> CascadeSettings:
    """The recipe's keys that the cascade reads."""
    return CascadeSettings(
        recipe.neighbours, recipe.min_score, recipe.sample, recipe.recall, recipe.rounds, recipe.checked
    )


def best_prototype(nearest: Sequence[Sequence[tuple[str, float]]], seeds: Sequence[str], topics: Sequence[int]) -> Hits:
    """For each chunk that is a neighbour of some prototype, the one of the highest score (ties: the first by id)."""
    best: Hits = {}
    for name, topic, found in sorted(zip(seeds, topics, nearest, strict=True), key=lambda item: item[0]):
        for chunk, score in found:
            known = best.get(chunk)
            if known is None or score > known["score"]:
                best[chunk] = {"seed": name, "score": score, "topic": topic}
    return dict(sorted(best.items()))


def write_hits(work: Work, folder: Path, crawl: Sequence[Path], hits: Hits) -> None:
    """Hits that may become rows, and the retrieved chunks of crawls in two files: those that may, and the others."""
    allowed = may_enter(work.recipe.corpus.retrieval.crawls)
    kept = dict(hits)
    with (
        replacing(folder / "crawl.jsonl") as enter,
        replacing(folder / "measured.jsonl") as measured,
        enter.open("w", encoding="utf-8") as rows,
        measured.open("w", encoding="utf-8") as others,
    ):
        for item in read_documents(*crawl):
            if item.id not in hits:
                continue
            into = rows if item.metadata["source"] in allowed else others
            if into is others:
                with_reason(item, "retrieval", kept.pop(item.id))
            into.write(canonical_json({"id": item.id, "metadata": item.metadata, "text": item.text}) + "\n")
    write_json(folder / "hits.json", kept)
