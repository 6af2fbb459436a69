"""The simulator: state that matters, errors of the API, results in its shape."""

from __future__ import annotations

import itertools
from typing import Any

import jsonschema
import pytest

from corpus.families import Family
from corpus.simulator import Simulator
from corpus.simulator_errors import CONFLICT, INVALID, NOT_FOUND, THROTTLED, listed_code
from tests.corpus.made_apis import api, thing
from tests.corpus.made_services import FAMILIES


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
