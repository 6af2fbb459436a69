"""Simulated sessions on resource families, seeded, each of which can be replayed.

Every emitted call is valid against the schema of its API, except those that `Step.valid` marks: they break the schema
on purpose, the service refuses them, and the next call of the same operation is the repaired one.

Not simulated: references between families (a queue's environment need not exist), filters of lists, states that change
with time (operations are done at once), permissions and quotas, and PUT's clearing of what it leaves out.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corpus.families import Family
from corpus.read_examples import brief_tool
from corpus.session_drafts import NoSession
from corpus.session_scenarios import conflict, lifecycle, missing, twice
from corpus.session_scene import Scene, Step
from corpus.session_searches import cleanup, stale
from corpus.simulator import Arguments, Simulator
from records.calls import Call, Message, Tool

SCENARIOS: dict[str, tuple[Callable[[Scene], None], int]] = {
    "lifecycle": (lifecycle, 6),
    "conflict": (conflict, 4),
    "missing": (missing, 3),
    "stale": (stale, 4),
    "cleanup": (cleanup, 4),
    "twice": (twice, 1),
}
"""Scenarios and their weights, by name."""
ATTEMPTS = 6
MOST_PARAMETERS = 10
"""Most parameters of a tool as it is shown; those required or used in the session come first."""


@dataclass(frozen=True)
class Session:
    """A finished session."""

    family: Family
    scenario: str
    seed: int
    setup: tuple[Arguments, ...]
    """Arguments of create for what existed before."""
    steps: tuple[Step, ...]
    messages: list[Message]
    tools: list[Tool]

    @property
    def invalid(self) -> list[int]:
        """Places of the steps whose calls break the schema on purpose."""
        return [number for number, step in enumerate(self.steps) if not step.valid]


def make_session(family: Family, seed: int) -> Session:
    """One session.

    Raises:
        NoSession: no scenario could be played; the message is the reason of the last attempt.
    """
    rng = random.Random(f"scenario/{seed}/{family.id}")
    names, weights = list(SCENARIOS), [weight for _, weight in SCENARIOS.values()]
    reason = "no_attempt"
    for attempt in range(ATTEMPTS):
        name = rng.choices(names, weights)[0]
        own_seed = seed * ATTEMPTS + attempt
        try:
            scene = Scene(family, own_seed)
            SCENARIOS[name][0](scene)
        except NoSession as problem:
            reason = str(problem)
            continue
        tools = _tools(scene)
        return Session(family, name, own_seed, tuple(scene.setup), tuple(scene.steps), scene.messages, tools)
    raise NoSession(reason)


def replay(session: Session) -> list[str]:
    """The observations of a session's calls made anew."""
    return replay_calls(session.family, session.seed, session.setup, [step.call for step in session.steps])


def replay_calls(family: Family, seed: int, setup: Sequence[Arguments], calls: Sequence[Call]) -> list[str]:
    """The observations, as JSON, of calls made to a new simulator after `setup`."""
    simulator = Simulator(family, seed)
    for arguments in setup:
        simulator.prepare(arguments)
    return [json.dumps(simulator.call(call.name, call.arguments), ensure_ascii=False) for call in calls]


def _tools(scene: Scene) -> list[Tool]:
    """The family's operations, in an order of the seed, with the parameters that matter."""
    used: dict[str, set[str]] = {}
    for step in scene.steps:
        used.setdefault(step.call.name, set()).update(step.call.arguments)
    apis = list({api.name: api for api in scene.family.operations.values()}.values())
    scene.rng.shuffle(apis)
    tools = []
    for api in apis:
        parts, needed = api.parameters.get("properties", {}), api.parameters.get("required", [])
        first = [one for one in parts if one in needed or one in used.get(api.name, ())]
        rest = [one for one in parts if one not in first][: max(0, MOST_PARAMETERS - len(first))]
        shown = {one: part for one, part in parts.items() if one in first or one in rest}
        tools.append(brief_tool(dataclasses.replace(api, parameters={**api.parameters, "properties": shown})))
    return tools
