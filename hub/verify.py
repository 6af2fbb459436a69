"""Read a release back the way its users will, and compare every byte with the plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from hub.apply import HUB_OWN_FILES, hub_errors
from hub.inputs import Inputs
from hub.plan import PlannedRepo
from records.errors import UserError
from records.files import sha256_file

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def verify_release(plan: list[PlannedRepo], inputs: Inputs, api: HfApi) -> dict[str, Any]:
    """Download every file, load every config and every model.

    Returns:
        {files, bytes, configs: {<config>: {<split>: rows}}, models: {<name>: parameters}}

    Raises:
        UserError: something is missing, differs, or does not load; repository and file are named.
    """
    files = _verify_files(plan, api)
    configs: dict[str, dict[str, int]] = {}
    models: dict[str, int] = {}
    dataset = next(repo for repo in plan if repo.kind == "dataset")
    names = sorted(_expected_rows(inputs))
    wanted = [repo for repo in plan if repo.kind == "model"]
    with tqdm(total=len(names) + len(wanted), desc="publish · load", unit="configs and models") as bar:
        for name in names:
            configs[name] = _verify_config(dataset, name, _expected_rows(inputs)[name])
            bar.update()
        for repo in wanted:
            models[repo.id.partition("/")[2]] = _verify_model(repo)
            bar.update()
    return {**files, "configs": configs, "models": models}


def _verify_files(plan: list[PlannedRepo], api: HfApi) -> dict[str, int]:
    total = sum(repo.bytes for repo in plan)
    with tqdm(total=total, desc="publish · verify", unit="B", unit_scale=True) as bar:
        for repo in plan:
            with hub_errors(f"reading {repo.id} back"):
                folder = api.snapshot_download(repo.id, repo_type=repo.kind, revision=repo.tag)
            _compare(repo, Path(folder), bar)
    return {"files": sum(len(repo.files) for repo in plan), "bytes": total}


def _compare(repo: PlannedRepo, folder: Path, bar: Any) -> None:
    got = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()} - HUB_OWN_FILES
    planned = {file.path for file in repo.files}
    if got != planned:
        names = ", ".join(sorted(got ^ planned)[:5])
        raise UserError(f"{repo.kind} {repo.id} at {repo.tag} does not hold the planned files; the difference: {names}")
    for file in repo.files:
        sha256 = sha256_file(folder / file.path)
        if sha256 != file.sha256:
            raise UserError(
                f"{repo.kind} {repo.id}: {file.path} came back with sha256 {sha256}, not {file.sha256}: the Hub's copy"
                " is damaged; delete the repository there (the embedded Hub: its folder build/hub) and publish again"
            )
        bar.update(file.bytes)


def _expected_rows(inputs: Inputs) -> dict[str, dict[str, int]]:
    """Config → split → rows, from the manifest's `data/<config>/<split>-….parquet` files."""
    found: dict[str, dict[str, int]] = {}
    for row in inputs.manifest.get("files", []):
        parts = str(row["path"]).split("/")
        if len(parts) == 3 and parts[0] == "data" and parts[2].endswith(".parquet"):
            splits = found.setdefault(parts[1], {})
            split = parts[2].partition("-")[0]
            splits[split] = splits.get(split, 0) + int(row["rows"])
    return found


def _verify_config(repo: PlannedRepo, config: str, expected: dict[str, int]) -> dict[str, int]:
    import datasets

    datasets.disable_progress_bars()
    with hub_errors(f"loading config {config} of {repo.id}"):
        loaded = datasets.load_dataset(repo.id, config, revision=repo.tag)
    rows = {str(split): part.num_rows for split, part in sorted(loaded.items())}
    if rows != {split: count for split, count in expected.items() if count}:
        raise UserError(f"dataset {repo.id}, config {config}: loaded {rows} rows, the manifest says {expected}")
    return rows


def _verify_model(repo: PlannedRepo) -> int:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options: dict[str, Any] = {"revision": repo.tag, "output_loading_info": True}

    with hub_errors(f"loading {repo.id}"):
        tokenizer = AutoTokenizer.from_pretrained(repo.id, revision=repo.tag)
        loaded: Any = AutoModelForCausalLM.from_pretrained(repo.id, **options)
    model, loading = loaded
    problems = [f"{name}: {sorted(keys)[:3]}" for name, keys in loading.items() if keys]
    if problems or not tokenizer.chat_template:
        raise UserError(f"model {repo.id} does not load whole: {'; '.join(problems) or 'no chat template'}")
    return int(model.num_parameters())
