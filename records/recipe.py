"""A recipe: one YAML file that says what every part does."""

from __future__ import annotations

import argparse
import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from records.errors import UserError
from records.recipe_corpus import CorpusRecipe
from records.recipe_evaluation import EvaluationRecipe
from records.recipe_release import ReleaseRecipe
from records.recipe_training import TrainingRecipe
from records.typed import build

ROOT = Path(__file__).resolve().parent.parent
RECIPES = ROOT / "recipes"


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on, beside the pinned packages."""

    name: str
    """Short name; artefacts lie under build/<name>/."""
    seed: int
    """Seed of every random choice."""
    corpus: CorpusRecipe
    training: TrainingRecipe
    evaluation: EvaluationRecipe
    release: ReleaseRecipe


def load_recipe(name_or_path: str) -> Recipe:
    """Load `recipes/<name>.yaml`, or a path to a YAML file. With `extends: name` it holds what differs from that one.

    Raises:
        UserError: no such recipe, not YAML, or a key or value that does not fit; file and key are named.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = RECIPES / f"{name_or_path}.yaml"
    if not path.is_file():
        names = sorted(file.stem for file in RECIPES.glob("*.yaml"))
        near = difflib.get_close_matches(name_or_path, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"recipes here: {', '.join(names)}"
        raise UserError(f"no recipe {name_or_path!r} ({path} does not exist); {hint}")
    return build(Recipe, _values(path, ()), str(path))


def _values(path: Path, below: tuple[Path, ...]) -> Any:
    """What a recipe says, on top of the recipe that its `extends` names, if it has one."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict) or "extends" not in values:
        return values
    parent = RECIPES / f"{values.pop('extends')}.yaml"
    if not parent.is_file() or path in below:
        why = "extends itself" if path in below else f"extends {parent.stem}, and {parent} does not exist"
        raise UserError(f"{path} {why}; name a recipe in recipes/ that stands by itself")
    return _merged(_values(parent, (*below, path)), values)


def _merged(under: Any, over: Any) -> Any:
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return {**under, **{key: _merged(under.get(key), value) for key, value in over.items()}}


def build_folder(recipe: Recipe) -> Path:
    """Where the recipe's artefacts lie: `$BUILD/<name>`, by default `build/<name>` of this checkout."""
    return Path(os.environ.get("BUILD") or ROOT / "build").resolve() / recipe.name


def command_parser(part: str, purpose: str) -> argparse.ArgumentParser:
    """The options every part's command has: --recipe and --dry-run."""
    parser = argparse.ArgumentParser(prog=f"python -m {part}", description=purpose)
    parser.add_argument("--recipe", default="local", help="name in recipes/ or path of a YAML file (default: local)")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    return parser
