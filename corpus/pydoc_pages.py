"""Pages of known origin that need nothing but Python: pydoc's HTML of the standard library, a site a package.

`python -m corpus.pydoc_pages FILE MODULE…` writes one JSON line a module; `pydoc_pages` runs that in a process of its
own, because pydoc imports what it describes.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpus.debian_pages import Page
from records.assets import assets_folder
from records.errors import UserError
from records.files import stable_hash

SKIPPED = frozenset(
    {"antigravity", "this", "idlelib", "lib2to3", "test", "turtledemo", "tkinter", "turtle", "ensurepip"}
)
"""Packages of the standard library that open a window or a browser, or are no library."""
SECONDS = 120
_ADDRESS = re.compile(r"(?: |&nbsp;)at(?: |&nbsp;)0x[0-9a-f]+")
_HOME = re.compile(r'<a href="file:[^"]*">[^<]*</a>')


def module_names(most: int | None = None) -> list[str]:
    """Public modules of the standard library, those inside packages one level down; at most `most`, by a hash."""
    names = []
    for name in sorted(sys.stdlib_module_names):
        if name.startswith("_") or name in SKIPPED:
            continue
        names.append(name)
        place = Path(os.__file__).parent / name
        if place.is_dir():
            inner = sorted(item.name for item in pkgutil.iter_modules([str(place)]))
            names += [f"{name}.{one}" for one in inner if not one.startswith("_") and one not in ("tests", "test")]
    return names if most is None else sorted(sorted(names, key=lambda name: stable_hash(f"pydoc/{name}"))[:most])


def html_of(name: str) -> str | None:
    """pydoc's page of a module without the values of its data, None where the module cannot be imported.

    Values (the environment, paths, versions) say something of this machine; so do addresses in memory and file names,
    and a module one of whose default values is such a thing gives no page.
    """
    import pydoc

    class Pages(pydoc.HTMLDoc):
        def docother(self, object: Any, name: str | None = None, mod: str | None = None, *ignored: Any) -> str:
            return f"<strong>{name}</strong>" if name else ""

    quiet = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        try:
            body = Pages().document(importlib.import_module(name), name)
        except (Exception, SystemExit):  # a module for another platform may fail in any way
            return None
    body = _HOME.sub("", _ADDRESS.sub("", body))
    if any(place in body for place in (sys.prefix, sys.base_prefix, os.environ["HOME"], "environ(")):
        return None  # a default value that is this machine's
    return f"<html><head><title>{name}</title></head><body>{body}</body></html>"


def pydoc_file() -> Path:
    """Where `make crawl` writes these pages as a WARC file."""
    return assets_folder() / "pydoc-pages.warc.gz"


def pydoc_pages(most: int | None = None) -> Iterator[Page]:
    """A page a module, of at most `most` modules; its package is the part of the name before the first dot.

    Raises:
        UserError: the process that runs pydoc failed or took longer than two minutes.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pages.jsonl"
        command = [sys.executable, "-m", "corpus.pydoc_pages", str(file), *module_names(most)]
        environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "HOME": folder}
        root = Path(__file__).resolve().parent.parent
        try:
            done = subprocess.run(
                command,
                cwd=root,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise UserError(f"pydoc did not end in {SECONDS} s; try again on a machine that is less busy") from None
        if done.returncode or not file.exists():
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(f"pydoc could not describe the standard library: {why}")
        with file.open(encoding="utf-8") as stream:
            for line in stream:
                name, content = json.loads(line)
                yield Page(f"pydoc-{name.split('.')[0]}", f"{name}.html", content.encode())


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", encoding="utf-8") as output:
        for module in sys.argv[2:]:
            if (written := html_of(module)) is not None:
                output.write(json.dumps([module, written]) + "\n")
