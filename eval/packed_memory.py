"""Keys and values of what conversations began with, kept from one step to the next.

A step of a conversation repeats all that was said before it. What was read of it is kept in blocks of BLOCK tokens, and
a block is found again by its tokens and those before it, so conversations with the same tools share theirs (prefix
caching by blocks: Kwon et al. 2023, arXiv:2309.06180). Only what was read is kept, not what was written, and texts are
cut at whole blocks alone. Attention works in the same blocks, so on one machine a text has the same keys and values to
the last bit however much of it was known: answers are those of a run without memory, after a kill too.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from eval.packed_attention import BLOCK
from eval.packed_llama import Cache

MOST_BYTES = 6 * 2**30
"""Most that is kept: 48 conversations of 5,600 tokens of their own for a 135M model in int8."""
SHARE_OF_FREE = 0.25
"""Of the memory that is free at the start, at most this much is kept."""

Key = tuple[int, tuple[int, ...]]
"""Number of the block before (0: none), and the tokens of this one."""


class Memory:
    """Blocks by what they continue; those not used for the longest time go first. Threads may share one.

    Args:
        most_bytes: most bytes of keys and values that are kept; None: MOST_BYTES, or SHARE_OF_FREE of the free memory
            where that is less.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self.most_bytes = min(MOST_BYTES, int(free_bytes() * SHARE_OF_FREE)) if most_bytes is None else most_bytes
        self.bytes = 0
        self.hits = 0
        """Tokens that were not read again."""
        self._blocks: OrderedDict[Key, tuple[int, Tensor]] = OrderedDict()
        self._next = 1
        self._lock = threading.Lock()

    def find(self, text: Sequence[int]) -> list[Tensor]:
        """The blocks that a text begins with, [layers, 2, kv heads, BLOCK, size] each; never its last token."""
        found: list[tuple[Key, Tensor]] = []
        with self._lock:
            before = 0
            for place in range(0, (len(text) - 1) // BLOCK * BLOCK, BLOCK):
                key = (before, tuple(text[place : place + BLOCK]))
                if key not in self._blocks:
                    break
                before, block = self._blocks[key]
                found.append((key, block))
            for key, _ in reversed(found):  # what others continue is newer than what continues it
                self._blocks.move_to_end(key)
            self.hits += len(found) * BLOCK
        return [block for _, block in found]

    def keep(self, text: Sequence[int], cache: Cache, row: int) -> None:
        """Keep the whole blocks of a text that was read into a row of the cache."""
        used: list[Key] = []
        with self._lock:
            before = 0
            for place in range(0, len(text) // BLOCK * BLOCK, BLOCK):
                key = (before, tuple(text[place : place + BLOCK]))
                if key not in self._blocks:
                    self._blocks[key] = (self._next, _copy(cache, row, place))
                    self._next += 1
                    self.bytes += _bytes(self._blocks[key][1])
                before = self._blocks[key][0]
                used.append(key)
            for key in reversed(used):
                self._blocks.move_to_end(key)
            while self.bytes > self.most_bytes:
                _, (_, block) = self._blocks.popitem(last=False)
                self.bytes -= _bytes(block)


def free_bytes() -> int:
    """Memory that the system can still give; MOST_BYTES over SHARE_OF_FREE where it does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            lines = dict(line.split(":") for line in stream)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return int(MOST_BYTES / SHARE_OF_FREE)


def _copy(cache: Cache, row: int, place: int) -> Tensor:
    own = slice(place, place + BLOCK)
    return torch.stack(
        [torch.stack([k[row, :, own], v[row, :, own]]) for k, v in zip(cache.keys, cache.values, strict=True)]
    )


def _bytes(block: Tensor) -> int:
    return block.numel() * block.element_size()
