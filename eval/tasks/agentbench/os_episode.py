"""One OS task as a conversation: up to eight actions in a sandbox of its own, then the authors' check."""

from __future__ import annotations

import re
import threading
from typing import Any

from eval.multi_turn import Step
from eval.tasks.agentbench.os_machine import Machine, MachineGone
from eval.tasks.agentbench.os_prompt import messages
from eval.tasks.agentbench.os_questions import Question
from records.calls import render_chat

MAX_ROUNDS = 8
"""`round_limit` of the authors' configs/tasks/os.yaml."""
MAX_ANSWER_CHARACTERS = 20_000
MAX_SHOWN = 800
MOST_MACHINES = 16
"""Sandboxes alive at once; further episodes wait for one to end."""

_machines = threading.BoundedSemaphore(MOST_MACHINES)


def read_action(answer: str) -> tuple[str | None, str | None]:
    """The action of an answer and its content, by the authors' rule: the last `Act:` that names one.

    Returns:
        `bash` and the code of all blocks, `commit` and the answer (None after `finish`), or None.
    """
    for action in reversed(re.findall(r"Act:\s*(.+)", answer)):
        kind = action.lower()
        if kind.startswith("bash"):
            return "bash", "\n\n".join(re.findall(r"```bash\n(.*?)\n```", answer, re.DOTALL))
        if kind.startswith("finish"):
            return "commit", None
        if kind.startswith("answer"):
            content = action[len("answer") :].strip()
            left, right = content.find("("), content.rfind(")")
            if left >= 0 and right >= 0:
                return "commit", content[left + 1 : right]
    return None, None


class ShellEpisode:
    """See `eval.multi_turn.Episode`."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.machine: Machine | None = None
        self.waiting = False
        self.messages = messages(question.text)
        self.rounds = 0
        self.reason: str | None = None
        self.right = False

    def step(self) -> Step | None:
        """See `Episode`."""
        if self.reason is None and self.machine is None:
            self._begin()
        if self.reason is not None or self.waiting:
            return None
        return Step(render_chat(self.messages, answer_next=True), list(self.messages), [])

    def _begin(self) -> None:
        """Set the task up, unless too many sandboxes are alive."""
        self.waiting = not _machines.acquire(blocking=False)
        if self.waiting:
            return
        try:
            self.machine = Machine()
        except BaseException:
            _machines.release()
            raise
        try:
            for language, code in self.question.init:
                self.machine.run(language, code)
            if self.question.start:
                self.machine.shell(self.question.start[1])
        except MachineGone:
            self._finish("sandbox_ended")

    def take(self, answer: str) -> str | None:
        """See `Episode`."""
        assert self.machine
        self.messages.append({"role": "assistant", "content": answer[: MAX_ANSWER_CHARACTERS + 1]})
        if len(answer) > MAX_ANSWER_CHARACTERS:
            self._finish("too_long")
            return None
        action, content = read_action(answer)
        try:
            if action == "bash":
                return self._bash(content or "")
            self._finish("invalid_action" if action is None else self._judge(content))
        except MachineGone:
            self._finish("sandbox_ended")
        return None

    def _bash(self, code: str) -> str:
        assert self.machine
        shown = self.machine.shell(code).output
        if len(shown) > MAX_SHOWN:
            shown = shown[:780] + "\n[truncated because the output is too long]"
        said = f"The output of the OS:\n\n{shown}" if shown else "The output of the OS is empty."
        self.messages.append({"role": "user", "content": said})
        self.rounds += 1
        if self.rounds == MAX_ROUNDS:
            self._finish("round_limit")
        return f"{code}\n{shown}"

    def _judge(self, answer: str | None) -> str:
        """The authors' verdict: the answer's text, or all their scripts in this machine."""
        assert self.machine
        match = self.question.match
        if match is not None:
            given = answer.strip() if answer is not None and match.get("strip") else answer
            if "answer" in match:
                return "right" if given == match["answer"] else "wrong_answer"
            return "right" if given is not None and re.search(match["regex"], given) else "wrong_answer"
        parameters = [str(answer)]
        for language, code in self.question.checks:
            ran = self.machine.run(language, code, parameters)
            if ran.code != 0:
                return "check_failed"
            parameters.append(ran.output)
        return "right"

    def end(self, reason: str) -> None:
        """See `Episode`."""
        self._finish(reason)

    def _finish(self, reason: str) -> None:
        self.reason, self.right = reason, reason == "right"
        self._close()

    def _close(self) -> None:
        if self.machine:
            self.machine.close()
            self.machine = None
            _machines.release()

    def transcript(self) -> dict[str, Any]:
        """See `Episode`."""
        return {"id": self.question.id, "right": self.right, "reason": self.reason, "messages": self.messages}
