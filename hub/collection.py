"""The collection that shows a release's repositories on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.patience import Patience
from hub.plan import PlannedCollection

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NONE_HERE = "this Hub has no collections"


def apply_collection(planned: PlannedCollection | None, api: HfApi, patience: Patience) -> str | None:
    """Make the collection, or add what it lacks; its slug. Another word where there is none.

    A collection that somebody changed by hand keeps what was added.
    """
    from huggingface_hub.errors import HfHubHTTPError

    if planned is None:
        return None
    try:
        found = patience.call(lambda: _find_or_create(planned, api), "making the collection")
        there = {(item.item_type, item.item_id) for item in found.items}
        for kind, name in planned.items:
            if (kind, name) not in there:
                item_type: Any = kind
                patience.call(
                    lambda n=name, t=item_type: api.add_collection_item(found.slug, n, t, exists_ok=True),  # type: ignore[misc]
                    "filling the collection",
                )
        if found.private and not planned.private:
            patience.call(
                lambda: api.update_collection_metadata(found.slug, private=False), "setting who sees the collection"
            )
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code in (404, 405):
            return NONE_HERE
        raise
    return str(found.slug)


def _find_or_create(planned: PlannedCollection, api: HfApi) -> Any:
    # Looked for first: a second one with the same title would be made under another slug.
    for found in api.list_collections(owner=planned.owner):
        if found.title == planned.title:
            return api.get_collection(found.slug)
    return api.create_collection(
        planned.title, namespace=planned.owner, description=planned.description, private=planned.private, exists_ok=True
    )
