"""Which texts are embedded: a student looks at all of them, the model at those that may be near a prototype.

Texts are ranked by how far a student guesses them above what a prototype asks of its neighbours: the smallest score of
the recipe, or that of its k-th best so far. The share that survives is not set by hand: it is the smallest at which a
sample, embedded whole and scored by students that did not learn from it, keeps the recall that the recipe asks for.
Other texts, which neither settled the share nor were learnt from, tell afterwards what recall that gave.
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
    checked: int
    """Further texts embedded at the end to report recall; they are not among what is found."""


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
        order: all places in the order of a hash; the sample is its beginning, what is checked follows.
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
        return Embedded(known, vectors, _report(total, total, settings))
    sampled = known, vectors
    for number in range(settings.rounds):
        scores = _scores(words, seeds, (known, vectors), prototypes, settings)
        scores[known] = -9
        more = np.sort(np.argsort(-scores, kind="stable")[: min(settings.sample // 2, total - len(known))])
        known, vectors = _joined(known, vectors, more, embed(f"round-{number}", more))
    chosen = _share(words, seeds, sampled, (known, vectors), prototypes, settings)
    scores = _scores(words, seeds, (known, vectors), prototypes, settings)
    wanted = np.argsort(-scores, kind="stable")[: math.ceil(chosen["survive_share"] * total)]
    more = np.setdiff1d(wanted, known)
    known, vectors = _joined(known, vectors, more, embed("survivors", more))
    checked = np.sort(order[settings.sample : settings.sample + settings.checked])
    missed = np.setdiff1d(checked, known)
    told = _checked((known, vectors), checked, (missed, embed("checked", missed)), prototypes, settings)
    return Embedded(known, vectors, {**_report(total, len(known), settings), **chosen, **told})


def _scores(words: Any, seeds: tuple[Any, Any], known: tuple[Any, Any], prototypes: Any, by: CascadeSettings) -> Any:
    """How promising each text is, by a student of all that is embedded."""
    least = scores_asked(known[1], prototypes, by.neighbours, by.min_score)
    return _student(words, seeds, *known).best_margins(words, prototypes, least)


def _report(total: int, embedded: int, settings: CascadeSettings) -> dict[str, Any]:
    saved = round(total / embedded, 2) if embedded else 1.0
    whole = {"survive_share": 1.0, "recall": 1.0, "sample": embedded, "checked": 0} if embedded == total else {}
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


def scores_asked(vectors: Any, prototypes: Any, neighbours: int, min_score: float) -> Any:
    """What a text must reach to be a neighbour of each prototype, `float32 [prototypes]`: the score of its last
    neighbour among these vectors, or `min_score` where that is more or there are fewer vectors.
    """
    import faiss
    import numpy as np

    if len(vectors) < neighbours:
        return np.full(len(prototypes), min_score, dtype="float32")
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return np.maximum(index.search(prototypes, neighbours)[0][:, -1].round(3), np.float32(min_score))


def pairs_asked(vectors: Any, prototypes: Any, least: Any) -> Any:
    """Of each text and prototype that is asked no more than their cosine, the place of the text."""
    import numpy as np

    return np.nonzero((vectors @ prototypes.T).round(3) >= least)[0]


def _share(
    words: Any,
    seeds: tuple[Any, Any],
    sample: tuple[Any, Any],
    known: tuple[Any, Any],
    prototypes: Any,
    settings: CascadeSettings,
) -> dict[str, Any]:
    """The smallest share of the sample that holds the neighbours asked for, as students see it that did not learn
    from the texts they score. One standard error is added to the recall that is asked, because the sample is small.
    """
    import numpy as np

    rows, vectors = sample
    least = scores_asked(known[1], prototypes, settings.neighbours, settings.min_score)
    pairs = pairs_asked(vectors, prototypes, least)
    scores = np.zeros(len(rows), dtype="float32")
    for fold in range(FOLDS):
        held = np.arange(len(rows)) % FOLDS == fold
        learnt = ~np.isin(known[0], rows[held])
        student = _student(words, seeds, known[0][learnt], known[1][learnt])
        scores[held] = student.best_margins(words[rows[held]], prototypes, least)
    place = np.empty(len(rows), dtype=int)
    place[np.argsort(-scores, kind="stable")] = np.arange(len(rows))
    found = {"sample": len(rows), "sample_pairs": len(pairs)}
    if not len(pairs):
        return {**found, "survive_share": 1.0}
    error = math.sqrt(settings.recall * (1 - settings.recall) / len(np.unique(pairs)))
    needed = np.sort(place[pairs])[min(len(pairs), math.ceil(min(1.0, settings.recall + error) * len(pairs))) - 1] + 1
    return {**found, "survive_share": round(int(needed) / len(rows), 4)}


def recall_of(pairs: Any, embedded: Any) -> dict[str, Any]:
    """Pairs, their texts, and the share of pairs whose text was embedded, with a standard error that takes texts as
    independent.

    Args:
        pairs: places of texts, one for each pair.
        embedded: whether each text was embedded, `bool [texts]`.
    """
    import numpy as np

    texts = len(np.unique(pairs))
    recall = float(embedded[pairs].mean()) if texts else float("nan")
    error = round(float(np.sqrt(recall * (1 - recall) / texts)), 4) if texts else None
    return {"pairs": len(pairs), "texts": texts, "recall": round(recall, 4) if texts else None, "stderr": error}


def _checked(
    known: tuple[Any, Any], checked: Any, missed: tuple[Any, Any], prototypes: Any, settings: CascadeSettings
) -> dict[str, Any]:
    """Recall@k on texts chosen by hash alone: of the pairs of a prototype and one of its k nearest among all that was
    ever embedded, those whose text the cascade had embedded.
    """
    import numpy as np

    every = np.concatenate([known[1], missed[1]])
    least = scores_asked(every, prototypes, settings.neighbours, settings.min_score)
    held = np.concatenate([known[1][np.isin(known[0], checked)], missed[1]])
    pairs = pairs_asked(held, prototypes, least)
    found = recall_of(pairs, np.arange(len(held)) < len(held) - len(missed[0]))
    return {
        "checked": len(checked), "checked_pairs": found["pairs"], "checked_texts_with_a_pair": found["texts"],
        "recall": found["recall"], "recall_stderr": found["stderr"],
    }  # fmt: skip
