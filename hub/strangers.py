"""What others changed on a repository's main since our last release: it is never overwritten unasked."""

from __future__ import annotations

import re
from typing import Any

from hub.remote import MAIN, HistoryRow, Remote, content_id, same
from records.errors import UserError

RELEASE_TITLE = re.compile(r"Release \S+")
SHOWN = 5


def check_strangers(remote: Remote, head: str, there: dict[str, Any]) -> None:
    """Look at main's commits that no release made.

    Args:
        remote: the repository.
        head: main's head.
        there: its files.

    Raises:
        UserError: they changed files, and not to what is planned.
    """
    history = remote.history(MAIN)
    newest = next((row for row in history if RELEASE_TITLE.fullmatch(row.title)), history[-1])
    if newest.id == head:
        return
    before = remote.tree(newest.id)
    planned = {file.path: file for file in remote.planned.files}
    foreign = []
    for path in sorted(before.keys() | there.keys()):
        old, new = before.get(path), there.get(path)
        unchanged = old is not None and new is not None and content_id(old) == content_id(new)
        as_planned = path in planned and same(planned[path], new)
        if not unchanged and not as_planned and not (new is None and path not in planned):
            foreign.append(path)
    if foreign:
        raise UserError(_words(remote, foreign, history[0]))


def _words(remote: Remote, foreign: list[str], row: HistoryRow) -> str:
    names = ", ".join(foreign[:SHOWN]) + (f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else "")
    return (
        f"{remote} holds changes that no release made: {names} (last commit {row.id[:10]} {row.title!r} by"
        f" {row.author or 'unknown'}); choose another name in the recipe, take the changes over, or replace them with"
        " OVERWRITE=1"
    )
