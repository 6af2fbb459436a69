"""Which texts are embedded: a student looks at all of them, the model at those that may be near a prototype.

The share that survives is not set by hand: it is the smallest at which a sample, embedded whole and scored by students
that did not learn from it, keeps the recall that the recipe asks for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from corpus.student import Student

FOLDS = 4
EmbedRows = Callable[[str, Any], Any]
"""`(name of the call, rows) -> unit vectors of these rows`."""


@dataclass(frozen=True)
class CascadeSettings:
    """What the recipe says."""

    neighbours: int
    """Neighbours of a prototype (k)."""
    min_score: float
    """Smallest cosine of a neighbour that counts."""
    sample: int
    """Texts embedded to measure the student."""
    recall: float
    """Recall@k that the cascade must keep on the sample."""
    rounds: int
    """Times that the student chooses texts to learn from, each as many as half the sample."""


@dataclass(frozen=True)
class Embedded:
    """The texts that were embedded."""

    rows: Any
    """Their places, ascending, `int [embedded]`."""
    vectors: Any
    """Their unit vectors, `float32 [embedded, dimension]`."""
    report: dict[str, Any]


def cascade(
    words: Any, order: Any, seeds: tuple[Any, Any], prototypes: Any, settings: CascadeSettings, embed: EmbedRows
) -> Embedded:
    """Embed a sample, learn, and embed what may be near a prototype.

    Args:
        words: TF-IDF rows of all texts, sparse `[texts, vocabulary]`.
        order: all places in the order of a hash; the sample is its beginning.
        seeds: TF-IDF rows and vectors of the seeds.
        prototypes: unit vectors `[prototypes, dimension]`.
        settings: of the recipe.
        embed: gives vectors.
    """
    import numpy as np

    total = words.shape[0]
    known = np.sort(order[: settings.sample])
    vectors = embed("sample", known)
    if len(known) == total:
        return Embedded(known, vectors, _report(total, total, settings, exact=True))
    sampled, sample_vectors = known, vectors
    for number in range(settings.rounds):
        scores = _student(words, seeds, known, vectors).best_scores(words, prototypes)
        scores[known] = -2
        more = np.sort(np.argsort(-scores, kind="stable")[: min(settings.sample // 2, total - len(known))])
        known, vectors = _joined(known, vectors, more, embed(f"round-{number}", more))
    chosen = _share(words, seeds, (sampled, sample_vectors), (known, vectors), prototypes, settings, total)
    scores = _student(words, seeds, known, vectors).best_scores(words, prototypes)
    wanted = np.argsort(-scores, kind="stable")[: math.ceil(chosen["survive_share"] * total)]
    more = np.setdiff1d(wanted, known)
    known, vectors = _joined(known, vectors, more, embed("survivors", more))
    return Embedded(known, vectors, {**_report(total, len(known), settings, exact=False), **chosen})


def _report(total: int, embedded: int, settings: CascadeSettings, exact: bool) -> dict[str, Any]:
    saved = round(total / embedded, 2) if embedded else 1.0
    whole = {"survive_share": 1.0, "recall_on_sample": 1.0, "sample": embedded} if exact else {}
    return {"embedded": embedded, "work_saved": saved, "recall_asked": settings.recall, **whole}


def _joined(rows: Any, vectors: Any, more: Any, more_vectors: Any) -> tuple[Any, Any]:
    import numpy as np

    every, stacked = np.concatenate([rows, more]), np.concatenate([vectors, more_vectors])
    order = np.argsort(every)
    return every[order], stacked[order]


def _student(words: Any, seeds: tuple[Any, Any], rows: Any, vectors: Any) -> Student:
    import numpy as np
    from scipy import sparse

    return Student(sparse.vstack([seeds[0], words[rows]]).tocsr(), np.concatenate([seeds[1], vectors]))


def near_pairs(vectors: Any, prototypes: Any, neighbours: int, min_score: float) -> Any:
    """Places of the nearest texts of every prototype, all prototypes one after another, by exact search.

    Args:
        vectors: unit vectors of texts `[texts, dimension]`.
        prototypes: unit vectors `[prototypes, dimension]`.
        neighbours: most of a prototype.
        min_score: smallest cosine.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    scores, rows = index.search(prototypes, min(neighbours, len(vectors)))
    return rows[scores.round(3) >= min_score]


def _share(
    words: Any,
    seeds: tuple[Any, Any],
    sample: tuple[Any, Any],
    known: tuple[Any, Any],
    prototypes: Any,
    settings: CascadeSettings,
    total: int,
) -> dict[str, Any]:
    """The smallest share of the sample that holds the neighbours asked for, as students see it that did not learn
    from the texts they score. One standard error is added to the recall that is asked, because the sample is small.
    """
    import numpy as np

    rows, vectors = sample
    neighbours = max(1, round(settings.neighbours * len(rows) / total))
    pairs = near_pairs(vectors, prototypes, neighbours, settings.min_score)
    scores = np.zeros(len(rows), dtype="float32")
    for fold in range(FOLDS):
        held = np.arange(len(rows)) % FOLDS == fold
        learnt = ~np.isin(known[0], rows[held])
        student = _student(words, seeds, known[0][learnt], known[1][learnt])
        scores[held] = student.best_scores(words[rows[held]], prototypes)
    place = np.empty(len(rows), dtype=int)
    place[np.argsort(-scores, kind="stable")] = np.arange(len(rows))
    found = {"sample": len(rows), "sample_neighbours": neighbours, "sample_pairs": len(pairs)}
    if not len(pairs):
        return {**found, "survive_share": 1.0, "recall_on_sample": 1.0}
    error = math.sqrt(settings.recall * (1 - settings.recall) / len(np.unique(pairs)))
    needed = np.sort(place[pairs])[min(len(pairs), math.ceil(min(1.0, settings.recall + error) * len(pairs))) - 1] + 1
    recall = float((place[pairs] < needed).mean())
    return {**found, "survive_share": round(int(needed) / len(rows), 4), "recall_on_sample": round(recall, 4)}
