"""Carry out a plan: everything is uploaded to a branch first, then main shows it at once, and the tags come last.

Steps, each over all repositories: hold them (lease) · stage on the branch · one commit on main · tag · who may read ·
let go. Every step looks at what is there before it acts, so the same plan goes on after a kill at any point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from hub.collection import apply_collection
from hub.lease import STAGING, Publisher, acquire, holder, release_lease
from hub.limits import FILES_PER_COMMIT
from hub.patience import Patience
from hub.plan import Plan, PlannedFile, PlannedRepo
from hub.remote import HUB_OWN_FILES, MAIN, MovedError, Remote, difference, hub_errors
from hub.strangers import check_strangers
from records.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

BYTES_PER_GROUP = 64 << 20
ROUNDS = 10
__all__ = ["HUB_OWN_FILES", "Manners", "apply_plan", "hub_errors"]


@dataclass
class Manners:
    """How to behave towards a Hub and its other users."""

    may_move_tags: bool = False
    """Give a version new content: on the embedded Hub, where releases are tried out."""
    take_over: bool = False
    """Take the place of another publisher."""
    overwrite: bool = False
    """Replace what others changed on main."""
    files_per_commit: int = FILES_PER_COMMIT
    patience: Patience = field(default_factory=Patience)


def apply_plan(plan: Plan, api: HfApi, publisher: str = "unnamed", manners: Manners | None = None) -> dict[str, Any]:
    """Bring every repository to what the plan says.

    Args:
        plan: the plan.
        api: the client, with endpoint and token.
        publisher: id of the build folder that publishes (lease.only_run).
        manners: what may be replaced, and how long to try.

    Returns:
        {bytes: sent, collection: slug or the reason why there is none, waited: seconds}

    Raises:
        UserError: the Hub refuses or is lost, another publisher is at work, others changed main, or the version is
            there with other content.
    """
    manners = manners or Manners()
    remotes = [
        Remote(api, repo, manners.patience) for repo in sorted(plan.repos, key=lambda repo: (repo.kind, repo.id))
    ]
    who = Publisher(publisher, plan.content_hash())
    sent = 0
    if not all(_is_out(remote) for remote in remotes):
        _hold_all(remotes, who, manners)
        with tqdm(total=plan.bytes, desc="publish · upload", unit="B", unit_scale=True) as bar:
            for remote in remotes:
                with hub_errors(f"uploading to {remote}"):
                    sent += _stage(remote, who, manners, bar)
        heads = {}
        for remote in remotes:
            with hub_errors(f"publishing {remote}"):
                heads[remote] = _promote(remote, who, manners)
        for remote, head in heads.items():
            with hub_errors(f"tagging {remote}"):
                _tag(remote, head, manners)
    for remote in remotes:
        with hub_errors(f"finishing {remote}"):
            _finish(remote, who)
    with hub_errors("making the collection"):
        collection = apply_collection(plan.collection, api, manners.patience)
    return {"bytes": sent, "collection": collection, "waited": round(manners.patience.waited, 1)}


def _is_out(remote: Remote) -> bool:
    """Whether the tag exists and has the planned content."""
    with hub_errors(f"looking at {remote}"):
        tag = remote.planned.tag
        if remote.info(MAIN) is None or tag not in remote.refs().tags:
            return False
        return difference(remote.planned, remote.tree(tag)) == ([], [])


def _hold_all(remotes: list[Remote], who: Publisher, manners: Manners) -> None:
    """Hold every repository, in the same order for everyone; leave nothing behind where that is refused."""
    held: list[Remote] = []
    created: list[Remote] = []
    try:
        for remote in remotes:
            with hub_errors(f"looking at {remote}"):
                if remote.info(MAIN) is None:
                    remote.create()
                    created.append(remote)
                acquire(remote, who, manners.take_over)
                held.append(remote)
        for remote in remotes:
            with hub_errors(f"looking at {remote}"):
                _check(remote, manners)
    except UserError:
        _let_go(held, created, who)
        raise


def _check(remote: Remote, manners: Manners) -> None:
    info, tags, planned = remote.info(MAIN), remote.refs().tags, remote.planned
    if planned.private and not info.private:
        raise UserError(
            f"{remote} is public, and the recipe says private; make it private there, or say release.private: false"
        )
    if planned.tag in tags and not manners.may_move_tags and difference(planned, remote.tree(planned.tag)) != ([], []):
        raise UserError(f"{remote} has {planned.tag} already, with other content; raise release.version in the recipe")
    if not manners.overwrite:
        check_strangers(remote, str(info.sha), remote.tree(str(info.sha)))


def _let_go(held: list[Remote], created: list[Remote], who: Publisher) -> None:
    """Undo `_hold_all`: branches that we hold, and repositories that we made and that are as they were made."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    for remote in [*held, *(remote for remote in created if remote not in held)]:
        try:
            if remote in held:
                release_lease(remote, who)
            refs = remote.refs()
            if remote in created and not refs.tags and set(refs.branches) == {MAIN} and len(remote.history()) == 1:
                remote.delete()
        except (HfHubHTTPError, httpx2.HTTPError, UserError):
            tqdm.write(f"could not tidy {remote} up: the Hub is out of reach; a later publication does")


def _stage(remote: Remote, who: Publisher, manners: Manners, bar: Any) -> int:
    """Commit all that main lacks to the branch; the bytes of it."""
    sent = 0
    for _ in range(ROUNDS):
        head = _staging_head(remote, who)
        there = remote.tree(head)
        changed, _ = difference(remote.planned, there)
        bar.update(max(0, remote.planned.bytes - sum(file.bytes for file in changed)) if not sent else 0)
        try:
            for batch in _batches(changed, manners.files_per_commit):
                additions = _upload(remote, batch, bar)
                head = remote.commit(STAGING, additions, f"Stage {remote.planned.tag}", who.mark, head)
                sent += sum(file.bytes for file in batch)
        except MovedError:
            continue  # an answer was lost, or we were replaced: look again
        return sent
    raise UserError(f"{remote}: branch {STAGING} does not come to rest; run the same command again")


def _staging_head(remote: Remote, who: Publisher) -> str:
    held = holder(remote)
    if held is None or held[0] != who.mark:
        raise UserError(f"another publisher has taken {remote} over; this run stops, and main was not changed by it")
    return held[1].id


def _batches(files: list[PlannedFile], most: int) -> Iterator[list[PlannedFile]]:
    for start in range(0, len(files), most):
        yield files[start : start + most]


def _upload(remote: Remote, files: list[PlannedFile], bar: Any) -> list[CommitOperationAdd]:
    additions: list[CommitOperationAdd] = []
    for group in _groups(files):
        adding = [_addition(file) for file in group]
        remote.preupload(adding, STAGING)
        bar.update(sum(file.bytes for file in group))
        additions += adding
    return additions


def _groups(files: list[PlannedFile]) -> Iterator[list[PlannedFile]]:
    """Small files together, so that they travel at once; large ones alone, so that the bar moves."""
    group: list[PlannedFile] = []
    for file in files:
        group.append(file)
        if sum(member.bytes for member in group) >= BYTES_PER_GROUP:
            yield group
            group = []
    if group:
        yield group


def _addition(file: PlannedFile) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    operation = CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=file.source)
    operation.upload_info.sha256 = bytes.fromhex(file.sha256)  # saves the client a second pass over the file
    return operation


def _promote(remote: Remote, who: Publisher, manners: Manners) -> str:
    """Bring main to the plan in one commit; the commit that holds it. Large files are there already."""
    from huggingface_hub import CommitOperationDelete

    planned = remote.planned
    for _ in range(ROUNDS):
        tagged = remote.refs().tags.get(planned.tag)
        if tagged is not None and difference(planned, remote.tree(tagged)) == ([], []):
            return tagged
        head = remote.head(MAIN)
        there = remote.tree(head)
        changed, stale = difference(planned, there)
        if not changed and not stale:
            return head
        if not manners.overwrite:
            check_strangers(remote, head, there)
        _staging_head(remote, who)
        changes = [*(CommitOperationDelete(path) for path in stale), *map(_addition, changed)]
        try:
            return remote.commit(MAIN, changes, f"Release {planned.tag}", f"plan: {who.plan}", head)
        except MovedError:
            continue
    raise UserError(f"{remote}: main does not come to rest; run the same command again")


def _tag(remote: Remote, head: str, manners: Manners) -> None:
    tag = remote.planned.tag
    tagged = remote.refs().tags.get(tag)
    if tagged == head:
        return
    if tagged is not None:
        if not manners.may_move_tags:
            raise UserError(f"{remote} has {tag} already, with other content; raise release.version in the recipe")
        remote.delete_tag(tag)
    remote.create_tag(tag, head)


def _finish(remote: Remote, who: Publisher) -> None:
    """Settings of a Space, who may read, and the branch: last, because it says that something is under way."""
    planned: PlannedRepo = remote.planned
    if planned.kind == "space":
        remote.set_up_space()
    if not planned.private and remote.info(MAIN).private:
        remote.set_private(False)
    if STAGING in remote.refs().branches:
        release_lease(remote, who)
