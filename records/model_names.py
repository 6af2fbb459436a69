"""The models that a recipe trains, in order: what training makes, evaluation scores and publishing sends."""

from __future__ import annotations

from dataclasses import dataclass

from records.recipe import Recipe


@dataclass(frozen=True)
class TrainedModel:
    """One model of a recipe."""

    key: str
    """Its kind, and what tells it from others of its kind: `ift-seed2`."""
    kind: str
    """stage1, stage2, ift or control; broad and broad-ift where a recipe trains without stages too."""
    name: str
    """Folder below models/, and repository."""
    parent: str
    """Name of the model that it starts from; `base`, or one before it."""
    seed: int


def trained_models(recipe: Recipe) -> list[TrainedModel]:
    """What is trained after the base; a model comes after the one it starts from."""
    training, size = recipe.training, recipe.training.base.size
    seeds = training.seeds or (recipe.seed,)
    first, second, last = (f"hephaestus-{size}-{step}" for step in ("stage1", "stage2", "ift"))
    control, broad = f"{training.base.name}-ift", f"hephaestus-{size}-broad"
    found = [
        TrainedModel("stage1", "stage1", first, "base", recipe.seed),
        TrainedModel("stage2", "stage2", second, first, recipe.seed),
        TrainedModel("ift", "ift", last, second, seeds[0]),
        TrainedModel("control", "control", control, "base", seeds[0]),
    ]
    for seed in seeds[1:]:
        found.append(TrainedModel(f"ift-seed{seed}", "ift", f"{last}-seed{seed}", second, seed))
        found.append(TrainedModel(f"control-seed{seed}", "control", f"{control}-seed{seed}", "base", seed))
    if training.unstaged:
        found.append(TrainedModel("broad", "broad", broad, "base", recipe.seed))
        found.append(TrainedModel("broad-ift", "broad-ift", f"{broad}-ift", broad, seeds[0]))
    return found
