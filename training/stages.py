"""The models a recipe makes, in order, and how each knows that it is done. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from records.assets import listed_assets
from records.calls import chat_template
from records.files import sha256_file, sha256_json
from records.marks import fingerprint, is_done, set_done
from records.model_names import trained_models
from records.recipe import Recipe, build_folder
from records.recipe_training import ParallelRecipe, StageRecipe

MADE_BY = "make train"
TITLES = {
    "stage1": "stage I",
    "stage2": "stage II",
    "ift": "stage III",
    "control": "control",
    "broad": "one broad stage",
    "broad-ift": "stage III from the broad stage",
}


@dataclass(frozen=True)
class Stage:
    """One model to train."""

    key: str
    """What --stage takes; the kind, and what tells it from others of its kind."""
    kind: str
    """stage1, stage2, ift or control; broad and broad-ift where a recipe trains without stages too."""
    title: str
    name: str
    """Folder below models/."""
    parent: str
    """Folder of the model it starts from."""
    recipe: StageRecipe
    whole_examples: bool
    """Fine-tuning: examples stay whole and only answers count."""
    parallel: ParallelRecipe
    seed: int


@dataclass(frozen=True)
class Workplace:
    """Paths of a recipe's training."""

    build: Path

    @property
    def corpus(self) -> Path:
        """What `make corpus` wrote."""
        return self.build / "corpus"

    @property
    def manifest(self) -> Path:
        """The corpus's manifest."""
        return self.corpus / "manifest.json"

    def model(self, name: str) -> Path:
        """Folder of a finished model."""
        return self.build / "models" / name

    def work(self, name: str) -> Path:
        """Folder of a model in the making; removed at the end."""
        return self.build / "work" / "training" / name

    def mark(self, name: str) -> Path:
        """Completion mark of a model."""
        return self.build / "work" / "training" / "done" / f"{name}.json"


def workplace(recipe: Recipe) -> Workplace:
    """The paths below the recipe's build folder."""
    return Workplace(build_folder(recipe))


def stages(recipe: Recipe) -> list[Stage]:
    """What is trained after the base, in order."""
    training = recipe.training
    both = dataclasses.replace(training.stage1, tokens=training.stage1.tokens + training.stage2.tokens)
    values = {"stage1": training.stage1, "stage2": training.stage2, "broad": both}
    found = []
    for model in trained_models(recipe):
        own = values.get(model.kind, training.ift)
        title = TITLES[model.kind] + (f", seed {model.seed}" if "-seed" in model.key else "")
        found.append(
            Stage(
                model.key, model.kind, title, model.name, model.parent, own, own is training.ift,
                own.parallel or training.parallel, model.seed,
            )
        )  # fmt: skip
    return found


def base_print(recipe: Recipe) -> str:
    """Fingerprint of the base model's inputs."""
    base = recipe.training.base
    source = listed_assets()[base.asset].sha256 if base.asset else folder_print(base.model or "")
    return fingerprint(base=dataclasses.asdict(base), source=source, template=sha256_json(chat_template()))


def folder_print(model: str) -> str:
    """What tells one state of a model folder from another, without reading its weights; "" for a Hub id."""
    config = Path(model) / "config.json"
    if not config.is_file():
        return ""
    sizes = {file.name: file.stat().st_size for file in sorted(Path(model).glob("*.safetensors"))}
    return sha256_json({"config": sha256_file(config), "sizes": sizes})


def stage_print(recipe: Recipe, stage: Stage) -> str | None:
    """Fingerprint of a stage's inputs; None while the model before it, or the corpus, is missing."""
    inputs = _inputs(recipe, stage)
    return fingerprint(**inputs, parallel=dataclasses.asdict(stage.parallel)) if inputs else None


def checkpoint_print(recipe: Recipe, stage: Stage) -> str:
    """Fingerprint of what a stage's checkpoints depend on beside the topology, which they name themselves."""
    inputs = _inputs(recipe, stage)
    assert inputs is not None
    return fingerprint(**inputs)


def _inputs(recipe: Recipe, stage: Stage) -> dict[str, object] | None:
    paths = workplace(recipe)
    parent = paths.model(stage.parent) / "record.json"
    if not parent.is_file() or not paths.manifest.is_file():
        return None
    track = recipe.training.track
    values = dataclasses.asdict(stage)
    # None of them changes what is learned: a stage is not trained again for them, and one that stopped at a spike goes
    # on from its checkpoint when the spike is allowed.
    for name in ("keep_checkpoints", "parallel", "stop_at_spike"):
        values["recipe"].pop(name)
    values.pop("parallel")
    return {
        "stage": values,
        "dtype": recipe.training.dtype,
        "track": track and dataclasses.asdict(track),
        "name": recipe.name,
        "parent": sha256_file(parent),
        "corpus": sha256_file(paths.manifest),
    }


def model_done(paths: Workplace, name: str, print_of_inputs: str | None) -> bool:
    """True when a model was made from these inputs and still lies there."""
    if print_of_inputs is None or not is_done(paths.mark(name), print_of_inputs):
        return False
    return (paths.model(name) / "record.json").is_file() and (paths.model(name) / "model.safetensors").is_file()


def mark_done(paths: Workplace, name: str, print_of_inputs: str) -> None:
    """Say that a model is whole."""
    set_done(paths.mark(name), print_of_inputs)
