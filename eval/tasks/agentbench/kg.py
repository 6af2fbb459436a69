"""AgentBench KG: questions over Freebase, answered by calling seven tools (the authors' `knowledgegraph`)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from eval.bench_data import need
from eval.multi_turn import Step
from eval.tasks.agentbench.kg_graph import Graph, Ontology, QueryFailed, graph, ontology
from eval.tasks.agentbench.kg_programs import NoQuery, answers_query
from eval.tasks.agentbench.kg_prompt import messages
from eval.tasks.agentbench.kg_tools import TOOLS, Refused, Tools
from records.calls import render_chat
from records.errors import UserError

FILE = "knowledgegraph/std.json"
MAX_ROUNDS = 15
"""`round` of the authors' configs/tasks/kg.yaml."""
MAX_ANSWER_CHARACTERS = 20_000


@dataclass(frozen=True)
class Question:
    """One question."""

    id: str
    text: str
    entities: dict[str, str]
    """Name → Freebase's id."""
    answer: frozenset[str]
    actions: tuple[str, ...]
    """The authors' calls that lead to the answer."""

    def prompt(self) -> str:
        """The text a model reads first."""
        return render_chat(messages(self.text, self.entities), answer_next=True)

    def gold(self) -> str:
        """The first call of the authors, with the entity's name as the model would write it; empty without calls."""
        if not self.actions:
            return ""
        names = {key: name for name, key in self.entities.items()}
        return "Action: " + re.sub(r"[\w.]+", lambda word: names.get(word.group(), word.group()), self.actions[0])


@cache
def questions() -> tuple[Question, ...]:
    """All 150 questions of the standard set. Raises UserError where they are missing or cannot be read."""
    path = need("agentbench", FILE)
    try:
        return tuple(
            Question(
                f"kg_{row['qid']}",
                row["question"],
                row["entities"],
                frozenset(part["answer_argument"] for part in row["answer"]),
                tuple(row.get("actions") or ()),
            )
            for row in json.loads(path.read_text(encoding="utf-8"))
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: no questions of AgentBench KG ({error!r}); fetch the file again") from None


@cache
def by_id() -> dict[str, Question]:
    """All questions by their ids."""
    return {question.id: question for question in questions()}


def f1(found: frozenset[str], gold: frozenset[str]) -> float:
    """Harmonic mean of precision and recall of two sets; the authors' `main` is its mean over questions."""
    hits = len(found & gold)
    return 2 * hits / (len(found) + len(gold)) if hits else 0.0


class GraphEpisode:
    """See `eval.multi_turn.Episode`."""

    def __init__(self, question: Question, on: Graph | None = None, known: Ontology | None = None) -> None:
        self.question = question
        self.graph = on or graph()
        self.tools = Tools(self.graph, known or ontology(), question.entities)
        self.messages = messages(question.text, question.entities)
        self.rounds = 0
        self.reason: str | None = None
        self.answer: frozenset[str] = frozenset()

    def step(self) -> Step | None:
        """See `Episode`."""
        if self.reason is not None:
            return None
        return Step(render_chat(self.messages, answer_next=True), list(self.messages), [])

    def take(self, answer: str) -> str | None:
        """See `Episode`."""
        if len(answer) > MAX_ANSWER_CHARACTERS:
            self.messages.append({"role": "assistant", "content": answer[: MAX_ANSWER_CHARACTERS + 1]})
            self.reason = "too_long"
            return None
        # As the authors read it: whatever a model makes up as an observation is cut off.
        said = answer.split("Observation:")[0].replace("\\_", "_")
        self.messages.append({"role": "assistant", "content": said})
        self.rounds += 1
        final = re.search(r"(?:Find|Final) Answer: #(\d+)", said)
        if final and (number := _number(final.group(1))) < len(self.tools.variables):
            self._finish(number)
            return None
        shown = "Invalid variable id! Need to recheck the action." if final else act(self.tools, said)
        self.messages.append({"role": "user", "content": shown})
        if self.rounds == MAX_ROUNDS:
            self.reason = "round_limit"
        return f"{said}\n{shown}"

    def _finish(self, number: int) -> None:
        try:
            self.answer = frozenset(self.graph.query(answers_query(self.tools.variables[number].program)))
        except (QueryFailed, NoQuery):
            self.reason = "query_failed"
            return
        score = f1(self.answer, self.question.answer)
        self.reason = "right" if score == 1 else "partly_right" if score else "wrong_answer"

    def end(self, reason: str) -> None:
        """See `Episode`."""
        self.reason = reason

    def transcript(self) -> dict[str, Any]:
        """See `Episode`; `right` is F1."""
        score = f1(self.answer, self.question.answer)
        told = {"reason": self.reason, "predict": sorted(self.answer), "messages": self.messages}
        return {"id": self.question.id, "right": score, **told}


def _number(digits: str) -> int:
    return int(digits) if len(digits) < 9 else 10**9


def act(tools: Tools, said: str) -> str:
    """Make the first call of the first line that begins with `Action`; what the authors' program tells the model."""
    line = next((line for line in said.split("\n") if re.match(r"Action.*?:", line)), None)
    if line is None:
        return "No executable function found! Need to recheck the action."
    told = "Function is not executed!"
    for name in re.findall(r"(\w+)\(", line):
        found = re.search(rf"{name}\((.+?)\)", line)
        if found is None:
            told = (
                f"I may make a syntax error when calling {name} (e.g., unmatched parenthesis). I need to fix it and "
                "reuse the tool"
            )
            continue
        arguments = re.split(r"\s*,\s*", found.group(1))
        try:
            if name not in TOOLS:
                raise Refused
            return tools.call(name, arguments)
        except (Refused, QueryFailed, NoQuery):
            advice = "You may make a mistake and need to fix it."
            if name == "intersection":
                advice = (
                    "The two variables are not of the same type. You may further explore them by call get_relations"
                )
            told = f"{name}({', '.join(arguments)}) cannot be executed. {advice}"
    return told
