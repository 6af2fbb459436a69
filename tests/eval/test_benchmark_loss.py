"""Loss of the gold answers against the cross-entropy of transformers."""

from __future__ import annotations

import json
import shutil

import pytest

from eval.__main__ import main
from eval.benchmark_loss import benchmark_loss, bfcl_gold, golds
from eval.packed import PackedLM
from eval.tasks.bfcl.questions import questions
from eval.tasks.bfcl.scoring import judge
from records.errors import UserError


def test_gold_answers_are_right_and_end():
    for category in ("simple_python", "parallel_multiple", "live_simple"):
        for question in questions(category)[:40]:
            gold = bfcl_gold(question)
            assert gold.prompt == question.prompt() and gold.answer.endswith("]<|im_end|>")
            if category != "live_simple":
                assert judge(question, gold.answer.removesuffix("<|im_end|>")).right


def test_tasks_without_gold_are_left_out():
    choices = [("Q?", " A"), ("Q?", " B")]
    samples = {"mmlu_x": [{"arguments": choices, "target": "1"}], "words": [{"arguments": [("Q", {})], "target": "a"}]}
    found = golds({"bfcl_irrelevance": [0], "bfcl_multiple": [3], "mmlu_x": [0], "words": [0]}, samples)
    assert list(found) == ["bfcl_multiple", "mmlu_x"]
    assert (found["mmlu_x"][0].prompt, found["mmlu_x"][0].answer) == ("Q?", " B")


def test_loss_is_the_cross_entropy_of_the_answer_tokens_alone(three_models, tokenizer):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(three_models / "base", dtype=torch.float32)
    asked = golds({"bfcl_simple_python": [0, 1, 7], "bfcl_parallel": [2]}, {})
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
