"""API-Bench: the authors' verdict on gold, foreign, perturbed and malformed answers."""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from eval.bench_data import bench_folder
from eval.tasks.api_bench.questions import HUBS, Question, database, question_text, questions
from eval.tasks.api_bench.scoring import judge, match, reference, references, written_call
from records.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
needs_data = pytest.mark.skipif(not (REAL / "api_bench").is_dir(), reason=f"{REAL}/api_bench is absent")


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(REAL))
    for cached in (questions, database, references):
        cached.cache_clear()


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Made-up hubs in the authors' form."""
    folder = tmp_path / "api_bench"
    folder.mkdir()
    apis = [
        {"domain": "Vision", "api_call": "Net.from_pretrained('org/see')"},
        {"domain": "Text", "api_call": "Net.from_pretrained('org/read')"},
        {"domain": "Text", "api_call": "pipeline('summary', model='org/short')"},
    ]
    hub_apis = [
        {"domain": "Classification", "api_call": "torch.hub.load(repo_or_dir='a/b', model='m', pretrained=True)"}
    ]
    for hub, part in HUBS.items():
        rows = hub_apis if hub == "torchhub" else apis
        (folder / part.database).write_text("\n".join(json.dumps(row) for row in rows))
        asked = [
            {
                "code": f'###Instruction: Do "{n}"\n\n###Input: x\n###Output: <<<api_call>>>: {row["api_call"]}\n',
                "api_call": row["api_call"],
                "provider": "p",
                "api_data": row,
            }
            for n, row in enumerate(rows)
        ]
        (folder / part.questions).write_text("\n".join(json.dumps(row) for row in asked))
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    for cached in (questions, database, references):
        cached.cache_clear()
    yield tmp_path
    for cached in (questions, database, references):
        cached.cache_clear()


def answer(call: str) -> str:
    return f"<<<domain>>> d, <<<api_call>>>: {call}, <<<api_provider>>>: p, <<<explanation>>>: e, <<<code>>>: {call}"


def test_gold_is_right_and_foreign_wrong(made):
    asked = questions("huggingface")
    assert [judge(q, answer(q.api_call)).reason for q in asked] == ["right"] * 3
    assert judge(asked[0], answer(asked[1].api_call)).reason == "wrong_domain"
    assert judge(asked[1], answer(asked[2].api_call)).reason == "right", "same domain: the authors compare domains"
    unknown = judge(asked[0], answer("Net.from_pretrained('org/none')"))
    assert (unknown.right, unknown.hallucinated, unknown.reason) == (False, True, "hallucination")
    assert judge(questions("torchhub")[0], "torch.hub.load(repo_or_dir='a/b', model='m')").reason == "no_api_call"
    assert judge(questions("torchhub")[0], answer("torch.hub.load('a/b', 'm', force=True)")).reason == "right"


def test_question_text_is_escaped_as_in_the_authors_files(made):
    assert questions("tensorflow")[0].text == ' Do \\"0\\"\\n###Input: x\\n'


BAD = {
    "empty": "",
    "blanks": " \n\t",
    "long": "x" * 200_000,
    "long_inside": "api_call: " + "f(" * 45_000,
    "nested": "api_call: " + "[" * 40_000 + "]" * 40_000,
    "attributes": "api_call: " + "a." * 45_000 + "b('org/see')",
    "surrogate": "api_call: Net.from_pretrained('\ud800')",
    "nul": "api_call: \x00\x00(\x00)",
    "nan": "NaN",
    "code": "api_call: __import__('os').system('touch /tmp/api_bench_was_run')",
    "half": "<<<api_call>>>: Net.from_pretrained('org",
    "marks": "api_call" * 1000,
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("hub", HUBS)
def test_malformed_answers_are_wrong_under_a_reason(made, name, hub):
    verdict = judge(questions(hub)[0], BAD[name])
    assert not verdict.right
    assert verdict.reason in {"empty", "too_long", "no_api_call", "hallucination", "wrong_domain"}
    assert not Path("/tmp/api_bench_was_run").exists()


def test_missing_data_names_both_ways(tmp_path, monkeypatch):
    questions.cache_clear()
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"api_bench/torchhub_eval.json is missing.*BENCH_DATA.*hf download"):
        questions("torchhub")
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "none"))
    with pytest.raises(UserError, match="not a folder"):
        bench_folder()


def test_spoilt_rows_are_named(made):
    questions.cache_clear()
    path = made / "api_bench" / "torchhub_eval.json"
    path.write_text('{"code": 3}\n')
    with pytest.raises(UserError, match=r"torchhub_eval.json, line 1"):
        questions("torchhub")
    path.write_text("{\n")
    with pytest.raises(UserError, match=r"line 1: not JSON"):
        questions("torchhub")


def test_lm_eval_runs_the_group_by_itself(made, tmp_path):
    command = [sys.executable, "-m", "lm_eval", "--model", "dummy", "--include_path", "eval/tasks"]
    command += ["--tasks", "api_bench", "--output_path", str(tmp_path / "out"), "--log_samples"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "api_bench_torchhub" in ran.stdout and "hallucination" in ran.stdout


@needs_data
def test_prompts_hold_the_authors_question_lines(real):
    for hub, file in (("huggingface", "huggingface"), ("tensorflow", "tensorflowhub"), ("torchhub", "torchhub")):
        asked = questions(hub)
        lines = (REAL / "api_bench" / "questions" / f"{file}_0_shot.jsonl").read_text().splitlines()
        theirs = {row["question_id"]: row["text"] for row in map(json.loads, lines)}
        assert {n: asked[n - 1].text for n in theirs} == theirs


@needs_data
def test_gold_calls_of_the_real_data(real):
    """What the authors' rules give to each question's own call: the ceiling that the README names."""
    counts = {}
    for hub in HUBS:
        asked = questions(hub)
        counts[hub] = (sum(judge(q, answer(q.api_call)).right for q in asked), len(asked))
    assert counts == {"huggingface": (868, 911), "tensorflow": (661, 688), "torchhub": (186, 186)}


def by_python(call: str, hub: str) -> str | None:
    """The authors' match with Python's parser instead of tree-sitter, on answers that are one plain call."""
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    name = ast.get_source_segment(call, node.func)
    for row in database(hub):
        try:
            known = ast.parse(row["api_call"].rstrip("."), mode="eval").body
        except SyntaxError:
            continue
        if not isinstance(known, ast.Call) or ast.unparse(known.func) != name:
            continue
        source = row["api_call"]
        parts = [ast.get_source_segment(source, part) for part in known.args]
        named = [
            (part.arg, ast.get_source_segment(source, part.value), ast.get_source_segment(source, part))
            for part in known.keywords
        ]
        if hub == "torchhub":
            wanted = [value for arg, value, whole in named if "repo_or_dir" in whole or "model" in whole]
        elif hub == "tensorflow":
            wanted = parts + [
                value if "model=" in whole or "model =" in whole else whole for arg, value, whole in named
            ]
        else:
            wanted = parts + [value for _, value, _ in named]
        if wanted and all(text.lstrip("'").rstrip("'") in call for text in wanted):
            return row["api_call"]
    return None


@needs_data
@pytest.mark.parametrize("hub", HUBS)
def test_perturbed_calls_match_as_an_independent_reading_does(real, hub):
    draw = random.Random(7)
    rows = [row["api_call"] for row in database(hub)]
    disagreements, compared = [], Counter()
    for _ in range(700):
        call = draw.choice(rows)
        kind = draw.choice(["same", "argument", "letter", "swap", "name"])
        if kind == "argument":
            call = call[:-1] + ", device=0)"
        elif kind == "letter":
            place = draw.randrange(len(call))
            call = call[:place] + draw.choice("xyz_/") + call[place + 1 :]
        elif kind == "swap":
            call = call.split("(")[0] + "(" + "(".join(draw.choice(rows).split("(")[1:])
        elif kind == "name":
            call = draw.choice(rows).split("(")[0] + "(" + "(".join(call.split("(")[1:])
        try:
            tree = ast.parse(call, mode="eval").body
        except SyntaxError:
            continue
        # Nested calls and names with no reference follow the walk's order, which this reading does not have.
        if sum(isinstance(n, (ast.Call, ast.Attribute)) for n in ast.walk(tree)) > call.split("(")[0].count(".") + 1:
            continue
        names = {item.name for item in references(hub)}
        if not isinstance(tree, ast.Call) or ast.get_source_segment(call, tree.func).encode() not in names:
            continue
        expected = by_python(call, hub)
        found = match(call, references(hub))
        same_name = found is None or found.name == ast.get_source_segment(call, tree.func).encode()
        if not same_name:
            continue  # the quirk: another name, looked for in the last sub-tree
        compared[kind] += 1
        if (found.api_call if found else None) != expected:
            disagreements.append((call, expected, found))
    assert not disagreements
    assert sum(compared.values()) > 200


def test_written_call_cuts_as_the_authors_do():
    assert written_call("a, <<<api_call>>>: f(x), <<<api_provider>>>: p", "torchhub") == "f(x)"
    assert written_call("'api_call': 'm = f(x)', 'api_provider'", "torchhub") == "'m = f(x)"
    assert written_call("f(x)", "huggingface") == "f(x)" and written_call("f(x)", "torchhub") is None


def test_reference_arguments_follow_the_hubs_script():
    row = {"api_call": "torch.hub.load(repo_or_dir='a/b', model='m', pretrained=True)", "domain": "d"}
    assert reference(row, "torchhub").arguments == ("a/b", "m")
    assert reference(row, "huggingface").arguments == ("a/b", "m", "True")
    assert reference({"api_call": "pipeline", "domain": "d"}, "huggingface") is None
    assert question_text("nothing of the form") == "nothing of the form"
    assert Question("1", "torchhub", "t", "", "f(x)", "d").prompt().count("Write a python program") == 1


def test_every_benchmark_names_what_is_missing_without_data(monkeypatch):
    """No BENCH_DATA and no Hub: nothing stops, every task of ours says why it is not scored."""
    from eval import bench_data
    from eval.benchmarks import registry

    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    bench_data.hub_answers.cache_clear()
    bench_data._from_hub.cache_clear()
    for name in ("nexus", "api_bank", "api_bench", "agentbench", "mmlu"):
        entry = registry()[name]
        why = entry.missing()
        assert set(why) == set(entry.tasks), name
        for text in why.values():
            assert text.startswith("not scored: missing ")
            assert "BENCH_DATA" in text or "set AGENTBENCH_SERVER" in text
    bench_data.hub_answers.cache_clear()
    bench_data._from_hub.cache_clear()
