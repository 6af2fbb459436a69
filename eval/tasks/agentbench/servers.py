"""Episodes on AgentBench's own task servers: OS, KG, HH, WS, WB, DCG and LTP, by the API of its task controller.

The controller (`python -m src.start_task` in a clone of THUDM/AgentBench) answers below `http://host:5000/api`; each
episode here is one of its sessions, and its `calculate_overall` gives the authors' own score.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from functools import cache
from typing import Any

from eval.multi_turn import Step
from records.calls import render_chat
from records.errors import UserError

TASKS = {
    "os": "os-std",
    "db": "dbbench-std",
    "kg": "kg-std",
    "hh": "alfworld-std",
    "ws": "webshop-std",
    "wb": "m2w-std",
    "dcg": "cg-std",
    "ltp": "ltp-std",
}
"""Short names of the paper → names that the servers of the repository register."""
METRICS: dict[str, tuple[Any, ...]] = {
    "alfworld": ("overall", "success_rate", 1),
    "webshop": ("reward", 1),
    "m2w": ("step_sr", 100),
    "cg": ("score", 1),
    "ltp": ("main", 1),
    "os": ("overall", "acc", 1),
    "dbbench": ("overall_cat_accuracy", 1),
    "kg": ("main", 1),
}
"""Where `calculate_overall` has the paper's metric, and its scale (the authors' src/analysis.py, `get_main_metric`)."""
NO_WORKER = 406
"""What the controller answers while all workers of a task are busy."""
SECONDS = 600.0
"""Most that one request may take: a server starts containers."""
ROLES = {"agent": "assistant", "user": "user"}


def address() -> str | None:
    """`$AGENTBENCH_SERVER`, the controller's API such as `http://localhost:5000/api`, or None."""
    return os.environ.get("AGENTBENCH_SERVER") or None


@cache
def served_indices(place: str, environment: str) -> tuple[Any, ...]:
    """Indices of an environment's samples. Raises UserError where no controller or no such task answers."""
    return tuple(Controller(place, TASKS[environment]).indices())


def missing_server(environment: str) -> str | None:
    """Why an environment cannot be asked, or None."""
    place = address()
    if place is None:
        return (
            f"not scored: missing a task server for {environment.upper()}; start AgentBench's controller and worker "
            f"{TASKS[environment]} (`python -m src.start_task -a` in a clone of https://github.com/THUDM/AgentBench) "
            "and set AGENTBENCH_SERVER=http://localhost:5000/api"
        )
    try:
        served_indices(place, environment)
    except UserError as error:
        return f"not scored: missing a task server for {environment.upper()}: {error}"
    return None


class Controller:
    """Client of one task on a task controller."""

    def __init__(self, address: str, task: str, seconds: float = SECONDS) -> None:
        self.address, self.task, self.seconds = address.rstrip("/"), task, seconds

    def indices(self) -> list[Any]:
        """Indices of the task's samples. Raises UserError where no controller or no such task answers."""
        return list(self._ask(f"get_indices?{urllib.parse.urlencode({'name': self.task})}", None))

    def start(self, index: Any) -> tuple[Any, dict[str, Any]] | None:
        """Start a sample: its session id and first output `{status, history, result}`; None while no worker is free."""
        found = self._ask("start_sample", {"name": self.task, "index": index}, busy=NO_WORKER)
        return None if found is None else (found["session_id"], found["output"])

    def interact(self, session: Any, content: str | None, status: str = "normal") -> dict[str, Any]:
        """Answer a session (`status` normal or `agent context limit`); returns its next output."""
        response = {"status": status, "content": content}
        return dict(self._ask("interact", {"session_id": session, "agent_response": response})["output"])

    def cancel(self, session: Any) -> None:
        """End a session early."""
        self._ask("cancel", {"session_id": session})

    def overall(self, outputs: Sequence[dict[str, Any]]) -> Any:
        """The authors' metrics over the outputs of finished samples."""
        return self._ask("calculate_overall", {"name": self.task, "results": list(outputs)})

    def score(self, outputs: Sequence[dict[str, Any]]) -> float:
        """The metric that the paper reports of this task, from the authors' own `calculate_overall`, 0 to 1.

        Raises:
            UserError: the server's answer lacks it.
        """
        found = self.overall(outputs)
        *path, scale = METRICS[self.task.split("-")[0]]
        try:
            for key in path:
                found = found[key]
            return min(max(float(found) / scale, 0.0), 1.0)
        except (KeyError, TypeError, ValueError):
            told = json.dumps(found)[:200]
            raise UserError(f"{self.address}: the metrics of {self.task} lack {'.'.join(path)}: {told}") from None

    def _ask(self, path: str, body: Any, busy: int | None = None) -> Any:
        """The server's JSON; None where it answers `busy`."""
        url = f"{self.address}/{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self.seconds) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            if error.code == busy:
                return None
            said = error.read(300).decode("utf-8", "replace")
            raise UserError(f"{url} answered {error.code} for task {self.task}: {said}") from None
        except (OSError, ValueError) as error:
            raise UserError(
                f"{url} cannot be asked ({error}); start AgentBench's controller and workers "
                "(`python -m src.start_task -a` in a clone of https://github.com/THUDM/AgentBench), "
                "or check the address"
            ) from None


class ServerEpisode:
    """One sample of a task server as a conversation (`eval.multi_turn.Episode`). It begins when a worker is free."""

    def __init__(self, controller: Controller, index: Any) -> None:
        self.controller, self.index = controller, index
        self.session: Any = None
        self.output: dict[str, Any] = {"status": "running", "history": []}
        self.reason: str | None = None
        self.waiting = False
        self.waits_since: float | None = None

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The session's history in the roles of a chat."""
        history = self.output.get("history") or []
        return [{"role": ROLES.get(part["role"], "user"), "content": part["content"] or ""} for part in history]

    def step(self) -> Step | None:
        """See `Episode`."""
        if self.session is None and self.reason is None:
            self._begin()
        if self.reason is not None or self.waiting:
            return None
        return Step(render_chat(self.messages, answer_next=True), self.messages, [])

    def _begin(self) -> None:
        """Start the sample. Raises UserError where no worker becomes free for ten minutes."""
        started = self.controller.start(self.index)
        self.waiting = started is None
        if started is not None:
            self.session, self.output = started
            self._look()
            return
        self.waits_since = self.waits_since or time.monotonic()
        if time.monotonic() - self.waits_since > self.controller.seconds:
            raise UserError(
                f"{self.controller.address}: no worker of task {self.controller.task} became free in "
                f"{self.controller.seconds:.0f} s; start its workers, or end what else uses them"
            )

    def take(self, answer: str) -> str | None:
        """Send the answer on; returns what the environment said."""
        # A server reads JSON: what is not Unicode cannot be sent to it.
        plain = answer.encode("utf-8", "replace").decode("utf-8")
        self.output = self.controller.interact(self.session, plain)
        self.waits_since = None
        self._look()
        messages = self.messages
        return f"{plain}\n{messages[-1]['content']}" if messages else plain

    def end(self, reason: str) -> None:
        """The runner ends the episode; the server is told of a full context and scores the sample so."""
        if reason == "context_overflow":
            self.output = self.controller.interact(self.session, None, "agent context limit")
        else:
            self.controller.cancel(self.session)
        self.reason = reason

    def _look(self) -> None:
        status = str(self.output.get("status"))
        self.reason = None if status == "running" else status.replace(" ", "_")

    def transcript(self) -> dict[str, Any]:
        """All that was said, why it ended, the server's output for `Controller.overall`, and its score, 0 to 1."""
        output = {**self.output, "index": self.index}
        whole = output.get("status") != "running" and output.get("result") is not None
        score = self.controller.score([output]) if whole else 0.0
        return {
            "id": f"{self.controller.task}_{self.index}",
            "right": score,
            "reason": self.reason,
            "messages": self.messages,
            "output": output,
        }
