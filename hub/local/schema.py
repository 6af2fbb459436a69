"""Tables of the database, and how a store of an earlier version gets them."""

from __future__ import annotations

import json
import sqlite3
import zlib

VERSION = 2
SCHEMA = """
CREATE TABLE IF NOT EXISTS repos (key INTEGER PRIMARY KEY, kind TEXT, owner TEXT, name TEXT, private INTEGER,
  sdk TEXT, created REAL, gated TEXT, UNIQUE (kind, owner, name));
CREATE TABLE IF NOT EXISTS commits (number INTEGER PRIMARY KEY, repo INTEGER REFERENCES repos ON DELETE CASCADE,
  id TEXT, parent TEXT, title TEXT, message TEXT, author TEXT, created REAL, tree BLOB, UNIQUE (repo, id));
CREATE TABLE IF NOT EXISTS refs (repo INTEGER REFERENCES repos ON DELETE CASCADE, kind TEXT, name TEXT, target TEXT,
  PRIMARY KEY (repo, kind, name));
CREATE TABLE IF NOT EXISTS moves (kind TEXT, owner TEXT, name TEXT, repo INTEGER REFERENCES repos ON DELETE CASCADE,
  PRIMARY KEY (kind, owner, name));
CREATE TABLE IF NOT EXISTS objects (repo INTEGER REFERENCES repos ON DELETE CASCADE, sha256 TEXT,
  PRIMARY KEY (repo, sha256)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (repo INTEGER REFERENCES repos ON DELETE CASCADE, user TEXT, id TEXT, status TEXT,
  created REAL, fields TEXT, PRIMARY KEY (repo, user));
CREATE TABLE IF NOT EXISTS discussions (repo INTEGER REFERENCES repos ON DELETE CASCADE, num INTEGER, title TEXT,
  author TEXT, status TEXT, created REAL, pull INTEGER, base TEXT, merged TEXT, PRIMARY KEY (repo, num));
CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, repo INTEGER REFERENCES repos ON DELETE CASCADE,
  num INTEGER, id TEXT, kind TEXT, author TEXT, created REAL, data TEXT);
CREATE INDEX IF NOT EXISTS events_of ON events (repo, num);
CREATE TABLE IF NOT EXISTS collections (slug TEXT PRIMARY KEY, owner TEXT, private INTEGER, updated REAL, body TEXT);
CREATE TABLE IF NOT EXISTS spaces (repo INTEGER PRIMARY KEY REFERENCES repos ON DELETE CASCADE, state TEXT);
"""


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables, or bring those of an earlier version up to date; all or nothing.

    Raises:
        ValueError: the store was written by a later version.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise ValueError(f"its version is {version}, and this program knows {VERSION}")
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    old = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'repos'").fetchone()
    if version == 1:
        connection.execute("ALTER TABLE requests ADD COLUMN fields TEXT")
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    if old and version == 0:
        connection.execute("ALTER TABLE repos ADD COLUMN gated TEXT")
        _list_objects(connection)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _list_objects(connection: sqlite3.Connection) -> None:
    for repo, packed in connection.execute("SELECT repo, tree FROM commits").fetchall():
        entries = json.loads(zlib.decompress(packed)).values()
        rows = {(repo, entry[0]) for entry in entries if entry[3]}
        connection.executemany("INSERT OR IGNORE INTO objects VALUES (?,?)", sorted(rows))
