"""Read a release back the way its users will: download it by the public path, compare every byte, load and run it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from hub.plan import SUMS, Plan
from hub.remote import HUB_OWN_FILES, hub_errors
from hub.verify_data import verify_dataset
from hub.verify_model import verify_model
from hub.verify_space import verify_space
from records.errors import UserError
from records.files import sha256_file

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Expected:
    """A repository and what it must hold."""

    kind: str
    id: str
    revision: str
    files: dict[str, str] | None = field(hash=False)
    """Path → sha256; None takes the list that the repository publishes itself (SHA256SUMS)."""

    def __str__(self) -> str:
        return f"{self.kind} {self.id} at {self.revision}"


def expected_of(plan: Plan) -> list[Expected]:
    """What a plan promises."""
    return [
        Expected(repo.kind, repo.id, repo.tag, {file.path: file.sha256 for file in repo.files}) for repo in plan.repos
    ]


def verify_release(wanted: Sequence[Expected], api: HfApi, skip_space: str | None = None) -> dict[str, Any]:
    """Download every file into the client's cache (a fresh one), and load and run what is there.

    Args:
        wanted: the repositories.
        api: the client.
        skip_space: why Spaces are not started; None starts them.

    Returns:
        {files, bytes, configs: {<config>: {<split>: rows}}, models: {<name>: parameters}, generated: {<name>: tokens},
        space: {<name>: what it answered, or why it was skipped}, links: how many hashes between them were followed}

    Raises:
        UserError: something is missing, differs, does not load or does not answer; repository and file are named.
    """
    folders = {repo: _download(repo, api) for repo in wanted}
    files = bytes_read = 0
    for repo, folder in folders.items():
        count, size = _compare(repo, folder)
        files, bytes_read = files + count, bytes_read + size
    found: dict[str, Any] = {"files": files, "bytes": bytes_read, "configs": {}, "models": {}, "generated": {}}
    found |= {"links": _follow_links(folders), "space": {}}
    with tqdm(total=len(wanted), desc="publish · load and run", unit="repository") as bar:
        for repo, folder in folders.items():
            name = repo.id.partition("/")[2]
            with hub_errors(f"loading {repo}"):
                if repo.kind == "dataset":
                    found["configs"] |= verify_dataset(repo.id, repo.revision, folder)
                elif repo.kind == "model":
                    found["models"][name], found["generated"][name] = verify_model(repo.id, repo.revision)
                else:
                    why = f"skipped: {skip_space}" if skip_space else None
                    found["space"][name] = why or verify_space(repo.id, folder, api.endpoint, api.token)
            bar.update()
    return found


def _download(repo: Expected, api: HfApi) -> Path:
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        with hub_errors(f"reading {repo} back"):
            return Path(api.snapshot_download(repo.id, repo_type=repo.kind, revision=repo.revision))
    except LocalEntryNotFoundError as error:
        why = " ".join(str(error.__cause__ or error).split())[:200]
        raise UserError(f"{repo} cannot be downloaded ({why}); run the same command again") from None


def _compare(repo: Expected, folder: Path) -> tuple[int, int]:
    listed = _published_sums(repo, folder)
    wanted = repo.files if repo.files is not None else {**listed, SUMS: sha256_file(folder / SUMS)}
    got = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    got = {path: file for path, file in got.items() if path not in HUB_OWN_FILES}
    if got.keys() != wanted.keys():
        names = ", ".join(sorted(got.keys() ^ wanted.keys())[:5])
        raise UserError(f"{repo} does not hold the promised files; the difference: {names}")
    size = 0
    with tqdm(total=len(got), desc=f"publish · compare {repo.id}", unit="file", leave=False) as bar:
        for path, file in got.items():
            sha256 = sha256_file(file)
            if sha256 != wanted[path]:
                raise UserError(
                    f"{repo.kind} {repo.id}: {path} came back with sha256 {sha256}, not {wanted[path]}: the Hub's copy"
                    " is damaged; delete the repository there (embedded Hub: its folder build/hub) and publish again"
                )
            size += file.stat().st_size
            bar.update()
    return len(got), size


def _published_sums(repo: Expected, folder: Path) -> dict[str, str]:
    file = folder / SUMS
    if not file.is_file():
        raise UserError(f"{repo} has no {SUMS}: it was not published by this tooling, and nothing says what it holds")
    rows = [line.split("  ", 1) for line in file.read_text(encoding="utf-8").splitlines()]
    if any(len(row) != 2 or len(row[0]) != 64 for row in rows):
        raise UserError(f"{repo}: {SUMS} is no list of sha256 and path")
    listed = {path: sha256 for sha256, path in rows}
    for name in ("manifest.json", "record.json"):  # the records' own lists, which are older than the release
        if (folder / name).is_file():
            for row in json.loads((folder / name).read_text(encoding="utf-8")).get("files", []):
                if row["path"] in listed and listed[row["path"]] != row["sha256"]:
                    raise UserError(f"{repo}: {name} and {SUMS} disagree about {row['path']}")
    return listed


def _follow_links(folders: dict[Expected, Path]) -> int:
    """Check that models name the corpus they lie beside; the number of hashes followed."""
    manifests = {sha256_file(folder / "manifest.json") for repo, folder in folders.items() if repo.kind == "dataset"}
    records = {
        repo: json.loads((folder / "record.json").read_text(encoding="utf-8"))
        for repo, folder in folders.items()
        if repo.kind == "model" and (folder / "record.json").is_file()
    }
    if not manifests:
        return 0
    for repo, record in records.items():
        if record.get("corpus") not in manifests:
            raise UserError(f"{repo} was trained on a corpus with manifest {record.get('corpus')}, not on this dataset")
    return len(records)
