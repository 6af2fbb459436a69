"""The models behind the page: a tokenizer and an engine each, greedy, one answer at a time, streamed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from grammar import Constraint, Vocabulary
from validation import InputError, Tool

MAX_NEW_TOKENS = 256
MAX_CONSTRAINED_TOKENS = 512
"""More, so that what the grammar has opened can be closed."""
MAX_PROMPT_TOKENS = 2_048
ENDS = ("<|im_end|>", "<|endoftext|>")

Message = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the model has written so far."""

    prompt: str
    """The text the model read."""
    text: str = ""
    """What it wrote, without special tokens."""
    tokens: int = 0
    """New tokens, the ending one included."""
    seconds: float = 0.0
    """Since the prompt went in."""
    first_seconds: float = 0.0
    """From then to the first new token."""
    cut: bool = False
    """True when it ended for want of room, not by itself."""

    @property
    def tokens_per_second(self) -> float:
        """New tokens per second, the reading of the prompt included."""
        return self.tokens / self.seconds if self.seconds else 0.0


class Answers(Protocol):
    """Whatever can answer: a model, or a canned one in tests."""

    name: str

    def stream(self, messages: Sequence[Message], tools: Sequence[Tool], constrained: bool = False) -> Iterator[Answer]:
        """Yield the answer as it grows; the last one is whole. Raises InputError when the prompt is too long."""
        ...


class MissingModelError(Exception):
    """MODEL_ID or BASE_MODEL_ID names nothing that can be loaded."""


class Model:
    """A causal language model: int8 on the CPU where it is a Llama, transformers otherwise and on a GPU."""

    def __init__(self, model_id: str, default_template: str, variable: str = "MODEL_ID") -> None:
        """Load a folder or a Hub id; `default_template` serves a tokenizer that brings none.

        Raises:
            MissingModelError: there is no such model, or it does not load; `variable` is named.
        """
        from transformers import AutoTokenizer

        self.name = model_id
        self.lock = threading.Lock()
        try:
            folder = model_folder(model_id)
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
            self.engine, self.device = _engine(folder)
        except (OSError, ValueError, KeyError) as error:
            why = str(error).strip().split("\n")[0]
            raise MissingModelError(f"{variable}={model_id} names no model that loads ({why})") from error
        if self.tokenizer.chat_template is None:
            self.tokenizer.chat_template = default_template
        ends = {self.tokenizer.eos_token_id, *(self.tokenizer.get_vocab().get(end) for end in ENDS)}
        self.ends = sorted(end for end in ends if end is not None)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokens as grammars read them, made when a grammar first wants them.

        Raises:
            InputError: a tokenizer that no grammar can be written with.
        """
        return Vocabulary(self.tokenizer, self.ends)

    def prompt(self, messages: Sequence[Message], tools: Sequence[Tool]) -> str:
        """The text the model reads. Control tokens that a visitor wrote are broken up, so they stay text."""
        control = sorted(self.tokenizer.get_added_vocab())
        plain, offered = broken_up(list(messages), control), broken_up(list(tools), control)
        return str(self.tokenizer.apply_chat_template(plain, tools=offered, add_generation_prompt=True, tokenize=False))

    def stream(self, messages: Sequence[Message], tools: Sequence[Tool], constrained: bool = False) -> Iterator[Answer]:
        """Yield the answer as it grows; nothing more is computed once the iterator is closed.

        Raises:
            InputError: the prompt has more than MAX_PROMPT_TOKENS tokens, or the tools make no grammar.
        """
        prompt = self.prompt(messages, tools)
        ids = self.tokenizer(prompt, add_special_tokens=False).input_ids
        if len(ids) > MAX_PROMPT_TOKENS:
            raise InputError(
                f"Request and tools make {len(ids):,} tokens; the model reads at most {MAX_PROMPT_TOKENS:,}. "
                "Shorten the request, remove tools or start a new chat."
            )
        constraint = Constraint(self.vocabulary, tools, MAX_CONSTRAINED_TOKENS) if constrained else None
        with self.lock:
            yield from self._write(Answer(prompt), ids, constraint)

    def _write(self, answer: Answer, ids: list[int], constraint: Constraint | None) -> Iterator[Answer]:
        most = MAX_CONSTRAINED_TOKENS if constraint else MAX_NEW_TOKENS
        start, written = time.perf_counter(), list[int]()
        logits = self.engine.start(ids)
        while True:
            forced = constraint.ahead() if constraint else []
            new = forced or [constraint.choose(logits) if constraint else int(logits.argmax())]
            written += new
            passed = time.perf_counter() - start
            ended = new[-1] in self.ends or bool(constraint and constraint.done)
            text = self.tokenizer.decode(written, skip_special_tokens=True)
            if not ended and text.endswith("�"):
                text = answer.text  # half of a character: wait for the rest
            first = answer.first_seconds or passed
            answer = replace(answer, text=text, tokens=len(written), seconds=passed, first_seconds=first)
            if ended or len(written) >= most:
                yield replace(answer, cut=not ended)
                return
            yield answer
            logits = self.engine.step(new)


def model_folder(model_id: str) -> Path:
    """The folder itself, or the snapshot of a Hub id, without the files that only training needs."""
    if Path(model_id).is_dir():
        return Path(model_id)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(model_id, allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]))


def _engine(folder: Path) -> tuple[Any, str]:
    import torch
    from engine import Int8Llama, PlainTransformers, UnsupportedModelError
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if torch.cuda.is_available():
        return PlainTransformers(folder, "cuda"), "GPU"
    try:
        return Int8Llama(folder), "CPU, int8"
    except UnsupportedModelError:
        return PlainTransformers(folder, "cpu"), "CPU"


def broken_up(value: Any, tokens: Sequence[str]) -> Any:
    """The value with a space inside each control token in its texts, so that a tokenizer reads plain text."""
    if isinstance(value, str):
        for token in tokens:
            value = value.replace(token, f"{token[0]} {token[1:]}")
        return value
    if isinstance(value, list):
        return [broken_up(part, tokens) for part in value]
    if isinstance(value, dict):
        return {broken_up(key, tokens): broken_up(part, tokens) for key, part in value.items()}
    return value
