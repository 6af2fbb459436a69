"""A store that an earlier version wrote is brought up to date, with all it holds; a later one is refused."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path

import pytest

from hub.local.database import Database, Ref
from hub.local.names import RepoName
from hub.local.schema import SCHEMA, VERSION
from records.errors import UserError

OLD = """
CREATE TABLE repos (key INTEGER PRIMARY KEY, kind TEXT, owner TEXT, name TEXT, private INTEGER,
  sdk TEXT, created REAL, UNIQUE (kind, owner, name));
CREATE TABLE commits (number INTEGER PRIMARY KEY, repo INTEGER REFERENCES repos ON DELETE CASCADE,
  id TEXT, parent TEXT, title TEXT, message TEXT, author TEXT, created REAL, tree BLOB, UNIQUE (repo, id));
CREATE TABLE refs (repo INTEGER REFERENCES repos ON DELETE CASCADE, kind TEXT, name TEXT, target TEXT,
  PRIMARY KEY (repo, kind, name));
"""


def test_a_first_version_store_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "hub.sqlite"
    old = sqlite3.connect(file)
    old.executescript(OLD)
    tree = {"a.txt": ["1" * 64, 3, "2" * 40, False], "w.bin": ["3" * 64, 9, "4" * 40, True]}
    old.execute("INSERT INTO repos VALUES (1, 'model', 'local', 'm', 1, NULL, 5.0)")
    packed = zlib.compress(json.dumps(tree).encode())
    old.execute("INSERT INTO commits VALUES (1, 1, ?, NULL, 't', '', 'local', 5.0, ?)", ("a" * 40, packed))
    old.execute("INSERT INTO refs VALUES (1, 'branch', 'main', ?)", ("a" * 40,))
    old.commit()
    old.close()
    database = Database(file)
    repo = database.repo(RepoName("model", "local", "m"))
    assert repo.private and repo.gated is None
    assert list(database.tree(repo, database.commit_of(repo, "main").id)) == ["a.txt", "w.bin"]
    assert database.has_object(repo, "3" * 64) and not database.has_object(repo, "1" * 64)
    commit = database.commit(repo, Ref("branch", "main"), None, lambda files: files.pop("a.txt"), ("u", "", "local"))
    assert list(database.tree(repo, commit)) == ["w.bin"]
    assert Database(file).rows("PRAGMA user_version") == [(VERSION,)]


def test_a_second_version_store_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "hub.sqlite"
    old = sqlite3.connect(file)
    old.executescript(SCHEMA.replace("created REAL, fields TEXT,", "created REAL,"))
    old.execute("PRAGMA user_version = 1")
    old.close()
    assert "fields" in [row[1] for row in Database(file).rows("PRAGMA table_info(requests)")]


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hub.sqlite"
    old = sqlite3.connect(file)
    old.execute("PRAGMA user_version = 99")
    old.close()
    with pytest.raises(UserError, match="its version is 99"):
        Database(file)
