"""Pull requests and discussions in the database: opening, events, and merging."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request

from hub.local.database import Ref, Repo, Words
from hub.local.errors import HubError
from hub.local.store import Store
from hub.local.treestore import FrozenTree, Tree
from hub.local.users import Account

FIELDS = "num, title, author, status, created, pull, base, merged"


@dataclass(frozen=True)
class Discussion:
    """A discussion or pull request as stored."""

    num: int
    title: str
    author: str
    status: str
    """open, draft, closed or merged."""
    created: float
    pull: bool
    base: str | None
    """Commit that a pull request started from."""
    merged: str | None
    """Commit that merged it."""

    @property
    def ref(self) -> Ref:
        """The reference that a pull request's commits go to."""
        return Ref("pr", f"refs/pr/{self.num}")


def pull_account(store: Store, request: Request, repo: Repo, revision: str) -> Account:
    """The account, which may open a pull request, or go on with its own. Raises HubError 401, 403 or 404."""
    account = store.access.known_account(request)
    if account.role == "read":
        raise HubError(403, "Forbidden: you must use a write token to do this")
    if revision.startswith("refs/pr/") and not account.may_write(repo.name.owner):
        number = revision.removeprefix("refs/pr/")
        good = number.isascii() and number.isdigit() and len(number) < 10
        if not good or find(store, repo, int(number)).author != account.name:
            raise HubError(403, "Forbidden: only the author and those who may write add to a Pull Request")
    return account


def find(store: Store, repo: Repo, number: int) -> Discussion:
    """One discussion. Raises HubError 404."""
    query = f"SELECT {FIELDS} FROM discussions WHERE repo = ? AND num = ?"
    rows = store.database.rows(query, repo.key, number)
    if not rows:
        raise HubError(404, f"Discussion not found: {number}", "DiscussionNotFound")
    return Discussion(*rows[0])


def every(store: Store, repo: Repo) -> list[Discussion]:
    """All discussions, newest first."""
    query = f"SELECT {FIELDS} FROM discussions WHERE repo = ? ORDER BY num DESC"
    return [Discussion(*row) for row in store.database.rows(query, repo.key)]


def open_discussion(store: Store, repo: Repo, title: str, text: str, author: str, pull: bool) -> int:
    """Begin a discussion, or an empty pull request against main (a draft); its number."""
    with store.database.transaction() as connection:
        base = store.database.commit_of(repo, "main").id if pull else None
        found = _insert(store, connection, repo, title, author, "draft" if pull else "open", base)
        add_event(connection, repo, found.num, "comment", author, {"raw": text})
        return found.num


def open_pull(
    store: Store, repo: Repo, base: Ref, parent: str | None, change: Callable[[Tree], None], words: Words
) -> tuple[int, str]:
    """Open a pull request with one commit on `parent`, by default the head of `base`; (its number, the commit).

    Raises:
        HubError: 404, there is no commit `parent`.
    """
    with store.database.transaction() as connection:
        head = store.database.commit_of(repo, parent or base.full).id
        found = _insert(store, connection, repo, words[0], words[2], "open", head)
        add_event(connection, repo, found.num, "comment", words[2], {"raw": words[1] or words[0]})
        return found.num, store.database.commit(repo, found.ref, None, change, words)


def _insert(
    store: Store, connection: sqlite3.Connection, repo: Repo, title: str, author: str, status: str, base: str | None
) -> Discussion:
    query = "SELECT coalesce(max(num), 0) + 1 FROM discussions WHERE repo = ?"
    number = int(connection.execute(query, (repo.key,)).fetchone()[0])
    found = Discussion(number, title, author, status, time.time(), base is not None, base, None)
    row = (repo.key, number, title, author, status, found.created, found.pull, base, None)
    connection.execute("INSERT INTO discussions VALUES (?,?,?,?,?,?,?,?,?)", row)
    if base is not None:
        store.database.add_ref(repo, found.ref, base)
    return found


def add_event(
    connection: sqlite3.Connection, repo: Repo, number: int, kind: str, author: str, data: dict[str, Any]
) -> str:
    """Note a comment, change of status, or change of title; the event's id."""
    event = secrets.token_hex(12)
    row = (repo.key, number, event, kind, author, time.time(), json.dumps(data))
    connection.execute("INSERT INTO events (repo, num, id, kind, author, created, data) VALUES (?,?,?,?,?,?,?)", row)
    return event


def conflicts(base: FrozenTree, ours: FrozenTree, theirs: FrozenTree) -> list[str]:
    """Paths that both sides changed since `base`, and not alike."""
    changed = {path for path in base.keys() | theirs.keys() if not _same(base, theirs, path)}
    return sorted(p for p in changed if not _same(base, ours, p) and not _same(ours, theirs, p))


def _same(one: FrozenTree, other: FrozenTree, path: str) -> bool:
    first, second = one.get(path), other.get(path)
    return (first and first.content) == (second and second.content)


def trees_of(store: Store, repo: Repo, found: Discussion) -> tuple[FrozenTree, FrozenTree, FrozenTree]:
    """(where the pull request started, main, the pull request)."""
    database = store.database
    heads = [found.base or "", database.commit_of(repo, "main").id, database.commit_of(repo, found.ref.name).id]
    base, ours, theirs = (database.tree(repo, head) for head in heads)
    return base, ours, theirs


def merge(store: Store, repo: Repo, number: int, author: str) -> str:
    """Bring a pull request's changes to main as one commit; its id.

    Raises:
        HubError: 404 no such pull request, 400 it is not open, 409 main changed the same files.
    """
    database = store.database
    with database.transaction() as connection:
        found = find(store, repo, number)
        if not found.pull or found.status not in ("open", "draft"):
            raise HubError(400, f"Only an open Pull Request can be merged; this one is {found.status}")
        base, ours, theirs = trees_of(store, repo, found)
        if clash := conflicts(base, ours, theirs):
            raise HubError(409, f"This branch has conflicts that must be resolved: {', '.join(clash[:10])}")
        changed = {path for path in base.keys() | theirs.keys() if not _same(base, theirs, path)}

        def change(tree: Tree) -> None:
            for path in changed:
                if path in theirs:
                    tree[path] = replace(theirs[path], commit="")
                else:
                    tree.pop(path, None)

        words = (f"{found.title} (#{number})", "", author)
        commit = database.commit(repo, Ref("branch", "main"), None, change, words)
        query = "UPDATE discussions SET status = 'merged', merged = ? WHERE repo = ? AND num = ?"
        connection.execute(query, (commit, repo.key, number))
        add_event(connection, repo, number, "status-change", author, {"status": "merged"})
    return commit
