"""The plan: every operation of a release, known, written down and checked before the first byte goes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hub.inputs import Inputs, dataset_files, listed_hashes, model_files, space_files
from records.errors import UserError
from records.files import sha256_file, sha256_json, write_text
from records.recipe import ROOT
from records.recipe_release import ReleaseRecipe

CARD = "README.md"
SUMS = "SHA256SUMS"
"""List of all other files of a repository, as `sha256sum --check` reads it."""


@dataclass(frozen=True)
class PlannedFile:
    """A file to upload."""

    path: str
    """In the repository."""
    source: Path
    bytes: int
    sha256: str


@dataclass(frozen=True)
class PlannedRepo:
    """A repository and what it holds when the release is out."""

    kind: str
    """model, dataset or space."""
    id: str
    private: bool
    files: tuple[PlannedFile, ...]
    tag: str
    hardware: str | None = None
    """Hardware that a Space asks for; None leaves it as it is."""
    variables: dict[str, str] = field(default_factory=dict)
    """Variables that a Space gets."""

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True)
class PlannedCollection:
    """The page that shows the repositories of a release together."""

    owner: str
    title: str
    description: str
    private: bool
    items: tuple[tuple[str, str], ...]
    """(kind, repository id)."""


@dataclass(frozen=True)
class Plan:
    """A whole release."""

    repos: tuple[PlannedRepo, ...]
    collection: PlannedCollection | None = None

    @property
    def version(self) -> str:
        """The tag, which is the same in all repositories."""
        return self.repos[0].tag

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(repo.bytes for repo in self.repos)

    def content_hash(self) -> str:
        """sha256 over what ends up on the Hub; where a file lay on this machine does not count."""
        rows = [{name: value for name, value in row.items() if name != "from"} for row in operations(self, Path("/"))]
        return sha256_json(rows)


def make_plan(inputs: Inputs, cards: Path, release: ReleaseRecipe, owner: str, private: bool) -> Plan:
    """Hash every file of the release and check it against its record.

    Args:
        inputs: the artefacts.
        cards: folder of rendered cards: one folder a repository, `<kind>-<name>/`.
        release: names and version.
        owner: user or organisation that owns the repositories.
        private: whether they stay private.

    Raises:
        UserError: a file differs from what its manifest or record says.
    """
    wanted = [("dataset", release.dataset, dataset_files(inputs))]
    wanted += [("model", release.model_prefix + model.name, model_files(model)) for model in inputs.models]
    wanted.append(("space", release.space, space_files(inputs)))
    total = sum(file.stat().st_size for _, _, files in wanted for file in files.values())
    promised = listed_hashes(inputs)
    repos = []
    with tqdm(total=total, desc="publish · plan", unit="B", unit_scale=True) as bar:
        for kind, name, files in wanted:
            folder = cards / f"{kind}-{name}"
            files = files | {file.relative_to(folder).as_posix(): file for file in _rendered(folder)}
            planned = [_file(path, source, promised, bar) for path, source in sorted(files.items())]
            planned.append(_sums(folder, planned))
            files_in_order = tuple(sorted(planned, key=lambda file: file.path))
            repo = PlannedRepo(kind, f"{owner}/{name}", private, files_in_order, release.version)
            if kind == "space":
                repo = replace(repo, hardware=release.space_hardware, variables=release.space_variables)
            repos.append(repo)
    return Plan(tuple(repos), _collection(repos, release, owner, private))


def _rendered(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name != SUMS]


def _file(path: str, source: Path, promised: dict[Path, str], bar: Any) -> PlannedFile:
    sha256, size = sha256_file(source), source.stat().st_size
    if promised.get(source, sha256) != sha256:
        raise UserError(f"{source} differs from what its record says; make it again (`make corpus` or `make train`)")
    bar.update(size)
    return PlannedFile(path, source, size, sha256)


def _sums(folder: Path, files: list[PlannedFile]) -> PlannedFile:
    file = folder / SUMS
    write_text(file, "".join(f"{planned.sha256}  {planned.path}\n" for planned in files))
    return PlannedFile(SUMS, file, file.stat().st_size, sha256_file(file))


def _collection(repos: list[PlannedRepo], release: ReleaseRecipe, owner: str, private: bool) -> PlannedCollection:
    about = f"Dataset, models and demo of {release.dataset} {release.version}."
    items = tuple((repo.kind, repo.id) for repo in repos)
    return PlannedCollection(owner, release.collection or release.dataset, about, private, items)


def operations(plan: Plan, artefacts: Path) -> Iterator[dict[str, Any]]:
    """The plan as one JSON object an operation, in the order they take effect."""
    for repo in plan.repos:
        name = {"type": repo.kind, "repo": repo.id}
        yield {"op": "create", **name, "private": True}
        for file in repo.files:
            content = {"path": file.path, "bytes": file.bytes, "sha256": file.sha256}
            yield {"op": "card" if file.path == CARD else "upload", **name, **content, "from": _from(file, artefacts)}
        if repo.hardware or repo.variables:
            yield {"op": "settings", **name, "hardware": repo.hardware, "variables": repo.variables}
    for repo in plan.repos:
        yield {"op": "tag", "type": repo.kind, "repo": repo.id, "tag": repo.tag}
    for repo in plan.repos:
        yield {"op": "visibility", "type": repo.kind, "repo": repo.id, "private": repo.private}
    if plan.collection is not None:
        shown = plan.collection
        text = {"owner": shown.owner, "title": shown.title, "description": shown.description}
        yield {"op": "collection", **text, "private": shown.private, "items": [list(item) for item in shown.items]}


def _from(file: PlannedFile, artefacts: Path) -> str:
    """Where a file lies, told so that the plan reads the same wherever the build folder is."""
    for name, folder in (("build", artefacts), ("checkout", ROOT)):
        if file.source.is_relative_to(folder):
            return f"{name}:{file.source.relative_to(folder).as_posix()}"
    return file.source.as_posix()


def write_plan(plan: Plan, file: Path, artefacts: Path) -> None:
    """Write plan.jsonl. `artefacts` is the recipe's build folder."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in operations(plan, artefacts)]
    write_text(file, "".join(lines))
