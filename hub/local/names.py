"""Which repository names, file paths and hashes are allowed. Nothing from a request reaches the disk unchecked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.local.errors import HubError
from hub.local.users import RESERVED

KINDS = ("model", "dataset", "space")
PREFIX = {"model": "", "dataset": "datasets/", "space": "spaces/"}
SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,254}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True)
class RepoName:
    """A repository's kind (model, dataset or space), owner and name."""

    kind: str
    owner: str
    name: str

    @property
    def id(self) -> str:
        """owner/name."""
        return f"{self.owner}/{self.name}"

    @property
    def url_path(self) -> str:
        """Path of the repository's page below the server's address, for example datasets/owner/name."""
        return f"{PREFIX[self.kind]}{self.id}"


def repo_name(kind: str, owner: str, name: str) -> RepoName:
    """A checked name. Raises HubError 400 on what the Hub would refuse too."""
    bad = any(not _NAME.fullmatch(part) or ".." in part or "--" in part for part in (owner, name))
    if bad or kind not in KINDS or owner in RESERVED or name.endswith(".git"):
        raise HubError(400, f"Invalid repository name: {kind} {owner}/{name}")
    return RepoName(kind, owner, name)


def file_path(path: object) -> str:
    """A checked path of a file in a repository. Raises HubError 400 on traversal, `.git` and control characters."""
    parts = path.split("/") if isinstance(path, str) else []
    if (
        not isinstance(path, str)
        or len(path.encode("utf-8", "replace")) > 1024
        or _CONTROL.search(path)
        or any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
    ):
        raise HubError(400, f"Invalid path: {str(path)[:200]!r}")
    return path


def ref_name(name: object) -> str:
    """A checked branch or tag name. Raises HubError 400."""
    if (
        not isinstance(name, str)
        or not _REF.fullmatch(name)
        or ".." in name
        or "//" in name
        or name.endswith(("/", "."))
    ):
        raise HubError(400, f"Invalid branch or tag name: {str(name)[:200]!r}")
    if name.startswith("refs/") or re.fullmatch("[0-9a-f]{40}", name):
        raise HubError(400, f"A branch or tag cannot be named like another reference or a commit: {name}")
    return name


def sha256_name(value: object) -> str:
    """A checked lower-case hex sha256. Raises HubError 400."""
    if not isinstance(value, str) or not SHA256.fullmatch(value):
        raise HubError(400, f"Not a sha256: {str(value)[:100]!r}")
    return value
