"""What a release is made of: the artefacts that corpus, training and evaluation left, found and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.row_licences import check_row_licences, is_known
from records.errors import UserError
from records.files import read_json, sha256_file
from records.gallery_choice import CHOSEN, chosen_gallery
from records.model_names import trained_models
from records.recipe import ROOT, Recipe, build_folder
from records.space_folder import VENDORED, shows_release, vendored_files

LEFT_OUT = frozenset({"run.json", "__pycache__"})
DATASET_FILES = ("README.md", "datasheet.md", "manifest.json", "croissant.json")
DATASET_PARTS = (*DATASET_FILES, "data", "reports", "figures", "LICENSES")


@dataclass(frozen=True)
class ModelInput:
    """One model folder and its record."""

    folder: Path
    stage: str
    """Key among the recipe's models: stage1, ift, ift-seed2, …"""
    record: dict[str, Any]
    record_sha256: str
    results: dict[str, Any] | None
    """results.json of its evaluation, None where it was not evaluated."""
    results_sha256: str | None

    @property
    def name(self) -> str:
        """Name of the model, which is also the repository's."""
        return self.folder.name

    @property
    def kind(self) -> str:
        """Its stage, whatever the seed."""
        return self.stage.partition("-seed")[0]

    @property
    def evaluated(self) -> Path:
        """Folder of its evaluation, whether it is there or not."""
        return self.folder.parent.parent / "eval" / self.folder.name

    @property
    def index_file(self) -> Path | None:
        """The card's model-index as evaluation wrote it, None where it did not."""
        file = self.evaluated / "model_index.yaml"
        return file if self.results is not None and file.is_file() else None

    @property
    def eval_result_files(self) -> list[Path]:
        """`.eval_results/*.yaml` as evaluation wrote them."""
        return sorted((self.evaluated / ".eval_results").glob("*.yaml"))

    @property
    def config(self) -> dict[str, Any]:
        """config.json, {} where there is none."""
        file = self.folder / "config.json"
        return dict(read_json(file, "make train")) if file.is_file() else {}

    @property
    def license(self) -> str:
        """The Hub's id of the model's licence: SPDX in small letters."""
        return str(self.record["license"]).lower()

    @property
    def scores(self) -> dict[str, dict[str, Any]]:
        """Task → {score, stderr, n, version}; {} where it was not evaluated."""
        return dict(self.results["record"]["tasks"]) if self.results else {}


@dataclass(frozen=True)
class Inputs:
    """Everything that a release publishes or quotes."""

    build: Path
    corpus: Path
    manifest: dict[str, Any]
    manifest_sha256: str
    base: ModelInput
    models: tuple[ModelInput, ...]
    """stage1, stage2, ift, control, further seeds and the models made without stages: the ones that are published."""
    space: Path
    recipe_name: str

    @property
    def score_figure(self) -> Path | None:
        """The picture of all models' scores, None where it was not drawn."""
        file = self.build / "eval" / "figures" / "scores.png"
        return file if file.is_file() else None

    @property
    def gallery(self) -> Path | None:
        """The examples that `make gallery` chose for the model the Space shows; None leaves the Space its own."""
        shows = shows_release(self.space)
        return chosen_gallery(self.build, self.model("ift").folder) if shows else None

    def model(self, stage: str) -> ModelInput:
        """The published model of one stage."""
        return next(model for model in self.models if model.stage == stage)


def find_inputs(recipe: Recipe) -> Inputs:
    """Read every record of the recipe's build folder.

    Raises:
        UserError: something is missing or not fit to be published.
    """
    build = build_folder(recipe)
    corpus = build / "corpus"
    manifest = read_json(corpus / "manifest.json", f"make corpus RECIPE={recipe.name}")
    _check_manifest(corpus, manifest)
    _check_decontamination(corpus, manifest, recipe)
    check_row_licences(corpus)
    names = model_names(recipe)
    models = tuple(_model(build, name, stage, recipe) for stage, name in names.items())
    base = _model(build, "base", "base", recipe)
    _check_scores(manifest, (base, *models))
    space = ROOT / recipe.release.space_folder
    if not (space / "README.md").is_file():
        raise UserError(f"{space} is no Space: it has no README.md; see release.space_folder of the recipe")
    if not next(model for model in models if model.stage == "ift").results:
        raise UserError(
            f"{build / 'eval' / names['ift']} has no results.json; run `make eval RECIPE={recipe.name}` first"
        )
    return Inputs(build, corpus, manifest, sha256_file(corpus / "manifest.json"), base, models, space, recipe.name)


def model_names(recipe: Recipe) -> dict[str, str]:
    """Key of a model (its stage, with its seed where there are several) → name, in the order they are published."""
    return {model.key: model.name for model in trained_models(recipe)}


def _check_manifest(corpus: Path, manifest: dict[str, Any]) -> None:
    for source in manifest.get("sources", []):
        if not is_known(source.get("license")):
            raise UserError(f"{corpus}/manifest.json: source {source.get('name')} has no known licence; leave it out")
        if source.get("restricted"):
            raise UserError(
                f"{corpus}/manifest.json: source {source['name']} is under {source['license']}, which the recipe"
                " accepts for its own use; what is published cannot hold it: leave it out and run `make corpus`"
            )
    if not (corpus / "README.md").is_file():
        raise UserError(f"{corpus / 'README.md'} (the dataset card) is missing; run `make corpus` again")


def _check_decontamination(corpus: Path, manifest: dict[str, Any], recipe: Recipe) -> None:
    """What was not compared with a benchmark goes out only if the recipe says so; the card then says it too."""
    done = manifest.get("decontamination") or {}
    if not isinstance(done.get("checked"), list) or not isinstance(done.get("unchecked"), list):
        raise UserError(f"{corpus}/manifest.json: decontamination is not finished; run `make corpus` again")
    if not done["checked"] and "all" not in recipe.release.allow_unchecked:
        raise UserError(
            f"{corpus}/manifest.json: the corpus was compared with no benchmark; name some under"
            " corpus.decontamination.benchmarks of the recipe and run `make corpus`"
        )
    unsaid = sorted(set(map(str, done["unchecked"])) - set(recipe.release.allow_unchecked))
    if unsaid and "all" not in recipe.release.allow_unchecked:
        raise UserError(
            f"{corpus}/manifest.json: the corpus was not compared with {', '.join(unsaid)}; add them to"
            " corpus.decontamination.benchmarks of the recipe, or, to publish it so, to release.allow_unchecked"
        )


def _check_scores(manifest: dict[str, Any], models: tuple[ModelInput, ...]) -> None:
    """A score on a benchmark that the training data may contain is worth nothing, so it is not published."""
    checked = tuple(map(str, manifest.get("decontamination", {}).get("checked", [])))
    for task in sorted({task for model in models for task in model.scores}):
        if not task.startswith(checked):
            raise UserError(
                f"the corpus was not decontaminated against the benchmark of {task}; add it to"
                " corpus.decontamination.benchmarks of the recipe and run `make corpus`"
            )


def _model(build: Path, name: str, stage: str, recipe: Recipe) -> ModelInput:
    folder = build / "models" / name
    record = read_json(folder / "record.json", f"make train RECIPE={recipe.name}")
    if not is_known(record.get("license")):
        raise UserError(f"{folder / 'record.json'} names no licence; run `make train RECIPE={recipe.name}` again")
    results = build / "eval" / name / "results.json"
    if not results.is_file():
        return ModelInput(folder, stage, record, sha256_file(folder / "record.json"), None, None)
    value, record_sha256 = read_json(results, "make eval"), sha256_file(folder / "record.json")
    if value.get("record", {}).get("model") != record_sha256:
        raise UserError(f"{results} belongs to another training of {name}; run `make eval RECIPE={recipe.name}` again")
    return ModelInput(folder, stage, record, record_sha256, value, sha256_file(results))


def listed_hashes(inputs: Inputs) -> dict[Path, str]:
    """sha256 that manifest and records promise, by file."""
    found = {inputs.corpus / row["path"]: str(row["sha256"]) for row in inputs.manifest.get("files", [])}
    for model in inputs.models:
        found |= {model.folder / row["path"]: str(row["sha256"]) for row in model.record.get("files", [])}
    return found


def dataset_files(inputs: Inputs) -> dict[str, Path]:
    """Path in the dataset repository → file."""
    found: dict[str, Path] = {}
    for part in DATASET_PARTS:
        found |= folder_files(inputs.corpus / part, f"{part}/") if (inputs.corpus / part).is_dir() else {}
        if (inputs.corpus / part).is_file():
            found[part] = inputs.corpus / part
    return found


def model_files(model: ModelInput) -> dict[str, Path]:
    """Path in the model repository → file; the card is rendered, times stay at home."""
    found = folder_files(model.folder)
    if model.results is not None:
        found["eval/results.json"] = model.evaluated / "results.json"
        figure = model.evaluated.parent / "figures" / "scores.png"
        if figure.is_file():
            found["eval/scores.png"] = figure
    return found


def space_files(inputs: Inputs) -> dict[str, Path]:
    """Path in the Space → file: its own, the ones that its vendored.json takes from the checkout, and its examples."""
    space = inputs.space
    found = {name: file for name, file in folder_files(space).items() if name != VENDORED} | vendored_files(space)
    return found | ({CHOSEN: inputs.gallery} if inputs.gallery else {})


def folder_files(folder: Path, prefix: str = "") -> dict[str, Path]:
    """Files below a folder by relative path, sorted; hidden ones, caches and run.json are left out."""
    found = {}
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(part in LEFT_OUT or part.startswith(".") for part in parts):
            found[prefix + "/".join(parts)] = file
    return found
