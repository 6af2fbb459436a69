"""What a process that runs a benchmark's environments may do: read, compute, and write where it was told to."""

from __future__ import annotations

import ctypes  # noqa: F401 - whoever needs it finds it loaded, for loading a library is refused later
import os
import resource
import sys
import types
from pathlib import Path
from typing import Any

MEMORY = 6 << 30
"""Most bytes of address space."""
LARGEST_FILE = 256 << 20
"""Most bytes of a file it writes."""
REFUSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "ctypes.dlopen")
"""Beginnings of audit events that are refused."""
_CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "shutil.")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refused(PermissionError):
    """The environment tried what it may not do."""


def confine(folder: Path, seconds: int) -> None:
    """Refuse the network, other programs and changes of files outside `folder` from now on; a hook cannot be undone.

    Args:
        folder: the one place that may be written.
        seconds: processor time after which the process is killed.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    inside = os.path.realpath(folder) + os.sep

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(REFUSED):
            raise Refused(f"{event} is refused to a replayed environment")
        writes = event.startswith(_CHANGES) or (event == "open" and bool((arguments[2] or 0) & _WRITES))
        if writes and not os.path.realpath(str(arguments[0])).startswith(inside):
            raise Refused(f"{event} of {arguments[0]} is refused to a replayed environment")

    sys.addaudithook(watch)


def stand_in(name: str, path: Path | None = None, **values: Any) -> None:
    """Put a module in the place of one that would import clients of models: with these values, or a package's path."""
    module = types.ModuleType(name)
    if path is not None:
        module.__path__ = [str(path)]
    for key, value in values.items():
        setattr(module, key, value)
    sys.modules[name] = module
