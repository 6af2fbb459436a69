"""AgentBench DB: episodes, table hashes, answers, and what SQL of a model may not do."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from eval.multi_turn import run_episodes
from eval.tasks.agentbench.database import SqliteTable, mysql_strings, table_hash
from eval.tasks.agentbench.db import CHANGES, DatabaseEpisode, by_id, of_kind, questions, same_answer
from records.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
needs_data = pytest.mark.skipif(not (REAL / "agentbench").is_dir(), reason=f"{REAL}/agentbench is absent")
TABLE = {
    "columns": [{"name": "Name", "type": "TEXT"}, {"name": "Age", "type": "INT"}],
    "rows": [["Ann", "3"], ["Bob", None]],
}


@pytest.fixture
def made(tmp_path, monkeypatch):
    folder = tmp_path / "agentbench" / "dbbench"
    folder.mkdir(parents=True)
    shared = {"add_description": "The table is people.", "table": {"table_name": "people", "table_info": TABLE}}
    state = f"[('{table_hash([('Ann', '3'), ('Bob', None), ('Cy', '7')])}',)]"
    rows = [
        {"description": "Who is 3?", "type": ["other"], "label": ["Ann"], "sql": {"query": "SELECT 1"}, **shared},
        {
            "description": "Add Cy.",
            "type": ["INSERT"],
            "label": ["INSERT INTO people VALUES ('Cy', 7)"],
            "answer_md5": state,
            **shared,
        },
        {
            "description": "Change.",
            "type": ["UPDATE"],
            "label": ["UPDATE people SET Age = 1"],
            "answer_md5": "x",
            **shared,
        },
    ]
    (folder / "standard.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    questions.cache_clear()
    by_id.cache_clear()
    yield folder
    questions.cache_clear()
    by_id.cache_clear()


def sql(statement: str) -> str:
    return f"I think.\nAction: Operation\n```sql\n{statement}\n```"


def play(number: int, *answers: str) -> DatabaseEpisode:
    episode = DatabaseEpisode(questions()[number])
    for answer in answers:
        assert episode.step() is not None
        episode.take(answer)
    return episode


def test_question_is_answered_after_a_look(made):
    episode = play(0, sql("SELECT Name FROM people WHERE Age = 3"), 'Action: Answer\nFinal Answer: ["Ann"]')
    assert episode.messages[-2]["content"] == "[('Ann',)]"
    assert (episode.right, episode.reason, episode.step()) == (True, "right", None)


def test_change_is_judged_by_the_table(made):
    assert play(1, sql("INSERT INTO people VALUES ('Cy', 7)"), "Action: Answer\nFinal Answer: done").right
    assert (
        play(1, sql("INSERT INTO people VALUES ('Cy', 8)"), "Action: Answer\nFinal Answer: done").reason
        == "wrong_state"
    )
    assert play(1, "Action: Answer\nFinal Answer: done").reason == "wrong_state"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "no_final_answer"),
        ("Action: Operation\nSELECT 1", "no_sql_block"),
        ("Action: Answer\nFinal Answer: __import__('os').system('touch /tmp/db_was_run')", "wrong_answer"),
        ("Action: Answer\nFinal Answer: " + "[" * 9_000, "wrong_answer"),
        ("Action: Answer\nFinal Answer: nan", "wrong_answer"),
        ("x" * 100_000, "too_long"),
        ("\ud800\x00", "no_final_answer"),
    ],
)
def test_malformed_answers_end_under_a_reason(made, answer, reason):
    assert play(0, answer).reason == reason
    assert not Path("/tmp/db_was_run").exists()


def test_endless_operating_meets_the_round_limit(made):
    assert play(0, *[sql("SELECT 1")] * 6).reason == "round_limit"


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH DATABASE '{file}' AS other",
        "VACUUM INTO '{file}'",
        "PRAGMA journal_mode",
        "SELECT load_extension('{file}')",
        "SELECT writefile('{file}', 'x')",
        "DROP TABLE people; DROP TABLE people",
        "not sql",
        "",
    ],
)
def test_statements_reach_nothing_but_the_table(tmp_path, statement):
    table = SqliteTable("people", ["Name"], [["Ann"]])
    table.execute(statement.replace("{file}", str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()
    assert table.execute("SELECT Name FROM people") == "[('Ann',)]"


@pytest.mark.parametrize(
    "statement",
    [
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
        "SELECT length(zeroblob(2000000000))",
        "SELECT replace(hex(zeroblob(400000)), '00', hex(zeroblob(4000)))",
    ],
)
def test_hungry_statements_end(monkeypatch, statement):
    monkeypatch.setattr("eval.tasks.agentbench.database.MAX_SECONDS", 0.3)
    started = time.monotonic()
    shown = SqliteTable("people", ["Name"], []).execute(statement)
    assert time.monotonic() - started < 5 and "[(" not in shown


def test_table_hash_is_mysqls():
    rows = [("b", None, "1"), ("a", "2", "3")]
    parts = sorted(hashlib.md5(text.encode()).hexdigest()[:5] for text in ("b,1", "a,2,3"))
    assert table_hash(rows) == hashlib.md5(",".join(parts).encode()).hexdigest()
    many = [(str(n),) for n in range(400)]
    cut = ",".join(sorted(hashlib.md5(str(n).encode()).hexdigest()[:5] for n in range(400)))[:1024]
    assert table_hash(many) == hashlib.md5(cut.encode()).hexdigest()
    assert table_hash([]) is None


def test_strings_and_collation_are_mysqls():
    assert mysql_strings(r"SELECT 'a\nb', `c\n`, 'it\'s'") == "SELECT 'a\nb', `c\\n`, 'it''s'"
    table = SqliteTable("t", ["a"], [["Montréal"]])
    assert table.execute("SELECT count(*) FROM t WHERE a = 'MONTREAL'") == "[(1,)]"


@pytest.mark.parametrize(
    ("written", "gold", "same"),
    [
        (' ["12"]', ("12.0",), True),
        (" 12", ("12.0",), True),
        ('["b", "a"]', ("a", "b"), True),
        ('["a"]', ("a", "b"), False),
        ('["A"]', ("a",), False),
        ("[[1], 2]", ("1", "2"), False),
        ("", ("1",), False),
    ],
)
def test_answers_compare_as_the_authors_do(written, gold, same):
    assert same_answer(written, gold) is same


class Answers:
    """A model that answers from a list of steps."""

    def __init__(self, *steps: str) -> None:
        self.steps = iter(steps)

    def generate_until(self, requests):
        answer = next(self.steps)
        return [answer for _ in requests]


def test_runner_and_lm_evals_tasks(made):
    from lm_eval.tasks import TaskManager

    model = Answers(sql("INSERT INTO people VALUES ('Cy', 7)"), "Action: Answer\nFinal Answer: x")
    found = run_episodes(model, [DatabaseEpisode(questions()[1])], [{}])
    assert found[0]["reason"] == "right"
    manager = TaskManager(include_path=str(ROOT / "eval" / "tasks"), include_defaults=False)
    tasks = manager.load(["agentbench_db"])["tasks"]
    assert {name: len(one.test_docs()) for name, one in tasks.items()} == {
        "agentbench_db_select": 1,
        "agentbench_db_insert": 1,
        "agentbench_db_update": 1,
    }
    insert = tasks["agentbench_db_insert"]
    scored = insert.process_results(insert.test_docs()[0], [json.dumps(found[0])])
    assert scored == {"acc": 1.0, "reason": "right", "overall": pytest.approx(10 / 13.0 / 8 / 3)}


def test_spoilt_rows_are_named(made):
    (made / "standard.jsonl").write_text("{}\n")
    questions.cache_clear()
    with pytest.raises(UserError, match=r"standard\.jsonl, line 1"):
        questions()


@needs_data
def test_real_gold_ends_in_the_benchmarks_own_hashes(monkeypatch):
    """The hashes were made by MySQL; what SQLite cannot reproduce is named in the README."""
    monkeypatch.setenv("BENCH_DATA", str(REAL))
    questions.cache_clear()
    unequal, counts = [], Counter()
    for question in questions():
        episode = DatabaseEpisode(question)
        if question.kind in CHANGES:
            episode.take(sql(question.gold_sql))
        episode.take(f"Action: Answer\nFinal Answer: {json.dumps(list(question.answer))}")
        counts[question.kind if question.kind in CHANGES else "SELECT"] += episode.right
        unequal += [] if episode.right else [question.id]
    print(counts, unequal)
    assert [len(of_kind(kind)) for kind in ("SELECT", "INSERT", "UPDATE")] == [100, 100, 100]
    assert unequal == ["db_180", "db_225"]
    questions.cache_clear()
