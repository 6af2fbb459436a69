"""AgentBench's overall score against the figure that the paper prints, whole and partial."""

from __future__ import annotations

import pytest

from eval.benchmarks import registry, weighted
from eval.tasks.agentbench.overall import MEANS, TASKS, overall_weights, partial_note

GPT_4 = {"os": 42.4, "db": 32.0, "kg": 58.8, "dcg": 74.5, "ltp": 16.6, "hh": 78.0, "ws": 61.1, "wb": 29.0}


def values(scores: dict[str, float]) -> dict[str, list[float]]:
    return {task: [score / 100] * 2 for name, score in scores.items() for task in TASKS[name]}


def test_overall_score_of_gpt_4_is_the_papers():
    found = weighted(values(GPT_4), overall_weights)
    assert round(100 * found.score, 2) == 4.01 and partial_note(values(GPT_4)) is None
    assert 100 * weighted(values(MEANS), overall_weights).score == pytest.approx(1.0)


def test_a_partial_overall_score_says_of_what():
    some = {name: GPT_4[name] for name in ("db", "kg")}
    found = weighted(values(some), overall_weights)
    assert 100 * found.score == pytest.approx((32.0 / 13.0 + 58.8 / 13.9) / 2)
    note = partial_note(values(some))
    assert note == "partial overall score of DB, KG alone; without OS, DCG, LTP, HH, WS, WB"
    two_of_three = {task: rows for task, rows in values(some).items() if not task.endswith("_insert")}
    assert partial_note(two_of_three).startswith("partial overall score of KG alone"), "DB needs all three kinds"
    assert weighted({}, overall_weights) is None and partial_note({}) is None


def test_every_environment_is_a_task():
    entry = registry()["agentbench"]
    assert set(entry.tasks) == {task for tasks in TASKS.values() for task in tasks} and len(entry.tasks) == 10
