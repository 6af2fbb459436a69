"""BFCL's questions and gold answers, read from the bfcl-eval wheel."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from eval.tasks.bfcl.tools import tool
from records.assets import asset
from records.calls import Message, Tool, render_chat

NON_LIVE = (
    "simple_python",
    "simple_java",
    "simple_javascript",
    "multiple",
    "parallel",
    "parallel_multiple",
    "irrelevance",
)
"""Non-live categories, in the order of BFCL's own score table."""

LIVE = ("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple", "live_irrelevance", "live_relevance")
"""Live categories: requests that users and companies gave."""

CATEGORIES = (*NON_LIVE, *LIVE)
"""All single-turn categories."""

WITHOUT_GOLD = ("irrelevance", "live_irrelevance", "live_relevance")
"""Categories that ask only whether something is called."""


@dataclass(frozen=True)
class Question:
    """One question of BFCL."""

    id: str
    category: str
    messages: list[Message]
    functions: list[dict[str, Any]]
    """As BFCL writes them; the checker wants these, not the adapted tools."""
    gold: list[dict[str, Any]]
    """`[{function: {argument: [accepted values]}}]`; empty in the categories of WITHOUT_GOLD."""

    def tools(self) -> list[Tool]:
        """The functions as OpenAI tools with JSON Schema types."""
        return [tool(function, self.category) for function in self.functions]

    def prompt(self) -> str:
        """The text a model reads, ending where its answer begins."""
        return self._prompt

    @cached_property
    def _prompt(self) -> str:
        return render_chat(self.messages, self.tools(), answer_next=True)


@cache
def questions(category: str) -> tuple[Question, ...]:
    """All questions of a category, in BFCL's order.

    Raises:
        UserError: the bfcl-eval wheel is missing or altered.
    """
    with zipfile.ZipFile(asset("bfcl-eval").path) as wheel:
        rows = _rows(wheel, f"BFCL_v4_{category}.json")
        gold = {} if category in WITHOUT_GOLD else _gold(wheel, category)
    return tuple(
        Question(row["id"], category, row["question"][0], row["function"], gold.get(row["id"], [])) for row in rows
    )


@cache
def by_id(category: str) -> dict[str, Question]:
    """The questions of a category by their ids."""
    return {question.id: question for question in questions(category)}


def category_of(task: str) -> str:
    """The category of an lm-eval task `bfcl_<category>`."""
    return task.removeprefix("bfcl_")


def _gold(wheel: zipfile.ZipFile, category: str) -> dict[str, list[dict[str, Any]]]:
    rows = _rows(wheel, f"possible_answer/BFCL_v4_{category}.json")
    return {row["id"]: row["ground_truth"] for row in rows}


def _rows(wheel: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    text = wheel.read(f"bfcl_eval/data/{name}").decode("utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]
