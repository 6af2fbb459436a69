"""Resource families in Api records: the create, get, list, update and delete of one noun, found by structure alone.

The noun comes from the operation's name, the identifier from the parameters that get and delete require and list does
not, and the record from the part of the result that shows what create took. No list of services is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from corpus.api import Api
from corpus.call_values import can_speak
from corpus.family_identifiers import NotSimulated, Origin, identifier_of, origin_of, required, text_parameters
from corpus.family_names import VERBS, collections_of, role_and_noun, singular
from corpus.result_shapes import Place, normal, place_of
from corpus.spoken_forms import words_of

BOILERPLATE = re.compile(
    r"\b(token|dry run|validate only|request id|idempotency|etag|fingerprint|kind|self link|mask|page|password|secret"
    r"|quota user|tags|send notifications|supports|on behalf|id"
    r"|(creat\w+|updat\w+|modif\w+|delet\w+) (time\w*|at|date))\b"
)
"""Optional parameters that nobody names in a goal, by the words of their names."""
WRITTEN_BY_SERVICE = re.compile(r"\W*output[ -]?only", re.I)


@dataclass(frozen=True)
class Family:
    """The operations on one kind of resource, and what they share."""

    id: str
    """`<provider>/<service>/<noun>`."""
    provider: str
    service: str
    noun: str
    """In words, singular: `job queue`."""
    collections: tuple[str, ...]
    """Collections of a resource name, outermost first: `("projects", "locations", "keyRings")`."""
    operations: dict[str, Api]
    """By role: create, get, delete; list and update where there are such."""
    identifiers: dict[str, str]
    """The parameter that names the resource, by role; get, update and delete."""
    origin: Origin
    scope: tuple[str, ...]
    """Parameters of create, beside the identifier, that say where the resource lives."""
    content: tuple[str, ...]
    """Parameters of create that a person can say, required ones first."""
    changeable: tuple[str, ...]
    """Parameters of update whose new value a get shows."""
    places: dict[str, Place] = field(default_factory=dict)
    """Where a result holds the record, by role; absent where it does not."""

    def properties(self, role: str) -> dict[str, Any]:
        """JSON Schema of each parameter of a role's operation."""
        found: dict[str, Any] = self.operations[role].parameters.get("properties", {})
        return found


def find_families(apis: Iterable[Api]) -> tuple[list[Family], dict[str, dict[str, Any]]]:
    """All families in the order of their ids, and the nouns left out: `{reason: {count, example}}`.

    Reasons: single_operation; no_create, no_get, no_delete; no_identifier (get requires none, or several);
    identifier_differs (delete takes another); extra_required (get or delete requires more than identifier and scope);
    scope_not_in_create; identifier_not_returned (neither caller nor create's result tells it); argument_not_sayable
    (create requires a deep structure); record_not_in_result and nothing_to_see (get shows nothing that create took).
    """
    families: list[Family] = []
    dropped: dict[str, dict[str, Any]] = {}
    for (provider, service, noun), operations in sorted(_grouped(apis).items()):
        name = f"{provider}/{service}/{noun}"
        try:
            families.append(_family(name, noun, operations))
        except NotSimulated as reason:
            dropped.setdefault(str(reason), {"count": 0, "example": name})["count"] += 1
    return families, dropped


def _grouped(apis: Iterable[Api]) -> dict[tuple[str, str, str], dict[str, Api]]:
    groups: dict[tuple[str, str, str], dict[str, Api]] = {}
    for api in sorted(apis, key=lambda api: api.id):
        if found := role_and_noun(api.name):
            role, noun = found
            known = groups.setdefault((api.provider, api.service, noun), {})
            if role not in known or _rank(role, api) < _rank(role, known[role]):
                known[role] = api
    return groups


def _rank(role: str, api: Api) -> tuple[int, str]:
    words = api.name.rsplit(".", 1)[-1].split("_")
    places = [place for place, verb in enumerate(VERBS[role]) if verb in (words[0], words[-1])]
    return min(places, default=len(VERBS[role])), api.id


def _family(name: str, noun: str, operations: dict[str, Api]) -> Family:
    """The family of a noun. Raises NotSimulated."""
    if len(operations) == 1:
        raise NotSimulated("single_operation")
    for role in ("create", "delete", "get"):
        if role == "get" and role not in operations and "list" in operations:
            # EC2 and RDS have no get: their describe takes the identifier as a filter.
            operations = {**operations, "get": operations["list"]}
        if role not in operations:
            raise NotSimulated(f"no_{role}")
    create = operations["create"]
    path, verb = create.name.rsplit(".", 1)[-1].rsplit("_", 1)
    collections = collections_of(path) if verb in VERBS["create"] else ()
    spoken = words_of(collections[-1]) if collections else noun.replace("_", " ")
    spoken = " ".join([*spoken.split()[:-1], singular(spoken.split()[-1])])
    identifiers, inner = identifier_of(operations, spoken)
    origin = origin_of(operations, identifiers["delete"], spoken)
    scope = _scope(operations, inner, origin)
    content = _content(
        create, {*map(normal, scope), normal(origin.parameter or ""), *map(normal, identifiers.values())}
    )
    names = {normal(one) for one in (*content, identifiers["delete"], origin.parameter or "", "name", "arn") if one}
    places = {role: place for role, api in operations.items() if (place := place_of(api.returns, names, role))}
    if operations["get"] is operations.get("list"):
        places |= {"get": places["list"]} if "list" in places else {}
    if "get" not in places:
        raise NotSimulated("record_not_in_result")
    shown = {normal(part) for part in places["get"].record.get("properties", {})}
    content = [one for one in content if normal(one) in shown or one in required(create)]
    if not any(normal(one) in shown for one in content):
        raise NotSimulated("nothing_to_see")
    kept = {role: api for role, api in operations.items() if _usable(role, api, identifiers, scope, content, places)}
    changeable = _changeable(kept, content, shown)
    if not changeable:
        kept.pop("update", None)
    return Family(
        name, create.provider, create.service, spoken, collections, kept, identifiers, origin, tuple(scope),
        tuple(content), tuple(changeable), places,
    )  # fmt: skip


def _scope(operations: dict[str, Api], inner: list[str], origin: Origin) -> list[str]:
    known = operations["create"].parameters.get("properties", {})
    listed = required(operations["list"]) if "list" in operations else []
    found = [*inner, *(one for one in listed if one in known and one not in inner and one != origin.parameter)]
    if any(one not in text_parameters(operations["create"]) for one in found):
        raise NotSimulated("scope_not_in_create")
    if origin.composed and "parent" not in found:
        found.append("parent")
    return found


def _content(create: Api, taken: set[str]) -> list[str]:
    parts, needed = create.parameters.get("properties", {}), required(create)
    free = {one: part for one, part in parts.items() if normal(one) not in taken}
    if any(not can_speak(parts[one]) for one in needed if one in free):
        raise NotSimulated("argument_not_sayable")
    optional = [one for one, part in free.items() if one not in needed and _is_said(one, part)]
    return [*(one for one in needed if one in free), *optional]


def _is_said(name: str, part: dict[str, Any]) -> bool:
    written = WRITTEN_BY_SERVICE.match(part.get("description", ""))
    return not written and not BOILERPLATE.search(words_of(name)) and can_speak(part)


def _usable(
    role: str, api: Api, identifiers: dict[str, str], scope: list[str], content: list[str], places: dict[str, Place]
) -> bool:
    rest = [one for one in required(api) if one not in scope and one != identifiers.get(role)]
    if role == "list":
        return not rest and role in places and places[role].many
    return role != "update" or ("update" in identifiers and all(one in content for one in rest))


def _changeable(kept: dict[str, Api], content: list[str], shown: set[str]) -> list[str]:
    if "update" not in kept:
        return []
    old, new = (kept[role].parameters.get("properties", {}) for role in ("create", "update"))
    return [
        one for one in content if one in new and normal(one) in shown and new[one].get("type") == old[one].get("type")
    ]
