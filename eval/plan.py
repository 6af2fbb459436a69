"""What is going to be evaluated: models, questions, and what the result depends on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.tasks.bfcl.questions import CATEGORIES, questions
from records.assets import Asset, asset
from records.errors import UserError
from records.files import read_json, sha256_file, sha256_json, stable_hash
from records.marks import fingerprint, is_done
from records.recipe import ROOT, Recipe, build_folder
from records.recipe_evaluation import QuestionsRecipe

TASKS = ROOT / "eval" / "tasks"
SCORED_BY = (
    *("eval/tasks/bfcl/*.py", "eval/tasks/bfcl/*.yaml", "eval/tasks/bfcl/_common"),
    *("records/calls.py", "records/chat_template.jinja"),
    *(f"eval/{name}.py" for name in ("answers", "generation", "hf", "packed", "run", "settled")),
)
"""Whatever lies between a question and its score."""

SECONDS_A_QUESTION = {"packed": 0.8, "hf": 3.1}
"""Rough, for a 135M model on two AVX2 cores; for the plan only."""


@dataclass(frozen=True)
class Model:
    """A model folder and who it is in the comparison."""

    role: str
    """`base`, `control`, `ours`, or the folder's name for a model given by hand."""
    folder: Path
    sha256: str
    """Of record.json, or of the weights where a folder has no record."""
    label: str
    """What a report calls it."""

    @property
    def name(self) -> str:
        """The folder's name, which also names the results."""
        return self.folder.name


@dataclass(frozen=True)
class Job:
    """One model, one set of questions."""

    model: Model
    asked: dict[str, list[int]]
    """Indices of the questions asked, ascending, by category."""
    print: str
    """Fingerprint of everything the result depends on."""

    @property
    def question_count(self) -> int:
        """Questions of all categories."""
        return sum(map(len, self.asked.values()))


def find_models(recipe: Recipe, folders: list[Path]) -> list[Model]:
    """The models to evaluate: `folders`, or base, control and ours of the recipe.

    Raises:
        UserError: a model is missing.
    """
    if folders:
        names = [folder.resolve().name for folder in folders]
        if len(set(names)) < len(names):
            raise UserError(f"two model folders have one name ({', '.join(names)}); results are kept by folder name")
        return [_model(folder.resolve().name, folder.resolve(), "give a folder with config.json") for folder in folders]
    base = recipe.training.base
    models = build_folder(recipe) / "models"
    remedy = f"run `make train RECIPE={recipe.name}` first"
    roles = {"base": "base", "control": f"{base.name}-ift", "ours": f"hephaestus-{base.size}-ift"}
    return [_model(role, models / name, remedy) for role, name in roles.items()]


def _model(role: str, folder: Path, remedy: str) -> Model:
    for needed in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise UserError(f"no model at {folder}: {needed} is missing; {remedy}")
    record = folder / "record.json"
    if not record.is_file():
        return Model(role, folder, sha256_file(folder / "model.safetensors"), folder.name)
    values = read_json(record, "make train")
    label = str(values.get("name", folder.name))
    note = values.get("base", {}).get("note") if isinstance(values.get("base"), dict) else None
    note = values.get("note") or (note if values.get("stage") == "base" else None)
    return Model(role, folder, sha256_file(record), f"{label} ({note})" if note else label)


def asked(caps: QuestionsRecipe) -> dict[str, list[int]]:
    """Questions by category: the `cap` with the smallest hash of their id, so every model and run has the same."""
    chosen = {}
    for category in CATEGORIES:
        cap = caps.simple_python if category == "simple_python" else caps.other
        rows = questions(category)
        by_hash = sorted(range(len(rows)), key=lambda n: stable_hash(rows[n].id))
        chosen[category] = sorted(by_hash[:cap])
    return chosen


def make_job(recipe: Recipe, model: Model, caps: QuestionsRecipe) -> Job:
    """The job of one model, with its fingerprint."""
    chosen = asked(caps)
    return Job(model, chosen, fingerprint(model=model.sha256, asked=chosen, **settings(recipe)))


def settings(recipe: Recipe) -> dict[str, Any]:
    """What a score depends on beside model and questions."""
    section = recipe.evaluation
    return {
        "backend": section.backend,
        "batch_size": section.batch_size,
        "max_answer_tokens": section.max_answer_tokens,
        "bfcl": benchmark().sha256,
        "scoring": scoring_sha256(),
    }


def benchmark() -> Asset:
    """The wheel that carries BFCL. Raises UserError where it is missing or altered."""
    return asset("bfcl-eval")


def scoring_sha256() -> str:
    """Hash of the files of SCORED_BY."""
    files = sorted(file for pattern in SCORED_BY for file in ROOT.glob(pattern))
    return sha256_json([[file.relative_to(ROOT).as_posix(), sha256_file(file)] for file in files])


def result_folder(recipe: Recipe, model: Model) -> Path:
    """Where a model's results lie."""
    return build_folder(recipe) / "eval" / model.name


def work_folder(recipe: Recipe, model: Model) -> Path:
    """Answers and converted weights of exactly this model."""
    return build_folder(recipe) / "work" / "eval" / model.name / model.sha256[:12]


def mark(recipe: Recipe, model: Model) -> Path:
    """The completion mark of a model's results."""
    return result_folder(recipe, model) / ".done.json"


def choose_jobs(recipe: Recipe, models: list[Model], *, step_of_all: bool) -> list[Job]:
    """One job a model. As a step of `make all`, full results are kept where every model has them."""
    full = [make_job(recipe, model, recipe.evaluation.alone) for model in models]
    if not step_of_all or all(is_done(mark(recipe, job.model), job.print) for job in full):
        return full
    return [make_job(recipe, model, recipe.evaluation.all_step) for model in models]
