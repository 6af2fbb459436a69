"""Asking a model the candidates of the gallery, as the page would, and whether it answers right."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaces.assembly import assemble

MOST_TOKENS = 140
"""New tokens after which an answer counts as wrong; the longest right one has about 90."""

Calls = list[dict[str, Any]]
"""`{name: arguments}` each."""


@dataclass(frozen=True)
class Found:
    """A candidate, and whether a model gets it right."""

    set: str
    kind: str
    candidate: dict[str, Any]
    right: bool

    def example(self) -> dict[str, Any]:
        """What the Space's tool_sets.json says of it."""
        only = {"only": self.candidate["only"]} if "only" in self.candidate else {}
        told = {"request": self.candidate["ask"], "kind": self.kind, "steps": self.candidate["steps"]}
        return {**told, **only, "right": self.right}


def ask_all(sets: Sequence[dict[str, Any]], folder: Path) -> list[Found]:
    """Ask every candidate of every set, in order; about two minutes for 135M parameters on two cores.

    Greedy decoding: the same weights give the same answers on the same kind of machine.
    """
    from tqdm import tqdm

    wanted = [(row, kind, one) for row in sets for kind, some in row["candidates"].items() for one in some]
    found = []
    with tempfile.TemporaryDirectory() as place:
        space = str(assemble("function_calling", Path(place) / "space"))
        sys.path.insert(0, space)
        try:
            from calls import chat_template  # type: ignore[import-not-found]
            from model import Model  # type: ignore[import-not-found]

            model = Model(str(folder), chat_template())
            with tqdm(wanted, desc="gallery", unit="question") as bar:
                for row, kind, one in bar:
                    offered = [tool for tool in row["tools"] if tool["name"] == one.get("only", tool["name"])]
                    found.append(Found(row["name"], kind, one, is_right(model, offered, one)))
                    bar.set_postfix(right=sum(each.right for each in found), refresh=False)
        finally:
            sys.path.remove(space)
    return found


def is_right(model: Any, functions: list[dict[str, Any]], candidate: dict[str, Any]) -> bool:
    """Whether the model's calls of each step are the candidate's, and its last answer says what it must."""
    from chat import Lane, take_turn  # type: ignore[import-not-found]
    from validation import check_tools  # type: ignore[import-not-found]

    steps: list[Calls] = candidate["steps"]
    history = [{"role": "user", "content": candidate["ask"]}]
    turn = None
    for turn in take_turn(Lane("model", model), history, check_tools(functions), len(steps) > 1):
        if turn.steps and turn.steps[-1].answer.tokens > MOST_TOKENS:
            return False
        for step, calls in zip(turn.steps, steps, strict=False):
            if step.checked and not _same([{call.name: call.arguments} for call in step.checked.calls], calls):
                return False
    if turn is None or turn.note or len(turn.steps) != len(steps) or any(step.checked.problem for step in turn.steps):
        return False
    last = turn.steps[-1].answer.text.lower()
    return all(words.lower() in last for words in candidate.get("says", []))


def _same(made: Calls, wanted: Calls) -> bool:
    """Whether two lists hold the same calls, in any order."""
    rest = list(wanted)
    for call in made:
        if call not in rest:
            return False
        rest.remove(call)
    return not rest
