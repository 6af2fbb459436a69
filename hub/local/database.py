"""Repositories, commits and refs in SQLite. A commit is one transaction: it happened whole, or not at all."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.local.errors import HubError, no_repo, no_revision
from hub.local.names import RepoName
from hub.local.schema import prepare
from hub.local.treestore import FrozenTree, Tree, TreeCache, as_if_new, pack
from records.errors import UserError
from records.files import canonical_json

COMMIT_FIELDS = "id, parent, title, message, author, created"


@dataclass(frozen=True)
class Repo:
    """A repository as stored."""

    key: int
    name: RepoName
    private: bool
    sdk: str | None
    created: float
    gated: str | None
    """None, auto or manual."""


@dataclass(frozen=True)
class Commit:
    """A commit without its tree."""

    id: str
    parent: str | None
    title: str
    message: str
    author: str
    created: float


@dataclass(frozen=True)
class Ref:
    """A branch, tag or pull request that may move: its kind (branch, tag, pr) and name (of a pr: refs/pr/N)."""

    kind: str
    name: str

    @property
    def full(self) -> str:
        """refs/heads/…, refs/tags/… or refs/pr/…"""
        return {"branch": "refs/heads/", "tag": "refs/tags/", "pr": ""}[self.kind] + self.name


Words = tuple[str, str, str]
"""Title, message and author of a commit."""


class Database:
    """One writer at a time; readers have a connection a thread, and see whole commits without waiting."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._local = threading.local()
        self._writer = self._connect()
        try:
            prepare(self._writer)
        except ValueError as error:
            raise UserError(f"{path} cannot be read ({error}); use the version that wrote it") from None
        self._trees = TreeCache()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=30)
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {setting}")
        return connection

    @contextmanager
    def transaction(self, sync: bool = True) -> Iterator[sqlite3.Connection]:
        """All or nothing; one at a time. Reads of the same thread see what it wrote so far.

        A transaction inside another belongs to it. Without `sync` the rows survive a killed server, but may be lost
        when the machine loses power.
        """
        with self._lock:
            if getattr(self._local, "inside", False):
                yield self._writer
                return
            self._writer.execute(f"PRAGMA synchronous={'FULL' if sync else 'NORMAL'}")
            self._writer.execute("BEGIN IMMEDIATE")
            self._local.inside = True
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            finally:
                self._local.inside = False
            self._writer.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        """The rows of a query."""
        if getattr(self._local, "inside", False):
            return self._writer.execute(query, values).fetchall()
        if not hasattr(self._local, "reader"):
            self._local.reader = self._connect()
        found: list[tuple] = self._local.reader.execute(query, values).fetchall()  # type: ignore[type-arg]
        return found

    def create_repo(
        self, name: RepoName, private: bool, sdk: str | None, tree: Tree, words: Words, gated: str | None = None
    ) -> Repo:
        """Create a repository with its first commit. Raises HubError 409 when it exists."""
        with self.transaction() as connection:
            row = (name.kind, name.owner, name.name, private, sdk, time.time(), gated)
            try:
                cursor = connection.execute(
                    "INSERT INTO repos (kind, owner, name, private, sdk, created, gated) VALUES (?,?,?,?,?,?,?)", row
                )
            except sqlite3.IntegrityError:
                raise HubError(409, f"You already created this {name.kind} repo: {name.id}") from None
            # A new repository takes over a name that a moved one left behind.
            connection.execute("DELETE FROM moves WHERE kind = ? AND owner = ? AND name = ?", row[:3])
            repo = Repo(int(cursor.lastrowid or 0), name, private, sdk, row[5], gated)
            self._write_commit(connection, repo, Ref("branch", "main"), None, tree, words)
            return repo

    def delete_repo(self, repo: Repo) -> None:
        """Remove a repository with its commits and refs; blobs stay."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM repos WHERE key = ?", (repo.key,))

    def move_repo(self, repo: Repo, name: RepoName) -> None:
        """Rename a repository; its old name leads to it from now on. Raises HubError 409 when the name is taken."""
        old = (repo.name.kind, repo.name.owner, repo.name.name)
        with self.transaction() as connection:
            try:
                connection.execute("UPDATE repos SET owner = ?, name = ? WHERE key = ?", (*_pair(name), repo.key))
            except sqlite3.IntegrityError:
                raise HubError(409, f"A {name.kind} repo {name.id} exists already") from None
            connection.execute("DELETE FROM moves WHERE kind = ? AND owner = ? AND name = ?", (name.kind, *_pair(name)))
            connection.execute("INSERT OR REPLACE INTO moves VALUES (?,?,?,?)", (*old, repo.key))

    def set_access(self, repo: Repo, private: bool, gated: str | None) -> None:
        """Change who may read."""
        with self.transaction() as connection:
            values = (private, gated, repo.key)
            connection.execute("UPDATE repos SET private = ?, gated = ? WHERE key = ?", values)

    def repos(self, kind: str | None = None) -> list[Repo]:
        """All repositories (of a kind), sorted by kind and name."""
        query = "SELECT * FROM repos WHERE ? IS NULL OR kind = ? ORDER BY kind, owner, name"
        return [_repo(row) for row in self.rows(query, kind, kind)]

    def repo(self, name: RepoName) -> Repo:
        """One repository, by the name it has or had. Raises HubError 404."""
        where = "kind = ? AND owner = ? AND name = ?"
        values = (name.kind, name.owner, name.name)
        rows = self.rows(f"SELECT * FROM repos WHERE {where}", *values)
        if not rows:
            rows = self.rows(f"SELECT * FROM repos WHERE key = (SELECT repo FROM moves WHERE {where})", *values)
        if not rows:
            raise no_repo(name.id)
        return _repo(rows[0])

    def refs(self, repo: Repo, kind: str) -> list[tuple[str, str]]:
        """(name, commit) of every `branch`, `tag` or `pr`, sorted by name."""
        query = "SELECT name, target FROM refs WHERE repo = ? AND kind = ? ORDER BY name"
        return [(str(name), str(target)) for name, target in self.rows(query, repo.key, kind)]

    def find_ref(self, repo: Repo, revision: str) -> tuple[Ref, str] | None:
        """The branch, tag or pull request that a revision names, and its commit; None when it names none."""
        for kind, prefix in (("branch", "refs/heads/"), ("tag", "refs/tags/"), ("pr", "")):
            name = revision.removeprefix(prefix)
            query = "SELECT target FROM refs WHERE repo = ? AND kind = ? AND name = ?"
            if rows := self.rows(query, repo.key, kind, name):
                return Ref(kind, name), str(rows[0][0])
        return None

    def add_ref(self, repo: Repo, ref: Ref, target: str) -> None:
        """Create a branch, tag or pull request. Raises HubError 409 when it exists."""
        with self.transaction() as connection:
            try:
                connection.execute("INSERT INTO refs VALUES (?,?,?,?)", (repo.key, ref.kind, ref.name, target))
            except sqlite3.IntegrityError:
                raise HubError(409, f"Reference already exists: {ref.full}") from None

    def delete_ref(self, repo: Repo, ref: Ref) -> None:
        """Remove a branch or tag. Raises HubError 404."""
        with self.transaction() as connection:
            query = "DELETE FROM refs WHERE repo = ? AND kind = ? AND name = ?"
            if not connection.execute(query, (repo.key, ref.kind, ref.name)).rowcount:
                raise no_revision(ref.name)

    def commit_of(self, repo: Repo, revision: str) -> Commit:
        """The commit that a branch, tag, pull request or id (7 digits or more) names. Raises HubError 404."""
        found = self.find_ref(repo, revision)
        wanted = found[1] if found else revision
        if not 7 <= len(wanted) <= 40 or not wanted.isalnum() or not wanted.isascii():
            raise no_revision(revision)
        query = f"SELECT {COMMIT_FIELDS} FROM commits WHERE repo = ? AND id >= ? AND id <= ?"
        rows = self.rows(query, repo.key, wanted, wanted + "g")
        if len(rows) != 1:
            raise no_revision(revision)
        return Commit(*rows[0])

    def commits(self, repo: Repo, ids: Iterable[str]) -> dict[str, Commit]:
        """Commits by id; unknown ids are left out."""
        query = f"SELECT {COMMIT_FIELDS} FROM commits WHERE repo = ? AND id = ?"
        found = (self.rows(query, repo.key, commit) for commit in set(ids))
        return {rows[0][0]: Commit(*rows[0]) for rows in found if rows}

    def history(self, repo: Repo, head: Commit) -> Iterator[Commit]:
        """A commit and its parents, newest first."""
        yield head
        while head.parent is not None:
            head = self.commit_of(repo, head.parent)
            yield head

    def tree(self, repo: Repo, commit: str) -> FrozenTree:
        """The files of a commit by path, sorted."""

        def read() -> bytes:
            return bytes(self.rows("SELECT tree FROM commits WHERE repo = ? AND id = ?", repo.key, commit)[0][0])

        return self._trees.get(commit, read)

    def commit(self, repo: Repo, ref: Ref, parent: str | None, change: Callable[[Tree], None], words: Words) -> str:
        """Add a commit to a branch or pull request; its id.

        Args:
            repo: the repository.
            ref: the branch or pull request that moves.
            parent: commit id (7 digits or more) that must be its head; None takes any head.
            change: changes the head's tree into the new one.
            words: title, message, author.

        Raises:
            HubError: 404 no such branch, 412 the head is another one.
        """
        with self.transaction() as connection:
            found = self.find_ref(repo, ref.full)
            if found is None or found[0] != ref:
                raise no_revision(ref.name)
            head = found[1]
            if parent is not None and (len(parent) < 7 or not head.startswith(parent)):
                raise HubError(412, f"A commit has happened since. Please refresh and try again. Head: {head}")
            tree = dict(self.tree(repo, head))
            change(tree)
            return self._write_commit(connection, repo, ref, head, tree, words)

    def squash(self, repo: Repo, branch: str, words: Words) -> str:
        """Replace a branch's history by one commit with the same files; its id. Raises HubError 404."""
        with self.transaction() as connection:
            ref = Ref("branch", branch)
            found = self.find_ref(repo, ref.full)
            if found is None or found[0] != ref:
                raise no_revision(branch)
            return self._write_commit(connection, repo, ref, None, as_if_new(self.tree(repo, found[1])), words)

    def _write_commit(
        self, connection: sqlite3.Connection, repo: Repo, ref: Ref, parent: str | None, tree: Tree, words: Words
    ) -> str:
        # The id depends on content alone, not on the clock: publishing the same release twice gives the same revision.
        content = {path: entry.content for path, entry in sorted(tree.items())}
        identity = canonical_json([repo.name.kind, repo.name.id, parent, content, *words])
        commit = hashlib.sha1(identity.encode(), usedforsecurity=False).hexdigest()
        before = self.tree(repo, parent) if parent else {}
        row = (repo.key, commit, parent, *words, time.time(), pack(tree, before))
        connection.execute(
            "INSERT OR IGNORE INTO commits (repo, id, parent, title, message, author, created, tree)"
            " VALUES (?,?,?,?,?,?,?,?)",
            row,
        )
        new = {
            (repo.key, entry.sha256)
            for path, entry in tree.items()
            if entry.lfs and (path not in before or before[path].sha256 != entry.sha256)
        }
        connection.executemany("INSERT OR IGNORE INTO objects VALUES (?,?)", sorted(new))
        connection.execute("INSERT OR REPLACE INTO refs VALUES (?,?,?,?)", (repo.key, ref.kind, ref.name, commit))
        return commit

    def add_objects(self, repo: int, hashes: Iterable[str]) -> None:
        """Note that large files' contents were sent to a repository (its key), which may commit them from now on."""
        with self.transaction(sync=False) as connection:
            known = connection.execute("SELECT 1 FROM repos WHERE key = ?", (repo,)).fetchone()
            if known:  # it may have been deleted meanwhile
                connection.executemany("INSERT OR IGNORE INTO objects VALUES (?,?)", [(repo, sha) for sha in hashes])

    def has_object(self, repo: Repo, sha256: str) -> bool:
        """Whether a large file's content was sent to this repository. Content of others' is not there for it."""
        return bool(self.rows("SELECT 1 FROM objects WHERE repo = ? AND sha256 = ?", repo.key, sha256))


def _pair(name: RepoName) -> tuple[str, str]:
    return name.owner, name.name


def _repo(row: tuple) -> Repo:  # type: ignore[type-arg]
    key, kind, owner, name, private, sdk, created, gated = row
    return Repo(key, RepoName(kind, owner, name), bool(private), sdk, created, gated)
