"""A plan that was written down and reviewed, read again to be applied as it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hub.plan import Plan, PlannedCollection, PlannedFile, PlannedRepo
from records.errors import UserError
from records.files import sha256_file
from records.recipe import ROOT

KINDS = ("model", "dataset", "space")


def read_plan(file: Path, artefacts: Path) -> Plan:
    """The plan of a plan.jsonl. Lines that a reviewer took out are not carried out.

    Args:
        file: plan.jsonl.
        artefacts: the recipe's build folder, which `from` is relative to.

    Raises:
        UserError: no such file, or a line that is no operation; file and line are named.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing; `make publish PLAN=only` writes it")
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(_row(line))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{file}, line {number}: {error}; `make publish PLAN=only` writes it anew") from None
    repos = tuple(_repo(rows, row, artefacts) for row in rows if row["op"] == "create")
    known = {(repo.kind, repo.id) for repo in repos}
    for number, row in enumerate(rows, 1):
        if row["op"] != "collection" and (row["type"], row["repo"]) not in known:
            raise UserError(f"{file}, line {number}: nothing creates {row['type']} {row['repo']}; put that line back")
    if not repos or any(not repo.tag for repo in repos):
        raise UserError(f"{file} has no tag for a repository that it creates; put that line back, or plan anew")
    if len({repo.tag for repo in repos}) > 1:
        raise UserError(f"{file} has several versions; the repositories of a release share one tag")
    shown = next((row for row in rows if row["op"] == "collection"), None)
    return Plan(repos, _collection(shown) if shown else None)


def _row(line: str) -> dict[str, Any]:
    row = json.loads(line)
    needed = {
        "create": ("type", "repo"),
        "upload": ("type", "repo", "path", "bytes", "sha256", "from"),
        "card": ("type", "repo", "path", "bytes", "sha256", "from"),
        "settings": ("type", "repo", "hardware", "variables"),
        "tag": ("type", "repo", "tag"),
        "visibility": ("type", "repo", "private"),
        "collection": ("owner", "title", "description", "private", "items"),
    }
    if not isinstance(row, dict) or row.get("op") not in needed:
        raise ValueError("not an operation")
    absent = [name for name in needed[row["op"]] if name not in row]
    if absent or row.get("type", "model") not in KINDS:
        raise ValueError(f"{row['op']} without {', '.join(absent) or 'a known type'}")
    return row


def _repo(rows: list[dict[str, Any]], created: dict[str, Any], artefacts: Path) -> PlannedRepo:
    kind, name = created["type"], created["repo"]
    mine = [row for row in rows if (row.get("type"), row.get("repo")) == (kind, name)]
    files = [
        PlannedFile(row["path"], _source(row["from"], artefacts), row["bytes"], row["sha256"])
        for row in mine
        if row["op"] in ("upload", "card")
    ]
    private = next((bool(row["private"]) for row in mine if row["op"] == "visibility"), True)
    tag = next((str(row["tag"]) for row in mine if row["op"] == "tag"), "")
    settings: dict[str, Any] = next(
        (row for row in mine if row["op"] == "settings"), {"hardware": None, "variables": {}}
    )
    return PlannedRepo(kind, name, private, tuple(files), tag, settings["hardware"], dict(settings["variables"]))


def _source(text: str, artefacts: Path) -> Path:
    place, colon, path = text.partition(":")
    folders = {"build": artefacts, "checkout": ROOT}
    return folders[place] / path if colon and place in folders else Path(text)


def _collection(row: dict[str, Any]) -> PlannedCollection:
    items = tuple((str(kind), str(name)) for kind, name in row["items"])
    return PlannedCollection(row["owner"], row["title"], row["description"], bool(row["private"]), items)


def check_sources(plan: Plan) -> None:
    """Raise UserError unless every file still is what the plan says."""
    for repo in plan.repos:
        for file in repo.files:
            if not file.source.is_file():
                raise UserError(f"{file.source}, planned for {repo.id}, is gone; plan anew with PLAN=only")
            if file.source.stat().st_size != file.bytes or sha256_file(file.source) != file.sha256:
                raise UserError(f"{file.source} changed since {repo.id} was planned; plan anew with PLAN=only")
