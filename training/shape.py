"""Sizes of the base model: from its config.json where it is, before that from the recipe."""

from __future__ import annotations

from pathlib import Path

from records.errors import UserError
from records.files import read_json
from records.recipe import Recipe
from records.recipe_training import ShapeRecipe
from training.gguf_header import Limits
from training.stages import workplace


def shape_of(recipe: Recipe) -> ShapeRecipe:
    """The sizes. Raises UserError when neither the model nor `training.base.shape` is there."""
    base = recipe.training.base
    for folder in (workplace(recipe).model("base"), Path(base.model or ".")):
        if (folder / "config.json").is_file():
            values = read_json(folder / "config.json", made_by="make train")
            return ShapeRecipe(
                values["num_hidden_layers"], values["hidden_size"], values["intermediate_size"],
                values["num_attention_heads"], values.get("num_key_value_heads", values["num_attention_heads"]),
                values["vocab_size"], values["max_position_embeddings"], values.get("tie_word_embeddings", False),
            )  # fmt: skip
    if base.shape is None:
        raise UserError("training.base.shape is missing; a plan needs the model's sizes before the model is here")
    return base.shape


def shape_limits(shape: ShapeRecipe) -> Limits:
    """What a model of these sizes can take."""
    return Limits(shape.context, shape.vocabulary, shape.layers, shape.query_heads, shape.key_heads)
