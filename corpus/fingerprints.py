"""Fingerprints of benchmarks: hashes that find their questions and answers without holding a word of them.

`python -m corpus.fingerprints` writes `corpus/benchmark_fingerprints/<benchmark>.zip` from `$BENCH_DATA`. A benchmark
is there only if its licence lets such a derivative pass on.
"""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus.benchmark_items import Item
from corpus.word_hashes import hash_n_grams, hash_words, normalised, telling, winnowed
from records.errors import UserError, run_command
from records.files import canonical_json, list_files, replacing, sha256_json

FOLDER = Path(__file__).with_name("benchmark_fingerprints")
N_GRAM = 10
WINDOW = 4
"""Every run of N_GRAM + WINDOW - 1 = 13 words that a text shares with an item is found."""
SHORTEST = 8
"""Words of the shortest question or answer that is searched for; one below N_GRAM words must occur whole.

Shorter ones are said by anyone: six words find "what is the capital of France" in the documentation of four libraries.
"""
SHIFT = np.uint64(16)
"""Bits of a hash that are not kept. By the 48 left, 160 million words meet 300,000 fingerprints 0.2 times by chance."""
STOCK = ("the quick brown fox jumps over the lazy dog", "lorem ipsum dolor sit amet consectetur adipiscing elit")
LICENCES = {"mmlu": "MIT", "api_bank": "MIT", "api_bench": "Apache-2.0", "agentbench": "Apache-2.0"}
"""Benchmarks whose licence permits it. Nexus is under CC-BY-NC-4.0 and stays out; BFCL is read from its wheel."""


@dataclass(frozen=True)
class Fingerprints:
    """One benchmark's hashes, each shifted right by SHIFT."""

    benchmark: str
    grams: Any
    """`uint64`, ascending: winnowed n-grams of N_GRAM words."""
    heads: Any
    """`uint64`, ascending: the first SHORTEST words of each short item."""
    wholes: Any
    """`uint64`, by head: all words of each short item."""
    lengths: Any
    """`uint8`, by head: words of each short item."""
    about: dict[str, Any]
    """Licence, items, and the sha256 of the files they come from."""


def fingerprints_of(benchmark: str, items: Iterable[Item], about: dict[str, Any]) -> Fingerprints:
    """Fingerprints of all items that have SHORTEST words or more and say something."""
    grams: list[Any] = []
    short: set[tuple[int, int, int]] = set()
    count = too_short = 0
    for item in items:
        count += 1
        words = item_words(item.text)
        hashes, size = hash_words(words), min(N_GRAM, len(words))
        kept = hash_n_grams(hashes, size)[telling(words, size)] if size >= SHORTEST else hashes[:0]
        if not len(kept):
            too_short += 1
        elif size == N_GRAM:
            grams.append(winnowed(kept, WINDOW))
        else:
            head = hash_n_grams(hashes[:SHORTEST], SHORTEST)[0]
            short.add((int(head >> SHIFT), int(kept[0] >> SHIFT), size))
    every = np.unique(np.concatenate(grams) >> SHIFT) if grams else np.zeros(0, dtype=np.uint64)
    rows = sorted(short)
    heads, wholes = (np.array([row[column] for row in rows], dtype=np.uint64) for column in (0, 1))
    lengths = np.array([row[2] for row in rows], dtype=np.uint8)
    return Fingerprints(
        benchmark, every, heads, wholes, lengths, {**about, "items": count, "items_too_short": too_short}
    )


def item_words(text: str) -> list[str]:
    """Words of an item; phrases that everybody uses to fill a space are one word, which no text has."""
    words = " ".join(normalised(text))
    for phrase in STOCK:
        words = words.replace(phrase, "-")
    return words.split()


def fingerprint_file(benchmark: str) -> Path:
    """Where a benchmark's fingerprints lie, whether they are there or not."""
    return FOLDER / f"{benchmark}.zip"


def write_fingerprints(found: Fingerprints, file: Path) -> None:
    """Write a zip of `about.json`, `grams`, `heads`, `wholes` (six bytes a hash, little-endian) and `lengths`.

    The same fingerprints give the same bytes.
    """
    parts = {"about.json": canonical_json({"benchmark": found.benchmark, **found.about}).encode()}
    for name in ("grams", "heads", "wholes"):
        parts[name] = getattr(found, name).astype("<u8").view(np.uint8).reshape(-1, 8)[:, :6].tobytes()
    parts["lengths"] = found.lengths.tobytes()
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
    with replacing(file) as partial:
        partial.write_bytes(held.getvalue())


def read_fingerprints(file: Path) -> Fingerprints:
    """Read what `write_fingerprints` wrote. Raises UserError when the file is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            about = json.loads(archive.read("about.json"))
            hashes = {name: _hashes(archive.read(name)) for name in ("grams", "heads", "wholes")}
            lengths = np.frombuffer(archive.read("lengths"), dtype=np.uint8)
        if about.pop("n_gram") != N_GRAM or len(lengths) != len(hashes["heads"]):
            raise ValueError("made for another length of n-grams")
        return Fingerprints(str(about.pop("benchmark")), **hashes, lengths=lengths, about=about)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UserError(f"{file} holds no fingerprints ({error}); take it from the repository again") from None


def _hashes(content: bytes) -> Any:
    rows = np.zeros((len(content) // 6, 8), dtype=np.uint8)
    rows[:, :6] = np.frombuffer(content, dtype=np.uint8).reshape(-1, 6)
    return rows.view("<u8").reshape(-1)


def main(argv: Sequence[str]) -> int:
    """Write the fingerprints of every benchmark below `$BENCH_DATA`. Raises UserError: it is not set, or lacks one."""
    from corpus.benchmarks import READERS

    folder = os.environ.get("BENCH_DATA")
    if not folder:
        raise UserError("BENCH_DATA is not set; point it at a folder with mmlu/, api_bank/, api_bench/ and agentbench/")
    for name, licence in LICENCES.items():
        place = Path(folder) / name
        if not place.is_dir():
            raise UserError(f"{place} does not exist; BENCH_DATA must hold the files of {name}")
        about = {"license": licence, "n_gram": N_GRAM, "window": WINDOW, "data_sha256": data_sha256(place)}
        made = fingerprints_of(name, READERS[name](Path(folder)), about)
        write_fingerprints(made, fingerprint_file(name))
        size = fingerprint_file(name).stat().st_size
        print(f"{name}: {made.about['items']:,} items, {len(made.grams):,} fingerprints, {size / 1e6:.2f} MB")
    return 0


def data_sha256(folder: Path) -> str:
    """One hash over names and contents of a benchmark's files."""
    return sha256_json(list_files(folder))


if __name__ == "__main__":
    sys.exit(run_command(main))
