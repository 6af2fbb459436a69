"""One repository on a Hub, through the real client: every call may be repeated, and is when the Hub is busy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from hub.patience import Patience
from hub.plan import PlannedFile, PlannedRepo
from records.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

HUB_OWN_FILES = frozenset({".gitattributes"})
MAIN = "main"
T = TypeVar("T")


class MovedError(Exception):
    """The branch has another head than the commit was made for."""


@dataclass(frozen=True)
class Refs:
    """Branches and tags: name → commit."""

    branches: dict[str, str]
    tags: dict[str, str]


@dataclass(frozen=True)
class HistoryRow:
    """A commit of a branch."""

    id: str
    title: str
    message: str
    author: str
    date: str


@contextmanager
def hub_errors(doing: str) -> Iterator[None]:
    """Turn what the client raises into one line that says what was being done."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        message = error.server_message or str(error)
        raise UserError(f"the Hub refused {doing}: {_first_line(message)}") from None
    except (httpx2.HTTPError, ConnectionError) as error:
        raise UserError(f"lost the Hub while {doing} ({_first_line(str(error))}); run the same command again") from None
    except RuntimeError as error:  # the client's word for an upload that failed; the cause says more
        raise UserError(f"{doing} failed: {_first_line(str(error.__cause__ or error))}; run it again") from None


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")


class Remote:
    """A planned repository as it is on the Hub now."""

    def __init__(self, api: HfApi, planned: PlannedRepo, patience: Patience) -> None:
        self.api = api
        self.planned = planned
        self._patience = patience
        self._name: dict[str, Any] = {"repo_id": planned.id, "repo_type": planned.kind}

    def __str__(self) -> str:
        return f"{self.planned.kind} {self.planned.id}"

    def _call(self, action: Callable[[], T], doing: str) -> T:
        return self._patience.call(action, f"{doing} {self}")

    def info(self, revision: str = MAIN) -> Any:
        """What the Hub says about a revision; None where repository or revision does not exist."""
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        try:
            return self._call(lambda: self.api.repo_info(**self._name, revision=revision), "looking at")
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return None

    def head(self, revision: str = MAIN) -> str:
        """Commit of a revision that exists."""
        found = self.info(revision)
        if found is None:
            raise UserError(f"{self} has no revision {revision} any more; run the same command again")
        return str(found.sha)

    def refs(self) -> Refs:
        """Branches and tags."""
        found = self._call(lambda: self.api.list_repo_refs(**self._name), "looking at the refs of")
        return Refs(
            {ref.name: ref.target_commit for ref in found.branches}, {ref.name: ref.target_commit for ref in found.tags}
        )

    def tree(self, revision: str) -> dict[str, Any]:
        """Files of a revision by path, without the ones that the Hub makes itself."""
        from huggingface_hub.hf_api import RepoFile

        def listed() -> dict[str, Any]:
            items = self.api.list_repo_tree(**self._name, recursive=True, revision=revision)
            return {item.path: item for item in items if isinstance(item, RepoFile)}

        found = self._call(listed, "listing the files of")
        return {path: item for path, item in found.items() if path not in HUB_OWN_FILES}

    def history(self, revision: str = MAIN) -> list[HistoryRow]:
        """Commits of a revision, newest first."""
        found = self._call(
            lambda: self.api.list_repo_commits(**self._name, revision=revision), "looking at the history of"
        )
        return [
            HistoryRow(row.commit_id, row.title, row.message or "", ", ".join(row.authors), str(row.created_at))
            for row in found
        ]

    def create(self) -> None:
        """Create the repository, private until the release is out; no error when it exists."""
        sdk = "gradio" if self.planned.kind == "space" else None
        self._call(lambda: self.api.create_repo(**self._name, private=True, space_sdk=sdk, exist_ok=True), "creating")

    def delete(self) -> None:
        """Delete the repository; no error when it is gone."""
        self._call(lambda: self.api.delete_repo(**self._name, missing_ok=True), "deleting")

    def set_private(self, private: bool) -> None:
        """Hide or show the repository."""
        self._call(lambda: self.api.update_repo_settings(**self._name, private=private), "setting who may read")

    def set_up_space(self) -> None:
        """Variables and hardware of a Space, as planned; the Hub starts it anew only when something changes."""
        name = self.planned.id
        if self.planned.variables:
            there = self._call(lambda: self.api.get_space_variables(name), "reading the variables of")
            for key, value in self.planned.variables.items():
                if key not in there or there[key].value != value:
                    self._call(lambda k=key, v=value: self.api.add_space_variable(name, k, v), "setting a variable of")  # type: ignore[misc]
        if self.planned.hardware:
            runtime = self._call(lambda: self.api.get_space_runtime(name), "looking at the hardware of")
            if self.planned.hardware not in (runtime.hardware, runtime.requested_hardware):
                hardware: Any = self.planned.hardware
                self._call(lambda: self.api.request_space_hardware(name, hardware), "asking for the hardware of")

    def create_branch(self, branch: str, start: str) -> None:
        """Create a branch; no error when it exists."""
        self._call(
            lambda: self.api.create_branch(**self._name, branch=branch, revision=start, exist_ok=True),
            "making a branch of",
        )

    def delete_branch(self, branch: str) -> None:
        """Delete a branch; no error when it is gone."""
        self._gone_is_fine(lambda: self.api.delete_branch(**self._name, branch=branch), "removing a branch of")

    def delete_tag(self, tag: str) -> None:
        """Delete a tag; no error when it is gone."""
        self._gone_is_fine(lambda: self.api.delete_tag(**self._name, tag=tag), "removing a tag of")

    def _gone_is_fine(self, action: Callable[[], None], doing: str) -> None:
        from huggingface_hub.errors import HfHubHTTPError

        try:
            self._call(action, doing)
        except HfHubHTTPError as error:
            if error.response is None or error.response.status_code != 404:
                raise

    def create_tag(self, tag: str, commit: str) -> None:
        """Create a tag. Raises UserError when it exists and names another commit."""
        self._call(lambda: self.api.create_tag(**self._name, tag=tag, revision=commit, exist_ok=True), "tagging")
        found = self.refs().tags.get(tag)
        if found != commit:
            raise UserError(f"{self}: somebody else made tag {tag}, on {found}; raise release.version in the recipe")

    def preupload(self, additions: Sequence[CommitOperationAdd], branch: str) -> None:
        """Send the content of large files that the Hub does not have."""
        self._call(
            lambda: self.api.preupload_lfs_files(
                self.planned.id, additions, repo_type=self.planned.kind, revision=branch, free_memory=False
            ),
            "uploading to",
        )

    def commit(self, branch: str, changes: Sequence[Any], title: str, message: str, parent: str) -> str:
        """Commit to a branch whose head is `parent`; the new head.

        Raises:
            MovedError: the head is another one by now, perhaps through this very commit, whose answer was lost.
        """
        from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

        try:
            done = self._call(
                lambda: self.api.create_commit(
                    **self._name,
                    operations=changes,
                    commit_message=title,
                    commit_description=message,
                    revision=branch,
                    parent_commit=parent,
                ),
                "committing to",
            )
        except HfHubHTTPError as error:
            moved = error.response is not None and error.response.status_code in (409, 412)
            if moved or isinstance(error, RevisionNotFoundError):
                raise MovedError(f"{self}: {branch} has moved on from {parent}") from None
            raise
        return str(done.oid)


def difference(planned: PlannedRepo, there: dict[str, Any]) -> tuple[list[PlannedFile], list[str]]:
    """Planned files that a tree lacks or has otherwise, and files of the tree that the plan does not know."""
    changed = [file for file in planned.files if not same(file, there.get(file.path))]
    return changed, sorted(there.keys() - {file.path for file in planned.files})


def same(file: PlannedFile, there: Any) -> bool:
    """Whether a file of a tree has the planned content, by size and hash."""
    if there is None or there.size != file.bytes:
        return False
    if there.lfs is not None:
        return bool(there.lfs.sha256 == file.sha256)
    content = file.source.read_bytes()  # not a large file, so it fits into memory
    return bool(there.blob_id == hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest())


def content_id(there: Any) -> str:
    """What identifies the content of a tree's file."""
    return str(there.lfs.sha256 if there.lfs is not None else there.blob_id)
