"""Seeds as prototypes: spherical k-means over their vectors, and of each cluster the seed nearest its centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROUNDS = 20


@dataclass(frozen=True)
class Prototypes:
    """Seeds that stand for all of them, and topics that these fall into."""

    rows: Any
    """Places of the prototypes among the seeds, `int [prototypes]`, ascending."""
    topics: Any
    """Topic of each prototype, `int [prototypes]`."""
    cohesion: float
    """Mean cosine of a seed to the prototype nearest to it."""


def clusters(vectors: Any, count: int, seed: int) -> tuple[Any, Any]:
    """Spherical k-means of unit vectors `[n, dimension]`: centres `[count, dimension]`, and that of each vector."""
    import faiss

    faiss.omp_set_num_threads(1)
    count = min(count, len(vectors))
    means = faiss.Kmeans(
        vectors.shape[1], count, niter=ROUNDS, spherical=True, seed=seed, min_points_per_centroid=1,
        max_points_per_centroid=max(1, -(-len(vectors) // count)), nredo=1,
    )  # fmt: skip
    means.train(vectors)
    return means.centroids, means.index.search(vectors, 1)[1][:, 0]


def prototypes_of(vectors: Any, count: int, topics: int, seed: int) -> Prototypes:
    """At most `count` of the seeds, as medoids of clusters, and at most `topics` clusters of these.

    Args:
        vectors: unit vectors of the seeds, `float32 [seeds, dimension]`.
        count: prototypes.
        topics: clusters of prototypes, whose shares of what is retrieved are limited.
        seed: of both clusterings.
    """
    import numpy as np

    if len(vectors) <= count:
        rows = np.arange(len(vectors))
    else:
        centres, _ = clusters(vectors, count, seed)
        rows = np.unique(_nearest(vectors, centres))
    chosen = np.ascontiguousarray(vectors[rows])
    cosines = np.concatenate(
        [(part @ chosen.T).max(axis=1) for part in np.array_split(vectors, 1 + len(vectors) // 4096)]
    )
    return Prototypes(rows, clusters(chosen, topics, seed)[1], round(float(cosines.mean()), 3))


def _nearest(vectors: Any, centres: Any) -> Any:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index.search(centres, 1)[1][:, 0]
