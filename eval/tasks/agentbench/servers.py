"""Episodes on AgentBench's own task servers: OS, KG, HH, WS, WB, DCG and LTP, by the API of its task controller.

The controller (`python -m src.start_task` in a clone of THUDM/AgentBench) answers below `http://host:5000/api`; each
episode here is one of its sessions, and its `calculate_overall` gives the authors' own score.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
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
SECONDS = 600.0
"""Most that one request may take: a server starts containers."""
ROLES = {"agent": "assistant", "user": "user"}


class Controller:
    """Client of one task on a task controller."""

    def __init__(self, address: str, task: str, seconds: float = SECONDS) -> None:
        self.address, self.task, self.seconds = address.rstrip("/"), task, seconds

    def indices(self) -> list[Any]:
        """Indices of the task's samples. Raises UserError where no controller or no such task answers."""
        return list(self._ask(f"get_indices?{urllib.parse.urlencode({'name': self.task})}", None))

    def start(self, index: Any) -> tuple[Any, dict[str, Any]]:
        """Start a sample: its session id and first output `{status, history, result}`."""
        found = self._ask("start_sample", {"name": self.task, "index": index})
        return found["session_id"], found["output"]

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

    def _ask(self, path: str, body: Any) -> Any:
        url = f"{self.address}/{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self.seconds) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            said = error.read(300).decode("utf-8", "replace")
            raise UserError(f"{url} answered {error.code} for task {self.task}: {said}") from None
        except (OSError, ValueError) as error:
            raise UserError(
                f"{url} cannot be asked ({error}); start AgentBench's controller and workers "
                "(`python -m src.start_task -a` in a clone of https://github.com/THUDM/AgentBench), "
                "or check the address"
            ) from None


class ServerEpisode:
    """One sample of a task server as a conversation (`eval.multi_turn.Episode`)."""

    def __init__(self, controller: Controller, index: Any) -> None:
        self.controller, self.index = controller, index
        self.session, self.output = controller.start(index)
        self.reason: str | None = None
        self._look()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The session's history in the roles of a chat."""
        history = self.output.get("history") or []
        return [{"role": ROLES.get(part["role"], "user"), "content": part["content"] or ""} for part in history]

    def step(self) -> Step | None:
        """What is asked next; None at the end."""
        if self.reason is not None:
            return None
        return Step(render_chat(self.messages, answer_next=True), self.messages, [])

    def take(self, answer: str) -> str | None:
        """Send the answer on; returns what the environment said."""
        # A server reads JSON: what is not Unicode cannot be sent to it.
        plain = answer.encode("utf-8", "replace").decode("utf-8")
        self.output = self.controller.interact(self.session, plain)
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
        """All that was said, why it ended, and the server's output for `Controller.overall`."""
        output = {**self.output, "index": self.index}
        return {"id": f"{self.controller.task}_{self.index}", "reason": self.reason, "output": output}
