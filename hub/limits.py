"""What the Hub would refuse, or be slow with, said before the first byte goes out.

Source: the Hub's pages "Storage limits" and "Repository limitations and recommendations", and the client's own rules.
"""

from __future__ import annotations

import re
from collections import Counter

from hub.plan import Plan, PlannedFile, PlannedRepo
from records.errors import UserError

FILES_PER_REPO = 100_000
FILES_PER_FOLDER = 10_000
FILES_PER_COMMIT = 100
"""Of a commit that uploads."""
CHANGES_PER_RELEASE = 1_000
"""Of the one commit that shows a release: it carries references and small texts. The client sends no larger commit."""
FILE_BYTES = 200 * 10**9
SMALL_BYTES_PER_RELEASE = 1 << 30
SMALL_FILE_BYTES = 10 << 20
PATH_BYTES = 1024
COLLECTION_TITLE = 60
COLLECTION_DESCRIPTION = 150
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?")
_TAG = re.compile(r"v[0-9A-Za-z][0-9A-Za-z._-]{0,62}")


def check_limits(plan: Plan) -> None:
    """Raises UserError that names repository, file or folder, and what to do."""
    for repo in plan.repos:
        _check_names(repo)
        _check_counts(repo)
        for file in repo.files:
            _check_file(repo, file)
    seen = Counter((repo.kind, repo.id.lower()) for repo in plan.repos)
    for (kind, name), count in seen.items():
        if count > 1:
            raise UserError(f"{count} repositories of the release are named {kind} {name}; rename one in the recipe")
    shown = plan.collection
    if shown and (len(shown.title) > COLLECTION_TITLE or len(shown.description) > COLLECTION_DESCRIPTION):
        raise UserError(f"the collection's title {shown.title!r} is longer than {COLLECTION_TITLE} characters")


def _check_names(repo: PlannedRepo) -> None:
    for part in repo.id.split("/"):
        if not _NAME.fullmatch(part) or ".." in part or "--" in part or part.endswith(".git"):
            raise UserError(
                f"{repo.id} is no repository name: letters, digits, - _ . up to 96 characters, no -- or .. in it, and"
                " no - or . at an end; see release and training.base of the recipe"
            )
    if not _TAG.fullmatch(repo.tag) or ".." in repo.tag:
        raise UserError(f"release.version {repo.tag!r} is no version tag; write v and a number, for example v0.1.0")


def _check_counts(repo: PlannedRepo) -> None:
    if len(repo.files) >= FILES_PER_REPO:
        raise UserError(f"{repo.id} would hold {len(repo.files):,} files; the Hub takes fewer than {FILES_PER_REPO:,}")
    folders = Counter(file.path.rpartition("/")[0] for file in repo.files)
    for folder, count in folders.items():
        if count >= FILES_PER_FOLDER:
            raise UserError(
                f"{repo.id}: folder {folder or '/'} would hold {count:,} files; the Hub takes fewer than"
                f" {FILES_PER_FOLDER:,}: write larger shards"
            )
    if len(repo.files) > CHANGES_PER_RELEASE:
        raise UserError(
            f"{repo.id} would hold {len(repo.files):,} files, and a release shows all at once, in one commit of at most"
            f" {CHANGES_PER_RELEASE:,}; write larger shards, or put small files into an archive"
        )
    small = sum(file.bytes for file in repo.files if file.bytes < SMALL_FILE_BYTES and _is_text(file.path))
    if small > SMALL_BYTES_PER_RELEASE:
        raise UserError(f"{repo.id} would hold {small / 1e9:.1f} GB of small text files; pack them into an archive")


def _is_text(path: str) -> bool:
    return path.endswith((".txt", ".md", ".json", ".jsonl", ".yaml", ".py", ".jinja", ".csv"))


def _check_file(repo: PlannedRepo, file: PlannedFile) -> None:
    if file.bytes > FILE_BYTES:
        raise UserError(
            f"{repo.id}: {file.path} has {file.bytes / 1e9:.0f} GB; the Hub takes up to {FILE_BYTES / 1e9:.0f} GB a"
            " file: write smaller shards"
        )
    parts = file.path.split("/")
    bad = any(part in ("", ".", "..") or part.lower() == ".git" or len(part.encode()) > 255 for part in parts)
    if bad or len(file.path.encode()) > PATH_BYTES or re.search(r"[\x00-\x1f\x7f\\]", file.path):
        raise UserError(f"{repo.id}: {file.path!r} is no path that the Hub takes; rename the file")
    if file.path == ".gitattributes":
        raise UserError(f"{repo.id}: .gitattributes is the Hub's own; take the file out")
