"""The plan: every operation of a release, known and written down before the first byte goes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hub.inputs import Inputs, dataset_files, listed_hashes, model_files, space_files
from records.errors import UserError
from records.files import sha256_file, write_text
from records.recipe_release import ReleaseRecipe


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

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)


def make_plan(inputs: Inputs, cards: Path, release: ReleaseRecipe, owner: str, private: bool) -> list[PlannedRepo]:
    """Hash every file of the release and check it against its record.

    Args:
        inputs: the artefacts.
        cards: folder of rendered cards: `<model>.md` and `space.md`.
        release: names and version.
        owner: user or organisation that owns the repositories.
        private: whether they are created private.

    Raises:
        UserError: a file differs from what its manifest or record says.
    """
    wanted = [("dataset", release.dataset, dataset_files(inputs))]
    for model in inputs.models:
        wanted.append(("model", model.name, {**model_files(model), "README.md": cards / f"{model.name}.md"}))
    wanted.append(("space", release.space, {**space_files(inputs.space), "README.md": cards / "space.md"}))
    total = sum(file.stat().st_size for _, _, files in wanted for file in files.values())
    promised = listed_hashes(inputs)
    plan = []
    with tqdm(total=total, desc="publish · plan", unit="B", unit_scale=True) as bar:
        for kind, name, files in wanted:
            planned = tuple(_file(path, source, promised, bar) for path, source in sorted(files.items()))
            plan.append(PlannedRepo(kind, f"{owner}/{name}", private, planned, release.version))
    return plan


def _file(path: str, source: Path, promised: dict[Path, str], bar: Any) -> PlannedFile:
    sha256, size = sha256_file(source), source.stat().st_size
    if promised.get(source, sha256) != sha256:
        raise UserError(f"{source} differs from what its record says; make it again (`make corpus` or `make train`)")
    bar.update(size)
    return PlannedFile(path, source, size, sha256)


def operations(plan: list[PlannedRepo]) -> Iterator[dict[str, Any]]:
    """The plan as one JSON object an operation, in the order they are carried out."""
    for repo in plan:
        name = {"type": repo.kind, "repo": repo.id}
        yield {"op": "create", **name, "private": repo.private}
        for file in repo.files:
            yield {"op": "upload", **name, "path": file.path, "bytes": file.bytes, "sha256": file.sha256}
        yield {"op": "tag", **name, "tag": repo.tag}


def write_plan(plan: list[PlannedRepo], file: Path) -> None:
    """Write plan.jsonl."""
    write_text(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in operations(plan)))
