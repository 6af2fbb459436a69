"""Fine-tuning: which whole examples stand in which sequence, those with the same tools sharing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from records.errors import UserError
from training.packing import Piece, Plan
from training.shards import Places, Shard


def pack_whole(shard: Shard, length: int, count: int, seed: int) -> Plan:
    """Fill `count` sequences with whole examples, best fit decreasing, loss where the shard's loss bytes say so.

    Examples whose first turn is the same (the tools at hand) hold it once and branch behind it: what a model computes
    for each is what it would compute alone. Input stops before the last answer token: later positions take part in no
    loss.

    Raises:
        UserError: no example fits.
    """
    table, dropped = _examples(shard, length)
    if not len(table):
        raise UserError(f"no example of {shard.config} fits into {length} tokens ({dropped}); raise sequence_length")
    groups = _choose(_group_epochs(_groups(shard, table), length, seed), count * length)
    bins = _Bins(length, count)
    unplaced = [group for group in sorted(groups, key=_size, reverse=True) if not bins.place(group)]
    alone = [[replace(piece, shared=0)] for group in unplaced if len(group) > 1 for piece in group]
    for example in sorted(alone, key=_size, reverse=True):
        bins.place(example)
    order = np.random.default_rng([seed, 1]).permutation(count)
    return Plan((shard,), length, tuple(tuple(bins.filled[number]) for number in order), dropped)


class _Bins:
    """Sequences being filled."""

    def __init__(self, length: int, count: int) -> None:
        self.length = length
        self.filled: list[list[Piece]] = [[] for _ in range(count)]
        self.by_room: dict[int, list[int]] = {length: list(range(count))[::-1]}

    def place(self, pieces: Sequence[Piece]) -> bool:
        """Put pieces where the least room is left that holds them; False where there is none."""
        size = _size(pieces)
        room = next((room for room in range(size, self.length + 1) if self.by_room.get(room)), None)
        if room is None:
            return False
        number = self.by_room[room].pop()
        self.filled[number].extend(pieces)
        self.by_room.setdefault(room - size, []).append(number)
        return True


def _examples(shard: Shard, length: int) -> tuple[Places, dict[str, int]]:
    """Start, last answer token and end of each example that fits, and how many do not, by reason."""
    assert shard.loss is not None
    marked = np.flatnonzero(shard.loss)
    after = np.searchsorted(marked, shard.ends) - 1  # place in `marked` of the last answer token of each example
    last = np.where(after >= 0, marked[np.maximum(after, 0)], -1) if len(marked) else np.full(len(shard.ends), -1)
    answered = last > shard.starts
    fits = last - shard.starts <= length
    table = np.stack((shard.starts, last, shard.ends), axis=1)[answered & fits]
    counts = {"no_answer": int((~answered).sum()), "longer_than_sequence": int((answered & ~fits).sum())}
    return table, {reason: number for reason, number in counts.items() if number}


def _groups(shard: Shard, table: Places) -> list[list[Piece]]:
    """Examples by their first turn, in the order of the shard; each knows how long that turn is."""
    assert shard.loss is not None
    groups: dict[bytes, list[Piece]] = {}
    for start, last, end in table.tolist():
        tokens = shard.tokens[start:last]
        # An answer ends in the token that ends every turn, so its first place is where the first turn ends.
        ends = np.flatnonzero(tokens == shard.tokens[last])
        shared = int(ends[0]) + 1 if len(ends) else 0
        if shard.loss[start : start + shared + 1].any():
            shared = 0  # the shared part, which has no target of its own for each branch, must not teach
        groups.setdefault(tokens[:shared].tobytes() or start.to_bytes(8, "little"), []).append(
            Piece(0, start, last, end, shared)
        )
    return list(groups.values())


def _group_epochs(groups: Sequence[Sequence[Piece]], length: int, seed: int) -> Iterator[list[Piece]]:
    """Groups in seeded order, over and over; one that is longer than a sequence comes in parts."""
    epoch = 0
    while True:
        for place in np.random.default_rng([seed, epoch]).permutation(len(groups)):
            part: list[Piece] = []
            for piece in groups[place]:
                if part and _size(part) + piece.size > length:
                    yield part
                    part = []
                part.append(piece if part else replace(piece, shared=0))
            yield part
        epoch += 1


def _size(pieces: Sequence[Piece]) -> int:
    return sum(piece.size for piece in pieces)


def _choose(groups: Iterator[list[Piece]], tokens: int) -> list[list[Piece]]:
    chosen: list[list[Piece]] = []
    total = 0
    while total < tokens:
        chosen.append(next(groups))
        total += _size(chosen[-1])
    return chosen
