"""Benchmark loss: how unlikely a model finds the gold answers, in nats a token and a byte; the mix law reads it.

Only tokens of the answer count; the prompt is what the model reads before. What a task's gold answers are says its
benchmark (`Benchmark.golds`, and the README of its folder); that of a question with choices (MMLU) is the right choice,
after the prompt that its task made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.benchmarks import Benchmark, Gold


def chosen_gold(row: Mapping[str, Any]) -> Gold:
    """The right choice of a sample of lm-eval's multiple-choice tasks."""
    context, choice = row["arguments"][int(row["target"])]
    return Gold(context, choice)


def golds(
    benchmarks: Sequence[Benchmark],
    asked: Mapping[str, Sequence[int]],
    samples: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, list[Gold]]:
    """Gold answers of the questions asked, by task; tasks that have none are left out.

    Args:
        benchmarks: those of the tasks.
        asked: indices of the questions, by lm-eval task.
        samples: lm-eval's samples, by task; those of multiple-choice tasks carry their choices.
    """
    found = {}
    for task, indices in asked.items():
        owner = next((one for one in benchmarks if task in one.tasks), None)
        if owner and owner.golds:
            rows = list(owner.golds(task, indices))
        else:
            rows = [chosen_gold(row) for row in samples.get(task, ()) if _has_choices(row)]
        if rows:
            found[task] = rows
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
