"""Who publishes: a branch that one publisher at a time holds, in every repository of a release.

The branch starts at main's head. Whoever commits to it first, with that head as parent, holds it; the Hub lets only
one such commit through. Uploads go to this branch, so main and the tags show nothing of them until all is there.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.remote import MAIN, HistoryRow, MovedError, Remote
from records.errors import UserError
from records.files import read_json, write_json

STAGING = "release-staging"
LEASE = ".release-lease.json"
ROUNDS = 20


@dataclass(frozen=True)
class Publisher:
    """One build folder that publishes one plan."""

    id: str
    """Stays the same over runs, so that a killed run's branch is known as our own."""
    plan: str
    """Content hash of the plan."""

    @property
    def mark(self) -> str:
        """What every commit on the branch says."""
        return f"publisher: {self.id}\nplan: {self.plan}"

    def made(self, mark: str) -> bool:
        """Whether a mark is ours, of this plan or of an earlier one."""
        return mark.startswith(f"publisher: {self.id}\n")


@contextmanager
def only_run(release: Path) -> Iterator[str]:
    """Id of this build's publisher, held by one run at a time.

    Raises:
        UserError: another run of the same build folder publishes now.
    """
    release.mkdir(parents=True, exist_ok=True)
    with (release / ".lock").open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{release} is being published by another run on this machine; wait for it") from None
        file = release / "publisher.json"
        if not file.exists():
            write_json(file, {"id": f"{os.uname().nodename}-{uuid.uuid4().hex[:12]}"})
        yield str(read_json(file, "make publish")["id"])


def holder(remote: Remote) -> tuple[str, HistoryRow] | None:
    """(mark, last commit) of the publisher that holds the repository; None when nobody does."""
    newest = _newest(remote)
    return (_mark(newest), newest) if newest is not None and _mark(newest) else None


def _newest(remote: Remote) -> HistoryRow | None:
    """Last commit of the branch; None without a branch."""
    from huggingface_hub.errors import RevisionNotFoundError

    try:
        return remote.history(STAGING)[0]
    except RevisionNotFoundError:
        return None


def _mark(row: HistoryRow) -> str:
    """Mark of the publisher that made a commit; empty when none did."""
    mark = row.message.strip()
    return mark if mark.startswith("publisher: ") else ""


def acquire(remote: Remote, publisher: Publisher, take_over: bool) -> None:
    """Hold the repository, whose branch then starts at main's head; a branch of an earlier run of ours is kept.

    Raises:
        UserError: another publisher holds it.
    """
    for _ in range(ROUNDS):
        remote.create_branch(STAGING, remote.head(MAIN))
        newest = _newest(remote)
        if newest is None:
            continue
        mark = _mark(newest)
        if not mark:
            if _claim(remote, publisher, newest.id):
                return
        elif mark == publisher.mark:
            return
        elif publisher.made(mark) or take_over:
            remote.delete_branch(STAGING)  # of another plan: start from main again
        else:
            raise UserError(_words(remote, mark, newest))
    raise UserError(f"{remote}: branch {STAGING} comes and goes; other publishers are at work: try again later")


def _claim(remote: Remote, publisher: Publisher, free: str) -> bool:
    """Commit on top of `free`, the very commit that was seen to be nobody's: a head looked up anew may be another's."""
    from huggingface_hub import CommitOperationAdd

    text = json.dumps({"publisher": publisher.id, "plan": publisher.plan, "version": remote.planned.tag}) + "\n"
    title = f"Stage {remote.planned.tag}"
    try:
        remote.commit(STAGING, [CommitOperationAdd(LEASE, text.encode())], title, publisher.mark, free)
    except MovedError:
        return False  # the next round sees whose commit got through
    return True


def release_lease(remote: Remote, publisher: Publisher) -> None:
    """Give the repository free, unless another publisher has taken our place."""
    held = holder(remote)
    if held is None or publisher.made(held[0]):
        remote.delete_branch(STAGING)


def _words(remote: Remote, mark: str, newest: HistoryRow) -> str:
    name = mark.splitlines()[0].removeprefix("publisher: ")
    return (
        f"{remote} is being published by {name} (last sign at {newest.date}); wait until it has ended and run the"
        " same command again, or, if that run is dead, take its place with TAKE_OVER=1"
    )
