"""Trees: the files of a commit, how they are stored, and a cache of them that has a bound."""

from __future__ import annotations

import json
import sys
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

CACHED_ENTRIES = 100_000
"""Files of all cached trees together: about 50 MB."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit."""

    sha256: str
    size: int
    oid: str
    """Git blob sha1: of the content, or of the pointer file for large files."""
    lfs: bool
    commit: str = ""
    """The last commit that changed the file; "" for the one it is read from. No part of what the file is."""

    @property
    def content(self) -> tuple[str, int, str, bool]:
        """What the file is, apart from its history."""
        return self.sha256, self.size, self.oid, self.lfs


Tree = dict[str, Entry]
FrozenTree = Mapping[str, Entry]


def pack(tree: Tree, parent: FrozenTree) -> bytes:
    """A tree as stored: path → sha256, size, oid, lfs, and the commit of the last change unless it is this one."""
    packed = {}
    for path, entry in sorted(tree.items()):
        before = parent.get(path)
        same = before is not None and before.content == entry.content
        packed[path] = (*entry.content, before.commit) if same and before else entry.content
    return zlib.compress(json.dumps(packed, separators=(",", ":")).encode(), 1)


def unpack(packed: bytes, commit: str) -> FrozenTree:
    """The files of a commit by path, sorted."""
    rows = json.loads(zlib.decompress(packed))
    tree = {}
    for path, (sha256, size, oid, lfs, *last) in rows.items():
        tree[path] = Entry(sha256, size, oid, bool(lfs), sys.intern(last[0]) if last else commit)
    return MappingProxyType(tree)


def as_if_new(tree: FrozenTree) -> Tree:
    """The same files without their history."""
    return {path: replace(entry, commit="") for path, entry in tree.items()}


class TreeCache:
    """The trees used last, by commit id. A commit's tree never changes."""

    def __init__(self) -> None:
        self._trees: OrderedDict[str, FrozenTree] = OrderedDict()
        self._entries = 0
        self._lock = threading.Lock()

    def get(self, commit: str, read: Callable[[], bytes]) -> FrozenTree:
        """The tree of a commit; `read` fetches it as stored when it is not at hand."""
        with self._lock:
            if commit in self._trees:
                self._trees.move_to_end(commit)
                return self._trees[commit]
        tree = unpack(read(), commit)
        with self._lock:
            if commit not in self._trees:
                self._trees[commit] = tree
                self._entries += len(tree)
            while self._entries > CACHED_ENTRIES and len(self._trees) > 1:
                self._entries -= len(self._trees.popitem(last=False)[1])
        return tree
