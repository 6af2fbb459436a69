"""The overall score of AgentBench: each environment's score in percent over the models' mean on it, averaged.

Liu et al., arXiv 2308.03688v3, section 4.1: the reciprocals of the tested models' mean scores are fixed weights for
later studies; table 2, row "Weight^-1", has the means. GPT-4's scores (42.4, 32.0, 58.8, 74.5, 16.6, 78.0, 61.1, 29.0)
give the 4.01 that the paper prints for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

MEANS = {"os": 10.8, "db": 13.0, "kg": 13.9, "dcg": 12.0, "ltp": 3.5, "hh": 13.0, "ws": 30.7, "wb": 11.6}
"""Mean score of the paper's models, in percent, by environment."""
SERVED = ("dcg", "ltp", "hh", "ws", "wb")
"""Environments that only AgentBench's own servers play."""
DB_KINDS = ("select", "insert", "update")
TASKS: Mapping[str, Sequence[str]] = {
    name: tuple(f"agentbench_db_{kind}" for kind in DB_KINDS) if name == "db" else (f"agentbench_{name}",)
    for name in MEANS
}
"""lm-eval tasks by environment; DB is the mean of its three kinds."""


def scored_environments(tasks: Collection[str]) -> list[str]:
    """Environments of which every task is among `tasks`."""
    return [name for name, needed in TASKS.items() if set(needed) <= set(tasks)]


def overall_weights(counts: Mapping[str, int]) -> dict[str, float]:
    """Weight of each task's score, a fraction: 100 times their sum is the paper's overall score.

    With environments missing it is the mean over those that were scored, a partial overall score.
    """
    asked = scored_environments([task for task, count in counts.items() if count])
    if not asked:
        return {task: 1.0 for tasks in TASKS.values() for task in tasks}
    return {task: 1 / (MEANS[name] * len(asked) * len(TASKS[name])) for name in asked for task in TASKS[name]}


def partial_note(tasks: Collection[str]) -> str | None:
    """Which environments an overall score over `tasks` rests on; None where it is all eight."""
    asked = scored_environments(tasks)
    if not asked or len(asked) == len(MEANS):
        return None
    gone = [name.upper() for name in MEANS if name not in asked]
    return f"partial overall score of {', '.join(map(str.upper, asked))} alone; without {', '.join(gone)}"
