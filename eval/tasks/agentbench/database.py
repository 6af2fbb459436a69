"""The throw-away databases of AgentBench's DB tasks.

The authors use MySQL. SQLite reads the same backticks and gives the same answers to what the questions need, as far as
the hashes of the benchmark show (see README). SQL that a model writes runs only here: on one table in memory, without
other files, for a bounded time.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

MAX_SECONDS = 5.0
"""Most that one statement may run."""
MAX_VALUE_BYTES = 1_000_000
"""Longest text that a statement may make."""
MAX_ROWS = 1_000
"""Rows read of one result; the authors show 800 characters of it."""
MAX_SHOWN = 800
GROUP_CONCAT_MAX_LEN = 1024
"""MySQL's default: the authors' hash of a table covers this many characters of its sorted row hashes."""

_REFUSED = {
    sqlite3.SQLITE_ATTACH: "ATTACH",
    sqlite3.SQLITE_DETACH: "DETACH",
    sqlite3.SQLITE_PRAGMA: "PRAGMA",
}


class SqliteTable:
    """One table of text columns in memory, as the authors' `build_init_sql` makes it."""

    def __init__(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.name, self.columns = name, list(columns)
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.create_function("md5", 1, _md5, deterministic=True)
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        self.connection.create_collation("mysql", _compare)
        listed = ",".join(f"{quoted(column)} TEXT COLLATE mysql" for column in self.columns)
        self.connection.execute(f"CREATE TABLE {quoted(name)} ({listed})")
        marks = ",".join("?" * len(self.columns))
        values = [[None if value is None else str(value) for value in row] for row in rows]
        self.connection.executemany(f"INSERT INTO {quoted(name)} VALUES ({marks})", values)
        self.connection.set_authorizer(_authorise)
        self.connection.execute("SELECT 1")

    def execute(self, sql: str) -> str:
        """What the authors show of one statement: Python's text of the rows, or of the error, cut at 800 characters."""
        ends = time.monotonic() + MAX_SECONDS
        self.connection.set_progress_handler(lambda: int(time.monotonic() > ends), 10_000)
        try:
            text = str(self.connection.execute(mysql_strings(sql)).fetchmany(MAX_ROWS))
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError, UnicodeError) as error:
            text = str(error)
        return cut(text)

    def state(self) -> str:
        """The authors' hash of the table, in their form `[('<md5>',)]`."""
        self.connection.set_progress_handler(None, 0)
        listed = ",".join(quoted(column) for column in self.columns)
        try:
            rows = self.connection.execute(f"SELECT {listed} FROM {quoted(self.name)}").fetchall()
        except sqlite3.Error as error:
            return str(error)
        return f"[({table_hash(rows)!r},)]"

    def close(self) -> None:
        """Drop the database."""
        self.connection.close()


def cut(text: str) -> str:
    """A result as the authors show it."""
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "[TRUNCATED]"


def table_hash(rows: Sequence[Sequence[Any]]) -> str | None:
    """`md5(group_concat(rowhash order by rowhash))` with `rowhash = substring(md5(concat_ws(',', …)), 1, 5)`.

    None without rows, as MySQL gives NULL.
    """
    if not rows:
        return None
    texts = [",".join(_text(value) for value in row if value is not None) for row in rows]
    hashes = sorted(hashlib.md5(text.encode("utf-8", "surrogatepass")).hexdigest()[:5] for text in texts)
    return hashlib.md5(",".join(hashes)[:GROUP_CONCAT_MAX_LEN].encode()).hexdigest()


_LITERAL = re.compile(r"""`[^`]*`|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*\"""", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a", "%": "\\%", "_": "\\_"}


def mysql_strings(sql: str) -> str:
    """A statement whose strings say in SQLite what they say in MySQL: backslash escapes become their characters."""
    return _LITERAL.sub(_literal, sql) if "\\" in sql else sql


def _literal(found: re.Match[str]) -> str:
    text = found.group()
    if text[0] == "`" or "\\" not in text:
        return text
    doubled = text[1:-1].replace(text[0] * 2, text[0])
    plain = re.sub(r"\\(.)", lambda part: _ESCAPES.get(part.group(1), part.group(1)), doubled, flags=re.DOTALL)
    return text[0] + plain.replace(text[0], text[0] * 2) + text[0]


def _compare(first: str, second: str) -> int:
    """Order of MySQL's default collation, near enough: without regard to case and accents."""
    one, other = _folded(first), _folded(second)
    return (one > other) - (one < other)


@lru_cache(4096)
def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _md5(value: Any) -> str | None:
    return None if value is None else hashlib.md5(_text(value).encode("utf-8", "replace")).hexdigest()


def quoted(name: str) -> str:
    """A name of a table or column in backticks."""
    return "`" + name.replace("`", "``") + "`"


def _authorise(action: int, first: str | None, second: str | None, *_: Any) -> int:
    refused = action in _REFUSED or (action == sqlite3.SQLITE_FUNCTION and second in ("load_extension", "writefile"))
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK
