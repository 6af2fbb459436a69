"""AgentBench DB: questions about one table, answered or carried out in SQL (the authors' `dbbench`)."""

from __future__ import annotations

import ast
import json
import os
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from eval.bench_data import need
from eval.multi_turn import Step
from eval.tasks.agentbench import mariadb
from eval.tasks.agentbench.database import SqliteTable
from eval.tasks.agentbench.mariadb import MariaTable
from records.calls import render_chat
from records.errors import UserError

FILE = "dbbench/standard.jsonl"
MAX_ROUNDS = 5
"""`max_round` of the authors' DBBench."""
MAX_ANSWER_CHARACTERS = 20_000
CHANGES = ("INSERT", "DELETE", "UPDATE")

PROMPT = """
I will ask you a question, then you should help me operate a MySQL database with SQL to answer the question.
You have to explain the problem and your solution to me and write down your thoughts.
After thinking and explaining thoroughly, every round you can choose to operate or to answer.
your operation should be like this:
Action: Operation
```sql
SELECT * FROM table WHERE condition;
```
You MUST put SQL in markdown format without any other comments. Your SQL should be in one line.
Every time you can only execute one SQL statement. I will only execute the statement in the first SQL code block. \
Every time you write a SQL, I will execute it for you and give you the output.
If you are done operating, and you want to commit your final answer, then write down:
Action: Answer
Final Answer: ["ANSWER1", "ANSWER2", ...]
DO NOT write this pattern unless you are sure about your answer. I expect an accurate and correct answer.
Your answer should be accurate. Your answer must be exactly the same as the correct answer.
If the question is about modifying the database, then after done operation, your answer field can be anything.
If your response cannot match any pattern I mentioned earlier, you will be judged as FAIL immediately.
Your input will be raw MySQL response, you have to deal with it by yourself.
"""
"""The authors' prompt, spelling included."""


@dataclass(frozen=True)
class Question:
    """One task on one table."""

    id: str
    kind: str
    """The first of the benchmark's types: `INSERT`, `UPDATE`, or a kind of question."""
    text: str
    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    answer: tuple[Any, ...]
    """Gold answer of a question."""
    state: str
    """Gold hash of the table after a change, as the benchmark writes it."""
    gold_sql: str

    def messages(self) -> list[dict[str, Any]]:
        """What is said before the first answer."""
        return [
            {"role": "user", "content": PROMPT},
            {"role": "assistant", "content": "Ok."},
            {"role": "user", "content": self.text},
        ]

    def prompt(self) -> str:
        """The text a model reads first."""
        return render_chat(self.messages(), answer_next=True)

    def gold(self) -> str:
        """The first answer that is right, or leads to a right one."""
        if self.kind in CHANGES:
            return f"Action: Operation\n```sql\n{self.gold_sql}\n```"
        return f"Action: Answer\nFinal Answer: {json.dumps(list(self.answer), ensure_ascii=False)}"

    def open(self) -> SqliteTable | MariaTable:
        """A database of its own, on `engine()`."""
        kind = SqliteTable if engine() == "SQLite" else MariaTable
        return kind(self.table, self.columns, self.rows)


@cache
def questions() -> tuple[Question, ...]:
    """All 300 questions of the standard set. Raises UserError where they are missing or cannot be read."""
    path = need("agentbench", FILE)
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        try:
            row = json.loads(line)
            info = row["table"]["table_info"]
            change = row["type"][0] in CHANGES
            found.append(
                Question(
                    id=f"db_{number}",
                    kind=row["type"][0],
                    text=f"{row['description']}\n{row['add_description']}",
                    table=row["table"]["table_name"],
                    columns=tuple(column["name"] for column in info["columns"]),
                    rows=tuple(tuple(values) for values in info["rows"]),
                    answer=() if change else tuple(row["label"]),
                    state=row["answer_md5"] if change else "",
                    gold_sql=row["label"][0] if change else (row.get("sql") or {}).get("query", ""),
                )
            )
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise UserError(f"{path}, line {number + 1}: no question of dbbench ({error!r}); fetch it again") from None
    return tuple(found)


@cache
def by_id() -> dict[str, Question]:
    """All questions by their ids."""
    return {question.id: question for question in questions()}


def of_kind(kind: str) -> tuple[Question, ...]:
    """The questions of `SELECT` (every kind that changes nothing), `INSERT` or `UPDATE`."""
    return tuple(q for q in questions() if (q.kind if q.kind in CHANGES else "SELECT") == kind)


def engine() -> str:
    """What answers the statements, as a version names it: `$AGENTBENCH_DB` (`mariadb` or `sqlite`), else MariaDB where
    its server is installed.

    Raises:
        UserError: another name, or MariaDB is asked for and not here.
    """
    wanted = os.environ.get("AGENTBENCH_DB", "").lower() or ("mariadb" if mariadb.installed() else "sqlite")
    if wanted not in ("mariadb", "sqlite"):
        raise UserError(f"AGENTBENCH_DB={wanted}: DB runs on mariadb or sqlite")
    if wanted == "sqlite":
        return "SQLite"
    if not mariadb.installed():
        raise UserError("AGENTBENCH_DB=mariadb, but its server is not here; `apt-get install mariadb-server`")
    return f"MariaDB {mariadb.version()}"


class DatabaseEpisode:
    """One question as a conversation (`eval.multi_turn.Episode`)."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.table = question.open()
        self.messages = question.messages()
        self.rounds = 0
        self.reason: str | None = None
        self.right = False

    def step(self) -> Step | None:
        """What is asked next; None at the end."""
        if self.reason is not None:
            return None
        return Step(render_chat(self.messages, answer_next=True), list(self.messages), [])

    def take(self, answer: str) -> str | None:
        """Run the statement of an answer, or end with its final answer."""
        self.messages.append({"role": "assistant", "content": answer})
        if len(answer) > MAX_ANSWER_CHARACTERS:
            self._finish("too_long", None)
            return None
        action = re.search(r"Action: (.*?)\n", answer)
        if not (action and action.group(1) == "Operation" and self.rounds < MAX_ROUNDS):
            final = re.search(r"\nFinal Answer:(.*)", answer)
            ended = "no_final_answer" if self.rounds < MAX_ROUNDS else "round_limit"
            self._finish(None if final else ended, final.group(1) if final else None)
            return None
        block = re.search(r"```sql\n([\s\S]*?)\n```", answer)
        if block is None:
            self._finish("no_sql_block", None)
            return None
        shown = self.table.execute(block.group(1).strip().replace("\n", " "))
        self.rounds += 1
        self.messages.append({"role": "user", "content": shown})
        return f"{block.group(1)}\n{shown}"

    def end(self, reason: str) -> None:
        """The runner ends the episode."""
        self._finish(reason, None)

    def _finish(self, problem: str | None, answer: str | None) -> None:
        question = self.question
        if question.kind in CHANGES:
            # The authors compare the table whatever the last words were.
            self.right = self.table.state() == question.state
            self.reason = "right" if self.right else problem or "wrong_state"
        else:
            self.right = problem is None and answer is not None and same_answer(answer, question.answer)
            self.reason = "right" if self.right else problem or "wrong_answer"
        self.table.close()

    def transcript(self) -> dict[str, Any]:
        """All that was said and why it ended."""
        return {"id": self.question.id, "right": self.right, "reason": self.reason, "messages": self.messages}


def same_answer(written: str, gold: tuple[Any, ...]) -> bool:
    """The authors' comparison: one number by value, one text exactly, several as sets.

    They call `eval` on what the model wrote; here it is read as a Python literal or kept as text.
    """
    try:
        given = list(ast.literal_eval(written.strip(" \t")))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        given = [written]
    if len(given) == 1 and len(gold) == 1:
        try:
            return float(given[0]) == float(gold[0])
        except (ValueError, TypeError, OverflowError):
            return bool(given[0] == gold[0])
    try:
        return set(given) == set(gold)
    except TypeError:
        return False
