"""Choosing a capped part so that every group is represented, whatever the order of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from records.files import stable_hash


def round_robin(groups: Mapping[str, Sequence[str]], seed: int) -> Iterator[tuple[str, str]]:
    """Yield `(group, item)`: first one item of every group, then a second of every group, and so on.

    Groups and the items in them come in the order of a hash of seed and name, so a prefix of any length is a sample.
    """
    ordered = {
        group: sorted(items, key=lambda item: stable_hash(f"{seed}/{group}/{item}"))
        for group, items in sorted(groups.items(), key=lambda pair: stable_hash(f"{seed}/{pair[0]}"))
    }
    turn = 0
    while ordered:
        for group, items in ordered.items():
            if turn < len(items):
                yield group, items[turn]
        turn += 1
        ordered = {group: items for group, items in ordered.items() if turn < len(items)}
