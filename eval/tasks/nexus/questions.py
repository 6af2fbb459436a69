"""Queries of NexusRaven v1 with the functions that each may call."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from eval.bench_data import need
from eval.tasks.nexus.definitions import Definition, definitions, from_options, from_source
from records.calls import Call, Message, Tool, format_calls, render_chat
from records.errors import UserError

SETS = ("cve_cpe", "emailrep", "virustotal", "toolalpaca", "toolllm")


@dataclass(frozen=True)
class Question:
    """One query."""

    id: str
    query: str
    reference: str
    """The gold call, as Python text of the benchmark."""
    context: tuple[str, ...]
    """Names of the functions offered."""
    functions: dict[str, Definition]
    """Every function of the set: an answer may name any, as in the authors' program."""

    def messages(self) -> list[Message]:
        """The request."""
        return [{"role": "user", "content": self.query}]

    def tools(self) -> list[Tool]:
        """The functions offered as OpenAI tools (the authors' agent `OPENAI_FUNCTIONS`)."""
        return [self.functions[name].tool() for name in self.context]

    def gold(self) -> str:
        """The gold call in our call format; the benchmark's own text where a value is no JSON."""
        name, positional, named = called(self.reference)
        names = [parameter for parameter, _, _ in self.functions[name].parameters]
        try:
            return format_calls([Call(name, dict(zip(names, positional, strict=False)) | named)])
        except TypeError:
            return self.reference

    def prompt(self) -> str:
        """The text a model reads."""
        return render_chat(self.messages(), self.tools(), answer_next=True)


@cache
def questions(dataset: str) -> tuple[Question, ...]:
    """All queries of a set.

    Raises:
        UserError: queries or definitions are missing, or cannot be read.
    """
    path = need("nexus", f"{dataset}_queries.json")
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {"toolalpaca": _toolalpaca, "toolllm": _toolllm}.get(dataset, _plain)(dataset, rows)
    except (ValueError, KeyError, TypeError, SyntaxError, AssertionError, IndexError) as error:
        raise UserError(f"{path}: no queries of Nexus ({error!r}); fetch the file again") from None


@cache
def by_id(dataset: str) -> dict[str, Question]:
    """The queries of a set by their ids."""
    return {question.id: question for question in questions(dataset)}


def _plain(dataset: str, rows: list[dict[str, Any]]) -> tuple[Question, ...]:
    functions = definitions(dataset)
    return tuple(
        Question(
            f"{dataset}_{n}",
            row["query"],
            row["reference"].removeprefix("r = ").replace("nvdlib.", ""),
            tuple(functions),
            functions,
        )
        for n, row in enumerate(rows)
    )


def _toolalpaca(dataset: str, rows: list[dict[str, Any]]) -> tuple[Question, ...]:
    turns = [row["turns_1"] for row in rows]
    offered = [from_options(turn["docstring"]) for turn in turns]
    # The authors keep each text of a definition once, and of one name the last.
    distinct = dict.fromkeys(one for several in offered for one in several)
    functions = {one.name: one for one in distinct}
    return tuple(
        Question(
            f"{dataset}_{n}",
            turn["instruction"],
            json.loads(turn["golden_answer"])[0],
            tuple(dict.fromkeys(one.name for one in several)),
            functions,
        )
        for n, (turn, several) in enumerate(zip(turns, offered, strict=True))
    )


def _toolllm(dataset: str, rows: list[dict[str, Any]]) -> tuple[Question, ...]:
    offered = [[from_source(text) for text in row["context"]] for row in rows]
    functions = {one.name: one for several in offered for one in several}
    return tuple(
        Question(
            f"{dataset}_{n}", row["Input"], row["Output"], tuple(dict.fromkeys(one.name for one in several)), functions
        )
        for n, (row, several) in enumerate(zip(rows, offered, strict=True))
    )


def called(reference: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Name, positional and named arguments of a call written as Python, which is parsed and never run.

    Floats of named arguments become integers, as in the authors' `parse_function_call_to_name_and_args`.

    Raises:
        SyntaxError, ValueError, OverflowError, RecursionError, MemoryError: it is not one call with literal arguments.
    """
    body = ast.parse(reference.strip()).body
    if len(body) != 1 or not isinstance(body[0], ast.Expr) or not isinstance(body[0].value, ast.Call):
        raise ValueError("not one call")
    call = body[0].value
    if not isinstance(call.func, ast.Name) or any(keyword.arg is None for keyword in call.keywords):
        raise ValueError("not a call of a plain name")
    positional = [ast.literal_eval(arg) for arg in call.args]
    named = {str(keyword.arg): whole(ast.literal_eval(keyword.value)) for keyword in call.keywords}
    if len(named) != len(call.keywords):
        raise SyntaxError("keyword argument repeated")
    return call.func.id, positional, named


def whole(value: Any) -> Any:
    """A float as an integer; all else unchanged. Raises OverflowError or ValueError on infinity and NaN."""
    return int(value) if isinstance(value, float) else value
