"""Decontamination against BFCL-shaped data made here, and against the real wheel where it is there."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path

import pytest

from corpus.bench_leaks import is_searched_for, planted_leaks
from corpus.benchmark_items import Item, bfcl_items
from corpus.benchmarks import BenchmarkIndex, benchmark_source, load_index
from corpus.decontaminate import leaks_of
from corpus.fingerprints import SHORTEST
from corpus.rows import Row
from corpus.shards import refuse_leaks, write_split
from corpus.word_hashes import normalised
from records.errors import UserError

QUESTION = "Find the area of a triangle with a base of 10 units and height of 5 units, please."
ANSWER = {"calculate_triangle_area": {"base": [10], "height": [5], "unit": ["units", ""], "shown_as": ["decimal"]}}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    file = tmp_path / "bfcl.whl"
    question = {
        "id": "simple_0",
        "question": [[{"role": "system", "content": "s " * 30}, {"role": "user", "content": QUESTION}]],
    }
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("bfcl_eval/data/BFCL_v4_simple_python.json", json.dumps(question) + "\n")
        answer = {"id": "simple_0", "ground_truth": [ANSWER]}
        archive.writestr("bfcl_eval/data/possible_answer/BFCL_v4_simple_python.json", json.dumps(answer))
        archive.writestr("bfcl_eval/data/multi_turn_func_doc/x.json", "{}")
    return file


def index_of(wheel: Path, n_gram: int = 10) -> BenchmarkIndex:
    return BenchmarkIndex(list(bfcl_items(wheel)), n_gram)


def test_questions_and_answers_are_read(wheel: Path) -> None:
    found = [(item.part, item.text) for item in bfcl_items(wheel)]
    assert ("question", QUESTION) in found and len(found) == 4
    assert all("base" in text and "units" in text and "10" in text for _, text in found)


@pytest.mark.parametrize(
    "text",
    [
        f"Before it. {QUESTION} After it.",
        QUESTION.upper().replace(",", " --"),
        "find_the area\nof a TRIANGLE with   a base of 10 units and height of 5 units please",
        '[{"calculate_triangle_area": {"base": 10, "height": 5, "unit": "units", "shown_as": "decimal"}}]',
    ],
)
def test_planted_items_are_found(wheel: Path, text: str) -> None:
    assert index_of(wheel).leaks(text)


@pytest.mark.parametrize(
    "text",
    ["Find the area of a triangle.", "A circle has an area; a triangle with a base of 10 has one too.", "", "s " * 40],
)
def test_clean_texts_pass(wheel: Path, text: str) -> None:
    assert not index_of(wheel).leaks(text)


def test_short_items_must_occur_whole() -> None:
    index = BenchmarkIndex([Item("b", "1", "question", "What is the tallest mountain in all of Japan?")], 10)
    assert index.leaks("so what is the tallest mountain in all of Japan then")
    assert not index.leaks("what is the tallest mountain in all of Peru")


@pytest.mark.parametrize(
    "text", ["Hello there", "1 2 3 4 5 6 7 8 9 10 11", "The quick brown fox jumps over the lazy dog"]
)
def test_what_says_nothing_is_not_searched_for(text: str) -> None:
    index = BenchmarkIndex([Item("b", "2", "question", text)], 10)
    assert index.too_short == 1 and index.size == 0 and not index.leaks(text)


def test_against_brute_force() -> None:
    rng = random.Random(5)
    vocabulary = "aa bb cc dd".split()
    items = [Item("b", str(n), "question", " ".join(rng.choices(vocabulary, k=rng.randint(6, 18)))) for n in range(30)]
    index = BenchmarkIndex(items, 9)

    def windows(words: list[str]) -> set[tuple[str, ...]]:
        if len(words) < SHORTEST:
            return set()
        return {tuple(words[i : i + 9]) for i in range(max(1, len(words) - 8))}

    grams = set().union(*(windows(normalised(item.text)) for item in items))
    found = 0
    for _ in range(300):
        words = rng.choices(vocabulary, k=60)
        places = [i for i in range(len(words)) for g in grams if tuple(words[i : i + len(g)]) == g]
        leaks = index.leaks(" ".join(words))
        assert bool(leaks) == bool(places) and len({leak.words for leak in leaks}) <= len(grams)
        found += bool(leaks)
    assert 0 < found < 300


@pytest.mark.parametrize(
    "said",
    [
        {"shown_as": "decimal", "unit": "units", "height": 5, "base": 10},
        {"unit": "units", "base": 10, "shown_as": "decimal", "height": 5},
    ],
)
def test_another_order_of_arguments_hides_nothing(wheel: Path, said: dict[str, object]) -> None:
    index = index_of(wheel)
    call = {"type": "function", "function": {"arguments": said, "name": "calculate_triangle_area"}}
    messages = json.dumps([{"role": "assistant", "tool_calls": [call]}])
    row = Row("r", "ift", "clean text", "made", "MIT", "", "", "single", messages=messages)
    assert leaks_of(row.document(), index)
    text = f"An answer may be {json.dumps({'calculate_triangle_area': said})} and so on."
    assert leaks_of(Row("r", "text", text, "made", "MIT", "", "", "x").document(), index)
    other = text.replace("height", "width")
    assert not leaks_of(Row("r", "text", other, "made", "MIT", "", "", "x").document(), index)


def test_messages_and_tools_are_searched_too(wheel: Path) -> None:
    messages = json.dumps([{"role": "user", "content": QUESTION}])
    row = Row("r", "ift", "clean text", "made", "MIT", "", "", "single", messages=messages)
    assert leaks_of(row.document(), index_of(wheel))


def test_a_leak_in_a_written_shard_stops_everything(wheel: Path, tmp_path: Path) -> None:
    clean = Row("good", "text", "nothing of note", "made", "MIT", "", "", "x").document()
    leak = Row("bad", "text", QUESTION, "made", "MIT", "", "", "x").document()
    (file,) = write_split(tmp_path / "text", "train", [clean], [3])
    refuse_leaks(file, index_of(wheel))
    (file,) = write_split(tmp_path / "text", "train", [clean, leak], [3, 9])
    with pytest.raises(UserError, match="row bad"):
        refuse_leaks(file, index_of(wheel))


def test_real_items_are_found_where_they_are_planted() -> None:
    items = [item for item in bfcl_items(benchmark_source("bfcl").place) if is_searched_for(item, 10)]
    assert len(items) > 4000
    sample = random.Random(7).sample(items, 300)
    found = planted_leaks(sample, ["some words that stand before and after it", "a row"], load_index(("bfcl",), 10))
    assert found["planted"] == 1500 and found["recall"] >= 0.999 and found["found_in_clean_rows"] == 0
    nothing = planted_leaks(sample[:20], ["a row"], BenchmarkIndex([], 10))
    assert nothing["recall"] == 0 and len(nothing["missed"]) == 20, "what is not indexed is told as missed"


def test_missing_and_unknown_benchmarks_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no reader"):
        benchmark_source("gsm8k")
    monkeypatch.delenv("BENCH_DATA", raising=False)
    with pytest.raises(UserError, match=r"nothing is written.*BENCH_DATA is not set"):
        benchmark_source("nexus")
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"nexus does not exist.*take nexus out"):
        benchmark_source("nexus")
    monkeypatch.setenv("ASSETS", str(tmp_path))
    with pytest.raises(UserError, match=r"nothing is written.*bfcl"):
        benchmark_source("bfcl")
