"""The `evaluation` section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class QuestionsRecipe:
    """Which benchmarks are asked, and how many questions of each task; null asks all."""

    simple_python: int | None
    """Questions of BFCL's category simple_python."""
    other: int | None
    """Questions of each other task."""
    benchmarks: tuple[str, ...] = ("bfcl_v2",)
    """Names as `python -m eval --list` shows them; `all` for every one. A benchmark whose data is not here is reported
    as not scored."""
    caps: dict[str, int] = field(default_factory=dict)
    """Questions of each task of a benchmark, by the benchmark's name, in place of `other`."""

    def __post_init__(self) -> None:
        numbers = (self.simple_python, self.other, *self.caps.values())
        if any(number is not None and number < 2 for number in numbers):
            raise ValueError("a category needs at least 2 questions: a standard error wants two")
        if not self.benchmarks:
            raise ValueError("benchmarks is empty; name at least one, or `all`")

    def cap(self, benchmark: str, task: str) -> int | None:
        """Most questions of a task; None for all."""
        if task == "bfcl_simple_python":
            return self.simple_python
        return self.caps.get(benchmark, self.other)


@dataclass(frozen=True)
class EvaluationRecipe:
    """What `make eval` does."""

    all_step: QuestionsRecipe
    """Questions when evaluation runs as a step of `make all`."""
    alone: QuestionsRecipe
    """Questions when `make eval` is called by itself."""
    backend: Literal["packed", "packed-int8", "hf"]
    """What answers: `packed` computes in float32 as hf does, faster, for plain Llama weights on CPU; `packed-int8` in
    int8, faster still, which changes a few answers."""
    batch_size: int
    """Most questions generated together."""
    max_answer_tokens: int | None = None
    """Cuts answers shorter than the tasks do (for quick tests of the line); null leaves the tasks' own caps."""
    benchmark_loss: bool = False
    """Whether results also have the mean negative log-likelihood of the gold answers of tasks that have some."""
    decoding: Literal["free", "constrained"] = "free"
    """`constrained`: answers to questions with tools follow a grammar made from the tools' JSON Schema."""
