"""Malformed outputs of a model, for every task: wrong under a named reason, and nothing is harmed or run.

MMLU alone has none: it compares log-likelihoods. What a task's own tests try beside is in their files.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eval.multi_turn import run_episodes
from eval.tasks.agentbench import db, os_questions
from eval.tasks.agentbench.db import DatabaseEpisode
from eval.tasks.agentbench.os_episode import ShellEpisode
from eval.tasks.agentbench.os_machine import require_machine
from eval.tasks.api_bank import samples as api_bank_samples
from eval.tasks.api_bench import questions as api_bench_questions
from eval.tasks.bfcl import multi_turn_task
from eval.tasks.bfcl import task as bfcl_task
from eval.tasks.bfcl.multi_turn_entries import MULTI_TURN, entries
from eval.tasks.bfcl.multi_turn_episode import BfclEpisode
from eval.tasks.bfcl.questions import CATEGORIES, questions
from eval.tasks.nexus import questions as nexus_questions
from records.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
SECONDS = 20.0
"""Most that judging all outputs may take; a loaded machine needs a few."""

Judge = Callable[[str], dict]


def outputs(target: Path) -> dict[str, str]:
    """Malformed outputs by name; the code would create `target`."""
    code = f"__import__('pathlib').Path({str(target)!r}).touch()"
    call = '[{{"name": "{name}", "arguments": {arguments}}}]'
    return {
        "empty": "",
        "blank": " \n\t ",
        "100k characters": "x" * 100_000,
        "100k brackets": "[" * 100_000,
        "deep nesting": call.format(name="f", arguments='{"a": ' * 5_000 + "1" + "}" * 5_000),
        "deep Python": "f(" * 3_000 + ")" * 3_000,
        "NaN": call.format(name="f", arguments='{"a": NaN}'),
        "infinity": call.format(name="f", arguments='{"a": 1e999}'),
        "long number": call.format(name="f", arguments='{"a": ' + "9" * 10_000 + "}"),
        "invalid UTF-8": b"\xff\xfe[\xf0\x28".decode("utf-8", "surrogateescape"),
        "half a pair": call.format(name="f", arguments='{"a": "\\ud800"}') + "\ud800",
        "zero bytes": "\x00[\x00]",
        "code": code,
        "code in a list": f"[{code}]",
        "code in a fence": f"```python\n{code}\n```",
        "code as a value": f"f(a={code})",
        "code as a name": call.format(name=code.replace("'", "\\u0027"), arguments="{}"),
        "code as an action": f"Action: Operation\n```sql\nATTACH DATABASE '{target}' AS x\n```\n",
        "code as an answer": f"Action: Answer\nFinal Answer: [{code}]",
        "shell outside": f"Act: bash\n\n```bash\ntouch {target}; exit 1\n```",
        "code as an API": f"<<<api_call>>>: {code}, <<<api_provider>>>: x",
    }


def episode_judge(start: Callable[[], object], process: Callable[[dict, list[str]], dict], doc: dict) -> Judge:
    """The same output at every step of a conversation, then the task's verdict on its transcript."""

    def judged(output: str) -> dict:
        class Same:
            def generate_until(self, requests):
                return [output] * len(requests)

        (transcript,) = run_episodes(Same(), [start()], [{}])
        return process(doc, [json.dumps(transcript, ensure_ascii=True)])

    return judged


def bfcl_judges() -> Iterator[tuple[str, Judge]]:
    for category in CATEGORIES:
        if not category.endswith("relevance"):  # there the official checker asks only whether anything is called
            doc = {"category": category, "id": questions(category)[0].id}
            yield f"bfcl_{category}", lambda output, doc=doc: bfcl_task.process_results(doc, [output])
    for category in MULTI_TURN:
        entry = entries(category)[0]
        doc = {"category": category, "id": entry.id}
        start = lambda entry=entry: BfclEpisode(entry)  # noqa: E731
        yield f"bfcl_{category}", episode_judge(start, multi_turn_task.process_results, doc)


def data_judges() -> Iterator[tuple[str, Judge]]:
    from eval.tasks.agentbench.task import process_results as agentbench
    from eval.tasks.api_bank.task import process_call, process_response
    from eval.tasks.api_bench.task import process_results as api_bench
    from eval.tasks.nexus.task import process_results as nexus

    for hub in api_bench_questions.HUBS:
        doc = {"hub": hub, "id": api_bench_questions.questions(hub)[0].id}
        yield f"api_bench_{hub}", lambda output, doc=doc: api_bench(doc, [output])
    for level in (1, 2):
        for kind, process in (("call", process_call), ("response", process_response)):
            doc = {"level": level, "id": api_bank_samples.samples(level, kind)[0].id}
            yield f"api_bank_{level}_{kind}", lambda output, doc=doc, process=process: process(doc, [output])
    for name in ("toolalpaca", "toolllm"):
        doc = {"set": name, "id": nexus_questions.questions(name)[0].id}
        yield f"nexus_{name}", lambda output, doc=doc: nexus(doc, [output])
    for kind in ("SELECT", "INSERT", "UPDATE"):
        question = db.of_kind(kind)[0]
        doc = {"id": question.id, "task": f"agentbench_db_{kind.lower()}"}
        start = lambda question=question: DatabaseEpisode(question)  # noqa: E731
        yield doc["task"], episode_judge(start, agentbench, doc)
    try:
        require_machine()
    except UserError:
        return
    shell = os_questions.questions()[0]
    doc = {"id": shell.id, "task": "agentbench_os"}
    yield doc["task"], episode_judge(lambda: ShellEpisode(shell), agentbench, doc)


def require_harmless(task: str, judge: Judge, target: Path) -> None:
    started = time.monotonic()
    for name, output in outputs(target).items():
        verdict = judge(output)
        most = 0.3 if task.endswith("response") else 0.0  # ROUGE-L gives a share for any word in common
        assert verdict["acc"] <= most, (task, name, verdict)
        assert isinstance(verdict["reason"], str) and verdict["reason"] not in ("", "right"), (task, name)
        assert not target.exists(), (task, name)
    assert time.monotonic() - started < SECONDS, task


@pytest.mark.parametrize(
    "task", [f"bfcl_{name}" for name in (*CATEGORIES, *MULTI_TURN) if not name.endswith("relevance")]
)
def test_bfcl(task, tmp_path):
    require_harmless(task, dict(bfcl_judges())[task], tmp_path / "written")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is absent")
def test_benchmarks_with_data_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(REAL))
    cached = (
        *(api_bench_questions.questions, api_bench_questions.by_id, api_bank_samples.samples, api_bank_samples.by_id),
        *(api_bank_samples.descriptions, nexus_questions.questions, nexus_questions.by_id),
        *(db.questions, db.by_id, os_questions._read, os_questions.by_id),
    )
    for one in cached:
        one.cache_clear()
    judges = dict(data_judges())
    assert len(judges) >= 12
    for task, judge in judges.items():
        require_harmless(task, judge, tmp_path / "written")
    for one in cached:
        one.cache_clear()
