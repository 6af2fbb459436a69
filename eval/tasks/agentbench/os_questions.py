"""AgentBench OS: tasks in a Linux shell, read from the authors' JSON and scripts (`os_interaction`)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eval.bench_data import need
from eval.tasks.agentbench.os_prompt import messages
from records.calls import render_chat
from records.errors import UserError

DATA, SCRIPTS = "os_interaction/data", "os_interaction/scripts"
FOLDERS = tuple("1234567")
"""Folders of the standard set, by the authors' configs/tasks/os.yaml."""
LANGUAGES = ("bash", "python")
ROOT_NEEDED = re.compile(
    r"\b(useradd|usermod|adduser|groupadd|chown|chgrp|passwd|apt|apt-get|mount|su|sudo|systemctl|service)\b"
    r"|\bchmod\s+\S+\s+/usr/bin"
)
"""What sets a task up, solves or checks it only with true root, which no task gets here."""

Script = tuple[str, str]
"""Language and code."""


class LeftOut(Exception):
    """A task that cannot be asked here; its text names what is missing."""


@dataclass(frozen=True)
class Question:
    """One task."""

    id: str
    """The authors' index, such as `std-001-stock-00000`."""
    text: str
    init: tuple[Script, ...]
    start: Script | None
    match: dict[str, Any] | None
    """`{answer, strip}` or `{regex, strip}`."""
    checks: tuple[Script, ...]
    """Run one after another with the answer and the outputs so far as arguments; each must end with 0."""
    example: str
    """The authors' own solution, where they give one."""

    def prompt(self) -> str:
        """The text a model reads first."""
        return render_chat(messages(self.text), answer_next=True)

    def gold(self) -> str:
        """A first answer that leads to a right one; empty where the authors give none."""
        return f"Act: bash\n\n```bash\n{self.example.strip()}\n```" if self.example.strip() else ""


def questions() -> tuple[Question, ...]:
    """The tasks that can be asked here, in the authors' order. Raises UserError where a file cannot be read."""
    return _read()[0]


def left_out() -> dict[str, int]:
    """Why other tasks cannot be asked → how many."""
    return dict(_read()[1])


@cache
def by_id() -> dict[str, Question]:
    """The tasks that can be asked here by their ids."""
    return {question.id: question for question in questions()}


@cache
def _read() -> tuple[tuple[Question, ...], Counter[str]]:
    data, scripts = need("agentbench", DATA), need("agentbench", DATA).parent / "scripts"
    found, missing = [], Counter[str]()
    for folder in FOLDERS:
        for file in sorted((data / folder).glob("*.json")):
            for number, row in enumerate(_rows(file)):
                try:
                    found.append(_question(row, f"std-{int(folder):03}-{file.stem}-{number:05}", scripts / folder))
                except LeftOut as reason:
                    missing[str(reason)] += 1
                except (KeyError, TypeError, AttributeError, ValueError) as error:
                    raise UserError(
                        f"{file}, task {number}: no task of AgentBench OS ({error!r}); fetch it again"
                    ) from None
    return tuple(found), missing


def _rows(file: Path) -> list[Any]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file}: not JSON ({error}); fetch it again") from None
    return rows if isinstance(rows, list) else [rows]


def _question(row: dict[str, Any], name: str, scripts: Path) -> Question:
    """One task. Raises LeftOut."""
    create, evaluation = row.get("create") or {}, row["evaluation"]
    # The authors' program finds no `init` in the one task whose `create` is a list.
    init = tuple(_scripts(create.get("init") if isinstance(create, dict) else None, scripts))
    start = next(_scripts(row.get("start"), scripts), None)
    match, checks = None, tuple[Script, ...]()
    example = evaluation.get("example") or row.get("example")
    solution = next(_scripts(example, scripts, optional="check" not in evaluation), None)
    if "match" in evaluation:
        given = evaluation["match"]
        match = {"answer": given, "strip": True} if isinstance(given, str) else dict(given)
    else:
        checks = tuple(_checks(evaluation["check"], solution, scripts))
    every = [*init, *checks, *(script for script in (start, solution) if script)]
    if any(ROOT_NEEDED.search(code) for _, code in every):
        raise LeftOut("true root in the sandbox")
    if any(language not in LANGUAGES for language, _ in (*init, *checks)):
        raise LeftOut("a compiler in the sandbox")
    return Question(name, row["description"], init, start, match, checks, solution[1] if solution else "")


def _checks(given: Any, solution: Script | None, scripts: Path) -> Iterator[Script]:
    """A check of null is the authors' solution: its output becomes an argument of the next."""
    for one in given if isinstance(given, list) else [given]:
        if one is not None:
            yield from _scripts(one, scripts)
        elif solution:
            yield solution
        else:
            raise ValueError("a check of null needs an example")


def _scripts(given: Any, folder: Path, optional: bool = False) -> Iterator[Script]:
    """Scripts as the authors write them: text, `{language, code}` or `{language, file}`. Raises LeftOut."""
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, str):
            yield "bash", one
        elif one is not None and "file" in one:
            path = folder / one["file"]
            if path.is_file():
                yield one.get("language", "bash"), path.read_text(encoding="utf-8")
            elif not optional:
                raise LeftOut(f"scripts of the authors ({SCRIPTS})")
        elif one is not None:
            yield one.get("language", "bash"), one["code"]
