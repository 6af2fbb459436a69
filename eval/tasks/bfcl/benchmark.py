"""BFCL's versions 1 to 3 and their averages, as the leaderboard's own score table has them.

Non-live and live sets and the multi-turn sets come from one wheel that also carries version 4; nothing of version 4
(web search, memory, format sensitivity) is a task here. Version 4's score table left irrelevance out of both overall
averages and weighs five parts; the rules below are those of the score tables of versions 2 and 3
(github.com/ShishirPatil/gorilla, berkeley-function-call-leaderboard/bfcl/eval_checker/eval_runner_helper.py,
`generate_leaderboard_csv`), without the executable sets, which were withdrawn and need live services.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from eval.benchmarks import Benchmark, Source, Weights, combined, macro, micro
from eval.tasks.bfcl.gold import golds
from eval.tasks.bfcl.multi_turn_entries import MULTI_TURN, entries
from eval.tasks.bfcl.questions import LIVE, NON_LIVE, category_of, questions
from eval.tasks.bfcl.scoring import describe_answer
from records.assets import asset

SCORED_BY = (
    *("eval/tasks/bfcl/*.py", "eval/tasks/bfcl/*.yaml", "eval/tasks/bfcl/_*"),
    *("records/calls.py", "records/chat_template.jinja"),
)
HUB_DATASET = "gorilla-llm/Berkeley-Function-Calling-Leaderboard"


def _task(category: str) -> str:
    return f"bfcl_{category}"


def _all(*categories: str) -> tuple[str, ...]:
    return tuple(map(_task, categories))


def _only(category: str) -> Weights:
    return macro(_all(category))


SIMPLE = macro(_all("simple_python", "simple_java", "simple_javascript"))
"""`simple`: the mean of the three languages."""
NON_LIVE_AST = combined([SIMPLE, *map(_only, ("multiple", "parallel", "parallel_multiple"))])
NON_LIVE_OVERALL = combined([SIMPLE, *map(_only, ("multiple", "parallel", "parallel_multiple", "irrelevance"))])
LIVE_AST = micro(_all("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple"))
LIVE_OVERALL = micro(_all(*LIVE))
IRRELEVANCE = combined([_only("irrelevance"), _only("live_irrelevance")])
V2_OVERALL = combined(
    [
        combined([SIMPLE, _only("live_simple")]),
        *[combined([_only(kind), _only(f"live_{kind}")]) for kind in ("multiple", "parallel", "parallel_multiple")],
        IRRELEVANCE,
        _only("live_relevance"),
    ]
)
"""The score table of version 2: simple, multiple, parallel, parallel_multiple and irrelevance are each the mean of
non-live and live, and the overall accuracy is the mean of these and of relevance."""

MULTI_TURN_OVERALL = macro(_all(*MULTI_TURN))
V3_OVERALL = combined([LIVE_OVERALL, NON_LIVE_OVERALL, MULTI_TURN_OVERALL])


def bfcl_source() -> Source:
    """The wheel. Raises UserError where it is missing or altered."""
    wheel = asset("bfcl-eval")
    return Source(wheel.name, wheel.version, wheel.sha256)


def _ids(task: str) -> tuple[str, ...]:
    if category_of(task) in MULTI_TURN:
        return tuple(entry.id for entry in entries(category_of(task)))
    return tuple(question.id for question in questions(category_of(task)))


def _describe(doc: Mapping[str, Any], answer: str) -> Mapping[str, Any]:
    if doc["category"] in MULTI_TURN:
        return {"ended": json.loads(answer)["ended"]}
    return describe_answer(doc["category"], doc["id"], answer)


NON_LIVE_SUITE = {"bfcl_non_live": _all(*NON_LIVE)}
LIVE_SUITE = {"bfcl_live": _all(*LIVE)}
MULTI_TURN_SUITE = {"bfcl_multi_turn": _all(*MULTI_TURN)}
SINGLE_TURN_AVERAGES = {
    "simple": SIMPLE,
    "non_live_ast": NON_LIVE_AST,
    "live_ast": LIVE_AST,
    "non_live_overall": NON_LIVE_OVERALL,
    "live_overall": LIVE_OVERALL,
    "irrelevance": IRRELEVANCE,
}
BENCHMARKS = [
    Benchmark(
        name="bfcl_v1",
        title="BFCL-v1 (non-live)",
        suites=NON_LIVE_SUITE,
        source=bfcl_source,
        ids=_ids,
        weights=NON_LIVE_AST,
        rule="AST summary of the non-live sets: simple is the mean of its three languages, then the mean of simple, "
        "multiple, parallel and parallel_multiple; irrelevance is not part of it "
        "(bfcl_eval/eval_checker/eval_runner_helper.py)",
        averages={"simple": SIMPLE, "non_live_overall": NON_LIVE_OVERALL},
        hub_dataset=HUB_DATASET,
        scored_by=SCORED_BY,
        golds=golds,
        describe=_describe,
    ),
    Benchmark(
        name="bfcl_v2",
        title="BFCL-v2 (non-live and live)",
        suites=NON_LIVE_SUITE | LIVE_SUITE,
        source=bfcl_source,
        ids=_ids,
        weights=V2_OVERALL,
        rule="overall accuracy of version 2: simple, multiple, parallel, parallel_multiple and irrelevance, each the "
        "mean of non-live and live, and relevance, all with equal weight (generate_leaderboard_csv of gorilla at "
        "05dbf6f, without the withdrawn executable sets)",
        averages=SINGLE_TURN_AVERAGES,
        hub_dataset=HUB_DATASET,
        scored_by=SCORED_BY,
        golds=golds,
        describe=_describe,
    ),
    Benchmark(
        name="bfcl_v3",
        title="BFCL-v3 (BFCL-v2 and multi-turn)",
        suites=NON_LIVE_SUITE | LIVE_SUITE | MULTI_TURN_SUITE,
        source=bfcl_source,
        ids=_ids,
        weights=V3_OVERALL,
        rule="overall accuracy of version 3: the mean of live overall (by number of questions), non-live overall (mean "
        "of simple, multiple, parallel, parallel_multiple and irrelevance) and multi-turn overall (mean of its four "
        "sets) (generate_leaderboard_csv of gorilla, version 3)",
        averages=SINGLE_TURN_AVERAGES | {"multi_turn_overall": MULTI_TURN_OVERALL},
        hub_dataset=HUB_DATASET,
        scored_by=(*SCORED_BY, "eval/multi_turn.py"),
        golds=golds,
        describe=_describe,
    ),
]


@cache
def _shares(name: str) -> dict[str, float]:
    """Weight of each task in a headline, times the number of tasks."""
    benchmark = next(entry for entry in BENCHMARKS if entry.name == name)
    counts = {task: len(_ids(task)) for task in benchmark.tasks}
    return {task: share * len(counts) for task, share in benchmark.weights(counts).items()}


def group_metrics(category: str, score: float) -> dict[str, float]:
    """The metrics whose plain mean over the tasks of lm-eval's groups bfcl_v2 and bfcl_v3 is the headline score."""
    names = {"v3": "bfcl_v3"} if category in MULTI_TURN else {"v2": "bfcl_v2", "v3": "bfcl_v3"}
    return {metric: score * _shares(name)[_task(category)] for metric, name in names.items()}
