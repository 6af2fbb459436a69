"""The simulator: families by structure, state that matters, errors of the API, results in its shape."""

from __future__ import annotations

import itertools
from typing import Any

import jsonschema
import pytest

from corpus.api import Api
from corpus.families import Family, find_families
from corpus.family_names import collections_of, role_and_noun, singular
from corpus.simulator import Simulator
from corpus.simulator_errors import CONFLICT, INVALID, NOT_FOUND, THROTTLED, listed_code

TEXT: dict[str, Any] = {"type": "string"}
QUEUE = {
    "queueName": TEXT,
    "state": {"type": "string", "enum": ["ENABLED", "DISABLED"]},
    "priority": {"type": "integer", "minimum": 1, "maximum": 50},
    "createdAt": {"type": "string", "format": "date-time"},
}
ERRORS = ("QueueNotFoundException", "JobNotFoundException", "QueueAlreadyExists", "InvalidRequest", "SlowDown")


def thing(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def api(name: str, parameters: Any, returns: Any, errors: tuple[str, ...] = (), provider: str = "aws") -> Api:
    return Api(
        id=f"{provider}/{name}",
        provider=provider,
        service=name.split(".")[0],
        version="1",
        name=name,
        description=f"Does {name} for real.",
        parameters=parameters,
        source="made",
        license="Apache-2.0",
        url="",
        returns=returns,
        errors=errors,
    )


def queue_apis() -> list[Api]:
    """The caller names it; get wraps the record."""
    given = {name: QUEUE[name] for name in ("queueName", "state", "priority")}
    page = {"maxResults": {"type": "integer"}, "nextToken": TEXT}
    listed = thing("queues", queues={"type": "array", "items": thing(**QUEUE)}, nextToken=TEXT)
    return [
        api("batch.create_queue", thing("queueName", "priority", **given), thing("queueName", queueName=TEXT), ERRORS),
        api("batch.get_queue", thing("queueName", queueName=TEXT), thing(queue=thing(**QUEUE)), ERRORS),
        api("batch.list_queues", thing(**page), listed, ERRORS),
        api(
            "batch.update_queue",
            thing("queue", queue=TEXT, state=QUEUE["state"], priority=QUEUE["priority"]),
            {},
            ERRORS,
        ),
        api("batch.delete_queue", thing("queue", queue=TEXT), {}, ERRORS),
    ]


def disk_apis() -> list[Api]:
    """The service names it; no error is listed."""
    disk = thing(
        "diskId", "owner", diskId=TEXT, size={"type": "integer"}, label=TEXT, owner={"type": "string", "minLength": 9}
    )
    return [
        api("disks.create_disk", thing(size={"type": "integer", "minimum": 1}, label=TEXT), disk),
        api("disks.describe_disk", thing("diskId", diskId={"type": "string", "minLength": 20}), disk),
        api("disks.modify_disk", thing("diskId", diskId=TEXT, label=TEXT), disk),
        api("disks.delete_disk", thing("diskId", diskId=TEXT), thing()),
    ]


def ring_apis() -> list[Api]:
    """Google's resource names; create answers with an operation."""
    ring = thing(name=TEXT, purpose=TEXT, labelCount={"type": "integer"}, etag=TEXT)
    operation = thing(name=TEXT, done={"type": "boolean"}, response={"type": "object"})
    path, own = "kms.projects_locations_key_rings", {"purpose": TEXT, "labelCount": {"type": "integer"}}
    return [
        api(f"{path}_create", thing("parent", parent=TEXT, keyRingId=TEXT, **own), operation, provider="google"),
        api(f"{path}_get", thing("name", name=TEXT), ring, provider="google"),
        api(
            f"{path}_list",
            thing("parent", parent=TEXT, pageSize={"type": "integer"}, pageToken=TEXT),
            thing(keyRings={"type": "array", "items": ring}, nextPageToken=TEXT),
            provider="google",
        ),
        api(f"{path}_patch", thing("name", name=TEXT, updateMask=TEXT, **own), ring, provider="google"),
        api(f"{path}_delete", thing("name", name=TEXT), thing(), provider="google"),
    ]


def proxy_apis() -> list[Api]:
    """No get: describe filters by the identifier."""
    proxy = thing(ProxyName=TEXT, Subnet=TEXT)
    return [
        api("db.create_proxy", thing("ProxyName", ProxyName=TEXT, Subnet=TEXT), thing(Proxy=proxy)),
        api("db.describe_proxies", thing(ProxyName=TEXT), thing(Proxies={"type": "array", "items": proxy})),
        api("db.delete_proxy", thing("ProxyName", ProxyName=TEXT), {}),
    ]


APIS = [*queue_apis(), *disk_apis(), *ring_apis(), *proxy_apis()]
FAMILIES = {family.noun: family for family in find_families(APIS)[0]}


def calm(family: Family, seed: int = 0) -> Simulator:
    """A simulator that throttles none of the first calls."""
    while True:
        simulator = Simulator(family, seed)
        if not any(throttled(simulator) for _ in range(20)):
            return Simulator(family, seed)
        seed += 1


def throttled(simulator: Simulator) -> bool:
    api = simulator.family.operations["create"]
    simulator.call(api.name, {"unknown": 1})
    return simulator.failed == THROTTLED


def test_families_are_found_by_structure() -> None:
    assert set(FAMILIES) == {"queue", "disk", "key ring", "proxy"}
    queue, disk, ring, proxy = (FAMILIES[noun] for noun in ("queue", "disk", "key ring", "proxy"))
    assert queue.identifiers == {"get": "queueName", "update": "queue", "delete": "queue"}
    assert queue.origin.parameter == "queueName" and disk.origin.parameter is None
    assert ring.origin.composed and ring.origin.parameter == "keyRingId" and ring.scope == ("parent",)
    assert queue.content == ("priority", "state") and set(queue.changeable) == {"state", "priority"}
    assert proxy.operations["get"] is proxy.operations["list"] and proxy.places["get"].many
    assert queue.places["get"].path == ("queue",) and queue.places["list"].path == ("queues",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda apis: apis[1:], "no_create"),
        (lambda apis: [one for one in apis if "delete" not in one.name], "no_delete"),
        (lambda apis: [one for one in apis if "describe" not in one.name], "no_get"),
        (lambda apis: apis[:1], "single_operation"),
    ],
)
def test_incomplete_families_are_counted_by_reason(change: Any, reason: str) -> None:
    families, dropped = find_families(change(disk_apis()))
    assert not families
    assert dropped == {reason: {"count": 1, "example": "aws/disks/disk"}}


def test_an_identifier_that_nobody_tells_is_a_reason() -> None:
    create, *rest = disk_apis()
    silent = api(create.name, create.parameters, thing(size={"type": "integer"}))
    assert list(find_families([silent, *rest])[1]) == ["identifier_not_returned"]


def test_an_argument_that_nobody_can_say_is_a_reason() -> None:
    create, *rest = disk_apis()
    deep = thing("config", config={"type": "object"}, **create.parameters["properties"])
    assert list(find_families([api(create.name, deep, create.returns), *rest])[1]) == ["argument_not_sayable"]


def test_state_of_a_resource_named_by_the_caller() -> None:
    service = calm(FAMILIES["queue"])
    made = {"queueName": "night", "priority": 5, "state": "ENABLED"}
    assert service.call("batch.create_queue", made) == {"queueName": "night"}
    shown = service.call("batch.get_queue", {"queueName": "night"})["queue"]
    assert shown == {**made, "createdAt": shown["createdAt"]}
    again = service.call("batch.create_queue", made)
    assert service.failed == CONFLICT and again["Error"]["Code"] == "QueueAlreadyExists"
    service.call("batch.update_queue", {"queue": "night", "priority": 7})
    assert service.call("batch.get_queue", {"queueName": "night"})["queue"] == {**shown, "priority": 7}
    assert [one["queueName"] for one in service.call("batch.list_queues", {})["queues"]] == ["night"]
    assert service.call("batch.delete_queue", {"queue": "night"}) == {} and service.failed is None
    gone = service.call("batch.delete_queue", {"queue": "night"})
    assert service.failed == NOT_FOUND and gone["Error"]["Code"] == "QueueNotFoundException"
    assert service.call("batch.list_queues", {}) == {"queues": []}
    for name, arguments in (("get", {"queueName": "night"}), ("update", {"queue": "night", "priority": 2})):
        service.call(f"batch.{name}_queue", arguments)
        assert service.failed == NOT_FOUND


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"queueName": "a", "priority": "5"}, "expected: integer"),
        ({"queueName": "a", "priority": 51}, "less than or equal to 50"),
        ({"queueName": "a", "priority": 0}, "greater than or equal to 1"),
        ({"queueName": "a", "priority": 1, "state": "on"}, "[ENABLED, DISABLED]"),
        ({"queueName": "a"}, "'priority'"),
        ({"queueName": "a", "priority": 1, "colour": "red"}, "Unknown parameter in input: 'colour'"),
    ],
)
def test_invalid_arguments_are_refused_and_change_nothing(arguments: dict[str, Any], words: str) -> None:
    service = calm(FAMILIES["queue"])
    answer = service.call("batch.create_queue", arguments)
    assert service.failed == INVALID and answer["Error"]["Code"] == "InvalidRequest"
    assert words in answer["Error"]["Message"]
    assert not service.resources


def test_a_resource_that_the_service_names() -> None:
    service = calm(FAMILIES["disk"])
    one, two = (service.call("disks.create_disk", {"size": size, "label": "x"}) for size in (1, 2))
    assert one["diskId"] != two["diskId"]
    assert service.call("disks.describe_disk", {"diskId": two["diskId"]}) == two
    jsonschema.validate(one, FAMILIES["disk"].operations["create"].returns)
    assert service.call("disks.modify_disk", {"diskId": one["diskId"], "label": "y"})["label"] == "y"
    assert service.call("disks.describe_disk", {"diskId": "disk-that-never-was-there"}) == {
        "Error": {"Code": "ResourceNotFoundException", "Message": "Disk 'disk-that-never-was-there' was not found."}
    }


def test_resource_names_operations_and_masks_of_google() -> None:
    service = calm(FAMILIES["key ring"])
    name = "kms.projects_locations_key_rings"
    given = {"parent": "projects/p/locations/l", "keyRingId": "r", "purpose": "backup", "labelCount": 1}
    answer = service.call(f"{name}_create", given)
    assert answer["done"] and answer["response"]["name"] == "projects/p/locations/l/keyRings/r"
    assert service.call(f"{name}_create", given)["error"] == {
        "code": 409,
        "message": "Key ring 'projects/p/locations/l/keyRings/r' already exists.",
        "status": "ALREADY_EXISTS",
    }
    where = {"name": "projects/p/locations/l/keyRings/r"}
    new = service.call(f"{name}_patch", {**where, "purpose": "test", "labelCount": 9, "updateMask": "purpose"})
    assert (new["purpose"], new["labelCount"]) == ("test", 1)
    assert new["etag"] != answer["response"]["etag"]
    assert service.call(f"{name}_list", {"parent": "projects/p/locations/other"}) == {"keyRings": []}
    assert service.call(f"{name}_list", {"parent": "projects/p/locations/l"})["keyRings"] == [new]


def test_pages_of_a_list_and_a_token_that_was_never_given() -> None:
    service = calm(FAMILIES["queue"])
    for name in "abcde":
        service.prepare({"queueName": name, "priority": 1})
    first = service.call("batch.list_queues", {"maxResults": 2})
    second = service.call("batch.list_queues", {"maxResults": 2, "nextToken": first["nextToken"]})
    last = service.call("batch.list_queues", {"maxResults": 2, "nextToken": second["nextToken"]})
    assert [one["queueName"] for part in (first, second, last) for one in part["queues"]] == list("abcde")
    assert "nextToken" not in last
    service.call("batch.list_queues", {"nextToken": "made-up"})
    assert service.failed == INVALID


def test_a_describe_that_takes_the_place_of_get() -> None:
    service = calm(FAMILIES["proxy"])
    for name in ("one", "two"):
        service.call("db.create_proxy", {"ProxyName": name, "Subnet": "s"})
    assert len(service.call("db.describe_proxies", {})["Proxies"]) == 2
    assert service.call("db.describe_proxies", {"ProxyName": "two"})["Proxies"] == [{"ProxyName": "two", "Subnet": "s"}]
    service.call("db.describe_proxies", {"ProxyName": "three"})
    assert service.failed == NOT_FOUND


def test_throttling_depends_on_seed_and_call_alone() -> None:
    runs = []
    for seed in (1, 1, 2):
        service = Simulator(FAMILIES["queue"], seed)
        answers = [service.call("batch.list_queues", {}) for _ in range(300)]
        hits = [number for number, answer in enumerate(answers) if "Error" in answer]
        assert all(answers[hit]["Error"]["Code"] == "SlowDown" for hit in hits)
        assert all(after - before > 1 for before, after in itertools.pairwise(hits))
        runs.append(hits)
    assert runs[0] == runs[1] != runs[2]
    assert 5 < len(runs[0]) < 40


def test_an_unknown_operation_is_an_error_of_the_program() -> None:
    with pytest.raises(KeyError):
        Simulator(FAMILIES["queue"], 1).call("batch.purge_queue", {})


@pytest.mark.parametrize(
    ("errors", "kind", "code"),
    [
        (("FileSystemNotFound", "AccessPointNotFound"), NOT_FOUND, "AccessPointNotFound"),
        (("FileSystemNotFound", "BadRequest"), NOT_FOUND, "BadRequest"),
        (("FileSystemNotFound",), NOT_FOUND, None),
        (("ResourceNotFoundException",), NOT_FOUND, "ResourceNotFoundException"),
        (("AccessPointAlreadyExists", "ConflictException"), CONFLICT, "AccessPointAlreadyExists"),
        (("TooManyRequestsException",), THROTTLED, "TooManyRequestsException"),
        ((), INVALID, None),
    ],
)
def test_error_codes_are_those_that_the_api_lists(errors: tuple[str, ...], kind: str, code: str | None) -> None:
    assert listed_code(api("efs.get_access_point", thing(), {}, errors), kind, "access point") == code


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("batch.create_job_queue", ("create", "job_queue")),
        ("rds.describe_db_instances", ("list", "db_instance")),
        ("calendar.events_insert", ("create", "event")),
        ("kms.projects_key_rings_list", ("list", "projects_key_ring")),
        ("ec2.delete_tags", None),
        ("x.projects_keys_batch_create", None),
        ("x.start_job", None),
        ("x.create", None),
    ],
)
def test_roles_and_nouns(name: str, found: tuple[str, str] | None) -> None:
    assert role_and_noun(name) == found


def test_words() -> None:
    assert [singular(word) for word in ("policies", "addresses", "status", "apis", "keys")] == [
        "policy", "address", "status", "api", "key"
    ]  # fmt: skip
    assert collections_of("projects_key_rings_crypto_keys") == ("projects", "keyRings", "cryptoKeys")
