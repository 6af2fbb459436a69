"""The `evaluation` section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class QuestionsRecipe:
    """How many questions of each BFCL category are asked; null asks all."""

    simple_python: int | None
    other: int | None
    """Questions of each other category."""

    def __post_init__(self) -> None:
        if any(number is not None and number < 2 for number in (self.simple_python, self.other)):
            raise ValueError("a category needs at least 2 questions: a standard error wants two")


@dataclass(frozen=True)
class EvaluationRecipe:
    """What `make eval` does."""

    all_step: QuestionsRecipe
    """Questions when evaluation runs as a step of `make all`."""
    alone: QuestionsRecipe
    """Questions when `make eval` is called by itself."""
    backend: Literal["packed", "hf"]
    """What generates the answers: `packed` computes as hf does, faster, for plain Llama weights on CPU."""
    batch_size: int
    """Most questions generated together."""
    max_answer_tokens: int | None = None
    """Cuts answers shorter than the tasks do (for quick tests of the line); null leaves the tasks' own caps."""
