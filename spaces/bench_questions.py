"""Questions of BFCL, the Berkeley Function-Calling Leaderboard, with their functions as JSON Schema."""

from __future__ import annotations

import json
import random
import zipfile
from typing import Any

from records.assets import asset

CATEGORIES = ("simple_python", "multiple", "parallel", "irrelevance", "live_simple")
TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
"""BFCL's names of types that JSON Schema names otherwise."""
KEPT = ("type", "description", "enum", "required")


def bfcl_questions(count: int, seed: int) -> list[tuple[str, list[dict[str, Any]]]]:
    """(request, bare functions) drawn evenly from CATEGORIES, the same for one seed.

    Raises:
        UserError: the data wheel is missing; the command that fetches it is named.
    """
    chance, drawn = random.Random(seed), []
    with zipfile.ZipFile(asset("bfcl-eval").path) as wheel:
        for category in CATEGORIES:
            lines = wheel.read(f"bfcl_eval/data/BFCL_v4_{category}.json").decode("utf-8").splitlines()
            rows = [json.loads(line) for line in lines if line.strip()]
            drawn.append(chance.sample([row for row in rows if len(row["question"][0]) == 1], -(-count // 5)))
    in_turn = [rows[number] for number in range(-(-count // 5)) for rows in drawn]
    return [(row["question"][0][0]["content"], list(map(_function, row["function"]))) for row in in_turn[:count]]


def _function(function: dict[str, Any]) -> dict[str, Any]:
    about = {"name": function["name"], "description": function.get("description", "")}
    return {**about, "parameters": _schema(function["parameters"])}


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    found = {key: schema[key] for key in KEPT if key in schema}
    found["type"] = TYPES.get(found.get("type", "string").lower(), found.get("type", "string").lower())
    if "properties" in schema:
        found["properties"] = {name: _schema(part) for name, part in schema["properties"].items()}
    if isinstance(schema.get("items"), dict):
        found["items"] = _schema(schema["items"])
    return found
