"""Families: found by structure, left out for a named reason."""

from __future__ import annotations

from typing import Any

import pytest

from corpus.families import find_families
from corpus.family_names import collections_of, role_and_noun, singular
from tests.corpus.made_apis import api, thing
from tests.corpus.made_services import FAMILIES, disk_apis


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
