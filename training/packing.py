"""Which tokens stand in which sequence: a plan made before training, the same for the same shards, weights and seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from records.errors import UserError
from records.files import stable_hash
from training.shards import Places, Shard


@dataclass(frozen=True)
class Piece:
    """Input tokens `[start, stop)` of a document that ends at `end`; the targets are one further."""

    shard: int
    start: int
    stop: int
    end: int
    shared: int = 0
    """Tokens at its start that are not repeated: the nearest piece before it that shares none begins with them."""

    @property
    def size(self) -> int:
        """Positions it takes in a sequence."""
        return self.stop - self.start - self.shared


@dataclass(frozen=True)
class Plan:
    """Packed sequences in training order."""

    shards: tuple[Shard, ...]
    length: int
    """Tokens in a sequence."""
    sequences: tuple[tuple[Piece, ...], ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Examples left out, by reason."""

    @property
    def padding(self) -> float:
        """Share of positions that hold no token."""
        used = sum(piece.size for pieces in self.sequences for piece in pieces)
        return 1 - used / (self.length * len(self.sequences))


@dataclass(frozen=True)
class Row:
    """One packed sequence; every array has `length` entries."""

    input_ids: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    """Position in the document; 0 opens one, and padding is a document of its own. A step to another place p than the
    next opens a branch: what follows sees the document's first p tokens and itself."""
    label_ids: npt.NDArray[np.int64]
    label_mask: npt.NDArray[np.bool_]
    """True where the target counts."""


def row_of(plan: Plan, number: int) -> Row:
    """Read a sequence of the plan from the shards."""
    ids, positions, labels = (np.zeros(plan.length, np.int64) for _ in range(3))
    mask = np.zeros(plan.length, np.bool_)
    at = 0
    for piece in plan.sequences[number]:
        shard, size, start = plan.shards[piece.shard], piece.size, piece.start + piece.shared
        known = min(piece.stop + 1, piece.end) - start - 1  # the last token of a document has no target
        ids[at : at + size] = shard.tokens[start : piece.stop]
        positions[at : at + size] = np.arange(piece.shared, piece.shared + size)
        targets = slice(start + 1, start + 1 + known)
        labels[at : at + known] = shard.tokens[targets]
        mask[at : at + known] = True if shard.loss is None else shard.loss[targets] == 1
        at += size
    positions[at:] = np.arange(plan.length - at)
    return Row(ids, positions, labels, mask)


def pack_stream(shards: Sequence[Shard], weights: Sequence[float], length: int, count: int, seed: int) -> Plan:
    """Fill `count` sequences without gaps from documents of several configs, so that token shares follow `weights`.

    Documents longer than a sequence are cut into pieces of its length; pieces come in a seeded order, in epochs.

    Raises:
        UserError: a config with weight has no document of two tokens.
    """
    draw = _draw(shards, weights, length, seed)
    sequences = []
    piece = next(draw)
    for _ in range(count):
        room, filled = length, []
        while room:
            stop = min(piece.stop, piece.start + room)
            filled.append(Piece(piece.shard, piece.start, stop, piece.end))
            room -= stop - piece.start
            piece = next(draw) if stop == piece.stop else Piece(piece.shard, stop, piece.stop, piece.end)
        sequences.append(tuple(filled))
    order = np.random.default_rng([seed, 1]).permutation(count)
    return Plan(tuple(shards), length, tuple(sequences[number] for number in order))


def _draw(shards: Sequence[Shard], weights: Sequence[float], length: int, seed: int) -> Iterator[Piece]:
    # The config that is furthest behind its share gives the next piece: shares hold at every moment, not on average.
    streams = [_epochs(_pieces(shard, length), number, shard, seed) for number, shard in enumerate(shards)]
    read = [0.0] * len(shards)
    while True:
        number = min(range(len(shards)), key=lambda n: read[n] / weights[n])
        piece = next(streams[number])
        read[number] += piece.stop - piece.start
        yield piece


def _pieces(shard: Shard, length: int) -> Places:
    sizes = shard.ends - shard.starts
    cuts = -(-sizes // length)
    document = np.repeat(np.arange(len(sizes)), cuts)
    first = np.repeat(np.concatenate((np.zeros(1, np.int64), np.cumsum(cuts)[:-1])), cuts) if len(cuts) else cuts
    starts = shard.starts[document] + (np.arange(len(document)) - first) * length
    stops = np.minimum(starts + length, shard.ends[document])
    table = np.stack((starts, stops, shard.ends[document]), axis=1)
    # A lone separator has no target; leaving it out keeps every sequence with at least one.
    return table[np.minimum(stops + 1, shard.ends[document]) - starts >= 2]


def _epochs(table: Places, number: int, shard: Shard, seed: int) -> Iterator[Piece]:
    if not len(table):
        raise UserError(f"the shards of {shard.config} are empty; raise its sources in the recipe and make the corpus")
    epoch = 0
    while True:
        for place in np.random.default_rng([seed, stable_hash(shard.config), epoch]).permutation(len(table)):
            start, stop, end = (int(value) for value in table[place])
            yield Piece(number, start, stop, end)
        epoch += 1
