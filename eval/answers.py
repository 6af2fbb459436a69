"""Answers in batches whose make-up depends on the questions alone, each kept on disk as soon as it is there.

A batch is asked whole or not at all: a killed run goes on with the first batch that is not on disk, and since equal
batches give equal answers, it ends with the answers of an uninterrupted run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records.files import sha256_json

MOST_POSITIONS = 24_576
"""Longest text of a batch times its rows: bounds the memory of keys and values (1.1 GB for a 135M model)."""


@dataclass(frozen=True)
class Prompt:
    """One question as the model reads it."""

    text: str
    tokens: int
    max_new_tokens: int
    tools: str = ""
    """The tools as JSON text where they constrain the answer; else empty."""
    settles: bool = False
    """Whether only the calls of the answer are read, as `records.calls.parse_calls` reads them: it may then end as soon
    as more text cannot change them."""
    conversation: bool = False
    """Whether longer prompts that begin like this one will follow."""

    @property
    def key(self) -> list[Any]:
        """What tells this question from others in the store of answers."""
        ends = "settled" if self.settles else "whole"
        return [self.text, self.max_new_tokens, ends, *([self.tools] if self.tools else [])]


class AnswerFile:
    """JSON lines `{batch, answers}`, appended and flushed to disk; a torn last line is as good as none."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.batches: dict[str, list[str]] = dict(_read(path)) if path else {}

    def add(self, batch: str, answers: list[str]) -> None:
        """Keep one batch's answers."""
        self.batches[batch] = answers
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as stream:
            line = json.dumps({"batch": batch, "answers": answers}) + "\n"
            stream.write(b"\n" * _is_torn(self.path) + line.encode())
            stream.flush()
            os.fsync(stream.fileno())


def _is_torn(path: Path) -> bool:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size == 0:
            return False
        stream.seek(size - 1)
        return stream.read(1) != b"\n"


def _read(path: Path) -> Iterator[tuple[str, list[str]]]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        yield row["batch"], row["answers"]


def make_batches(prompts: Sequence[Prompt], batch_size: int, length_spread: float) -> list[list[int]]:
    """Indices of `prompts` in batches, longest first, one token cap per batch.

    Args:
        length_spread: most that a batch's longest prompt may be, as a multiple of its shortest; backends that pad, or
            that read what exceeds the shortest prompt token by token, want it near 1.
    """
    order = sorted(range(len(prompts)), key=lambda n: (-prompts[n].max_new_tokens, -prompts[n].tokens, prompts[n].text))
    batches: list[list[int]] = []
    for number in order:
        prompt = prompts[number]
        first = prompts[batches[-1][0]] if batches else None
        fits = (
            first is not None
            and len(batches[-1]) < batch_size
            and first.max_new_tokens == prompt.max_new_tokens
            and (len(batches[-1]) + 1) * (first.tokens + first.max_new_tokens) <= MOST_POSITIONS
            and first.tokens <= prompt.tokens * length_spread
        )
        if fits:
            batches[-1].append(number)
        else:
            batches.append([number])
    return batches


def answer_all(
    prompts: Sequence[Prompt],
    *,
    batch_size: int,
    length_spread: float,
    workers: int,
    decoding: dict[str, Any],
    store: AnswerFile,
    generate: Callable[[list[Prompt]], list[str]],
    on_batch: Callable[[int], object],
) -> list[str]:
    """The answers to `prompts`, in their order; batches on disk are not asked again.

    Args:
        batch_size: most prompts in a batch.
        length_spread: see `make_batches`.
        workers: batches under way at once.
        decoding: whatever else the answers depend on, so that answers of other settings are not taken for these.
        generate: answers one batch.
        on_batch: called with the number of answers that became known.
    """
    answers = [""] * len(prompts)
    waiting: list[tuple[str, list[int]]] = []
    for batch in make_batches(prompts, batch_size, length_spread):
        key = sha256_json({"prompts": [prompts[n].key for n in batch], **decoding})
        if key in store.batches:
            _place(answers, batch, store.batches[key])
            on_batch(len(batch))
        else:
            waiting.append((key, batch))
    for key, batch, texts in _in_threads(waiting, workers, lambda batch: generate([prompts[n] for n in batch])):
        store.add(key, texts)
        _place(answers, batch, texts)
        on_batch(len(batch))
    return answers


def _place(answers: list[str], batch: list[int], texts: list[str]) -> None:
    for number, text in zip(batch, texts, strict=True):
        answers[number] = text


def _in_threads(
    waiting: list[tuple[str, list[int]]], workers: int, answer: Callable[[list[int]], list[str]]
) -> Iterator[tuple[str, list[int], list[str]]]:
    rest = iter(waiting)
    with ThreadPoolExecutor(workers) as pool:
        running: dict[Future[list[str]], tuple[str, list[int]]] = {}
        while True:
            while len(running) < workers and (item := next(rest, None)):
                running[pool.submit(answer, item[1])] = item
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                key, batch = running.pop(done)
                yield key, batch, done.result()
