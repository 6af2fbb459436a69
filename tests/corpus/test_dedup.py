"""Exact and near duplicates, with planted pairs."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest

from corpus.dedup import deduplicate, without_exact
from corpus.dedup_compare import alike, least_alike
from corpus.row_places import RowFiles
from corpus.rows import Row, read_documents, write_documents
from corpus.steps import Work
from records.files import read_json
from records.recipe import load_recipe

WORDS = [
    f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe", "ra", "su", "ti") for b in ("ban", "dor", "fel", "gim", "hus")
]


def row(name: str, text: str, config: str = "text") -> Row:
    return Row(name, config, text, "made", "MIT", "someone", "", "made")


def texts(count: int, rng: random.Random) -> list[str]:
    return [" ".join(rng.choices(WORDS, k=150)) for _ in range(count)]


def work(tmp_path: Path, workers: int = 1) -> Work:
    recipe = load_recipe("smoke")
    corpus = dataclasses.replace(recipe.corpus, workers=workers)
    return Work(dataclasses.replace(recipe, corpus=corpus), tmp_path / "work", tmp_path / "out")


def run(place: Work, rows: list[Row], calls: list[Row]) -> list[str]:
    write_documents(place.step("privacy") / "rows" / "00000.jsonl", [item.document() for item in [*rows, *calls]])
    deduplicate(place, place.step("dedup"))
    return sorted(item.id for item in read_documents(*sorted((place.step("dedup") / "kept").glob("*.jsonl"))))


def test_planted_near_duplicates_are_found_and_others_stay(tmp_path: Path) -> None:
    rng = random.Random(1)
    originals = texts(60, rng)
    changed = []
    for text in originals[:30]:
        words = text.split()
        words[rng.randrange(len(words))] = "changed"
        changed.append(" ".join(words))
    rows = [row(f"a{n:02}", text) for n, text in enumerate(originals)]
    rows += [row(f"b{n:02}", text, "code") for n, text in enumerate(changed)]
    kept = run(work(tmp_path), rows, [])
    pairs = [{f"a{n:02}", f"b{n:02}"} & set(kept) for n in range(30)]
    assert sum(len(pair) == 1 for pair in pairs) >= 29, "one of each planted pair stays"
    assert all(f"a{n:02}" in kept for n in range(30, 60)), "what has no duplicate stays"


def test_call_examples_that_share_tools_stay(tmp_path: Path) -> None:
    tools = " ".join(random.Random(2).choices(WORDS, k=200))
    calls = [row(f"c{n}", f"{tools} request {n}", "ift") for n in range(5)] + [row("c9", f"{tools} request 0", "ift")]
    kept = run(work(tmp_path), [row("a", "some other text of a few words, all of them plain")], calls)
    assert kept == ["a", "c0", "c1", "c2", "c3", "c4"]


def test_kept_rows_do_not_depend_on_the_order_of_input(tmp_path: Path) -> None:
    rng = random.Random(3)
    rows = [row(f"a{n:02}", text) for n, text in enumerate(texts(20, rng))]
    rows += [row(f"b{n:02}", item.text + " more") for n, item in enumerate(rows[:10])]
    first = run(work(tmp_path / "1"), rows, [])
    rng.shuffle(rows)
    assert run(work(tmp_path / "2"), rows, []) == first


def test_exact_duplicates_keep_the_preferred_config(tmp_path: Path) -> None:
    rows = [row("z", "The  same\nwords", "code"), row("m", "the same words", "api_docs"), row("n", "other words")]
    write_documents(tmp_path / "0.jsonl", [item.document() for item in rows])
    with RowFiles([tmp_path / "0.jsonl"]) as files:
        unique, dropped = without_exact(files.scan())
        assert [files.read(item.place).text for item in unique] == ["the same words", "other words"]
    assert [item.id for item in unique] == ["m", "n"]
    assert dropped == {"code": {"count": 1, "example": "z = m"}}


def test_cluster_size_is_in_the_provenance(tmp_path: Path) -> None:
    text = texts(1, random.Random(4))[0]
    place = work(tmp_path)
    run(
        place, [row("a", text), row("b", text + " end"), row("c", "quite another text that nobody else wrote here")], []
    )
    sizes = {
        item.id: item.metadata["provenance"]["dedup"]["cluster_size"]
        for item in read_documents(*sorted((place.step("dedup") / "kept").glob("0*.jsonl")))
    }
    assert sorted(sizes.values()) == [1, 2] and sizes["c"] == 1


def likeness(one: str, other: str) -> float:
    """Jaccard index of 5-grams, by sets of tuples."""
    first, second = ({tuple(w[n : n + 5]) for n in range(len(w) - 4)} for w in (one.split(), other.split()))
    return len(first & second) / len(first | second)


def test_a_row_is_removed_only_for_one_that_it_is_like(tmp_path: Path) -> None:
    rng, chains = random.Random(5), []
    for text in texts(12, rng):
        words, chain = text.split(), []
        for step in range(8):
            words[step * 18 : step * 18 + 18] = rng.choices(WORDS, k=18)
            chain.append(" ".join(words))
        chains.append(chain)
    every = {f"{n:02}-{step}": text for n, chain in enumerate(chains) for step, text in enumerate(chain)}
    place = work(tmp_path)
    kept = run(place, [row(name, text) for name, text in every.items()], [])
    least, gone = least_alike(place.recipe.corpus.dedup), sorted(set(every) - set(kept))
    assert least == pytest.approx(0.719, abs=1e-3) and len(gone) > 10 and len(kept) > 24, "ends of a chain stay"
    for name in gone:
        assert max(likeness(every[name], every[other]) for other in kept if other[:2] == name[:2]) >= least
    compared = read_json(place.step("dedup") / "report.json", "")["compared"]
    assert compared["removed"] == len(gone) and compared["stay"] == compared["compared"] - len(gone) > 0


def test_a_row_is_compared_with_those_that_stay() -> None:
    rows = {"a": range(10), "b": range(2, 12), "c": range(4, 14), "d": range(40)}
    found = list(alike(((name, np.array(values)) for name, values in rows.items()), 0.6))
    assert found == [("a", "a", 1.0), ("b", "a", 8 / 12), ("c", "c", 1.0), ("d", "d", 1.0)]
