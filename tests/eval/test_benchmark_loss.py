"""Loss of the gold answers against the cross-entropy of transformers."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from eval.__main__ import main
from eval.benchmark_loss import benchmark_loss, golds
from eval.benchmarks import TASKS, registry
from eval.packed import PackedLM
from eval.tasks.bfcl.gold import gold_calls
from eval.tasks.bfcl.multi_turn_entries import entries
from eval.tasks.bfcl.multi_turn_episode import judge_transcript
from eval.tasks.bfcl.questions import questions
from eval.tasks.bfcl.scoring import judge
from records.calls import calls_message, render_chat
from records.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
needs_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is absent")


BFCL = [registry()["bfcl_v3"]]
END = "<|im_end|>"


def test_gold_answers_are_right_and_end():
    for category in ("simple_python", "parallel_multiple", "live_simple"):
        asked = questions(category)[:40]
        found = golds(BFCL, {f"bfcl_{category}": range(40)}, {})[f"bfcl_{category}"]
        for question, gold in zip(asked, found, strict=True):
            assert gold.prompt == question.prompt() and gold.answer.endswith(f"]{END}")
            if category != "live_simple":
                assert judge(question, gold.answer.removesuffix(END)).right


def test_gold_answers_are_as_the_chat_template_writes_them():
    question = questions("parallel")[3]
    (gold,) = golds(BFCL, {"bfcl_parallel": [3]}, {})["bfcl_parallel"]
    whole = render_chat([*question.messages, calls_message(gold_calls(question))], question.tools())
    assert gold.prompt + gold.answer + "\n" == whole


def test_gold_of_a_conversation_is_right_turn_by_turn():
    """Played as a model's answers, the gold answers of a conversation are right by the official checker."""
    for category in ("multi_turn_base", "multi_turn_miss_func"):
        entry = entries(category)[1]
        texts = [
            gold.answer.removesuffix(END) for gold in golds(BFCL, {f"bfcl_{category}": [1]}, {})[f"bfcl_{category}"]
        ]
        with_calls = [turn for turn in entry.gold if turn]
        assert len(texts) == len(with_calls)
        turns = [[texts.pop(0), "Done."] if turn else ["Done."] for turn in entry.gold]
        assert judge_transcript(entry, {"ended": "ended", "turns": turns}) == (True, "right")


def test_tasks_without_gold_are_left_out():
    choices = [("Q?", " A"), ("Q?", " B")]
    samples = {"mmlu_x": [{"arguments": choices, "target": "1"}], "words": [{"arguments": [("Q", {})], "target": "a"}]}
    found = golds(BFCL, {"bfcl_irrelevance": [0], "bfcl_multiple": [3], "mmlu_x": [0], "words": [0]}, samples)
    assert list(found) == ["bfcl_multiple", "mmlu_x"]
    assert (found["mmlu_x"][0].prompt, found["mmlu_x"][0].answer) == ("Q?", " B")


@needs_data
def test_every_benchmark_with_data_has_gold_answers_that_its_scorer_accepts(monkeypatch):
    """By task of the real data: gold answers, ended, and right by the task's own scorer where they end a question."""
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("BENCH_DATA", str(REAL))
    manager = TaskManager(include_path=str(TASKS), include_defaults=False)
    for name in ("nexus", "api_bank", "api_bench", "agentbench"):
        entry = registry()[name]
        tasks = [task for task in entry.tasks if task not in entry.missing()]
        assert len(tasks) >= 2
        for task in tasks:
            first = range(min(4, len(entry.ids(task))))
            found = golds([entry], {task: first}, {}).get(task, [])
            assert all(gold.prompt and gold.answer.endswith(END) for gold in found)
            if name == "agentbench":
                assert found or task == "agentbench_os"
                continue
            loaded = manager.load([task])["tasks"][task]
            scores = [
                loaded.process_results(doc, [gold.answer.removesuffix(END)])["acc"]
                for doc, gold in zip(loaded.test_docs(), found, strict=False)
            ]
            assert len(found) == 4 and sum(scores) >= 3, (task, scores)


def test_loss_is_the_cross_entropy_of_the_answer_tokens_alone(three_models, tokenizer):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(three_models / "base", dtype=torch.float32)
    asked = golds(BFCL, {"bfcl_simple_python": [0, 1, 7], "bfcl_parallel": [2]}, {})
    found = benchmark_loss(PackedLM(three_models / "base", 2), asked)
    for task, rows in asked.items():
        nats, tokens = 0.0, 0
        for gold in rows:
            prompt, answer = tokenizer.encode(gold.prompt), tokenizer.encode(gold.answer)
            labels = torch.tensor([[-100] * len(prompt) + answer])
            with torch.inference_mode():
                nats += float(model(torch.tensor([prompt + answer]), labels=labels).loss) * len(answer)
            tokens += len(answer)
        size = sum(len(gold.answer.encode()) for gold in rows)
        assert (found[task]["tokens"], found[task]["bytes"], found[task]["n"]) == (tokens, size, len(rows))
        assert found[task]["nats_per_token"] == pytest.approx(nats / tokens, rel=1e-5)
        assert found[task]["nats_per_byte"] == pytest.approx(nats / size, rel=1e-5)


def test_the_command_writes_it_beside_the_scores(three_models, tmp_path, tiny_recipe):
    shutil.copytree(three_models, tmp_path / "build" / "tiny" / "models")
    recipe = str(tiny_recipe())
    folder = tmp_path / "build" / "tiny" / "models" / "base"
    results = tmp_path / "build" / "tiny" / "eval" / "base" / "results.json"
    assert main(["--recipe", recipe, "--model", str(folder)]) == 0
    assert "benchmark_loss" not in json.loads(results.read_text())["record"]
    assert main(["--recipe", recipe, "--model", str(folder), "--benchmark-loss"]) == 0
    record = json.loads(results.read_text())["record"]
    assert record["benchmark_loss"]["bfcl_simple_python"]["n"] == 5
    assert "bfcl_irrelevance" not in record["benchmark_loss"]


def test_an_endpoint_is_refused_before_anything_is_asked(tiny_recipe):
    command = ["--recipe", str(tiny_recipe()), "--model", "http://127.0.0.1:9/v1#m", "--benchmark-loss"]
    with pytest.raises(UserError, match="an endpoint gives no likelihoods"):
        main(command)
