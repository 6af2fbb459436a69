"""AgentBench DB on a throw-away MariaDB: the benchmark's own hashes, and what SQL of a model may not do."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from eval.tasks.agentbench import db, mariadb
from eval.tasks.agentbench.db import CHANGES, DatabaseEpisode, engine, questions
from eval.tasks.agentbench.mariadb import MariaTable
from records.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
needs_data = pytest.mark.skipif(not (REAL / "agentbench").is_dir(), reason=f"{REAL}/agentbench is absent")
needs_server = pytest.mark.skipif(not mariadb.installed(), reason="mariadbd is not installed")


@pytest.fixture
def on_mariadb(monkeypatch):
    monkeypatch.setenv("AGENTBENCH_DB", "mariadb")


@needs_server
def test_a_table_answers_and_hashes_as_mysql(on_mariadb):
    table, other = (MariaTable("p`s", ["na`me", "n"], [["Ann", "3"], ["José", None]]) for _ in range(2))
    assert table.execute("SELECT n FROM `p``s` WHERE `na``me` = 'jose'") == "[(None,)]", "blind to case and accents"
    before = other.state()
    assert table.state() == before and before.startswith("[('")
    assert table.execute("UPDATE `p``s` SET n = 4 WHERE n = 3") == "[]" and table.state() != before
    assert other.state() == before, "each episode has a database of its own"
    assert table.execute("SELECT IF(1, STR_TO_DATE('1,5,2013', '%d,%m,%Y'), 2)") == "[('2013-05-01',)]"
    assert len(table.execute("SELECT REPEAT('x', 5000)")) < 900
    table.close()
    other.close()


@needs_server
def test_statements_reach_nothing_else_and_end(on_mariadb, tmp_path):
    os.chmod(tmp_path, 0o777)
    table = MariaTable("t", ["a"], [["1"]])
    for statement in (
        "SELECT * FROM mysql.user",
        f"SELECT 1 INTO OUTFILE '{tmp_path}/written'",
        "SET GLOBAL max_connections = 1",
        "DROP DATABASE mysql",
        "SELECT 1; SELECT 2",
        "CREATE USER x",
        "",
        "\ud800",
        "x" * 100_000,
    ):
        assert ": " in table.execute(statement), statement
    assert table.execute("SELECT LOAD_FILE('/etc/passwd')") == "[(None,)]" and not list(tmp_path.iterdir())
    table.execute("SET SESSION max_statement_time = 0")
    started = time.monotonic()
    assert "interrupted" in table.execute("SELECT SLEEP(100)") and time.monotonic() - started < 15
    table.execute("DROP TABLE t")
    assert "doesn't exist" in table.state()
    table.close()


@needs_server
@needs_data
def test_real_gold_ends_in_the_benchmarks_own_hashes(on_mariadb, monkeypatch):
    """All kinds, and what SQLite or strict mode does otherwise (`db_180`, `db_278`, `db_295`)."""
    monkeypatch.setenv("BENCH_DATA", str(REAL))
    questions.cache_clear()
    named = [one for one in questions() if one.id in ("db_180", "db_278", "db_295")]
    for question in [*questions()[::20], *named]:
        episode = DatabaseEpisode(question)
        if question.kind in CHANGES:
            episode.take(f"I do.\nAction: Operation\n```sql\n{question.gold_sql}\n```")
        episode.take(f"Action: Answer\nFinal Answer: {json.dumps(list(question.answer))}")
        assert episode.right, question.id
    questions.cache_clear()


def test_the_engine_is_chosen_by_name_and_stamped(monkeypatch):
    assert engine() == "SQLite"
    monkeypatch.setenv("AGENTBENCH_DB", "oracle")
    with pytest.raises(UserError, match="mariadb or sqlite"):
        engine()
    monkeypatch.setattr(mariadb, "installed", lambda: False)
    monkeypatch.setenv("AGENTBENCH_DB", "mariadb")
    with pytest.raises(UserError, match="apt-get install mariadb-server"):
        engine()
    monkeypatch.delenv("AGENTBENCH_DB")
    assert engine() == "SQLite"
    assert db.engine is engine
