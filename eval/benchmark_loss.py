"""Benchmark loss: how unlikely a model finds the gold answers, in nats a token and a byte; the mix law reads it.

Only tokens of the answer count; the prompt is what the model reads before. The gold answer of a question of BFCL is its
calls in our call format with the first accepted value of each argument, and the end token. That of a question with
choices (MMLU) is the right choice, after the prompt that its task made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.tasks.bfcl.gold import gold_calls
from eval.tasks.bfcl.questions import CATEGORIES, WITHOUT_GOLD, Question, category_of, questions
from records.calls import calls_message, render_chat


@dataclass(frozen=True)
class Gold:
    """One gold answer behind its prompt."""

    prompt: str
    answer: str


def bfcl_gold(question: Question) -> Gold:
    """The gold calls of a question as the model was taught to write them, `<|im_end|>` included."""
    prompt = question.prompt()
    messages = [*question.messages, calls_message(gold_calls(question))]
    return Gold(prompt, render_chat(messages, question.tools())[len(prompt) :].removesuffix("\n"))


def chosen_gold(row: Mapping[str, Any]) -> Gold:
    """The right choice of a sample of lm-eval's multiple-choice tasks."""
    context, choice = row["arguments"][int(row["target"])]
    return Gold(context, choice)


def golds(
    asked: Mapping[str, Sequence[int]], samples: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, list[Gold]]:
    """Gold answers of the questions asked, by task; tasks that have none are left out.

    Args:
        asked: indices of the questions, by lm-eval task.
        samples: lm-eval's samples, by task; those of multiple-choice tasks carry their choices.
    """
    found = {}
    for task, indices in asked.items():
        category = category_of(task)
        if category in CATEGORIES and category not in WITHOUT_GOLD:
            found[task] = [bfcl_gold(questions(category)[n]) for n in indices]
        elif rows := [row for row in samples.get(task, ()) if _has_choices(row)]:
            found[task] = [chosen_gold(row) for row in rows]
    return found


def _has_choices(row: Mapping[str, Any]) -> bool:
    """Whether lm-eval asked for the likelihood of each of several choices, of which `target` is the right one."""
    arguments = row.get("arguments", ())
    texts = all(len(pair) == 2 and isinstance(pair[1], str) for pair in arguments)
    return texts and len(arguments) > 1 and str(row.get("target", "")).isdigit()


def benchmark_loss(lm: Any, asked: Mapping[str, Sequence[Gold]]) -> dict[str, dict[str, Any]]:
    """Mean negative log-likelihood of gold answers by task: `{nats_per_token, nats_per_byte, tokens, bytes, n}`.

    Args:
        lm: an lm-eval model with log-likelihoods of tokens (`packed`, `packed-int8`, `hf`).
        asked: gold answers by task, none empty.
    """
    encode = lm.tokenizer.encode
    pairs = [
        ((gold.prompt, gold.answer), encode(gold.prompt), encode(gold.answer, add_special_tokens=False))
        for rows in asked.values()
        for gold in rows
    ]
    values = iter(lm._loglikelihood_tokens(pairs, disable_tqdm=True))
    counts = iter([len(answer) for _, _, answer in pairs])
    made = {}
    for task, rows in asked.items():
        nats = -sum(next(values)[0] for _ in rows)
        tokens, size = sum(next(counts) for _ in rows), sum(len(gold.answer.encode()) for gold in rows)
        made[task] = {
            "nats_per_token": nats / tokens,
            "nats_per_byte": nats / size,
            "tokens": tokens,
            "bytes": size,
            "n": len(rows),
        }
    return made
