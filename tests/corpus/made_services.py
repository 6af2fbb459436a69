"""Services made here: a caller or the service names resources, Google's resource names, a describe in place of get."""

from __future__ import annotations

from corpus.api import Api
from corpus.families import find_families
from tests.corpus.made_apis import TEXT, api, thing

QUEUE = {
    "queueName": TEXT,
    "state": {"type": "string", "enum": ["ENABLED", "DISABLED"]},
    "priority": {"type": "integer", "minimum": 1, "maximum": 50},
    "createdAt": {"type": "string", "format": "date-time"},
}
ERRORS = ("QueueNotFoundException", "JobNotFoundException", "QueueAlreadyExists", "InvalidRequest", "SlowDown")


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
