"""Sessions of two clouds made here."""

from __future__ import annotations

from functools import partial
from typing import Any

from corpus.api import Api
from corpus.families import find_families
from corpus.sessions import make_session
from tests.corpus.made_apis import TEXT, thing
from tests.corpus.made_apis import api as made_api

STATES: dict[str, Any] = {"type": "string", "enum": ["ENABLED", "DISABLED"]}
SIZE: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": 60}


def aws_apis(service: str, caller_names: bool) -> list[Api]:
    given = {"title": TEXT, "mode": STATES, "size": SIZE, "zones": {"type": "array", "items": TEXT}}
    own = {"thingName": TEXT} if caller_names else {}
    key = "thingName" if caller_names else "thingId"
    shown = thing(**{key: TEXT}, **given, created={"type": "string", "format": "date-time"})
    paged = {"maxResults": {"type": "integer"}, "nextToken": TEXT}
    named = thing(key, **{key: TEXT})
    api = partial(made_api, errors=("ThingNotFoundException", "ConflictException"))
    return [
        api(f"{service}.create_thing", thing(*own, "size", **own, **given), thing(thing=shown)),
        api(f"{service}.get_thing", named, thing(thing=shown)),
        api(
            f"{service}.list_things",
            thing(**paged),
            thing(things={"type": "array", "items": shown}, nextToken=TEXT),
        ),
        api(f"{service}.update_thing", thing(key, **{key: TEXT}, **given), thing(thing=shown)),
        api(f"{service}.delete_thing", named, {}),
    ]


def google_apis(path: str) -> list[Api]:
    given = {"displayName": TEXT, "mode": STATES, "nodeCount": {"type": "integer"}}
    shown = thing(name=TEXT, **given, createTime={"type": "string", "format": "date-time"}, etag=TEXT)
    operation = thing(name=TEXT, done={"type": "boolean"}, response={"type": "object"})
    named = thing("name", name=TEXT)
    api = partial(made_api, provider="google")
    return [
        api(f"{path}_create", thing("parent", parent=TEXT, clusterId=TEXT, **given), operation),
        api(f"{path}_get", named, shown),
        api(f"{path}_list", thing("parent", parent=TEXT), thing(clusters={"type": "array", "items": shown})),
        api(f"{path}_patch", thing("name", name=TEXT, updateMask=TEXT, **given), operation),
        api(f"{path}_delete", named, thing()),
    ]


APIS = [*aws_apis("alpha", True), *aws_apis("beta", False), *google_apis("gamma.projects_locations_clusters")]
FAMILIES = find_families(APIS)[0]
SESSIONS = [make_session(family, seed) for family in FAMILIES for seed in range(130)]
