"""A service of one resource family: it keeps state, validates arguments, answers in the API's shape or with its errors.

The same family, seed and calls give the same answers. Times come from a clock that the calls move.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator

from corpus.families import Family
from corpus.result_shapes import normal, put
from corpus.simulated_answers import IDENTIFIER, answer_of, record_at
from corpus.simulated_values import changed_by_service, complete, etag, new_identifier, written_by_service
from corpus.simulator_errors import CONFLICT, INVALID, NOT_FOUND, THROTTLED, error, problem
from corpus.spoken_forms import words_of
from records.files import stable_hash

THROTTLED_PERCENT = 6
"""Share of calls that the service refuses for their number; the call after such a one is never refused."""
START, SECONDS_A_CALL = 1_735_725_600, 7
"""Earliest time of a session (2025-01-01T10:00:00Z), and how far each call moves the clock."""
PAGE_SIZES = ("max results", "page size", "max records", "max items", "limit")
PAGE_TOKENS = ("next token", "next page token", "page token", "marker", "next marker", "starting token")

Arguments = dict[str, Any]
Observation = dict[str, Any]


class Simulator:
    """The state of one family's service."""

    def __init__(self, family: Family, seed: int) -> None:
        """`seed` fixes identifiers, times and which calls are throttled."""
        self.family = family
        self.seed = seed
        self.resources: dict[tuple[str, ...], dict[str, Any]] = {}
        self.created = 0
        self.calls = 0
        self.was_throttled = False
        self.failed: str | None = None
        self.tokens: dict[str, int] = {}
        self.start = START + stable_hash(f"start/{seed}") % 31_536_000

    @cached_property
    def validators(self) -> dict[str, Draft202012Validator]:
        """Validator of each role's arguments."""
        return {role: Draft202012Validator(api.parameters) for role, api in self.family.operations.items()}

    @property
    def now(self) -> int:
        """Unix time, in seconds."""
        return self.start + SECONDS_A_CALL * (self.calls + self.created)

    def call(self, name: str, arguments: Arguments) -> Observation:
        """What the operation `name` answers.

        Raises:
            KeyError: the family has no such operation.
        """
        self.calls += 1
        self.failed = None
        role = self.role_of(name, arguments)
        if self._throttles():
            return self._error(role, THROTTLED, "Rate exceeded" if self.family.provider == "aws" else _QUOTA)
        if wrong := problem(self.validators[role], arguments, self.family.provider):
            return self._error(role, INVALID, wrong)
        return {
            "create": self._create, "get": self._get, "list": self._list, "update": self._update, "delete": self._delete
        }[role](arguments)  # fmt: skip

    def role_of(self, name: str, arguments: Arguments) -> str:
        """The role in which an operation is called; one operation may serve as get and as list."""
        roles = [role for role, api in self.family.operations.items() if api.name == name]
        if not roles:
            raise KeyError(name)
        if set(roles) == {"get", "list"}:
            return "get" if self.family.identifiers["get"] in arguments else "list"
        return roles[0]

    def prepare(self, arguments: Arguments) -> str | None:
        """Create a resource before the session begins; its identifier, or None where none can be made."""
        self._create(arguments)
        return str(next(reversed(self.resources.values()))[IDENTIFIER]) if self.resources else None

    def composed(self, arguments: Arguments, own: str) -> str:
        """The resource name that create gives to `own`."""
        collections = self.family.collections
        inner = f"{collections[-1]}/{own}"
        return f"{arguments['parent']}/{inner}" if len(collections) > 1 else inner

    def _throttles(self) -> bool:
        hit = stable_hash(f"throttle/{self.seed}/{self.calls}") % 100 < THROTTLED_PERCENT
        self.was_throttled = hit and not self.was_throttled
        return self.was_throttled

    def _error(self, role: str, kind: str, message: str) -> Observation:
        self.failed = kind
        return error(self.family.operations[role], kind, message, self.family.noun)

    def _key(self, role: str, arguments: Arguments, identifier: str) -> tuple[str, ...]:
        inner = () if self.family.origin.composed else self.family.scope
        return (*(str(arguments.get(one, "")) for one in inner if one in self.family.properties("get")), identifier)

    def _identifier(self, role: str, arguments: Arguments) -> str:
        value = arguments[self.family.identifiers[role]]
        return str(value[0] if isinstance(value, list) and value else value)

    def _create(self, arguments: Arguments) -> Observation:
        family, parameter = self.family, self.family.origin.parameter
        own = (
            str(arguments[parameter])
            if parameter in arguments
            else new_identifier(family, f"{self.seed}/{self.created}")
        )
        if own is None:
            return self._error("create", INVALID, "The service could not name the resource.")
        identifier = self.composed(arguments, own) if family.origin.composed else own
        key = self._key("create", arguments, identifier)
        if key in self.resources:
            return self._error("create", CONFLICT, f"{family.noun.capitalize()} '{identifier}' already exists.")
        self.created += 1
        values = {normal(name): value for name, value in arguments.items() if name != "parent"}
        values |= {normal(one): identifier for one in family.identifiers.values()}
        if parameter is not None:
            values[normal(parameter)] = own
        if family.origin.composed:
            values["name"] = identifier
            values.setdefault(f"{normal(family.noun)}name", own)
        if parameter is None and not normal(family.identifiers["delete"]).endswith("arn"):
            values.setdefault("id", own)
        self.resources[key] = {**written_by_service(family, values, own, self.now), **values, IDENTIFIER: identifier}
        return self._answer("create", self.resources[key])

    def _get(self, arguments: Arguments) -> Observation:
        found = self._found("get", arguments)
        return self._missing("get", arguments) if found is None else self._answer("get", found)

    def _update(self, arguments: Arguments) -> Observation:
        found = self._found("update", arguments)
        if found is None:
            return self._missing("update", arguments)
        new = {name: value for name, value in arguments.items() if name in self.family.content}
        if mask := next((value for name, value in arguments.items() if words_of(name) == "update mask"), None):
            new = {name: value for name, value in new.items() if name in re.split(r",\s*", str(mask))}
        found |= {normal(name): value for name, value in new.items()} | changed_by_service(found, self.now)
        return self._answer("update", found)

    def _delete(self, arguments: Arguments) -> Observation:
        found = self._found("delete", arguments)
        if found is None:
            return self._missing("delete", arguments)
        del self.resources[self._key("delete", arguments, self._identifier("delete", arguments))]
        return self._answer("delete", found)

    def _list(self, arguments: Arguments) -> Observation:
        size = next((arguments[one] for one in arguments if words_of(one) in PAGE_SIZES), None)
        token = next((arguments[one] for one in arguments if words_of(one) in PAGE_TOKENS), None)
        if token is not None and token not in self.tokens:
            return self._error("list", INVALID, f"The page token '{token}' is not valid.")
        start = self.tokens.get(str(token), 0)
        inside = [values for key, values in self.resources.items() if self._is_inside(key, values, arguments)]
        shown = inside[start:] if size is None else inside[start : start + int(size)]
        place = self.family.places["list"]
        answer = put(place.path, [record_at(place, values, self.family.noun) for values in shown])
        if next_token := self._next_token(start + len(shown), len(inside)):
            answer |= next_token
        return complete(self.family.operations["list"].returns, answer, str(self.seed))

    def _is_inside(self, key: tuple[str, ...], values: dict[str, Any], arguments: Arguments) -> bool:
        if self.family.origin.composed:
            return len(self.family.collections) < 2 or key[-1].startswith(f"{arguments.get('parent', '')}/")
        return all(values.get(normal(one)) == arguments[one] for one in self.family.scope if one in arguments)

    def _next_token(self, end: int, total: int) -> dict[str, str]:
        parts = self.family.operations["list"].returns.get("properties", {})
        name = next((one for one in parts if words_of(one) in PAGE_TOKENS), None)
        if end >= total or name is None:
            return {}
        token = etag(f"page/{self.seed}/{end}")
        self.tokens[token] = end
        return {name: token}

    def _answer(self, role: str, values: dict[str, Any]) -> Observation:
        number = stable_hash(f"operation/{self.seed}/{self.calls}/{self.created}")
        return answer_of(self.family, role, values, number, self.now)

    def _found(self, role: str, arguments: Arguments) -> dict[str, Any] | None:
        return self.resources.get(self._key(role, arguments, self._identifier(role, arguments)))

    def _missing(self, role: str, arguments: Arguments) -> Observation:
        name = self._identifier(role, arguments)
        return self._error(role, NOT_FOUND, f"{self.family.noun.capitalize()} '{name}' was not found.")


_QUOTA = "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'."
