"""Fingerprints of benchmarks: what they find, what they leave alone, and that they hold no text."""

from __future__ import annotations

import json
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from corpus.benchmark_items import Item
from corpus.benchmarks import READERS, BenchmarkIndex, benchmark_source, load_index
from corpus.chunks import chunks_of
from corpus.fingerprints import (
    LICENCES,
    N_GRAM,
    SHORTEST,
    WINDOW,
    data_sha256,
    fingerprint_file,
    fingerprints_of,
    item_words,
    read_fingerprints,
    write_fingerprints,
)
from corpus.word_hashes import hash_n_grams, hash_words, normalised, telling, winnowed
from records.errors import UserError

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "benchmarks"
ABOUT = {"license": "MIT", "n_gram": N_GRAM, "window": WINDOW, "data_sha256": "0" * 64}
QUESTION = "Which of the seven bridges did the baker cross first, and how many loaves did she carry over it that day?"
SHORT = "Who baked seven loaves for the old ferryman?"


@pytest.fixture
def index() -> BenchmarkIndex:
    items = [Item("made", "1", "question", QUESTION), Item("made", "2", "question", SHORT)]
    return BenchmarkIndex([], 10, [fingerprints_of("made", items, ABOUT)])


def test_a_run_of_13_words_is_found_wherever_it_begins(index: BenchmarkIndex) -> None:
    words = normalised(QUESTION)
    length = N_GRAM + WINDOW - 1
    for start in range(len(words) - length + 1):
        text = f"Say: {'; '.join(words[start : start + length]).upper()}! And so on."
        assert index.leaks(text), start
    assert not index.leaks(" ".join(words[: N_GRAM - 1]))


def test_short_items_are_found_whole(index: BenchmarkIndex) -> None:
    assert [leak.words for leak in index.leaks(f"so, {SHORT} asked he")] == [" ".join(normalised(SHORT))]
    assert not index.leaks("Who baked seven loaves for the old miller?")
    assert index.leaks(SHORT)[0].item.benchmark == "made"


def test_hashes_of_n_grams_equal_those_of_the_words_alone() -> None:
    words = hash_words(normalised(QUESTION))
    for size in (1, 5, N_GRAM):
        whole = hash_n_grams(words, size)
        assert len(whole) == len(words) - size + 1
        assert all(whole[n] == hash_n_grams(words[n : n + size], size)[0] for n in range(len(whole)))
    assert len(hash_n_grams(words[:3], 4)) == 0
    assert hash_words(["straße"])[0] == hash_words(["straße"])[0] != hash_words(["strasse"])[0]


def test_winnowing_keeps_one_of_every_window() -> None:
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 1 << 60, 500, dtype=np.uint64)
    kept = set(winnowed(hashes, WINDOW).tolist())
    for start in range(len(hashes) - WINDOW + 1):
        assert min(hashes[start : start + WINDOW].tolist()) in kept
    assert len(winnowed(hashes[:2], WINDOW)) == 1 and len(winnowed(hashes[:0], WINDOW)) == 0


def test_written_and_read_again(tmp_path: Path) -> None:
    items = [
        Item("made", "1", "question", QUESTION),
        Item("made", "2", "question", SHORT),
        Item("made", "3", "x", "a"),
    ]
    made = fingerprints_of("made", items, ABOUT)
    for name in ("one", "two"):
        write_fingerprints(made, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    read = read_fingerprints(tmp_path / "one")
    assert all(np.array_equal(getattr(read, part), getattr(made, part)) for part in ("grams", "heads", "wholes"))
    assert read.about["items"] == 3 and read.about["items_too_short"] == 1
    (tmp_path / "one").write_bytes(b"PK and no zip")
    with pytest.raises(UserError, match="one holds no fingerprints"):
        read_fingerprints(tmp_path / "one")


def test_committed_fingerprints_are_small_and_hold_no_text() -> None:
    files = [fingerprint_file(name) for name in LICENCES]
    assert sum(file.stat().st_size for file in files) < 5_000_000
    for name, licence in LICENCES.items():
        found = read_fingerprints(fingerprint_file(name))
        assert found.benchmark == name and found.about["license"] == licence and len(found.grams) > 1000
    assert not fingerprint_file("nexus").exists(), "its licence allows evaluation only"


def test_clean_text_is_left_alone() -> None:
    """At most one in a thousand chunks of the standard library's sources, which no benchmark was made of."""
    index = load_index(("bfcl", *LICENCES), 10)
    library = Path(sysconfig.get_path("stdlib"))
    chunks = [chunk for file in sorted(library.glob("*.py")) for chunk in chunks_of(file.read_text("utf-8", "replace"))]
    removed = [chunk for chunk in chunks if index.leaks(chunk)]
    assert len(chunks) > 2000 and len(removed) < len(chunks) / 1000, [index.leaks(chunk)[0] for chunk in removed]


@pytest.fixture(scope="module")
def real() -> Iterator[Path]:
    if not REAL.is_dir():
        pytest.skip("needs the benchmarks' files (../shared/data/benchmarks)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_DATA", str(REAL))
        yield REAL


@pytest.mark.parametrize("name", LICENCES)
def test_real_items_are_found_by_their_fingerprints(name: str, real: Path) -> None:
    index = BenchmarkIndex([], 10, [read_fingerprints(fingerprint_file(name))])
    assert read_fingerprints(fingerprint_file(name)).about["data_sha256"] == data_sha256(real / name)
    items = [item for item in READERS[name](real) if says_something(item)]
    sample = random.Random(7).sample(items, 1000)
    missed = [item.text for item in sample if not index.leaks(f"words before, {item.text.upper()} and after")]
    assert len(missed) <= 1, missed  # 99.9 %


def says_something(item: Item) -> bool:
    words = item_words(item.text)
    return len(words) >= SHORTEST and bool(telling(words, min(N_GRAM, len(words))).any())


def test_a_folder_goes_before_fingerprints(real: Path) -> None:
    source = benchmark_source("api_bank")
    assert source.kind == "folder" and source.identity()["sha256"] == data_sha256(real / "api_bank")
    items = list(READERS["nexus"](real))
    assert sum(item.part == "question" for item in items) >= 339 and benchmark_source("nexus").kind == "folder"


def test_readers_take_made_files(tmp_path: Path) -> None:
    """A miniature of each benchmark that is read from a folder, in its true form."""
    samples = tmp_path / "api_bank" / "lv1-lv2-samples" / "level-1-given-desc"
    samples.mkdir(parents=True)
    turns = [
        {"role": "User", "text": "Please wake me at seven tomorrow."},
        {"role": "API", "api_name": "AddAlarm", "param_dict": {"time": "7"}},
    ]
    (samples / "AddAlarm-level-1-1.jsonl").write_text("\n".join(map(json.dumps, turns)))
    found = {(item.part, item.text) for item in READERS["api_bank"](tmp_path)}
    assert ("question", "Please wake me at seven tomorrow.") in found
    assert ("answer", '{"arguments": {"time": "7"}, "name": "AddAlarm"}') in found
    hubs = tmp_path / "api_bench"
    hubs.mkdir()
    code = "###Instruction: Sort my pictures.\n###Output: <<<explanation>>>: it sorts <<<code>>>: import torch"
    for hub in ("huggingface", "tensorflow", "torchhub"):
        (hubs / f"{hub}_eval.json").write_text(json.dumps({"code": code}))
    texts = [item.text for item in READERS["api_bench"](tmp_path)]
    assert len(texts) == 6 and not any("import torch" in text for text in texts)
