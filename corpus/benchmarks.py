"""Questions and answers of benchmarks, as the word sequences that must not occur in the corpus."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from records.assets import asset
from records.errors import UserError

SHORTEST = 6
"""Words of the shortest question or answer that is searched for; it must then occur whole."""
_WORD = re.compile(r"[^\W_]+")


def normalised(text: str) -> list[str]:
    """Words of a text: lower case, and without punctuation, underscores, JSON syntax and blanks."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Item:
    """One question or answer of a benchmark."""

    benchmark: str
    id: str
    part: str
    """`question` or `answer`."""
    text: str


@dataclass(frozen=True)
class Leak:
    """A stretch of a text that a benchmark item holds too."""

    item: Item
    words: str


class BenchmarkIndex:
    """Finds word n-grams of benchmark items in texts."""

    def __init__(self, items: Sequence[Item], n_gram: int) -> None:
        """Index every run of `n_gram` words of every item; shorter items of SHORTEST words or more as a whole."""
        self.n_gram = n_gram
        self.too_short = 0
        self.grams: dict[tuple[str, ...], list[tuple[tuple[str, ...], Item]]] = {}
        for item in items:
            words = normalised(item.text)
            if len(words) < SHORTEST:
                self.too_short += 1
            for start in range(max(1, len(words) - n_gram + 1) if len(words) >= SHORTEST else 0):
                gram = tuple(words[start : start + n_gram])
                known = self.grams.setdefault(gram[:SHORTEST], [])
                if all(gram != other for other, _ in known):
                    known.append((gram, item))

    def leaks(self, text: str) -> list[Leak]:
        """The leaks in a text, in order; empty when it is clean."""
        words = normalised(text)
        heads = zip(*(words[start:] for start in range(SHORTEST)), strict=False)
        found = []
        for place, head in enumerate(heads):
            for gram, item in self.grams.get(head, ()):
                if tuple(words[place : place + len(gram)]) == gram:
                    found.append(Leak(item, " ".join(gram)))
        return found


def bfcl_items(wheel: Path) -> Iterator[Item]:
    """Questions of `BFCL_v4_*.json` and answers of `possible_answer/`, of all categories.

    Raises:
        UserError: the wheel holds none.
    """
    empty = True
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            found = re.fullmatch(r"bfcl_eval/data/(possible_answer/)?BFCL_v4_(\w+)\.json", name)
            if not found or found[2] == "format_sensitivity":
                continue
            part = "answer" if found[1] else "question"
            for line in archive.read(name).decode("utf-8").splitlines():
                if line.strip():
                    empty = False
                    yield from _bfcl_texts(json.loads(line), part)
    if empty:
        raise UserError(f"{wheel} holds no BFCL_v4_*.json; it is not the bfcl-eval wheel of requirements/assets.txt")


def _bfcl_texts(entry: dict[str, Any], part: str) -> Iterator[Item]:
    if part == "answer":
        for text in _answers(entry.get("ground_truth", [])):
            yield Item("bfcl", str(entry["id"]), part, text)
        return
    for turn in entry.get("question", []):
        for message in turn if isinstance(turn, list) else [turn]:
            # System prompts are the same instructions for many questions, not a question.
            if isinstance(message, dict) and message.get("role") == "user":
                yield Item("bfcl", str(entry["id"]), part, str(message.get("content", "")))


def _answers(value: Any) -> Iterator[str]:
    """Each call of an answer as text. Of the accepted values that it lists for an argument, the first is taken."""
    for call in value if isinstance(value, list) else [value]:
        if isinstance(call, list):
            yield from _answers(call)
        elif isinstance(call, dict):
            yield json.dumps({name: _first_values(arguments) for name, arguments in call.items()}, ensure_ascii=False)
        else:
            yield str(call)


def _first_values(arguments: Any) -> Any:
    if isinstance(arguments, dict):
        return {name: _first_values(_first(value)) for name, value in arguments.items()}
    return arguments


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


READERS: dict[str, tuple[str, Callable[[Path], Iterator[Item]]]] = {"bfcl": ("bfcl-eval", bfcl_items)}
"""Benchmark → the data wheel that carries it and its reader."""
UNCHECKED = ("mmlu", "api_bank", "api_bench", "nexus", "agentbench", "tau_bench")
"""Benchmarks of the evaluation plan that no reader here covers."""


@lru_cache(maxsize=1)
def load_index(benchmarks: tuple[str, ...], n_gram: int) -> BenchmarkIndex:
    """The index of all listed benchmarks, read once a process: it is slower to send to a worker than to read.

    Raises:
        UserError: a listed benchmark is not known, or its data are missing.
    """
    items: list[Item] = []
    for name in benchmarks:
        items += READERS[name][1](benchmark_wheel(name))
    return BenchmarkIndex(items, n_gram)


def benchmark_wheel(name: str) -> Path:
    """The data wheel of a benchmark. Raises UserError: unknown, or not there."""
    if name not in READERS:
        known = ", ".join(sorted(READERS))
        raise UserError(f"corpus.decontamination.benchmarks names {name!r}, which has no reader; known: {known}")
    try:
        return asset(READERS[name][0]).path
    except UserError as error:
        raise UserError(f"benchmark {name} cannot be checked, so nothing is written: {error}") from None
