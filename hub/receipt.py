"""The receipt of a release: what lies where, what was verified, and the hashes that link it to corpus and training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.inputs import Inputs
from hub.plan import Plan, PlannedRepo
from records.files import canonical_json, sha256_file, sha256_json

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def links(inputs: Inputs) -> dict[str, Any]:
    """Hashes of the manifest, and of every record and result by model."""
    models = (inputs.base, *inputs.models)
    return {
        "manifest": inputs.manifest_sha256,
        "records": {model.name: model.record_sha256 for model in models},
        "results": {model.name: model.results_sha256 for model in models if model.results_sha256},
    }


def receipt(
    plan: Plan, inputs: Inputs, hub: str, verified: dict[str, Any], api: HfApi, collection: str | None
) -> dict[str, Any]:
    """The content of receipt.json. `hub` is "local" or an address; no port, no time, no path is in it."""
    return {
        "schema": 2,
        "hub": hub,
        "version": plan.version,
        "repos": [_repo(repo, api) for repo in plan.repos],
        "collection": collection,
        "verified": verified,
        "links": links(inputs),
    }


def _repo(repo: PlannedRepo, api: HfApi) -> dict[str, Any]:
    revision = api.repo_info(repo.id, repo_type=repo.kind, revision=repo.tag).sha
    listed = {file.path: file.sha256 for file in repo.files}
    row: dict[str, Any] = {"private": repo.private, "tag": repo.tag}
    row |= {"id": repo.id, "type": repo.kind, "revision": revision, "files": len(repo.files), "bytes": repo.bytes}
    return {**row, "sha256": sha256_json(listed)}


def small_inputs(files: dict[str, Path]) -> str:
    """Hash over files that no manifest or record lists, so that a change of a card or figure is noticed."""
    return canonical_json({name: sha256_file(file) for name, file in sorted(files.items())})
