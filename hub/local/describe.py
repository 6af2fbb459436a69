"""A repository as the API shows it."""

from __future__ import annotations

from typing import Any

from hub.local.blobs import DamagedBlob
from hub.local.card_check import front_matter
from hub.local.database import Commit, Repo
from hub.local.oids import pointer
from hub.local.store import Store
from hub.local.times import time_text
from hub.local.treestore import Entry, FrozenTree

MAX_CARD_BYTES = 1 << 20
TAGGED = ("license", "language", "task_categories", "size_categories", "datasets", "base_model")


def describe(store: Store, repo: Repo, commit: Commit, tree: FrozenTree) -> dict[str, Any]:
    """A repository without its files."""
    card = card_data(store, tree)
    body: dict[str, Any] = {
        **{"_id": f"{repo.key:024x}", "id": repo.name.id, "author": repo.name.owner, "sha": commit.id},
        **{"private": repo.private, "gated": repo.gated or False, "disabled": False, "downloads": 0, "likes": 0},
        **{"createdAt": time_text(repo.created), "lastModified": time_text(commit.created)},
        **{"tags": _tags(card), "cardData": card, "usedStorage": sum(entry.size for entry in tree.values())},
    }
    if repo.name.kind == "model":
        body["modelId"] = repo.name.id
        body |= {key: card[key] for key in ("pipeline_tag", "library_name") if isinstance(card.get(key), str)}
    if repo.name.kind == "space":
        body["sdk"] = repo.sdk
    return body


def _tags(card: dict[str, Any]) -> list[str]:
    """The card's own tags; after them its other fields as `field:value`, so that listings can filter by them."""
    tags = [str(tag) for tag in _list(card.get("tags"))]
    return list(dict.fromkeys([*tags, *(f"{key}:{value}" for key in TAGGED for value in _list(card.get(key)))]))


def card_data(store: Store, tree: FrozenTree) -> dict[str, Any]:
    """The front matter of README.md, {} where there is none that can be read."""
    try:
        return front_matter(card_text(store, tree) or "")
    except ValueError:
        return {}


def card_text(store: Store, tree: FrozenTree) -> str | None:
    """README.md, None where there is none, or one too large or damaged to show."""
    entry = tree.get("README.md")
    if entry is None or entry.size > MAX_CARD_BYTES:
        return None
    try:
        return store.blobs.read(entry.sha256, entry.size).decode("utf-8", "replace")
    except DamagedBlob:
        return None


def sibling(path: str, entry: Entry, with_blobs: bool) -> dict[str, Any]:
    """A file in a repository's information."""
    if not with_blobs:
        return {"rfilename": path}
    row: dict[str, Any] = {"rfilename": path, "size": entry.size, "blobId": entry.oid}
    if entry.lfs:
        size = len(pointer(entry.sha256, entry.size))
        row["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": size}
    return row


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
