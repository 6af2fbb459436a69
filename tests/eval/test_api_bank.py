"""API-Bank: samples, calls by parameters and by execution, responses by ROUGE-L."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from eval.benchmarks import registry
from eval.tasks.api_bank import task
from eval.tasks.api_bank.execution import apis_folder, judge_execution
from eval.tasks.api_bank.samples import by_id, descriptions, samples
from eval.tasks.api_bank.scoring import judge_call, judge_response
from records.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
needs_data = pytest.mark.skipif(not (REAL / "api_bank").is_dir(), reason=f"{REAL}/api_bank is absent")

API = """description = "Book a room."
input_parameters = {'city': {'type': 'str', 'description': 'Where.'}, 'beds': {'type': 'list', 'description': 'Kinds.'}}
output_parameters = {'status': {'type': 'str', 'description': 'success or failed'}}"""


def clear():
    samples.cache_clear()
    descriptions.cache_clear()
    by_id.cache_clear()


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Two made-up dialogues in the authors' form."""
    folder = tmp_path / "api_bank"
    (folder / "data").mkdir(parents=True)
    quoted = API.replace('"', '""')
    (folder / "data" / "all_apis.csv").write_text(
        f'id,类名,api_info\n1,BookRoom,"{quoted}"\n2,Planned,.\n', encoding="utf-8"
    )
    call = {"city": "Pa='ris", "beds": "['a', 'b']"}
    result = {"api_name": "BookRoom", "input": call, "output": "success", "exception": None}
    step = {"role": "API", "api_name": "BookRoom", "param_dict": call, "result": result}
    dialogue = [
        {"role": "User", "text": "A room in Paris, please."},
        step,
        step,
        {"role": "AI", "text": "The room is booked. Enjoy your stay."},
    ]
    search = {"role": "API", "api_name": "ToolSearcher", "param_dict": {"keywords": "room"}, "result": {"output": "x"}}
    for level, rows in (("level-1-given-desc", dialogue), ("level-2-toolsearcher", [dialogue[0], search, dialogue[3]])):
        place = folder / "lv1-lv2-samples" / level
        place.mkdir(parents=True)
        (place / "one.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    clear()
    yield tmp_path
    clear()


def test_samples_are_cut_as_the_authors_do(made):
    calls, responses = samples(1, "call"), samples(1, "response")
    assert [len(s.history) for s in calls] == [1, 2, 2], "a call after a call counts twice"
    assert [len(s.history) for s in responses] == [3]
    assert len({s.id for s in calls + responses}) == 4
    assert '"name": "BookRoom"' in calls[0].prompt() and "Response: success" in responses[0].prompt()
    search = samples(2, "call")[0].prompt()
    assert "ToolSearcher" in search and "BookRoom" not in search


CASES = {
    "[BookRoom(city='Pa='ris', beds=['a', 'b'])]": None,
    '[BookRoom(beds="x", city="Pa")]': "wrong_value",
    "[BookRoom(city='Pa')]": "missing_parameter",
    "[Book(city='Pa')]": "wrong_api",
    "words": "no_call",
    "": "empty",
    "[" * 50_000: "too_long",
    "[BookRoom(" + "a=" * 1_000 + ")]": None,
    "[__import__('os').system('touch /tmp/api_bank_was_run')]": "wrong_api",
    "\ud800\x00 NaN": "no_call",
}


@pytest.mark.parametrize("answer", CASES)
def test_calls(made, answer):
    verdict = judge_call(samples(1, "call")[0], answer)
    if CASES[answer] is not None:
        assert verdict.reason == CASES[answer]
    assert verdict.reason == "right" or verdict.score == 0
    assert not Path("/tmp/api_bank_was_run").exists()


def test_gold_is_right_and_a_further_parameter_is_not(made):
    sample = samples(1, "call")[0]
    assert judge_call(sample, f"Sure: {sample.gold()}").reason == "right"
    assert judge_call(sample, sample.gold()[:-2] + ", x=1)]").reason == "unknown_parameter"


def lcs(first: list[str], second: list[str]) -> int:
    row = [0] * (len(second) + 1)
    for word in first:
        row = _next(row, word, second)
    return row[-1]


def _next(row: list[int], word: str, second: list[str]) -> list[int]:
    new = [0]
    for n, other in enumerate(second):
        new.append(row[n] + 1 if word == other else max(row[n + 1], new[n]))
    return new


@pytest.mark.parametrize("answer", ["The room is free", "Enjoy the room", "nothing alike"])
def test_rouge_l_of_one_sentence_is_that_of_the_longest_common_subsequence(made, answer):
    sample = samples(1, "response")[0]
    truth = "The room is booked"
    object.__setattr__(sample, "truth", {"role": "AI", "text": truth})
    common = lcs(answer.split(), truth.split())
    precision, recall = common / len(answer.split()), common / len(truth.split())
    expected = 2 * precision * recall / (precision + recall) if common else 0.0
    assert judge_response(sample, answer).score == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("answer", ["", " ", "...", "x " * 5_000, "a" * 100_000, "\ud800", "[" * 500])
def test_malformed_responses_score_0(made, answer):
    verdict = judge_response(samples(1, "response")[0], answer)
    assert verdict.score == 0 and verdict.reason in {"empty", "too_long", "no_words", "scored"}


TOOL_MANAGER = """
class Api:
    def check_api_call_correctness(self, response, truth):
        return response["input"]["city"] == truth["input"]["city"].split("=")[0]
class ToolManager:
    def api_call(self, name, **parameters):
        if "beds" not in parameters:
            raise TypeError("missing")
        print("noise")
        return {"input": parameters, "output": "success"}
    def init_tool(self, name):
        return Api()
"""


def test_execution_runs_the_authors_interface(made, tmp_path, monkeypatch):
    sample = samples(1, "call")[0]
    assert "not scored: missing the executable APIs" in str(task.mean_executed([None]))
    monkeypatch.setenv("API_BANK_APIS", str(tmp_path))
    with pytest.raises(UserError, match=r"tool_manager\.py"):
        apis_folder()
    (tmp_path / "tool_manager.py").write_text(TOOL_MANAGER)
    folder = apis_folder()
    assert folder is not None
    assert judge_execution(sample, "[BookRoom(city='Pa', beds='x')]", folder).reason == "right"
    assert judge_execution(sample, "[BookRoom(city='Rome', beds='x')]", folder).reason == "other_result"
    assert judge_execution(sample, "[BookRoom(city='Rome')]", folder).reason == "raised:TypeError"
    assert judge_execution(sample, "[Other(city='Rome')]", folder).reason == "wrong_api"
    assert judge_execution(sample, "no", folder).reason == "no_call"


def test_lm_evals_tasks_load_and_score(made):
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(ROOT / "eval" / "tasks"), include_defaults=False)
    loaded = manager.load(["api_bank_calls", "api_bank_responses"])["tasks"]
    assert {name: len(t.test_docs()) for name, t in loaded.items()} == {
        "api_bank_level1_call": 3,
        "api_bank_level2_call": 1,
        "api_bank_level1_response": 1,
        "api_bank_level2_response": 1,
    }
    for one in loaded.values():
        doc = one.test_docs()[0]
        assert one.process_results(doc, [doc["gold"]])["acc"] == 1.0


def test_missing_data_is_named(tmp_path, monkeypatch):
    clear()
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    why = registry()["api_bank"].missing()
    assert len(why) == 4 and all(reason.startswith("not scored: missing ") for reason in why.values())
    monkeypatch.delenv("BENCH_DATA")
    with pytest.raises(UserError, match=r"BENCH_DATA.*DAMO-ConvAI"):
        samples(1, "call")


@needs_data
def test_real_data(monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(REAL))
    clear()
    counts = {(level, kind): len(samples(level, kind)) for level in (1, 2) for kind in ("call", "response")}
    assert counts[2, "call"] == 135 and counts[2, "response"] == 103
    assert all(s.prompt() for level in (1, 2) for kind in ("call", "response") for s in samples(level, kind)[::5])
    assert "GetToday" in descriptions() and json.dumps(descriptions())
    assert 390 <= counts[1, "call"] < 399 and 365 <= counts[1, "response"] < 375
    for level in (1, 2):
        asked = samples(level, "call")
        assert Counter(judge_call(s, s.gold()).reason for s in asked) == {"right": len(asked)}
        foreign = [judge_call(s, asked[(n + 7) % len(asked)].gold()).score for n, s in enumerate(asked)]
        assert sum(foreign) < 0.1 * len(asked)
        assert all(judge_response(s, s.gold()).score == 1 for s in samples(level, "response"))
    clear()
