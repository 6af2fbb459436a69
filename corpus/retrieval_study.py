"""How much of exact search a recipe's retrieval finds, what other first stages would have found, and what recall costs.

`python -m corpus.retrieval_study --recipe full` (`make retrieval-study`) reads what the step `retrieval` left, embeds a
sample of the candidates by a hash of its own, and writes report.json. A chunk of the sample is a neighbour of a
prototype when it is among its k nearest of all that was ever embedded.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from corpus.cascade import pairs_asked, recall_of, scores_asked
from corpus.embed import DIMENSION, embed, model_folder, model_identity
from corpus.prototypes import prototypes_of
from corpus.retrieve import Texts, candidate_texts, seed_texts
from corpus.rows import jsonl_files, read_documents
from corpus.steps import Work, report_of, work_of
from corpus.student import Student, inverse_document_frequency, token_counts, weighted
from corpus.vector_index import VectorIndex
from records.errors import UserError, run_command
from records.files import stable_hash, write_json
from records.recipe import command_parser, load_recipe

CHECKED = 4_000
"""Candidates that are embedded and searched exactly."""
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
SCORES = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65)
"""Smallest cosines that the frontier is drawn for."""
LAYERS, HEIGHT = 6, 1536
"""Of MiniLM: layers, and width between the two maps of each."""
FASTTEXT_TEXTS = 20_000
"""Most candidates that fastText learns vectors from."""


def recall_at_shares(scores: Any, pairs: Any) -> dict[str, float]:
    """Of the exact neighbours, the share that stands in the best parts by a first stage's scores.

    Args:
        scores: of the texts, `[texts]`.
        pairs: places of exact neighbours among the texts.
    """
    place = np.empty(len(scores), dtype=int)
    place[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return {f"{share:g}": round(float((place[pairs] < share * len(scores)).mean()), 4) for share in SHARES}


def share_needed(scores: Any, pairs: Any, recall: float) -> float:
    """The smallest part, by a first stage's scores, that holds `recall` of the exact neighbours."""
    place = np.empty(len(scores), dtype=int)
    place[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return round(float(np.sort(place[pairs])[int(np.ceil(recall * len(pairs))) - 1] + 1) / len(scores), 4)


def floating_operations(tokens: Any) -> float:
    """Of MiniLM's layers for texts of so many tokens each, all texts together: two for each multiplication in the maps
    (4 d² of attention, 2 d h of the rest) and in the products of queries, keys and values.
    """
    maps = 4 * DIMENSION**2 + 2 * DIMENSION * HEIGHT
    lengths = np.asarray(tokens, dtype=float)
    return float(LAYERS * (2 * lengths * maps + 4 * lengths**2 * DIMENSION).sum())


def bm25(texts: Any, queries: Any, idf: Any) -> Any:
    """Largest BM25 score (k1 1.2, b 0.75; Robertson and Zaragoza 2009) of each text to any query, from token counts."""
    found = texts.astype("float32").tocsr().copy()
    length = np.asarray(found.sum(axis=1)).ravel()
    norm = 1.2 * (0.25 + 0.75 * length / max(float(length.mean()), 1.0))
    found.data = found.data * 2.2 / (found.data + np.repeat(norm, np.diff(found.indptr)))
    return (found.multiply(idf).tocsr() @ (queries > 0).astype("float32").T).max(axis=1).toarray().ravel()


def static_average(counts: Any, idf: Any) -> Any:
    """Unit vectors: the model's own token embeddings, averaged with inverse document frequencies as weights."""
    from safetensors.numpy import load_file

    weights = load_file(str(model_folder() / "model.safetensors"))
    table = next(value for name, value in weights.items() if name.endswith("word_embeddings.weight")).astype("float32")
    found = counts.multiply(idf).tocsr() @ table
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def fasttext_average(texts: Sequence[str], seeds: Sequence[str], folder: Path) -> Any:
    """A function from texts to unit vectors of a skip-gram model trained on candidates and seeds, one thread."""
    import fasttext

    file = folder / "fasttext.txt"
    lines = [" ".join(text.lower().split()) for text in (*texts[:FASTTEXT_TEXTS], *seeds)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    model = fasttext.train_unsupervised(
        str(file), model="skipgram", dim=64, epoch=2, minCount=3, bucket=100_000, thread=1, verbose=0
    )

    def vectors(those: Sequence[str]) -> Any:
        found = np.array([model.get_sentence_vector(" ".join(text.lower().split())) for text in those])
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)

    return vectors


@dataclass(frozen=True)
class Retrieved:
    """What the step `retrieval` of a recipe left, read again."""

    seeds: Texts
    seed_vectors: Any
    prototypes: Any
    """Places of the prototypes among the seeds."""
    candidates: Texts
    is_crawl: Any
    """Whether each candidate is of a crawl, `bool [candidates]`."""
    places: dict[str, int]
    """Candidate → its place."""
    index: VectorIndex
    tokens: int


def retrieved(work: Work) -> Retrieved:
    """Read the step again. Raises UserError when it has not ended."""
    recipe, step = work.recipe.corpus.retrieval, work.step("retrieval")
    report_of(work, "retrieval")
    seeds = seed_texts(work)
    pairs = list(zip(seeds.ids, seeds.texts, strict=True))
    vectors = embed(pairs, step / "seeds", recipe.tokens, work.workers)  # all of it is there
    rows = prototypes_of(vectors, recipe.prototypes, recipe.topics, work.recipe.seed).rows
    crawl = jsonl_files(step / "crawl" / "rows")
    candidates = candidate_texts(work, crawl)
    of_crawl = {item.id for item in read_documents(*crawl)}
    is_crawl = np.array([name in of_crawl for name in candidates.ids])
    places = {name: place for place, name in enumerate(candidates.ids)}
    index = VectorIndex(step / "index", model_identity(recipe.tokens))
    return Retrieved(seeds, vectors, rows, candidates, is_crawl, places, index, recipe.tokens)


def exact_sample(work: Work, found: Retrieved, count: int, folder: Path) -> tuple[Any, Any]:
    """Places of `count` candidates chosen by a hash of their own, and their vectors, also of those not retrieved."""
    order = sorted(found.candidates.ids, key=lambda name: stable_hash(f"checked/{name}"))[:count]
    places = np.array(sorted(found.places[name] for name in order))
    return places, embed(found.candidates.pairs(places), folder / "checked", found.tokens, work.workers)


@dataclass(frozen=True)
class Words:
    """Token counts of candidates and seeds, and the student of them."""

    counts: Any
    seed_counts: Any
    idf: Any
    checked: Any
    """TF-IDF rows of the candidates that are checked."""
    student: Student


def words_of(found: Retrieved, checked: Any) -> Words:
    """The student has learnt from the seeds and from what retrieval embedded, without what is checked."""
    counts = token_counts(found.candidates.texts, model_folder(), found.tokens)
    seed_counts = token_counts(found.seeds.texts, model_folder(), found.tokens)
    idf = inverse_document_frequency(counts)
    words = weighted(counts, idf)
    embedded = np.array([found.places[name] for name in found.index.ids])
    learnt = ~np.isin(embedded, checked)
    student = Student(
        sparse.vstack([weighted(seed_counts, idf), words[embedded[learnt]]]).tocsr(),
        np.concatenate([found.seed_vectors, found.index.vectors()[learnt]]),
    )
    return Words(counts, seed_counts, idf, words[checked], student)


def first_stages(found: Retrieved, words: Words, checked: Any, least: Any, folder: Path) -> dict[str, tuple[Any, int]]:
    """Scores of the checked candidates by each first stage, and candidates a second that it scores (one core)."""
    rows, texts = found.prototypes, [found.candidates.texts[place] for place in checked]
    counts, seed_counts, idf = words.counts[checked], words.seed_counts[rows], words.idf
    average, seed_average = static_average(counts, idf), static_average(seed_counts, idf)
    trained = fasttext_average(found.candidates.texts, found.seeds.texts, folder)
    queries = trained([found.seeds.texts[row] for row in rows])
    stages: dict[str, Callable[[], Any]] = {
        "student": lambda: words.student.best_margins(words.checked, found.seed_vectors[rows], least),
        "student_by_best_score": lambda: words.student.best_margins(words.checked, found.seed_vectors[rows], 0),
        "tf_idf": lambda: (words.checked @ weighted(seed_counts, idf).T).max(axis=1).toarray().ravel(),
        "bm25": lambda: bm25(counts, seed_counts, idf),
        "static_token_embeddings": lambda: (average @ seed_average.T).max(axis=1),
        "fasttext_average": lambda: (trained(texts) @ queries.T).max(axis=1),
    }
    scored = {}
    for name, stage in stages.items():
        start = time.process_time()
        scores = stage()
        scored[name] = (scores, round(len(checked) / max(time.process_time() - start, 1e-6)))
    return scored


def frontier(
    work: Work, found: Retrieved, words: Words, every: Any, checked: Any, vectors: Any
) -> list[dict[str, Any]]:
    """By prototypes and smallest score: the share of chunks that have a pair at all, which no first stage can go below,
    and the share that the student lets through for the recall asked; of all checked chunks, and of crawls' alone.

    Args:
        work: of the recipe.
        found: what retrieval left.
        words: with the student.
        every: vectors of all that was ever embedded.
        checked: places of the checked candidates.
        vectors: theirs.
    """
    recipe = work.recipe.corpus.retrieval
    rows = []
    for count in sorted({recipe.prototypes, recipe.prototypes // 2, recipe.prototypes // 4} - {0}):
        places = prototypes_of(found.seed_vectors, count, recipe.topics, work.recipe.seed).rows
        prototypes = np.ascontiguousarray(found.seed_vectors[places])
        last = scores_asked(every, prototypes, recipe.neighbours, -1.0)
        for min_score in SCORES:
            least = np.maximum(last, np.float32(min_score))
            pairs = pairs_asked(vectors, prototypes, least)
            scores = words.student.best_margins(words.checked, prototypes, least)
            row: dict[str, Any] = {"prototypes": len(places), "min_score": min_score}
            for name, those in (("all", np.ones(len(checked), dtype=bool)), ("crawls", found.is_crawl[checked])):
                place = np.cumsum(those) - 1
                near = place[pairs[those[pairs]]]
                row[name] = (
                    {
                        "texts_with_a_pair": len(np.unique(near)),
                        "share_with_a_pair": round(len(np.unique(near)) / int(those.sum()), 4),
                        "share_needed": share_needed(scores[those], near, recipe.recall),
                    }
                    if len(near)
                    else None
                )
            rows.append(row)
    return rows


def study(work: Work, folder: Path, count: int) -> dict[str, Any]:
    """Recall@k of the recipe's retrieval on a sample, first stages by the share that they let through, the frontier."""
    recipe, found = work.recipe.corpus.retrieval, retrieved(work)
    places, vectors = exact_sample(work, found, count, folder)
    prototypes = found.seed_vectors[found.prototypes]
    chosen = np.array([found.places[name] for name in found.index.ids])
    embedded = np.isin(places, chosen)
    every = np.concatenate([found.index.vectors(), vectors[~embedded]])
    words = words_of(found, places)
    tokens = np.asarray(words.counts.sum(axis=1)).ravel() + 2
    by_k = {}
    for neighbours in sorted({5, 10, recipe.neighbours}):
        least = scores_asked(every, prototypes, neighbours, recipe.min_score)
        by_k[str(neighbours)] = recall_of(pairs_asked(vectors, prototypes, least), embedded)
    least = scores_asked(every, prototypes, recipe.neighbours, recipe.min_score)
    pairs = pairs_asked(vectors, prototypes, least)
    crawl = found.is_crawl[places]
    pools = {name: those for name, those in (("crawls", crawl), ("sources", ~crawl)) if those.any()}
    stages = first_stages(found, words, places, least, folder)
    total = len(found.candidates.ids)
    return {
        "recipe": dataclasses.asdict(recipe), "model": model_identity(found.tokens), "candidates": total,
        "embedded": len(chosen), "work_saved": round(total / len(chosen), 2),
        "work_saved_in_operations": round(floating_operations(tokens) / floating_operations(tokens[chosen]), 2),
        "checked": len(places), "recall_at_k": by_k,
        "by_pool": {
            name: {
                "candidates": int((found.is_crawl == (name == "crawls")).sum()),
                "share_embedded": round(float(embedded[those].mean()), 4),
                **recall_of(pairs[those[pairs]], embedded),
            }
            for name, those in pools.items()
        },
        "first_stages": {
            name: {
                "share_needed": share_needed(scores, pairs, recipe.recall),
                "recall_at_share": recall_at_shares(scores, pairs),
                "candidates_per_second": speed,
            }
            for name, (scores, speed) in stages.items()
        },
        "frontier": frontier(work, found, words, every, places, vectors),
    }  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Study and write. Raises UserError when the recipe's corpus was not made."""
    parser = command_parser("corpus.retrieval_study", "Compare a recipe's retrieval with exact search on a sample.")
    parser.add_argument(
        "--checked", type=int, default=CHECKED, help=f"candidates searched exactly (default: {CHECKED})"
    )
    parser.add_argument("--output", type=Path, help="folder of the report (default: build/<recipe>/retrieval_study)")
    options = parser.parse_args(argv)
    work = work_of(load_recipe(options.recipe))
    output = options.output or work.output.parent / "retrieval_study"
    if options.dry_run:
        print(f"retrieval study: embed {options.checked:,} candidates of {work.step('retrieval')} -> {output}")
        return 0
    if not (work.step("retrieval") / "index").is_dir():
        raise UserError(f"{work.step('retrieval')} holds no index; run `make corpus RECIPE={options.recipe}` first")
    report = study(work, output / "work", options.checked)
    write_json(output / "report.json", report)
    for neighbours, row in report["recall_at_k"].items():
        saved = report["work_saved"]
        print(f"recall@{neighbours:3} {row['recall'] or 0:.4f} on {row['pairs']:,} pairs; work saved {saved} times")
    for row in report["frontier"]:
        shares = ", ".join(
            f"{name} {row[name]['share_needed']:.1%} ({row[name]['share_with_a_pair']:.1%} are near)"
            for name in ("all", "crawls")
            if row[name]
        )
        print(f"{row['prototypes']:5} prototypes, score {row['min_score']:.2f}: lets through {shares}")
    for name, row in report["first_stages"].items():
        print(
            f"{name:24} lets {row['share_needed']:.1%} through for {report['recipe']['recall']:.0%} of the neighbours"
        )
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
