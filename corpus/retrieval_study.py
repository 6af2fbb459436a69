"""How much of exact search a recipe's retrieval finds, and what cheaper first stages would have found.

`python -m corpus.retrieval_study --recipe full` (`make retrieval-study`) reads what the step `retrieval` left, embeds a
sample of the candidates that the step did not choose, searches it exactly, and writes report.json.
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

from corpus.cascade import near_pairs
from corpus.embed import embed, model_folder, model_identity
from corpus.prototypes import prototypes_of
from corpus.retrieve import Texts, candidate_texts, seed_texts
from corpus.rows import jsonl_files
from corpus.steps import Work, report_of, work_of
from corpus.student import Student, inverse_document_frequency, token_counts, weighted
from corpus.vector_index import VectorIndex
from records.errors import UserError, run_command
from records.files import stable_hash, write_json
from records.recipe import command_parser, load_recipe

CHECKED = 4_000
"""Candidates that are embedded and searched exactly."""
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5)


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
    lines = [" ".join(text.lower().split()) for text in (*texts, *seeds)]
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
    candidates = candidate_texts(work, jsonl_files(step / "crawl" / "rows"))
    places = {name: place for place, name in enumerate(candidates.ids)}
    index = VectorIndex(step / "index", model_identity(recipe.tokens))
    return Retrieved(seeds, vectors, rows, candidates, places, index, recipe.tokens)


def exact_sample(work: Work, found: Retrieved, count: int, folder: Path) -> tuple[Any, Any]:
    """Places of `count` candidates chosen by a hash of their own, and their vectors, also of those not retrieved."""
    order = sorted(found.candidates.ids, key=lambda name: stable_hash(f"checked/{name}"))[:count]
    places = np.array(sorted(found.places[name] for name in order))
    return places, embed(found.candidates.pairs(places), folder / "checked", found.tokens, work.workers)


def first_stages(found: Retrieved, checked: Any, folder: Path) -> dict[str, tuple[Any, int]]:
    """Scores of the checked candidates by each first stage, and candidates a second that it scores (one core).

    The student has learnt from the seeds and from what retrieval embedded, without the candidates that are checked.
    """
    counts = token_counts(found.candidates.texts, model_folder(), found.tokens)
    seed_counts = token_counts(found.seeds.texts, model_folder(), found.tokens)
    idf = inverse_document_frequency(counts)
    words, seed_words = weighted(counts, idf), weighted(seed_counts, idf)
    embedded = np.array([found.places[name] for name in found.index.ids])
    learnt = ~np.isin(embedded, checked)
    student = Student(
        sparse.vstack([seed_words, words[embedded[learnt]]]).tocsr(),
        np.concatenate([found.seed_vectors, found.index.vectors()[learnt]]),
    )
    rows, texts = found.prototypes, [found.candidates.texts[place] for place in checked]
    average, seed_average = static_average(counts[checked], idf), static_average(seed_counts[rows], idf)
    trained = fasttext_average(found.candidates.texts, found.seeds.texts, folder)
    queries = trained([found.seeds.texts[row] for row in rows])
    stages: dict[str, Callable[[], Any]] = {
        "student": lambda: student.best_margins(words[checked], found.seed_vectors[rows], 0),
        "tf_idf": lambda: (words[checked] @ seed_words[rows].T).max(axis=1).toarray().ravel(),
        "bm25": lambda: bm25(counts[checked], seed_counts[rows], idf),
        "static_token_embeddings": lambda: (average @ seed_average.T).max(axis=1),
        "fasttext_average": lambda: (trained(texts) @ queries.T).max(axis=1),
    }
    scored = {}
    for name, stage in stages.items():
        start = time.process_time()
        scores = stage()
        scored[name] = (scores, round(len(checked) / max(time.process_time() - start, 1e-6)))
    return scored


def study(work: Work, folder: Path, count: int) -> dict[str, Any]:
    """Recall@k of the recipe's retrieval on a sample, and of first stages by the share that they let through."""
    recipe, found = work.recipe.corpus.retrieval, retrieved(work)
    places, vectors = exact_sample(work, found, count, folder)
    prototypes = found.seed_vectors[found.prototypes]
    embedded = np.isin(places, [found.places[name] for name in found.index.ids])
    total = len(found.candidates.ids)
    scaled = max(1, round(recipe.neighbours * len(places) / total))
    by_k = {}
    for neighbours in sorted({scaled, recipe.neighbours}):
        pairs = near_pairs(vectors, prototypes, neighbours, recipe.min_score)
        by_k[str(neighbours)] = {
            "pairs": len(pairs), "texts": len(np.unique(pairs)), "recall": round(float(embedded[pairs].mean()), 4),
        }  # fmt: skip
    pairs = near_pairs(vectors, prototypes, scaled, recipe.min_score)
    stages = first_stages(found, places, folder)
    return {
        "recipe": dataclasses.asdict(recipe), "model": model_identity(found.tokens), "candidates": total,
        "embedded": len(found.index.ids), "work_saved": round(total / len(found.index.ids), 2),
        "checked": len(places), "neighbours_on_sample": scaled, "recall_at_k": by_k,
        "first_stages": {
            name: {
                "share_needed": share_needed(scores, pairs, recipe.recall),
                "recall_at_share": recall_at_shares(scores, pairs),
                "candidates_per_second": speed,
            }
            for name, (scores, speed) in stages.items()
        },
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
        print(f"recall@{neighbours:3} {row['recall']:.4f} on {row['pairs']:,} pairs; work saved {saved} times")
    for name, row in report["first_stages"].items():
        print(
            f"{name:24} lets {row['share_needed']:.1%} through for {report['recipe']['recall']:.0%} of the neighbours"
        )
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
