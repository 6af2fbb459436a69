"""Repositories, commits and refs in SQLite. A commit is one transaction: it happened whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

from hub.local.errors import HubError, no_repo, no_revision
from hub.local.names import RepoName
from records.files import canonical_json

SCHEMA = """
CREATE TABLE IF NOT EXISTS repos (key INTEGER PRIMARY KEY, kind TEXT, owner TEXT, name TEXT, private INTEGER,
  sdk TEXT, created REAL, UNIQUE (kind, owner, name));
CREATE TABLE IF NOT EXISTS commits (number INTEGER PRIMARY KEY, repo INTEGER REFERENCES repos ON DELETE CASCADE,
  id TEXT, parent TEXT, title TEXT, message TEXT, author TEXT, created REAL, tree BLOB, UNIQUE (repo, id));
CREATE TABLE IF NOT EXISTS refs (repo INTEGER REFERENCES repos ON DELETE CASCADE, kind TEXT, name TEXT, target TEXT,
  PRIMARY KEY (repo, kind, name));
"""


@dataclass(frozen=True)
class Entry:
    """One file of a commit."""

    sha256: str
    size: int
    oid: str
    """Git blob sha1: of the content, or of the pointer file for large files."""
    lfs: bool


Tree = dict[str, Entry]


@dataclass(frozen=True)
class Repo:
    """A repository as stored."""

    key: int
    name: RepoName
    private: bool
    sdk: str | None
    created: float


@dataclass(frozen=True)
class Commit:
    """A commit without its tree."""

    id: str
    parent: str | None
    title: str
    message: str
    author: str
    created: float


class Database:
    """One connection, one lock: writers queue, and readers see whole commits."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; one at a time."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def create_repo(self, name: RepoName, private: bool, sdk: str | None, author: str, tree: Tree) -> None:
        """Create a repository with its first commit. Raises HubError 409 when it exists."""
        with self.transaction() as connection:
            row = (name.kind, name.owner, name.name, private, sdk, time.time())
            try:
                cursor = connection.execute(
                    "INSERT INTO repos (kind, owner, name, private, sdk, created) VALUES (?,?,?,?,?,?)", row
                )
            except sqlite3.IntegrityError:
                raise HubError(409, "You already created this repo") from None
            repo = Repo(int(cursor.lastrowid or 0), name, private, sdk, row[-1])
            _write_commit(connection, repo, "main", None, tree, ("initial commit", "", author))

    def delete_repo(self, repo: Repo) -> None:
        """Remove a repository with its commits and refs; blobs stay."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM repos WHERE key = ?", (repo.key,))

    def set_private(self, repo: Repo, private: bool) -> None:
        """Change who may read."""
        with self.transaction() as connection:
            connection.execute("UPDATE repos SET private = ? WHERE key = ?", (private, repo.key))

    def repos(self) -> list[Repo]:
        """All repositories, sorted by kind and name."""
        return [_repo(row) for row in self._rows("SELECT * FROM repos ORDER BY kind, owner, name")]

    def repo(self, name: RepoName) -> Repo:
        """One repository. Raises HubError 404."""
        rows = self._rows(
            "SELECT * FROM repos WHERE kind = ? AND owner = ? AND name = ?", name.kind, name.owner, name.name
        )
        if not rows:
            raise no_repo(name.id)
        return _repo(rows[0])

    def refs(self, repo: Repo, kind: str) -> list[tuple[str, str]]:
        """(name, commit) of every `branch` or `tag`, sorted by name."""
        return [
            (str(name), str(target))
            for name, target in self._rows(
                "SELECT name, target FROM refs WHERE repo = ? AND kind = ? ORDER BY name", repo.key, kind
            )
        ]

    def add_ref(self, repo: Repo, kind: str, name: str, target: str) -> None:
        """Create a branch or tag. Raises HubError 409 when it exists."""
        with self.transaction() as connection:
            try:
                connection.execute("INSERT INTO refs VALUES (?,?,?,?)", (repo.key, kind, name, target))
            except sqlite3.IntegrityError:
                raise HubError(409, f"Reference already exists: {name}") from None

    def delete_ref(self, repo: Repo, kind: str, name: str) -> None:
        """Remove a branch or tag. Raises HubError 404."""
        with self.transaction() as connection:
            done = connection.execute(
                "DELETE FROM refs WHERE repo = ? AND kind = ? AND name = ?", (repo.key, kind, name)
            )
            if not done.rowcount:
                raise no_revision(name)

    def commit_of(self, repo: Repo, revision: str) -> Commit:
        """The commit that a branch, tag, or commit id (7 digits or more) names. Raises HubError 404."""
        plain = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        rows = self._rows("SELECT target FROM refs WHERE repo = ? AND name = ? ORDER BY kind LIMIT 1", repo.key, plain)
        wanted = str(rows[0][0]) if rows else revision
        if len(wanted) < 7 or not wanted.isalnum():
            raise no_revision(revision)
        query = (
            "SELECT id, parent, title, message, author, created FROM commits WHERE repo = ? AND substr(id, 1, ?) = ?"
        )
        found = self._rows(query, repo.key, len(wanted), wanted)
        if len(found) != 1:
            raise no_revision(revision)
        return Commit(*found[0])

    def history(self, repo: Repo, head: Commit) -> Iterator[Commit]:
        """A commit and its parents, newest first."""
        yield head
        while head.parent is not None:
            head = self.commit_of(repo, head.parent)
            yield head

    def tree(self, repo: Repo, commit: str) -> Tree:
        """The files of a commit by path, sorted."""
        rows = self._rows("SELECT tree FROM commits WHERE repo = ? AND id = ?", repo.key, commit)
        return _unpack(bytes(rows[0][0]))

    def commit(
        self, repo: Repo, branch: str, parent: str | None, change: Callable[[Tree], Tree], words: tuple[str, str, str]
    ) -> str:
        """Add a commit to a branch; its id.

        Args:
            repo: the repository.
            branch: branch that moves.
            parent: commit id (7 digits or more) that must be the branch's head; None takes any head.
            change: makes the new tree from the head's.
            words: title, message, author.

        Raises:
            HubError: 404 no such branch, 412 the head is another one.
        """
        with self.transaction() as connection:
            heads = dict(self.refs(repo, "branch"))
            if branch not in heads:
                raise no_revision(branch)
            if parent is not None and (len(parent) < 7 or not heads[branch].startswith(parent)):
                raise HubError(412, f"The branch has changed: its head is {heads[branch]}, not {parent}")
            tree = change(self.tree(repo, heads[branch]))
            return _write_commit(connection, repo, branch, heads[branch], tree, words)


def _repo(row: tuple) -> Repo:  # type: ignore[type-arg]
    key, kind, owner, name, private, sdk, created = row
    return Repo(key, RepoName(kind, owner, name), bool(private), sdk, created)


def _write_commit(
    connection: sqlite3.Connection,
    repo: Repo,
    branch: str,
    parent: str | None,
    tree: Tree,
    words: tuple[str, str, str],
) -> str:
    packed = {path: astuple(entry) for path, entry in sorted(tree.items())}
    # The id depends on content alone, not on the clock: publishing the same release twice gives the same revision.
    identity = [repo.name.kind, repo.name.id, parent, packed, *words]
    commit = hashlib.sha1(canonical_json(identity).encode(), usedforsecurity=False).hexdigest()
    blob = zlib.compress(json.dumps(packed).encode(), 1)
    row = (repo.key, commit, parent, *words, time.time(), blob)
    connection.execute(
        "INSERT OR IGNORE INTO commits (repo, id, parent, title, message, author, created, tree)"
        " VALUES (?,?,?,?,?,?,?,?)",
        row,
    )
    connection.execute("INSERT OR REPLACE INTO refs VALUES (?,'branch',?,?)", (repo.key, branch, commit))
    return commit


@lru_cache(maxsize=64)
def _unpack_cached(packed: bytes) -> Tree:
    return {path: Entry(*values) for path, values in json.loads(zlib.decompress(packed)).items()}


def _unpack(packed: bytes) -> Tree:
    return dict(_unpack_cached(packed))
