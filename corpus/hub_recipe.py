"""The datasets of the Hub that a recipe asks for, checked before any work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from corpus.hub_registry import ENTRIES, UNSTATED, HubEntry
from corpus.licences import is_allowed
from records.errors import UserError


def entry_of(name: str) -> HubEntry:
    """The entry of a name in the recipe. Raises UserError: unknown, with the nearest name."""
    if name not in ENTRIES:
        near = difflib.get_close_matches(name, ENTRIES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(ENTRIES))}"
        raise UserError(f"corpus.sources.hub: unknown dataset {name}; {hint}")
    return ENTRIES[name]


def asked_entries(
    caps: Mapping[str, int | None], accepted: Iterable[str], licences: Mapping[str, str], also: frozenset[str]
) -> list[HubEntry]:
    """The entries of a recipe whose cap is not 0, checked before any work.

    Args:
        caps: most records by name, null for all.
        accepted: names of datasets whose terms the recipe's author accepts.
        licences: by name, the licence of a dataset that states none; whoever writes it looked it up.
        also: licences that the recipe lets in beside the permissive ones.

    Raises:
        UserError: a name is unknown, a cap is negative, a dataset is not readable, its terms are not accepted, or a
            licence is given that does not allow passing on or in place of one that is stated.
    """
    taken = {entry_of(name).name for name in accepted}
    for name, licence in licences.items():
        if entry_of(name).license != UNSTATED:
            raise UserError(f"corpus.sources.hub_licences.{name}: the dataset states {entry_of(name).license} itself")
        if not is_allowed(licence, also):
            raise UserError(f"corpus.sources.hub_licences.{name}: {licence!r} does not allow passing on")
    asked = []
    for name, cap in caps.items():
        entry = entry_of(name)
        if cap is not None and cap < 0:
            raise UserError(f"corpus.sources.hub.{name} is {cap}; give the most records, null for all, or 0 for none")
        if cap == 0:
            continue
        if entry.unreadable:
            raise UserError(f"corpus.sources.hub.{name} cannot be read: {entry.unreadable}")
        if entry.terms and name not in taken:
            raise UserError(
                f"corpus.sources.hub.{name}: {entry.terms} ({entry.license}; {entry.url}); "
                f"if you may use it under these terms, add {name} to corpus.sources.hub_allow"
            )
        asked.append(entry)
    return asked
