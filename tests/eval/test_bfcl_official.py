"""For any answers, BFCL's own runner and score table say what ours say."""

from __future__ import annotations

import json
import random

import pytest
from lm_eval.api.model import LM

from eval.benchmarks import TASKS, registry, weighted
from eval.statistics import mean_stderr
from eval.tasks.bfcl.gold import gold_calls
from eval.tasks.bfcl.multi_turn_entries import MULTI_TURN, entries
from eval.tasks.bfcl.official import LANGUAGES
from eval.tasks.bfcl.questions import CATEGORIES, LIVE, WITHOUT_GOLD, questions
from eval.tasks.bfcl.scoring import CHECKER_ERRORS, judge
from records.calls import format_calls
from tests.eval.official_runner import Handler, averages, runner
from tests.eval.test_bfcl import perturb

WORDS = [
    "",
    "I cannot do that.",
    "[]",
    "{}",
    '[{"name": "f"',
    "[1, 2]",
    '[{"name": "f", "arguments": {}}]',
    "x" * 30_000,
]


def official(handler, question, answer: str) -> bool:
    """BFCL's runner on one answer of a single-turn category."""
    entry = {"id": question.id, "function": question.functions, "question": question.messages}
    if question.category in WITHOUT_GOLD:
        judged = runner()["_evaluate_single_relevance_entry"](
            handler, question.id, answer, entry, "any", question.category
        )
        return bool(judged["valid"])
    language = runner()["Language"][LANGUAGES.get(question.category, "PYTHON")]
    judged = runner()["_evaluate_single_ast_entry"](
        handler,
        question.id,
        answer,
        question.gold,
        entry,
        "any",
        question.category,
        language=language,
        return_format=runner()["ReturnFormat"].PYTHON,
    )
    return bool(judged["valid"])


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_disagreement_with_the_official_runner(category):
    """Gold, perturbed, foreign and broken answers to every question."""
    chance, handler = random.Random(13), Handler()
    pool = [format_calls(gold_calls(q)) for q in questions("simple_python")[:50]]
    verdicts = set()
    for question in questions(category):
        answers = [chance.choice(WORDS), chance.choice(pool)]
        if question.gold:
            gold = gold_calls(question)
            answers += [format_calls(gold), *[format_calls(perturb(gold, chance)) for _ in range(2)]]
        for answer in answers:
            try:
                expected = official(handler, question, answer)
            except CHECKER_ERRORS:  # BFCL's own runner would stop here
                expected = False
            verdict = judge(question, answer)
            assert verdict.right == expected, (question.id, answer, verdict.reason)
            verdicts.add(expected)
    assert verdicts == {True, False}


def test_averages_are_those_of_the_score_tables_of_versions_2_and_3():
    """The official functions put together as the score tables of versions 2 and 3 put them together."""
    mean, by_size = averages()["calculate_unweighted_accuracy"], averages()["calculate_weighted_accuracy"]
    chance = random.Random(5)
    values = {}
    for category in CATEGORIES:
        values[category] = [float(chance.random() < 0.4) for _ in questions(category)]
    for category in MULTI_TURN:
        values[category] = [float(chance.random() < 0.1) for _ in entries(category)]

    def of(category):
        accuracy = sum(values[category]) / len(values[category])
        return {"accuracy": accuracy, "total_count": len(values[category]), "display_accuracy": accuracy}

    simple = mean([of("simple_python"), of("simple_java"), of("simple_javascript")])
    kinds = ("multiple", "parallel", "parallel_multiple")
    expected = {"simple": simple, "non_live_ast": mean([simple, *map(of, kinds)])}
    expected["live_ast"] = by_size([of(category) for category in LIVE[:4]])
    expected["non_live_overall"] = mean([simple, *map(of, kinds), of("irrelevance")])
    expected["live_overall"] = by_size([of(category) for category in LIVE])
    expected["irrelevance"] = mean([of("irrelevance"), of("live_irrelevance")])
    expected["multi_turn_overall"] = mean([of(category) for category in MULTI_TURN])
    totals = [mean([simple, of("live_simple")]), *[mean([of(kind), of(f"live_{kind}")]) for kind in kinds]]
    second = mean([*totals, expected["irrelevance"], of("live_relevance")])
    third = mean([expected["live_overall"], expected["non_live_overall"], expected["multi_turn_overall"]])

    by_task = {f"bfcl_{category}": rows for category, rows in values.items()}
    v2, v3 = registry()["bfcl_v2"], registry()["bfcl_v3"]
    for name, weights in v3.averages.items():
        found = weighted(by_task, weights)
        assert found.score == pytest.approx(expected[name]["accuracy"]), name
        assert found.n == expected[name]["total_count"]
    assert weighted(by_task, v2.weights).score == pytest.approx(second["accuracy"])
    assert weighted(by_task, v3.weights).score == pytest.approx(third["accuracy"])
    assert weighted(by_task, registry()["bfcl_v1"].weights).score == pytest.approx(expected["non_live_ast"]["accuracy"])


def test_nothing_of_version_4_is_a_task():
    tasks = {task for name in ("bfcl_v1", "bfcl_v2", "bfcl_v3") for task in registry()[name].tasks}
    assert tasks == {f"bfcl_{category}" for category in (*CATEGORIES, *MULTI_TURN)}
    assert len(registry()["bfcl_v3"].tasks) == 17


class OneAnswer(LM):
    """Calls a function in half of the questions, says words in the others."""

    def generate_until(self, requests, disable_tqdm=False):
        answers = []
        for request in requests:
            gold = json.loads(request.doc["gold"]) if "gold" in request.doc else []
            by_length = len(request.args[0]) % 2
            call = [{"name": name, "arguments": {}} for entry in gold if isinstance(entry, dict) for name in entry]
            answers.append(json.dumps(call or [{"name": "f", "arguments": {}}]) if by_length else "words")
        return answers

    def loglikelihood(self, requests):
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


@pytest.mark.parametrize("name", ["bfcl_v2", "bfcl_v3"])
def test_the_groups_of_lm_eval_give_the_authors_average(name):
    from lm_eval.evaluator import evaluate
    from lm_eval.tasks import TaskManager

    loaded = TaskManager(include_path=str(TASKS), include_defaults=False).load([name])
    raw = evaluate(OneAnswer(), task_dict=loaded, limit=12, bootstrap_iters=1)
    by_task = {task: [row["acc"] for row in rows] for task, rows in raw["samples"].items()}
    assert set(by_task) == set(registry()[name].tasks)
    counts = {task: len(registry()[name].ids(task)) for task in by_task}
    whole = registry()[name].weights(counts)
    expected = sum(share * sum(by_task[task]) / 12 for task, share in whole.items())
    found = raw["results"][name]
    assert 0 < expected < 1 and found[f"{name.removeprefix('bfcl_')},none"] == pytest.approx(expected)
    errors = [whole[task] * mean_stderr(rows) for task, rows in by_task.items()]
    assert found[f"{name.removeprefix('bfcl_')}_stderr,none"] == pytest.approx(sum(e * e for e in errors) ** 0.5)
