"""Nexus: exact call match with positions and defaults resolved, on made-up functions and on the real queries."""

from __future__ import annotations

import inspect
import json
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from eval.tasks.nexus.benchmark import missing
from eval.tasks.nexus.definitions import REQUIRED, Definition, definitions
from eval.tasks.nexus.questions import questions
from eval.tasks.nexus.scoring import bind, judge
from records.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
needs_data = pytest.mark.skipif(not (REAL / "nexus").is_dir(), reason=f"{REAL}/nexus is absent")


@pytest.fixture
def made(tmp_path, monkeypatch):
    folder = tmp_path / "nexus"
    folder.mkdir()
    part = {"description": ""}
    rows = [
        {
            "dataset": "virustotal",
            "name": "report",
            "description": "Report of a host.",
            "args_dicts": [
                {"name": "limit", "type": "int", "required": False, "default": "10", **part},
                {"name": "host", "type": "str", "required": True, "default": "None", **part},
                {"name": "tags", "type": "list", "required": False, "default": 'JSON:["a"]', **part},
            ],
        },
        {"dataset": "virustotal", "name": "vote", "description": "Vote.", "args_dicts": []},
    ]
    (folder / "standardized_api_list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    query = {"query": "Tell me of h.", "reference": "report(host='h', limit=10)"}
    (folder / "virustotal_queries.json").write_text(json.dumps([query]))
    source = (
        'def searchCVE():\n    """Search.\n\n    Args:\n        word: what\n        limit (int): how many\n    """\n'
    )
    (folder / "cve_cpe_function_definitions.py").write_text(source)
    nvd = {"query": "Find x.", "reference": "r = nvdlib.searchCVE(word = 'x', limit=2.0)"}
    (folder / "cve_cpe_queries.json").write_text(json.dumps([nvd]))
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    questions.cache_clear()
    yield folder
    questions.cache_clear()


CASES = {
    "report('h')": "right",
    "report(host='h')": "right",
    "report('h', 10, ['a'])": "right",
    "report('h', tags=['a'], limit=10.7)": "right",
    '[{"name": "report", "arguments": {"host": "h"}}]': "right",
    "Thought: x\nInitial Answer: report(host='h')\nReflection: y": "right",
    "```python\nreport(tags=['a'], host='h')\n```": "right",
    "report('h', 11)": "wrong_arguments",
    "report('h', host='h')": "bad_arguments",
    "report()": "bad_arguments",
    "report('h', 1, [], 4)": "bad_arguments",
    "report('h', other=1)": "bad_arguments",
    "vote()": "wrong_function",
    "remove('h')": "unknown_function",
    "report('h'); report('h')": "no_call",
    '[{"name": "report", "arguments": {}}, {"name": "report", "arguments": {}}]': "more_calls",
    "report(host=__import__('os').system('touch /tmp/nexus_was_run'))": "no_call",
    "report(**{'host': 'h'})": "no_call",
    "os.system('touch /tmp/nexus_was_run')": "no_call",
    "report(host='h', limit=1e999)": "no_call",
    '{"name": "report", "arguments": {"host": "h", "limit": NaN}}': "no_call",
    "report(" * 2_000: "no_call",
    "report(host=" + "[" * 5_000 + "]" * 5_000 + ")": "no_call",
    "-" * 15_000: "no_call",
    "": "empty",
    "x" * 100_000: "too_long",
    "\x00\ud800": "no_call",
}


@pytest.mark.parametrize("answer", CASES)
def test_answers(made, answer):
    verdict = judge(questions("virustotal")[0], answer)
    assert verdict.reason == CASES[answer]
    assert verdict.right == (verdict.reason == "right")
    assert not Path("/tmp/nexus_was_run").exists()


def test_definitions_of_both_forms(made):
    report = definitions("virustotal")["report"]
    assert report.parameters == (("host", "str", REQUIRED), ("limit", "int", 10), ("tags", "list", ["a"]))
    assert report.tool()["function"]["parameters"]["required"] == ["host"]
    assert definitions("cve_cpe")["searchCVE"].parameters == (("word", "None", None), ("limit", "None", None))
    assert judge(questions("cve_cpe")[0], "searchCVE(limit=2, word='x')").right


def test_binding_is_pythons_own():
    draw = random.Random(3)

    def real(a, b, c=3, d=None):
        """Made."""

    made_up = Definition(
        "real", "", (("a", "int", REQUIRED), ("b", "int", REQUIRED), ("c", "int", 3), ("d", "int", None))
    )
    outcomes = Counter()
    for _ in range(2_000):
        positional = [draw.randrange(9) for _ in range(draw.randrange(6))]
        named = {name: draw.randrange(9) for name in "abcde" if draw.random() < 0.3}
        try:
            bound = inspect.signature(real).bind(*positional, **named)
            bound.apply_defaults()
            expected = dict(bound.arguments)
        except TypeError:
            expected = None
        assert bind(made_up, positional, named) == expected
        outcomes[expected is None] += 1
    assert min(outcomes.values()) > 100


def test_missing_parts_are_named(tmp_path, monkeypatch, made):
    why = missing()
    assert "function definitions (emailrep)" in why["nexus_emailrep"] or "emailrep_queries" in why["nexus_emailrep"]
    assert "nexus_virustotal" not in why and "nexus_cve_cpe" not in why
    (made / "standardized_api_list.jsonl").write_text("{}\n")
    with pytest.raises(UserError, match=r"standardized_api_list\.jsonl, line 1"):
        definitions("virustotal")
    (made / "cve_cpe_queries.json").write_text("[1]")
    questions.cache_clear()
    (made / "standardized_api_list.jsonl").unlink()
    with pytest.raises(UserError, match=r"cve_cpe_queries\.json"):
        questions("cve_cpe")


@needs_data
def test_real_queries_with_definitions(monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(REAL))
    questions.cache_clear()
    assert {name for name in missing()} == {"nexus_cve_cpe", "nexus_emailrep", "nexus_virustotal"}
    assert all("function definitions" in why for why in missing().values())
    for name, count in (("toolalpaca", 51), ("toolllm", 21)):
        asked = questions(name)
        assert len(asked) == count
        reasons = Counter(judge(q, q.reference).reason for q in asked)
        foreign = [judge(q, asked[(n + 5) % count].reference).right for n, q in enumerate(asked)]
        print(name, reasons)
        assert reasons["right"] == count
        assert sum(foreign) == 0
        assert all(q.prompt() for q in asked)
    questions.cache_clear()
