"""The receipt of a release: what lies where, what was verified, and the hashes that link it to corpus and training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.inputs import Inputs
from hub.plan import PlannedRepo
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


def receipt(plan: list[PlannedRepo], inputs: Inputs, hub: str, verified: dict[str, Any], api: HfApi) -> dict[str, Any]:
    """The content of receipt.json. `hub` is "local" or an address; no port, no time, no path is in it."""
    return {
        "schema": 1,
        "hub": hub,
        "version": plan[0].tag,
        "repos": [_repo(repo, api) for repo in plan],
        "verified": verified,
        "links": links(inputs),
    }


def _repo(repo: PlannedRepo, api: HfApi) -> dict[str, Any]:
    revision = api.repo_info(repo.id, repo_type=repo.kind, revision=repo.tag).sha
    listed = {file.path: file.sha256 for file in repo.files}
    row = {"id": repo.id, "type": repo.kind, "revision": revision, "files": len(repo.files), "bytes": repo.bytes}
    return {**row, "sha256": sha256_json(listed)}


def small_inputs(files: dict[str, Path]) -> str:
    """Hash over files that no manifest or record lists, so that a change of a card or figure is noticed."""
    return canonical_json({name: sha256_file(file) for name, file in sorted(files.items())})
