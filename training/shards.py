"""Token shards as datatrove writes them: .ds (uint16 or uint32 ids), .ds.index (uint64 ends), .ds.loss (bytes)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from records.errors import UserError

Ids = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shard:
    """One split of one config, memory-mapped."""

    config: str
    tokens: Ids
    """Ids of all documents, one after another."""
    ends: Places
    """Where each document ends, cumulative; a document's own separator is inside."""
    loss: npt.NDArray[np.uint8] | None
    """1 where a token counts towards the loss; None when all do."""

    @property
    def starts(self) -> Places:
        """Where each document begins."""
        return np.concatenate((np.zeros(1, np.int64), self.ends[:-1])) if len(self.ends) else self.ends


def open_shard(tokens_folder: Path, config: str, split: str, *, with_loss: bool) -> Shard:
    """Map one split.

    Args:
        tokens_folder: the corpus's `tokens/`.
        config: for example `stage2`.
        split: `train` or `validation`.
        with_loss: whether a `.ds.loss` file says which tokens count.

    Raises:
        UserError: a file is missing, or sizes do not fit together.
    """
    path = tokens_folder / config / f"{split}.ds"
    if not path.is_file():
        raise UserError(f"{path} is missing; run `make corpus` first")
    ends = _map(path.with_name(path.name + ".index"), np.uint64).astype(np.int64)
    # datatrove writes four bytes an id for vocabularies beyond 65 535.
    wide = len(ends) and path.stat().st_size == 4 * int(ends[-1])
    tokens = _map(path, np.uint32 if wide else np.uint16)
    loss = _map(path.with_name(path.name + ".loss"), np.uint8) if with_loss else None
    last = int(ends[-1]) if len(ends) else 0
    if last != len(tokens) or (loss is not None and len(loss) != len(tokens)):
        raise UserError(f"{path} holds {len(tokens)} tokens, its index or loss file says otherwise; run `make corpus`")
    return Shard(config, tokens, ends, loss)


def _map(path: Path, kind: type[np.generic]) -> npt.NDArray[Any]:
    if not path.is_file():
        raise UserError(f"{path} is missing; run `make corpus` first")
    size = path.stat().st_size
    if size % np.dtype(kind).itemsize:
        raise UserError(f"{path} is cut off ({size} bytes); run `make corpus` again")
    return np.memmap(path, dtype=kind, mode="r") if size else np.empty(0, kind)


def check_vocabulary(shard: Shard, vocabulary: int) -> None:
    """Raise UserError when a shard holds an id that the model does not have."""
    highest = int(shard.tokens.max()) if len(shard.tokens) else 0
    if highest >= vocabulary:
        raise UserError(
            f"the shards of {shard.config} hold token id {highest} and the model's vocabulary has {vocabulary}: "
            "the corpus was tokenised for another model; run `make corpus` with this recipe again"
        )
