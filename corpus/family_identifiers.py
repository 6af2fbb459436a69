"""What names a resource: the parameter that get and delete share, and where its value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from corpus.api import Api
from corpus.result_shapes import find_text, is_long_running, normal


class NotSimulated(Exception):
    """A noun whose operations cannot be simulated; the message is the named reason."""


@dataclass(frozen=True)
class Origin:
    """Where the value of an identifier comes from."""

    parameter: str | None
    """Parameter of create with which the caller chooses it; None where the service assigns it."""
    composed: bool = False
    """Whether it is a path `<parent>/<collection>/<own part>` (Google's resource names, AIP-122)."""


def required(api: Api) -> list[str]:
    """Names of the parameters that an operation demands."""
    return list(api.parameters.get("required", []))


def text_parameters(api: Api) -> list[str]:
    """Names of the parameters that are free text."""
    parts = api.parameters.get("properties", {})
    return [one for one, part in parts.items() if part.get("type") == "string" and "enum" not in part]


def identifier_of(operations: dict[str, Api], noun: str) -> tuple[dict[str, str], list[str]]:
    """The identifying parameter by role (get, delete, and update where it has one), and what else get requires.

    Raises:
        NotSimulated: no_identifier, identifier_differs or extra_required.
    """
    get = operations["get"]
    if get is operations.get("list"):
        return _filtered(operations, noun)
    listed = {normal(one) for one in required(operations["list"])} if "list" in operations else set()
    needed = required(get)
    left = [one for one in needed if normal(one) not in listed]
    if len(left) != 1 or "list" not in operations:
        left = [one for one in left if _names(one, noun)]
    if len(left) != 1 or left[0] not in text_parameters(get):
        raise NotSimulated("no_identifier")
    scope = [one for one in needed if one != left[0]]
    found = {"get": left[0]}
    for role in ("update", "delete"):
        if role in operations and (same := _counterpart(operations[role], left[0], scope, noun)):
            found[role] = same
    if "delete" not in found:
        raise NotSimulated("identifier_differs")
    if any(one not in (*scope, found["delete"]) for one in required(operations["delete"])):
        raise NotSimulated("extra_required")
    return found, scope


def origin_of(operations: dict[str, Api], identifier: str, noun: str) -> Origin:
    """How the identifier comes to be.

    Raises:
        NotSimulated: identifier_not_returned, where neither caller nor result of create tells it.
    """
    create = operations["create"]
    texts = {normal(one): one for one in reversed(text_parameters(create))}
    own = normal(noun)
    if normal(identifier) == "name" and "parent" in texts.values():
        last = normal(noun.split(" ")[-1])
        if given := next((texts[one] for one in (f"{own}id", f"{last}id") if one in texts), None):
            return Origin(given, composed=True)
        if find_text(create.returns, {"name"}) or is_long_running(create.returns):
            return Origin(None, composed=True)
        raise NotSimulated("identifier_not_returned")
    if normal(identifier) in texts:
        return Origin(texts[normal(identifier)])
    given = next(
        (texts[one] for one in (f"{own}name", "name", own, f"{own}id", f"{own}identifier") if one in texts), None
    )
    told = {normal(identifier), normal(identifier).removeprefix(own)} - {""}
    assigned = find_text(create.returns, told)
    if normal(identifier).endswith(("id", "identifier", "arn")):
        if assigned:
            return Origin(None)
        if given and not normal(identifier).endswith("arn") and normal(given) not in ("name", f"{own}name"):
            return Origin(given)
    elif given:
        return Origin(given)
    elif assigned:
        return Origin(None)
    raise NotSimulated("identifier_not_returned")


def _filtered(operations: dict[str, Api], noun: str) -> tuple[dict[str, str], list[str]]:
    """As identifier_of, where a list filtered by identifier takes the place of get."""
    delete, parts = operations["delete"], operations["list"].parameters.get("properties", {})
    named = [one for one in required(delete) if one in text_parameters(delete) and _names(one, noun)]
    if len(named) != 1 or required(operations["list"]):
        raise NotSimulated("no_get")
    if len(required(delete)) > 1:
        raise NotSimulated("extra_required")
    known = {normal(one): one for one, part in parts.items() if _holds_text(part)}
    filters = [known[one] for one in (normal(named[0]), normal(named[0]) + "s") if one in known]
    if not filters:
        raise NotSimulated("no_get")
    found = {"get": filters[0], "delete": named[0]}
    if "update" in operations and (same := _counterpart(operations["update"], named[0], [], noun)):
        found["update"] = same
    return found, []


def _holds_text(part: dict[str, Any]) -> bool:
    return "enum" not in part and "string" in (part.get("type"), part.get("items", {}).get("type"))


def _names(parameter: str, noun: str) -> bool:
    """Whether a parameter's name says that it names the noun."""
    own, name = normal(noun), normal(parameter)
    for suffix in ("identifier", "name", "arn", "id", "key", ""):
        if name.endswith(suffix):
            stem = name[: len(name) - len(suffix)]
            return stem == "" or own.endswith(stem) or stem.endswith(own)
    return False


def _counterpart(api: Api, identifier: str, scope: list[str], noun: str) -> str | None:
    texts = text_parameters(api)
    for one in texts:
        if normal(one) == normal(identifier):
            return one
    left = [one for one in required(api) if one not in scope and one in texts and _names(one, noun)]
    return left[0] if len(left) == 1 else None
