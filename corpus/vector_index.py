"""A faiss index on disk, in shards that are memory-mapped and searched one after another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from records.errors import UserError
from records.files import replacing, sha256_file, write_json

ROWS_PER_SHARD = 20_000
"""30 MB of vectors of width 384: what is in memory at once."""


def build_index(folder: Path, ids: list[str], vectors: Any, model: dict[str, Any], rows: int = ROWS_PER_SHARD) -> None:
    """Write the shards and `index.json`, which comes last.

    Args:
        folder: of the index; replaced.
        ids: names of the vectors.
        vectors: unit vectors `float32 [ids, dimension]`; may be memory-mapped.
        model: what the vectors depend on (embed.model_identity).
        rows: vectors of a shard.
    """
    import faiss

    with replacing(folder) as partial:
        partial.mkdir(parents=True)
        shards = []
        for number, start in enumerate(range(0, len(ids), rows)):
            index = faiss.IndexFlatIP(int(model["dimension"]))
            index.add(vectors[start : start + rows])
            name = f"{number:05d}.faiss"
            faiss.write_index(index, str(partial / name))
            shards.append({"file": name, "rows": index.ntotal, "sha256": sha256_file(partial / name)})
        (partial / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
        write_json(partial / "index.json", {"model": model, "shards": shards})


class VectorIndex:
    """An index as it lies on disk. Shards are opened memory-mapped, so that no search holds all vectors."""

    def __init__(self, folder: Path, model: dict[str, Any]) -> None:
        """Open an index that was built with `model`.

        Raises:
            UserError: there is no index, a file is not whole, or it was built with another model.
        """
        self.folder = folder
        try:
            about = json.loads((folder / "index.json").read_text(encoding="utf-8"))
            self.ids: list[str] = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{folder} holds no whole index ({error}); remove it and run `make corpus` again") from None
        differs = [key for key in sorted({*model, *about["model"]}) if model.get(key) != about["model"].get(key)]
        if differs:
            told = "; ".join(f"{key} {about['model'].get(key)!r}, not {model.get(key)!r}" for key in differs)
            raise UserError(f"the index {folder} was built with another model ({told}); remove it and build it again")
        self.shards: list[dict[str, Any]] = about["shards"]
        self.dimension = int(model["dimension"])
        if sum(shard["rows"] for shard in self.shards) != len(self.ids):
            raise UserError(
                f"the index {folder} has {len(self.ids)} names for another number of vectors; build it again"
            )

    def opened(self, shard: dict[str, Any]) -> Any:
        """One shard, memory-mapped. Raises UserError when its file is missing, damaged or of another width."""
        import faiss

        file = self.folder / shard["file"]
        try:
            index = faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC | faiss.IO_FLAG_READ_ONLY)
        except RuntimeError as error:
            why = str(error).strip().splitlines()[-1]
            raise UserError(
                f"{file} is no faiss index ({why[-120:]}); remove {self.folder} and build it again"
            ) from None
        if index.d != self.dimension or index.ntotal != shard["rows"]:
            raise UserError(
                f"{file} holds {index.ntotal} vectors of width {index.d}, index.json says {shard['rows']} of "
                f"{self.dimension}; remove {self.folder} and build it again"
            )
        return index

    def vectors(self) -> Any:
        """All vectors in the order of `ids`, `float32 [ids, dimension]`."""
        import numpy as np

        parts = [self.opened(shard).reconstruct_n(0, shard["rows"]) for shard in self.shards]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), dtype="float32")

    def search(self, queries: Any, neighbours: int) -> list[list[tuple[str, float]]]:
        """Of each query `(id, cosine rounded to 3 decimals)` of its nearest vectors, best first, equal ones by id.

        Args:
            queries: unit vectors `float32 [queries, dimension]`. Raises UserError when they have another width.
            neighbours: most of a query.
        """
        import faiss

        if queries.shape[1] != self.dimension:
            raise UserError(
                f"queries of width {queries.shape[1]} do not match {self.folder}, whose width is {self.dimension}"
            )
        faiss.omp_set_num_threads(1)
        found: list[list[tuple[str, float]]] = [[] for _ in range(len(queries))]
        start = 0
        for shard in self.shards:
            scores, rows = self.opened(shard).search(queries, min(neighbours, shard["rows"]))
            for into, row, score in zip(found, rows, scores, strict=True):
                into += [
                    (self.ids[start + int(r)], round(float(s), 3)) for r, s in zip(row, score, strict=True) if r >= 0
                ]
            start += shard["rows"]
        return [sorted(each, key=lambda pair: (-pair[1], pair[0]))[:neighbours] for each in found]
