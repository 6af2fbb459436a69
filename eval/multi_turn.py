"""Conversations of several steps with any lm-eval model: all that are running are asked together, step by step.

`install()` gives lm-eval's models a fifth kind of request, `generate_episodes`, so that a task whose instances have
this type works with any model of `lm_eval` and with `python -m eval` alike. Each step is one call of the model's own
`generate_until`, so a model that keeps its answers on disk asks nothing twice after a kill: the same answers lead the
same episodes through the same prompts again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

REPEATS = 10
"""An episode whose model makes the same calls with the same results this often in a row has ended."""
WAIT_SECONDS = 1.0
"""Between looks at episodes that all wait to begin."""
MOST_TOGETHER = 48
"""Episodes under way at once: a backend that keeps what it read of them has to hold so many."""
MOST_STEPS = 400
"""Steps of an episode over all its turns, whatever the benchmark's own limits are."""


@dataclass(frozen=True)
class Step:
    """What a model is asked next."""

    prompt: str
    """Rendered text, ending where the answer begins."""
    messages: Sequence[dict[str, Any]]
    tools: Sequence[dict[str, Any]]
    settles: bool = False
    """Whether only the calls of the answer are read, by `records.calls.parse_calls`; see `eval.settled`."""


class Episode(Protocol):
    """One conversation with an environment.

    One that cannot begin before others have ended has an attribute `waiting`, true after such a `step`.
    """

    def step(self) -> Step | None:
        """What is asked next; None at the end, and where the episode cannot begin yet (see `waiting`)."""

    def take(self, answer: str) -> str | None:
        """Go on with the model's answer; returns what was called and came back, None where nothing was called."""

    def end(self, reason: str) -> None:
        """The runner ends the episode: `context_overflow`, `repeated_calls` or `endless`."""

    def transcript(self) -> dict[str, Any]:
        """All that was said and why it ended, as plain data."""


@dataclass
class EpisodeInstance(Instance):  # type: ignore[misc]
    """A request that starts an episode. `arguments` are its first prompt and the generation settings of a step."""

    start: Callable[[], Episode] | None = None


def run_episodes(
    lm: Any,
    episodes: Sequence[Episode],
    settings: Sequence[dict[str, Any]],
    task: str = "",
) -> list[dict[str, Any]]:
    """Advance all episodes until each has ended, the first MOST_TOGETHER that run at a time; returns their transcripts.

    Args:
        lm: any lm-eval model that generates.
        settings: generation settings of each episode's answers (`until`, `max_gen_toks`, …).
        task: named in the requests.
    """
    counted = [_Repeats() for _ in episodes]
    steps = [0] * len(episodes)
    while (running := _running(lm, episodes, settings)) or any(getattr(one, "waiting", False) for one in episodes):
        if not running:
            time.sleep(WAIT_SECONDS)
            continue
        requests = [_request(step, settings[number], number, task) for number, step in running]
        answers = lm.generate_until(requests)
        for (number, _), answer in zip(running, answers, strict=True):
            steps[number] += 1
            if counted[number].seen(episodes[number].take(answer)):
                episodes[number].end("repeated_calls")
            elif steps[number] >= MOST_STEPS and episodes[number].step() is not None:
                episodes[number].end("endless")
    return [episode.transcript() for episode in episodes]


def _running(lm: Any, episodes: Sequence[Episode], settings: Sequence[dict[str, Any]]) -> list[tuple[int, Step]]:
    found: list[tuple[int, Step]] = []
    for number, episode in enumerate(episodes):
        if len(found) == MOST_TOGETHER:
            break
        step = episode.step()
        if step is None:
            continue
        if _is_too_long(lm, step.prompt, int(settings[number].get("max_gen_toks", 256))):
            episode.end("context_overflow")
        else:
            found.append((number, step))
    return found


def _is_too_long(lm: Any, prompt: str, answer_tokens: int) -> bool:
    """Whether prompt and answer exceed what the model can read, where the model says so."""
    limit = getattr(lm, "max_length", None)
    encode = getattr(getattr(lm, "tokenizer", None), "encode", None)
    if not isinstance(limit, int) or limit <= 0 or encode is None:
        return False
    return len(prompt.encode(errors="replace")) > limit and len(encode(prompt)) + answer_tokens > limit


def _request(step: Step, settings: dict[str, Any], number: int, task: str) -> Instance:
    doc: dict[str, Any] = {"messages": json.dumps(step.messages), "tools": json.dumps(step.tools)}
    doc |= {"settles": step.settles, "conversation": True}
    return Instance("generate_until", doc, (step.prompt, dict(settings)), 0, (task, number, 1))


class _Repeats:
    """Counts how often one thing was done in a row."""

    def __init__(self) -> None:
        self.last: str | None = None
        self.count = 0

    def seen(self, done: str | None) -> bool:
        """Whether this was now done REPEATS times in a row."""
        self.count = self.count + 1 if done is not None and done == self.last else 1
        self.last = done
        return done is not None and self.count >= REPEATS


def generate_episodes(lm: Any, requests: Sequence[EpisodeInstance]) -> list[str]:
    """lm-eval's request type `generate_episodes`: the transcript of each request's episode as JSON text."""
    episodes = []
    for request in requests:
        assert request.start is not None
        episodes.append(request.start())
    task = str(requests[0].task_name) if requests else ""
    found = run_episodes(lm, episodes, [request.args[1] for request in requests], task)
    return [json.dumps(transcript, ensure_ascii=True, sort_keys=True) for transcript in found]


def install() -> None:
    """Let every lm-eval model answer `generate_episodes`: lm-eval calls the method that a request's type names."""
    LM.generate_episodes = generate_episodes
