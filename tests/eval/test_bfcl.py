"""Our path from answer to score against BFCL's own checker, and prompts against transformers."""

from __future__ import annotations

import copy
import json
import random
import sys
import time

import pytest

from eval.tasks.bfcl.gold import gold_calls
from eval.tasks.bfcl.official import MODEL, checker
from eval.tasks.bfcl.questions import CATEGORIES, LIVE, NON_LIVE, WITHOUT_GOLD, questions
from eval.tasks.bfcl.scoring import CHECKER_ERRORS, judge
from records.calls import Call, format_calls

AST = [category for category in CATEGORIES if category not in WITHOUT_GOLD]
NO_RIGHT_ANSWER = {"simple_java_36", "simple_java_65", "live_simple_106-63-0", "live_simple_112-68-0"}
NO_RIGHT_ANSWER |= {"live_multiple_862-181-3", "live_multiple_964-207-0"}
"""The checker reads elements of `ArrayList<any>` as strings, while the gold holds numbers and booleans; accepts nothing
for a required parameter; and knows a gold parameter that the function has not, or requires one that gold lacks."""


def official(question, calls: list[Call]) -> str:
    """BFCL's verdict on calls, straight from its checker: `right` or the error type."""
    from_wheel = checker()  # puts the wheel on the path
    from bfcl_eval.constants.enums import Language

    language = {"simple_java": Language.JAVA, "simple_javascript": Language.JAVASCRIPT}
    decoded = [{call.name: call.arguments} for call in calls]
    verdict = from_wheel(
        question.functions,
        decoded,
        question.gold,
        language.get(question.category, Language.PYTHON),
        question.category,
        MODEL,
    )
    return "right" if verdict["valid"] else verdict["error_type"]


@pytest.mark.parametrize("category", AST)
def test_gold_is_right(category):
    wrong = {q.id: judge(q, format_calls(gold_calls(q))).reason for q in questions(category)}
    assert {name for name, reason in wrong.items() if reason != "right"} == NO_RIGHT_ANSWER & set(wrong)


def test_counts_are_those_of_bfcl_v1_and_v2():
    counts = {category: len(questions(category)) for category in CATEGORIES}
    assert [counts[c] for c in NON_LIVE] == [400, 100, 50, 200, 200, 200, 240]
    assert [counts[c] for c in LIVE] == [258, 1053, 16, 24, 884, 16] and sum(counts[c] for c in LIVE) == 2251
    assert len({q.id for category in CATEGORIES for q in questions(category)}) == sum(counts.values()) == 1390 + 2251


def perturb(calls: list[Call], chance: random.Random) -> list[Call]:
    """Calls with one thing changed: a name, a value, an argument more or less, a call more or less, another order."""
    changed = copy.deepcopy(calls)
    call = chance.choice(changed)
    argument = chance.choice(sorted(call.arguments)) if call.arguments else "x"
    match chance.randrange(8):
        case 0:
            changed[changed.index(call)] = Call(call.name + chance.choice(["_", ".x", ""]), call.arguments)
        case 1:
            call.arguments[argument] = chance.choice([0, -1, 2.5, "", "text", None, True, [], [1, "a"], {}, {"a": [1]}])
        case 2:
            call.arguments.pop(argument, None)
        case 3:
            call.arguments["surplus"] = 1
        case 4:
            changed.append(call)
        case 5:
            changed.remove(call)
        case 6:
            chance.shuffle(changed)
        case 7:
            value = call.arguments.get(argument)
            call.arguments[argument] = value.upper() if isinstance(value, str) else [value]
    return changed


@pytest.mark.parametrize("category", AST)
def test_no_disagreement_with_the_official_checker(category):
    chance = random.Random(7)
    pool = [gold_calls(question) for question in questions(category)]
    seen = set()
    for question in questions(category):
        answers = [perturb(gold_calls(question), chance) for _ in range(6)] + [chance.choice(pool)]
        for calls in answers:
            verdict = judge(question, format_calls(calls))
            if not calls:
                assert (verdict.right, verdict.reason) == (False, "not_calls")
                continue
            try:
                expected = official(question, calls)
            except CHECKER_ERRORS as error:
                expected = f"checker_raised:{type(error).__name__}"
            assert (verdict.right, verdict.reason) == (expected == "right", expected)
            seen.add(expected)
    assert "right" in seen and len(seen) >= 3


def test_irrelevance_is_right_when_nothing_is_called():
    question = questions("irrelevance")[0]
    for answer in ("No function fits.", "", "[]", "[1]", "x" * 100_000):
        assert judge(question, answer).right
    verdict = judge(question, '[{"name": "f", "arguments": {}}]')
    assert not verdict.right and verdict.reason == "irrelevance_error:called"


MALFORMED = {
    "empty": ["", "  \n"],
    "too_long": ["[" + "1," * 50_000 + "1]", "a" * 100_000],
    "words": ["I cannot do that."],
    "bad_json": ["[" * 10_000, '{"a":' * 3_000, '[{"name": "f", "arguments": {"x": NaN}}]', "[f(x=1)]", "[1" * 3],
    "not_calls": ["[1, 2]", "{}", "[]", '[{"name": 1, "arguments": {}}]', '[{"name": "f", "arguments": [1]}]'],
}


@pytest.mark.parametrize(("reason", "answer"), [(r, a) for r, answers in MALFORMED.items() for a in answers])
def test_malformed_answers_are_wrong_under_a_name(reason, answer):
    started = time.monotonic()
    for category in AST:
        verdict = judge(questions(category)[0], answer)
        assert (verdict.right, verdict.reason) == (False, reason)
    assert time.monotonic() - started < 5


def test_python_in_an_answer_is_never_run(tmp_path):
    target = tmp_path / "written"
    code = f"__import__('pathlib').Path({str(target)!r}).touch()"
    for category in AST:
        question = questions(category)[0]
        name = question.functions[0]["name"]
        arguments = dict.fromkeys(question.functions[0]["parameters"]["properties"], code)
        for answer in (f"[{code}]", code, f"[{name}(x={code})]", format_calls([Call(name, arguments)])):
            assert not judge(question, answer).right
    assert not target.exists()


def test_values_the_checker_did_not_foresee_are_wrong():
    question = next(q for q in questions("simple_python") if q.functions[0]["name"] == "calculate_triangle_area")
    for value in ("1" + "0" * 400, "1e999", '{"a": {"b": []}}', "[[[[]]]]", '"\\ud800"', "null"):
        answer = f'[{{"name": "calculate_triangle_area", "arguments": {{"base": {value}, "height": {value}}}}}]'
        verdict = judge(question, answer)
        assert not verdict.right and verdict.reason != "right"


@pytest.mark.parametrize("category", CATEGORIES)
def test_prompts_are_those_of_the_chat_template(category, tokenizer):
    for question in questions(category)[:: max(1, len(questions(category)) // 25)]:
        rendered = tokenizer.apply_chat_template(
            question.messages, tools=question.tools(), tokenize=False, add_generation_prompt=True
        )
        assert question.prompt() == rendered
        assert tokenizer.decode(tokenizer.encode(rendered)) == rendered


def test_tools_keep_names_and_have_json_types():
    kinds = {"string", "integer", "number", "boolean", "array", "object"}

    def types(schema):
        if "type" in schema:
            yield schema["type"]
        for part in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
            yield from types(part)

    for category in CATEGORIES:
        for question in questions(category):
            before = copy.deepcopy(question.functions)
            for tool, function in zip(question.tools(), question.functions, strict=True):
                assert tool["function"]["name"] == function["name"]
                assert tool["function"]["parameters"].get("required") == function["parameters"].get("required")
                assert set(types(tool["function"]["parameters"])) <= kinds
            assert question.functions == before, "the checker needs BFCL's own types"
    java = next(q for q in questions("simple_java") if "ArrayList" in json.dumps(q.functions))
    assert "This is Java ArrayList type parameter in string representation. The list elements are" in java.prompt()


def test_java_and_javascript_hints_are_those_of_bfcl_eval():
    """bfcl_eval writes the hints; its function is read from the wheel's source, as its module needs its own pins."""
    import ast
    import zipfile

    from records.assets import asset

    with zipfile.ZipFile(asset("bfcl-eval").path) as wheel:
        tree = ast.parse(wheel.read("bfcl_eval/utils.py"))
    wanted = {"_func_doc_language_specific_pre_processing", "_get_language_specific_hint", "is_java", "is_js"}
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    names: dict = {"json": json}
    exec(compile(tree, "bfcl_eval/utils.py", "exec"), names)
    for category in ("simple_java", "simple_javascript"):
        for question in questions(category):
            theirs = names["_func_doc_language_specific_pre_processing"](copy.deepcopy(question.functions), category)
            for ours, official_function in zip(question.tools(), theirs, strict=True):
                assert ours["function"]["parameters"]["properties"] == official_function["parameters"]["properties"]


def test_the_tasks_work_with_lm_eval_alone(three_models, tmp_path):
    """The command of the READMEs for every group, from another folder, with nothing set but where the data lie."""
    import os
    import subprocess
    from pathlib import Path

    from records.recipe import ROOT

    data = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
    groups = ["bfcl_v3"]  # version 2 is part of it, and lm-eval asks no task twice
    if data.is_dir():
        groups += ["api_bench", "api_bank_calls", "api_bank_responses", "nexus_toolalpaca", "agentbench_db"]
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "BENCH_DATA")}
    env |= {"HF_HUB_OFFLINE": "1", **({"BENCH_DATA": str(data)} if data.is_dir() else {})}
    command = [str(Path(sys.executable).with_name("lm_eval")), "--include_path", str(ROOT / "eval" / "tasks")]
    command += ["--tasks", ",".join(groups), "--model", "hf", "--device", "cpu", "--limit", "1"]
    command += ["--model_args", f"pretrained={three_models / 'base'}", "--gen_kwargs", "max_gen_toks=4"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = {line.split("|")[1].strip(" -") for line in done.stdout.splitlines() if line.count("|") > 5}
    assert rows >= {*groups, "bfcl_live_multiple", "bfcl_multi_turn_base"}, done.stdout


def test_samples_of_malformed_answers_can_be_written():
    from eval.tasks.bfcl.scoring import describe_answer

    question = questions("simple_python")[0]
    for value in ("[" * 700 + "]" * 700, "1e999", '"\\ud800"', '{"a": ' * 400 + "1" + "}" * 400):
        answer = f'[{{"name": "calculate_triangle_area", "arguments": {{"base": {value}, "height": 5}}}}]'
        assert not judge(question, answer).right
        assert json.dumps(describe_answer("simple_python", question.id, answer), allow_nan=False)
