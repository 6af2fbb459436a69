"""Hashes of word n-grams, made by the array: what decontamination looks up at every place of every row."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

_WORD = re.compile(r"[^\W_]+")
_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that multiplying by it loses nothing modulo 2^64 (Knuth, TAOCP vol. 3, 6.4: the golden ratio)."""
LEAST_WORDS = 3
TABLE_BITS = 22
"""Four million cells, one byte each: with half a million hashes one absent hash in eight is looked up in vain."""


def normalised(text: str) -> list[str]:
    """Words of a text: case folded, and without punctuation, underscores, JSON syntax and blanks."""
    return _WORD.findall(text.casefold())


@lru_cache(maxsize=1 << 15)
def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def hash_words(words: Sequence[str]) -> Any:
    """`uint64 [words]`, equal on every machine."""
    return np.fromiter(map(_word_hash, words), dtype=np.uint64, count=len(words))


def hash_n_grams(words: Any, n_gram: int) -> Any:
    """`uint64 [words - n_gram + 1]`: the hash of the n-gram that begins at each word; empty for shorter texts.

    A polynomial in the hashes of the words modulo 2^64 (Rabin and Karp 1987), its bits mixed at the end as splitmix64
    does (Steele, Lea and Flood 2014), so that a part of the bits serves as well as all.

    Args:
        words: as `hash_words` gives them.
        n_gram: words in an n-gram.
    """
    places = max(0, len(words) - n_gram + 1)
    found = np.full(places, n_gram, dtype=np.uint64)
    for offset in range(n_gram):
        found = found * _BASE + words[offset : offset + places]
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))


def shingles(text: str, n_gram: int) -> Any:
    """`uint64 [n-grams]`: what near duplicates are compared by, word n-grams in which all numbers are the same word."""
    return hash_n_grams(hash_words(["0" if word.isdigit() else word for word in normalised(text)]), n_gram)


def telling(words: Sequence[str], n_gram: int) -> Any:
    """Whether the n-gram at each word has LEAST_WORDS words that are neither numbers nor letters, `bool [n-grams]`.

    Counting from one to ten, a matrix or a formula says nothing about where a text is from.
    """
    is_word = np.fromiter((len(word) > 1 and not word.isdigit() for word in words), dtype=np.int64, count=len(words))
    counts = np.concatenate([[0], np.cumsum(is_word)])
    return counts[n_gram:] - counts[: max(0, len(counts) - n_gram)] >= LEAST_WORDS


class HashSet:
    """Hashes to look arrays of hashes up in: most are told absent by a table of bits, which memory answers fast."""

    def __init__(self, hashes: Any) -> None:
        """`hashes`: `uint64`, in any order; equal ones may repeat."""
        self.order = np.argsort(hashes, kind="stable")
        self.ascending = hashes[self.order]
        self._table = np.zeros(1 << TABLE_BITS, dtype=bool)
        self._table[self._cells(hashes)] = True

    def __len__(self) -> int:
        return len(self.ascending)

    def _cells(self, hashes: Any) -> Any:
        return (hashes & np.uint64((1 << TABLE_BITS) - 1)).astype(np.int64)

    def find(self, hashes: Any) -> Iterator[tuple[int, int]]:
        """Pairs (place in `hashes`, place of an equal hash in the array that this set was made of), ascending."""
        places = np.flatnonzero(self._table[self._cells(hashes)])
        if not len(places):
            return
        first, last = (np.searchsorted(self.ascending, hashes[places], side) for side in ("left", "right"))
        for place, start, stop in zip(places.tolist(), first.tolist(), last.tolist(), strict=True):
            yield from ((place, int(number)) for number in self.order[start:stop])


def winnowed(hashes: Any, window: int) -> Any:
    """The hashes that winnowing keeps: the smallest of every `window` neighbours (Schleimer, Wilkerson, Aiken 2003).

    Two texts that share `n_gram + window - 1` words in a row share a kept hash. At least one is kept of any text.
    """
    if len(hashes) <= window:
        return hashes[:0] if not len(hashes) else np.array([hashes.min()], dtype=np.uint64)
    return np.unique(np.lib.stride_tricks.sliding_window_view(hashes, window).min(axis=1))
