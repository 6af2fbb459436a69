"""What a backend of our own needs: greedy answers in batches, kept on disk, ended as soon as they are settled."""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from eval.answers import AnswerFile, Prompt, answer_all
from eval.constrained import GRAMMAR_VERSION, Guide, Mask
from eval.progress import answer_bar
from eval.settled import calls_end, is_settled

END = "<|im_end|>"
LOOK_EVERY = 8
"""Tokens between looks at whether an answer is settled; a closing bracket is looked at at once."""


class GreedyLM(LM):
    """An lm-eval model that only generates, one batch a core.

    Args:
        tokenizer: of transformers.
        decoding: `backend` and `compute_type`, and whatever else tells these answers from others.
        batch_size: most questions in a batch.
        answers: JSON lines that keep the answers; None keeps none.
        identity: what tells this model's answers from another's in that file.
        label: the model's name in the progress bar.
        length_spread: see `answers.make_batches`.
        constrained: answers follow the grammar of their question's tools (`eval.constrained`).
    """

    def __init__(
        self,
        tokenizer: Any,
        decoding: dict[str, Any],
        batch_size: int | str,
        answers: Path | None,
        identity: str,
        label: str,
        length_spread: float,
        constrained: bool = False,
    ) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.batch_size = int(batch_size)
        self.store = AnswerFile(answers)
        self.label = label
        self.decoding = {"model": identity, **decoding, **grammar_stamp(constrained)}
        self.guide: Guide | None = None
        if constrained:
            end = int(tokenizer.convert_tokens_to_ids(END))
            self.guide = Guide(tokenizer, end, len(tokenizer))
        self.workers = core_count()
        self.length_spread = length_spread

    @abstractmethod
    def answer(self, batch: list[Prompt]) -> list[list[int]]:
        """Token ids of the answers to one batch; the same batch always has the same."""

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Greedy answers, in the order of the requests, cut before the first stop string."""
        prompts = as_prompts(requests, self.tokenizer, constrained=self.guide is not None)
        with answer_bar(len(prompts), self.label, disable_tqdm) as bar:
            answers = answer_all(
                prompts,
                batch_size=self.batch_size,
                length_spread=self.length_spread,
                workers=self.workers,
                decoding=self.decoding,
                store=self.store,
                generate=self._texts,
                on_batch=bar.update,
            )
        stops = [request.args[1]["until"] for request in requests]
        return [_cut(answer, until) for answer, until in zip(answers, stops, strict=True)]

    def _texts(self, batch: list[Prompt]) -> list[str]:
        return [str(self.tokenizer.decode(ids, skip_special_tokens=True)) for ids in self.answer(batch)]

    def mask_of(self, prompt: Prompt) -> Mask | None:
        """What allows the tokens of one answer; None where any may come."""
        return self.guide.mask(prompt.tools, prompt.max_new_tokens) if self.guide and prompt.tools else None

    def settled(self, ids: list[int], conversation: bool = False) -> bool:
        """Whether the answer so far can no longer change its calls; cheap enough to ask after every token.

        Words without calls are part of what a conversation goes on with, so there only calls end an answer.
        """
        last = self.tokenizer.convert_ids_to_tokens(ids[-1]) or ""
        if (conversation or len(ids) % LOOK_EVERY) and "]" not in last and "}" not in last:
            return False
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        return calls_end(text) > 0 if conversation else is_settled(text)

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Not offered: this backend only generates."""
        raise NotImplementedError("this backend generates answers only; use --model hf for this task")

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Not offered: this backend only generates."""
        raise NotImplementedError("this backend generates answers only; use --model hf for this task")


def as_prompts(requests: list[Instance], tokenizer: Any, *, constrained: bool) -> list[Prompt]:
    """What is asked.

    A request's document says how its answer is read: with `constrained`, `tools` bind it; `settles` says that nothing
    but calls is read from it (only the task that scores it knows), `conversation` that longer prompts will follow.
    """
    prompts = []
    for request in requests:
        text, arguments = request.args
        doc = request.doc or {}
        prompts.append(
            Prompt(
                text,
                len(tokenizer.encode(text)),
                int(arguments["max_gen_toks"]),
                tools=str(doc.get("tools") or "") if constrained else "",
                settles=bool(doc.get("settles")),
                conversation=bool(doc.get("conversation")),
            )
        )
    return prompts


def grammar_stamp(constrained: bool) -> dict[str, Any]:
    """Part of the settings that answers depend on."""
    return {"grammar": GRAMMAR_VERSION} if constrained else {}


def core_count() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cut(answer: str, until: list[str]) -> str:
    for stop in until:
        answer = answer.split(stop)[0]
    return answer
