"""The databases of AgentBench's DB tasks on a throw-away MariaDB, where its server is installed.

The server is started once a process, as `nobody`, on a socket in a folder of its own without network, and ends with the
process. Each episode has a database of its own and a user who may use that database alone: no files, no other tables,
no settings of the server. A statement has five seconds.
"""

from __future__ import annotations

import atexit
import itertools
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eval.tasks.agentbench.database import GROUP_CONCAT_MAX_LEN, MAX_ROWS, MAX_SECONDS, cut, quoted
from eval.tasks.agentbench.sandbox import as_nobody
from records.errors import UserError

START_SECONDS = 60.0
PROGRAMS = ("mariadbd", "mariadb-install-db")

_numbers = itertools.count()


def installed() -> bool:
    """Whether the server is here."""
    return all(map(_program, PROGRAMS))


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@cache
def version() -> str:
    """Such as `10.11.19`."""
    found = subprocess.run([str(_program("mariadbd")), "--no-defaults", "--version"], capture_output=True, text=True)
    return found.stdout.split("Ver ")[-1].split("-")[0].strip() or "unknown"


@cache
def server() -> Path:
    """The socket of the running server, started at the first call.

    Raises:
        UserError: it does not start.
    """
    import pymysql

    folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.geteuid() == 0:
        shutil.chown(folder, 65534, 65534)
    data, socket, files = folder / "data", folder / "socket", folder / "files"
    files.mkdir()
    install = [str(_program("mariadb-install-db")), "--no-defaults", f"--datadir={data}", "--skip-test-db"]
    install.append("--auth-root-authentication-method=normal")
    made = subprocess.run(install, capture_output=True, text=True, **as_nobody())
    if made.returncode:
        raise UserError(f"mariadb-install-db failed ({made.stderr.strip()[-200:]}); set AGENTBENCH_DB=sqlite")
    options = ["--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking", "--skip-log-bin"]
    options += [f"--pid-file={folder / 'pid'}", "--innodb-buffer-pool-size=16M", f"--secure-file-priv={files}"]
    options += ["--local-infile=0", "--skip-symbolic-links", "--character-set-server=utf8mb4"]
    log = (folder / "log").open("wb")
    process = subprocess.Popen([str(_program("mariadbd")), *options], stdout=log, stderr=log, **as_nobody())
    atexit.register(_stop, process)
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            pymysql.connect(unix_socket=str(socket), user="root").close()
            return socket
        except pymysql.err.OperationalError:
            time.sleep(0.1)
    told = (folder / "log").read_text(errors="replace").strip()[-300:]
    raise UserError(f"mariadbd does not start ({told}); set AGENTBENCH_DB=sqlite")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server; its folder goes afterwards."""
    process.kill()
    process.wait()


class MariaTable:
    """One table of text columns in a database of its own, as the authors' `build_init_sql` makes it."""

    def __init__(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        import pymysql

        self.name, self.columns = name, list(columns)
        self.database = f"task_{os.getpid()}_{next(_numbers)}"
        self.errors: Any = (pymysql.err.Error, UnicodeError, ValueError, OverflowError)
        self.root = pymysql.connect(unix_socket=str(server()), user="root", autocommit=True)
        password = secrets.token_hex(16)
        with self.root.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER {self.database}@localhost IDENTIFIED BY %s", (password,))
            cursor.execute(f"GRANT ALL ON {self.database}.* TO {self.database}@localhost")
        self.connection = pymysql.connect(
            unix_socket=str(server()),
            user=self.database,
            password=password,
            database=self.database,
            autocommit=True,
            charset="utf8mb4",
            read_timeout=int(4 * MAX_SECONDS),
        )
        with self.connection.cursor() as cursor:
            # Not strict: the benchmark's own hashes hold changes that compare text with numbers.
            cursor.execute("SET SESSION sql_mode=''")
            listed = ",".join(f"{quoted(column)} TEXT" for column in self.columns)
            cursor.execute(f"CREATE TABLE {quoted(name)} ({listed})")
            values = [[None if value is None else str(value) for value in row] for row in rows]
            marks = ",".join(["%s"] * len(self.columns))
            cursor.executemany(f"INSERT INTO {quoted(name).replace('%', '%%')} VALUES ({marks})", values)

    def execute(self, sql: str) -> str:
        """What the authors show of one statement: Python's text of the rows, or of the error, cut at 800 characters."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(f"SET SESSION max_statement_time={MAX_SECONDS}")  # whatever the one before has set
                cursor.execute(sql)
                text = str(list(cursor.fetchmany(MAX_ROWS)))
        except self.errors as error:
            text = ": ".join(map(str, error.args)) or type(error).__name__
        return cut(text)

    def state(self) -> str:
        """The authors' hash of the table, by their own statement, in their form `[('<md5>',)]`."""
        listed = ",".join(quoted(column) for column in self.columns)
        sql = (
            "SELECT md5(group_concat(rowhash ORDER BY rowhash)) AS hash FROM (SELECT substring(md5(concat_ws(',', "
            f"{listed})), 1, 5) AS rowhash FROM {self.database}.{quoted(self.name)}) AS sub"
        )
        try:
            with self.root.cursor() as cursor:
                cursor.execute(f"SET SESSION group_concat_max_len={GROUP_CONCAT_MAX_LEN}")
                cursor.execute(sql)
                return str(list(cursor.fetchall()))
        except self.errors as error:
            return str(error)

    def close(self) -> None:
        """Drop the database and its user."""
        if self.connection.open:
            self.connection.close()
        with self.root.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {self.database}")
            cursor.execute(f"DROP USER IF EXISTS {self.database}@localhost")
        self.root.close()
