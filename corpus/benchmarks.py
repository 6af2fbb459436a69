"""The benchmarks that must not be in the corpus: where their data lie, and the index that finds them in texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from corpus.benchmark_items import (
    Item,
    agentbench_items,
    api_bank_items,
    api_bench_items,
    bfcl_items,
    mmlu_items,
    nexus_items,
)
from corpus.fingerprints import (
    N_GRAM,
    SHIFT,
    SHORTEST,
    Fingerprints,
    data_sha256,
    fingerprint_file,
    item_words,
    read_fingerprints,
)
from corpus.word_hashes import HashSet, hash_n_grams, hash_words, normalised, telling
from records.assets import asset
from records.errors import UserError
from records.files import sha256_file

READERS: dict[str, Callable[[Path], Iterator[Item]]] = {
    "bfcl": bfcl_items,
    "mmlu": mmlu_items,
    "api_bank": api_bank_items,
    "api_bench": api_bench_items,
    "nexus": nexus_items,
    "agentbench": agentbench_items,
}
"""Benchmark → its reader, which takes the wheel of BFCL and the folder `$BENCH_DATA` of the others."""
PLANNED = (*READERS, "tau_bench")
"""Benchmarks of the evaluation plan: what a recipe does not list is named as unchecked."""


@dataclass(frozen=True)
class Leak:
    """A stretch of a text that a benchmark item holds too."""

    item: Item
    words: str


class BenchmarkIndex:
    """Finds word n-grams of benchmark items in texts, by hashes of their first words; a hit is compared word by word.

    Items of fewer than `n_gram` words are found whole; those of fewer than SHORTEST are not searched for.
    """

    def __init__(self, items: Sequence[Item], n_gram: int, fingerprints: Sequence[Fingerprints] = ()) -> None:
        """Index every run of `n_gram` words of every item; fingerprints have an n-gram of their own."""
        if n_gram < SHORTEST:
            raise UserError(f"corpus.decontamination.n_gram is {n_gram}; n-grams of fewer than {SHORTEST} words")
        self.n_gram = n_gram
        self.items = items
        self.fingerprints = fingerprints
        self.too_short = sum(int(found.about["items_too_short"]) for found in fingerprints)
        heads, hits = [np.zeros(0, dtype=np.uint64)], []
        for number, item in enumerate(items):
            words = item_words(item.text)
            size = min(n_gram, len(words))
            places = np.flatnonzero(telling(words, size)) if size >= SHORTEST else ()
            self.too_short += not len(places)
            if len(places):
                heads.append(hash_n_grams(hash_words(words), SHORTEST)[places])
                hits += [(number, place) for place in places]
        self._heads = HashSet(np.concatenate(heads))
        self._hits = np.array(hits, dtype=np.uint32).reshape(-1, 2)
        self._grams = HashSet(np.concatenate([heads[0], *(found.grams for found in fingerprints)]))
        self._short = HashSet(np.concatenate([heads[0], *(found.heads for found in fingerprints)]))
        self._wholes = np.concatenate([heads[0], *(found.wholes for found in fingerprints)])
        self._lengths = np.concatenate([np.zeros(0, dtype=np.uint8), *(found.lengths for found in fingerprints)])

    @property
    def size(self) -> int:
        """N-grams, short items and fingerprints that texts are compared with."""
        return len(self._heads) + len(self._grams) + len(self._short)

    def leaks(self, text: str) -> list[Leak]:
        """The leaks in a text, in order; empty when it is clean."""
        words = normalised(text)
        if len(words) < SHORTEST:
            return []
        hashes = hash_words(words)
        heads = hash_n_grams(hashes, SHORTEST)
        found = list(self._exact(words, heads))
        if self.fingerprints:
            found += self._fingerprinted(words, hashes, heads >> SHIFT)
        return [leak for _, leak in sorted(found, key=lambda pair: pair[0])]

    def _exact(self, words: list[str], heads: Any) -> Iterator[tuple[int, Leak]]:
        seen: set[tuple[int, tuple[str, ...]]] = set()
        for place, hit in self._heads.find(heads):
            number, start = self._hits[hit].tolist()
            gram = _words_of(self.items[number].text)[start : start + self.n_gram]
            if (place, gram) not in seen and tuple(words[place : place + len(gram)]) == gram:
                seen.add((place, gram))
                yield place, Leak(self.items[number], " ".join(gram))

    def _fingerprinted(self, words: list[str], hashes: Any, heads: Any) -> Iterator[tuple[int, Leak]]:
        for place, hit in self._grams.find(hash_n_grams(hashes, N_GRAM) >> SHIFT):
            yield place, self._leak_of(hit, "grams", words[place : place + N_GRAM])
        for place, hit in self._short.find(heads):
            length = int(self._lengths[hit])
            whole = hash_n_grams(hashes[place : place + length], length) >> SHIFT
            if len(whole) and whole[0] == self._wholes[hit]:
                yield place, self._leak_of(hit, "heads", words[place : place + length])

    def _leak_of(self, hit: int, part: str, words: list[str]) -> Leak:
        """The leak of the fingerprint with this place among those of all benchmarks."""
        for found in self.fingerprints:
            if hit < len(getattr(found, part)):
                return Leak(Item(found.benchmark, "fingerprint", "question or answer", ""), " ".join(words))
            hit -= len(getattr(found, part))
        raise AssertionError("a place beyond all fingerprints")


@lru_cache(maxsize=4096)
def _words_of(text: str) -> tuple[str, ...]:
    return tuple(item_words(text))


@dataclass(frozen=True)
class BenchmarkSource:
    """Where a benchmark's questions and answers are looked up."""

    benchmark: str
    kind: str
    """`wheel` or `folder`, which hold the texts, or `fingerprints`."""
    place: Path

    def identity(self) -> dict[str, str]:
        """What tells this source from another: kind and sha256."""
        place = self.place / self.benchmark if self.kind == "folder" else self.place
        return {"kind": self.kind, "sha256": data_sha256(place) if place.is_dir() else sha256_file(place)}


def benchmark_source(name: str) -> BenchmarkSource:
    """BFCL's wheel; of the others `$BENCH_DATA/<name>`, or else the fingerprints in this repository.

    Raises:
        UserError: the benchmark is unknown, or neither is there.
    """
    if name not in READERS:
        known = ", ".join(sorted(READERS))
        raise UserError(f"corpus.decontamination.benchmarks names {name!r}, which has no reader; known: {known}")
    if name == "bfcl":
        try:
            return BenchmarkSource(name, "wheel", asset("bfcl-eval").path)
        except UserError as error:
            raise UserError(f"benchmark {name} cannot be checked, so nothing is written: {error}") from None
    folder = os.environ.get("BENCH_DATA")
    if folder and (Path(folder) / name).is_dir():
        return BenchmarkSource(name, "folder", Path(folder))
    if fingerprint_file(name).is_file():
        return BenchmarkSource(name, "fingerprints", fingerprint_file(name))
    where = f"{Path(folder) / name} does not exist" if folder else "BENCH_DATA is not set"
    raise UserError(
        f"benchmark {name} cannot be checked, so nothing is written: {where}, and the repository holds no fingerprints"
        f" of it; set BENCH_DATA to a folder with {name}/, or take {name} out of corpus.decontamination.benchmarks"
    )


@lru_cache(maxsize=1)
def load_index(benchmarks: tuple[str, ...], n_gram: int) -> BenchmarkIndex:
    """The index of all listed benchmarks, read once a process: it is slower to send to a worker than to read.

    Raises:
        UserError: a listed benchmark is not known, or its data are missing.
    """
    items: list[Item] = []
    fingerprints = []
    for source in map(benchmark_source, benchmarks):
        if source.kind == "fingerprints":
            fingerprints.append(read_fingerprints(source.place))
        else:
            items += READERS[source.benchmark](source.place)
    return BenchmarkIndex(items, n_gram, fingerprints)
