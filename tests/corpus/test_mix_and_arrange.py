"""The mix against its closed form, the splits, and the filter's arithmetic."""

from __future__ import annotations

import random

import pytest

from corpus.arrange import Entry, as_config, split, stage_two
from corpus.classify import measure, words_of
from corpus.filter_scores import scores_of
from corpus.mix import mixed
from corpus.row_places import Place
from corpus.rows import Row

TARGET = {"agent": 0.36, "code": 0.32, "text": 0.32}


def test_plentiful_groups_are_read_once_and_scarce_ones_more() -> None:
    found = mixed({"api_docs": 300, "trajectories": 60, "code": 640, "text": 160}, TARGET, 4)
    assert found["stream_tokens"] == 2000
    assert found["epochs"] == {"api_docs": 2, "trajectories": 2, "web": 0, "code": 1, "text": 4}
    assert found["weights"]["api_docs"] == pytest.approx(0.3) and found["weights"]["trajectories"] == pytest.approx(
        0.06
    )


def test_max_epochs_shortens_the_stream() -> None:
    found = mixed({"api_docs": 3600, "code": 3200, "text": 32}, TARGET, 4)
    assert found["epochs"]["text"] == 4 and found["stream_tokens"] == 400
    assert found["actual"] == pytest.approx(TARGET)


@pytest.mark.parametrize("number", range(50))
def test_shares_are_met_and_epochs_bounded(number: int) -> None:
    rng = random.Random(number)
    named = {name: int(10 ** rng.uniform(2, 9)) for name in ("api_docs", "trajectories", "web", "code", "text")}
    most = rng.uniform(1, 8)
    found = mixed(named, TARGET, most)
    assert found["actual"] == pytest.approx(TARGET, abs=1e-5)
    assert max(found["epochs"].values()) <= most + 1e-5
    assert sum(found["weights"].values()) == pytest.approx(1, abs=1e-5)


def test_an_empty_group_gives_its_share_away() -> None:
    found = mixed({"api_docs": 100, "code": 100}, TARGET, 4)
    assert found["actual"]["text"] == 0 and sum(found["actual"].values()) == pytest.approx(1, abs=1e-5)
    assert found["target"]["text"] == 0.32, "the target stays what the recipe says"


def row(name: str, richness: int = 0) -> Entry:
    return Entry(name, richness, held_out=False, place=Place(0, 0, 0))


def test_splits_are_disjoint_and_stable_under_growth() -> None:
    rows = [row(f"r{n}") for n in range(2000)]
    found = split(rows, "api_docs", 0.05, 1)
    held_out = {item.id for item in found["validation"]}
    assert 60 < len(held_out) < 140
    assert held_out.isdisjoint(item.id for item in found["train"])
    assert {item.id for item in split(rows[:1000], "api_docs", 0.05, 1)["validation"]} <= held_out
    assert len(split(rows[:2], "api_docs", 0.0001, 1)["validation"]) == 1


def test_stage_two_takes_the_richest_and_all_trajectories() -> None:
    found = stage_two([row(f"a{n}", n) for n in range(10)], [row("t")], 0.3)
    assert sorted(item.id for item in found) == ["a7", "a8", "a9", "t"]


def test_a_row_of_another_config_says_where_it_stood() -> None:
    api = Row("a", "api_docs", "text", "made", "MIT", "", "", "x", provenance={"reader": {"richness": 2}})
    copied = as_config(api.document(), "stage2")
    assert copied.metadata["config"] == "stage2"
    assert copied.metadata["provenance"] == {"reader": {"richness": 2}, "arrange": {"from": "api_docs"}}


def test_scores_against_their_definitions() -> None:
    said_right, said_wrong, missed, left_right = 22, 5, 8, 45
    precision, recall = 22 / 27, 22 / 30
    assert scores_of(said_right, said_wrong, missed, left_right) == {
        "accuracy": pytest.approx(67 / 80, abs=1e-4),
        "precision": pytest.approx(precision, abs=1e-4),
        "recall": pytest.approx(recall, abs=1e-4),
        "f1": pytest.approx(2 / (1 / precision + 1 / recall), abs=1e-4),
    }
    assert scores_of(0, 0, 0, 0)["f1"] == 0


def test_the_classifier_does_not_see_the_forms() -> None:
    assert words_of('## Parameters\n- Bucket (string, required): the "Name"') == "bucket the name"


def test_measure_counts_by_threshold() -> None:
    class Model:
        def predict(self, texts: list[str], k: int):
            value = 0.9 if "cloud" in texts[0] else 0.1
            return [["__label__agent", "__label__general"]], [[value, 1 - value]]

    labels = [
        Row(f"l{n}", "labels", text, "made", "MIT", "", "", kind)
        for n, (text, kind) in enumerate([("cloud", "agent"), ("garden", "agent"), ("garden", "general")])
    ]
    assert measure(Model(), labels, 0.5)["recall"] == 0.5 and measure(Model(), labels, 0.5)["precision"] == 1
