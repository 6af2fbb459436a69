"""The model behind the page: loaded once, greedy, one answer at a time, streamed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from validation import InputError, Tool

MAX_NEW_TOKENS = 256
MAX_PROMPT_TOKENS = 2_048
ENDS = ("<|im_end|>", "<|endoftext|>")


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
    cut: bool = False
    """True when it ended at MAX_NEW_TOKENS, not by itself."""

    @property
    def tokens_per_second(self) -> float:
        """New tokens per second, the reading of the prompt included."""
        return self.tokens / self.seconds if self.seconds else 0.0


class Answers(Protocol):
    """Whatever can answer a request: the model, or a canned one in tests."""

    name: str

    def stream(self, request: str, tools: Sequence[Tool]) -> Iterator[Answer]:
        """Yield the answer as it grows; the last one is whole. Raises InputError when the prompt is too long."""
        ...


class MissingModelError(Exception):
    """MODEL_ID names nothing that can be loaded."""


class Model:
    """A causal language model with its tokenizer, on the GPU when there is one."""

    def __init__(self, model_id: str, default_template: str) -> None:
        """Load a folder or a Hub id; `default_template` serves a tokenizer that brings none.

        Raises:
            MissingModelError: there is no such model, or it does not load.
        """
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self.name = model_id
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        kind = torch.bfloat16 if self.device == "cuda" else torch.float32
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(model_id)
            model: Any = AutoModelForCausalLM.from_pretrained(model_id, dtype=kind)
        except (OSError, ValueError, KeyError) as error:
            why = str(error).strip().split("\n")[0]
            raise MissingModelError(f"MODEL_ID={model_id} names no model that loads ({why})") from error
        self.model = model.to(self.device).eval()
        if self.tokenizer.chat_template is None:
            self.tokenizer.chat_template = default_template
        ends = {self.tokenizer.eos_token_id, *(self.tokenizer.get_vocab().get(end) for end in ENDS)}
        self.ends = sorted(end for end in ends if end is not None)

    def prompt(self, request: str, tools: Sequence[Tool]) -> str:
        """The text the model reads. Control tokens that a visitor wrote are broken up, so they stay text."""
        control = sorted(self.tokenizer.get_added_vocab())
        messages = [{"role": "user", "content": broken_up(request, control)}]
        plain = broken_up(list(tools), control)
        text = self.tokenizer.apply_chat_template(messages, tools=plain, add_generation_prompt=True, tokenize=False)
        return str(text)

    def stream(self, request: str, tools: Sequence[Tool]) -> Iterator[Answer]:
        """Yield the answer as it grows; generation stops when the iterator is closed.

        Raises:
            InputError: the prompt has more than MAX_PROMPT_TOKENS tokens.
        """
        from transformers import TextIteratorStreamer

        prompt = self.prompt(request, tools)
        ids = self.tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids.to(self.device)
        if ids.shape[1] > MAX_PROMPT_TOKENS:
            raise InputError(
                f"Request and tools make {ids.shape[1]:,} tokens; the model reads at most {MAX_PROMPT_TOKENS:,}. "
                "Shorten the request or remove tools."
            )
        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        counter = _Counter()
        answer, start = Answer(prompt), time.perf_counter()
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self._generate, ids, streamer, counter)
            try:
                for piece in streamer:
                    passed = time.perf_counter() - start
                    answer = replace(answer, text=answer.text + piece, tokens=counter.tokens, seconds=passed)
                    yield answer
            finally:
                counter.stop = True
            last = work.result()
        passed = time.perf_counter() - start
        yield replace(answer, tokens=counter.tokens, seconds=passed, cut=last not in self.ends)

    def _generate(self, ids: Any, streamer: Any, counter: _Counter) -> int:
        import torch

        try:
            with torch.inference_mode():
                written = self.model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    do_sample=False,
                    max_new_tokens=MAX_NEW_TOKENS,
                    eos_token_id=self.ends,
                    pad_token_id=self.ends[0] if self.ends else None,
                    streamer=streamer,
                    stopping_criteria=[counter],
                )
            return int(written[0, -1])
        finally:
            streamer.end()  # the reader waits for this, whatever happened


class _Counter:
    """A stopping criterion that counts tokens, and stops when told to."""

    def __init__(self) -> None:
        self.tokens = 0
        self.stop = False

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        self.tokens += 1
        return torch.full((ids.shape[0],), self.stop, device=ids.device, dtype=torch.bool)


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
