"""A session while it is played: calls go to the simulator, and messages, steps and failures are written down."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpus.families import Family
from corpus.family_identifiers import required
from corpus.result_shapes import fits
from corpus.session_drafts import Draft, NoSession, draft, scope_of
from corpus.session_phrases import MENDING, MORE, PAGES, WAITING
from corpus.session_spoils import Spoil
from corpus.session_words import field_words, goal, plan
from corpus.simulated_answers import IDENTIFIER
from corpus.simulated_values import new_identifier
from corpus.simulator import PAGE_SIZES, PAGE_TOKENS, Arguments, Observation, Simulator
from corpus.simulator_errors import INVALID, THROTTLED
from corpus.spoken_forms import words_of
from records.calls import Call, Message, calls_message


@dataclass(frozen=True)
class Step:
    """One call and what came back."""

    call: Call
    observation: str
    """JSON, as the tool message holds it."""
    failure: str | None
    """One of simulator_errors.KINDS."""
    valid: bool
    """False where the arguments break the schema on purpose."""


class Scene:
    """The assistant, the service and the transcript of one session."""

    def __init__(self, family: Family, seed: int) -> None:
        """`seed` fixes everything. Raises NoSession: no_scope."""
        self.family = family
        self.rng = random.Random(f"session/{seed}/{family.id}")
        self.simulator = Simulator(family, seed)
        self.scope = scope_of(family, self.rng)
        self.setup: list[Arguments] = []
        self.steps: list[Step] = []
        self.messages: list[Message] = []
        self.page: Arguments = {}

    def has(self, role: str) -> bool:
        """Whether the family has an operation of a role."""
        return role in self.family.operations

    def draft(self) -> Draft:
        """A resource that somebody wants."""
        return draft(self.family, self.scope, self.rng)

    def prepare(self, wanted: Draft) -> str:
        """Let a resource exist before the session; its identifier."""
        self.setup.append(wanted.arguments)
        before = len(self.simulator.resources)
        identifier = self.simulator.prepare(wanted.arguments)
        if identifier is None or len(self.simulator.resources) == before:
            raise NoSession("cannot_prepare")
        return identifier

    def unknown(self, own: str | None) -> str:
        """The identifier of a resource that does not exist, called `own` where callers choose names."""
        made = own or new_identifier(self.family, f"unknown/{self.simulator.seed}")
        if made is None:
            raise NoSession("no_name")
        return self.simulator.composed(self.scope, made) if self.family.origin.composed else made

    def begin(self, clauses: list[str], steps: list[str], remarks: Sequence[str] = (), *, lists: bool = False) -> None:
        """The user's goal and the assistant's plan; `lists` says that all resources will be listed."""
        self.page = self._page_size() if lists else {}
        asked = [*remarks, *([self.rng.choice(PAGES)] if self.page else [])]
        self.messages.append({"role": "user", "content": goal(clauses, asked, self.rng)})
        self.say(plan(steps, self.rng))

    def say(self, text: str) -> None:
        """Words of the assistant."""
        self.messages.append({"role": "assistant", "content": text})

    def call(self, role: str, arguments: Arguments, *, valid: bool = True) -> Observation:
        """One call; a throttled one is sent again."""
        name = self.family.operations[role].name
        observation = self.simulator.call(name, arguments)
        failure = self.simulator.failed
        if valid == (failure == INVALID) and failure != THROTTLED:
            raise NoSession("valid_call_refused" if valid else "invalid_call_accepted")
        if failure is None and not fits(observation, self.family.operations[role].returns):
            raise NoSession("result_misfits")
        text = json.dumps(observation, ensure_ascii=False)
        self.steps.append(Step(Call(name, arguments), text, failure, valid))
        self.messages += [calls_message([Call(name, arguments)]), {"role": "tool", "content": text}]
        if failure == THROTTLED:
            self.say(self.rng.choice(WAITING))
            return self.call(role, arguments, valid=valid)
        return observation

    def mended(self, role: str, arguments: Arguments, spoiled: Spoil | None) -> Observation:
        """A call whose first attempt breaks the schema as `spoiled` says, and the repaired one."""
        if spoiled is None:
            return self.call(role, arguments)
        wrong = {**arguments, spoiled.name: spoiled.wrong}
        if spoiled.kind == "missing":
            del wrong[spoiled.name]
        answer = self.call(role, wrong, valid=False)
        message = str(next(iter(answer.values())).get("Message") or next(iter(answer.values())).get("message"))
        right = json.dumps(spoiled.right, ensure_ascii=False)
        said = message if message[-1] in ".!" else f"{message}."
        self.say(self.rng.choice(MENDING).format(said, field_words(spoiled.name), right))
        return self.call(role, arguments)

    def create(self, wanted: Draft, spoiled: Spoil | None = None) -> str:
        """Create a resource; its identifier, as the result or the request tells it."""
        self.mended("create", wanted.arguments, spoiled)
        if self.simulator.failed:
            raise NoSession(f"create_{self.simulator.failed}")
        return str(next(reversed(self.simulator.resources.values()))[IDENTIFIER])

    def is_told(self, value: Any) -> bool:
        """Whether the goal or an observation holds a value."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return any(text in message["content"] for message in self.messages if message["role"] in ("user", "tool"))

    def named(self, role: str, identifier: str) -> Arguments:
        """The arguments that say which resource."""
        if not self.is_told(identifier):
            raise NoSession("identifier_unseen")
        parameter = self.family.identifiers[role]
        properties = self.family.properties(role)
        value = [identifier] if properties[parameter].get("type") == "array" else identifier
        needed = required(self.family.operations[role])
        # A composed identifier holds the scope already.
        told = {one for one in properties if one in needed or not self.family.origin.composed}
        return {**{one: part for one, part in self.scope.items() if one in told}, parameter: value}

    def get(self, identifier: str) -> Observation:
        """Read a resource."""
        return self.call("get", self.named("get", identifier))

    def delete(self, identifier: str) -> Observation:
        """Delete a resource."""
        return self.call("delete", self.named("delete", identifier))

    def update(
        self, identifier: str, name: str, value: Any, current: Arguments, spoiled: Spoil | None = None
    ) -> Observation:
        """Change one parameter; others that update demands stay as they are in `current`."""
        return self.mended("update", self.update_arguments(identifier, name, value, current), spoiled)

    def update_arguments(self, identifier: str, name: str, value: Any, current: Arguments) -> Arguments:
        """Arguments of the update that changes one parameter."""
        properties = self.family.properties("update")
        arguments = {**self.named("update", identifier), name: value}
        for one in required(self.family.operations["update"]):
            if one not in arguments and (one not in current or not self.is_told(current[one])):
                raise NoSession("update_needs_more")
            arguments.setdefault(one, current.get(one))
        if mask := next((one for one in properties if words_of(one) == "update mask"), None):
            arguments[mask] = name
        return arguments

    def list_all(self) -> list[Any]:
        """All records of the list, page by page where it has pages."""
        arguments = {one: value for one, value in self.scope.items() if one in self.family.properties("list")}
        arguments |= self.page
        found: list[Any] = []
        while True:
            answer = self.call("list", arguments)
            found += self.records(answer)
            token = next((value for one, value in answer.items() if words_of(one) in PAGE_TOKENS), None)
            into = next((one for one in self.family.properties("list") if words_of(one) in PAGE_TOKENS), None)
            if token is None or into is None:
                return found
            self.say(self.rng.choice(MORE))
            arguments = {**arguments, into: token}

    def records(self, answer: Observation) -> list[Any]:
        """The records that a list answered."""
        inner: Any = answer
        for name in self.family.places["list"].path:
            inner = inner.get(name, {})
        return list(inner)

    def _page_size(self) -> Arguments:
        """A small page where the list has pages and many records, so that they are seen."""
        parts = self.family.properties("list")
        turns = any(words_of(one) in PAGE_TOKENS for one in self.family.operations["list"].returns["properties"])
        size = next((one for one in parts if words_of(one) in PAGE_SIZES and parts[one].get("type") == "integer"), None)
        turns = turns and any(words_of(one) in PAGE_TOKENS for one in parts)
        if size is None or not turns or len(self.simulator.resources) < 3 or not fits(2, parts[size]):
            return {}
        return {size: 2} if self.rng.random() < 0.5 else {}
