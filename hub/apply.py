"""Carry out a plan through the real client: only what the Hub does not have yet is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from hub.plan import PlannedFile, PlannedRepo
from records.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

GROUP_BYTES = 64 << 20
HUB_OWN_FILES = frozenset({".gitattributes"})


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


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")


def apply_plan(plan: list[PlannedRepo], api: HfApi, may_move_tags: bool) -> int:
    """Bring every repository to what the plan says; the bytes that were sent.

    Each repository changes in one commit, and its tag comes last.

    Raises:
        UserError: the Hub refuses, is lost, or has this version with other content and tags may not move.
    """
    sent = 0
    with tqdm(total=sum(repo.bytes for repo in plan), desc="publish · upload", unit="B", unit_scale=True) as bar:
        for repo in plan:
            with hub_errors(f"publishing {repo.kind} {repo.id}"):
                sent += _apply_repo(repo, api, may_move_tags, bar)
    return sent


def _apply_repo(repo: PlannedRepo, api: HfApi, may_move_tags: bool, bar: Any) -> int:
    sdk = "gradio" if repo.kind == "space" else None
    api.create_repo(repo.id, repo_type=repo.kind, private=repo.private, space_sdk=sdk, exist_ok=True)
    head = str(api.repo_info(repo.id, repo_type=repo.kind).sha)
    changed, stale = _difference(repo, api, head)
    tagged = {tag.name: tag.target_commit for tag in api.list_repo_refs(repo.id, repo_type=repo.kind).tags}.get(
        repo.tag
    )
    if (changed or stale) and tagged is not None and not may_move_tags:
        raise UserError(f"{repo.id} has {repo.tag} already, with other content; raise release.version in the recipe")
    bar.update(repo.bytes - sum(file.bytes for file in changed))
    if changed or stale:
        head = _commit(repo, api, changed, stale, head, bar)
    if tagged != head:
        if tagged is not None:
            api.delete_tag(repo.id, tag=repo.tag, repo_type=repo.kind)
        api.create_tag(repo.id, tag=repo.tag, revision=head, repo_type=repo.kind)
    return sum(file.bytes for file in changed)


def _difference(repo: PlannedRepo, api: HfApi, head: str) -> tuple[list[PlannedFile], list[str]]:
    """Planned files that the head lacks or has otherwise, and files of the head that the plan does not know."""
    from huggingface_hub.hf_api import RepoFile

    listed = api.list_repo_tree(repo.id, recursive=True, revision=head, repo_type=repo.kind)
    remote = {item.path: item for item in listed if isinstance(item, RepoFile)}
    changed = [file for file in repo.files if not _same(file, remote.get(file.path))]
    known = {file.path for file in repo.files} | HUB_OWN_FILES
    return changed, sorted(remote.keys() - known)


def _same(file: PlannedFile, remote: Any) -> bool:
    if remote is None or remote.size != file.bytes:
        return False
    if remote.lfs is not None:
        return bool(remote.lfs.sha256 == file.sha256)
    content = file.source.read_bytes()  # not a large file, so it fits into memory
    return bool(
        remote.blob_id == hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    )


def _commit(repo: PlannedRepo, api: HfApi, changed: list[PlannedFile], stale: list[str], head: str, bar: Any) -> str:
    from huggingface_hub import CommitOperationDelete

    additions = []
    for group in _groups(changed):
        adding = [_addition(file) for file in group]
        api.preupload_lfs_files(repo.id, adding, repo_type=repo.kind, free_memory=False)
        bar.update(sum(file.bytes for file in group))
        additions += adding
    removals = [CommitOperationDelete(path) for path in stale]
    title = f"Release {repo.tag}"
    done = api.create_commit(
        repo.id, [*removals, *additions], commit_message=title, repo_type=repo.kind, parent_commit=head
    )
    return str(done.oid)


def _groups(files: list[PlannedFile]) -> Iterator[list[PlannedFile]]:
    """Small files together, so that they travel at once; large ones alone, so that the bar moves."""
    group: list[PlannedFile] = []
    for file in files:
        group.append(file)
        if sum(member.bytes for member in group) >= GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def _addition(file: PlannedFile) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    operation = CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=file.source)
    operation.upload_info.sha256 = bytes.fromhex(file.sha256)  # saves the client a second pass over the file
    return operation
