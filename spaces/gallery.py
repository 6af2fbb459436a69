"""`python -m spaces.gallery`: the Space's tool sets, from the corpus, and which examples a model gets right."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from records.errors import UserError, run_command
from records.files import read_json, sha256_file, write_text
from records.recipe import ROOT, build_folder, load_recipe
from spaces.assembly import assemble

CHOICES = ROOT / "spaces" / "gallery.yaml"
OUTPUT = ROOT / "spaces" / "function_calling" / "tool_sets.json"
PERMISSIVE = {"Apache-2.0", "BSD-3-Clause", "MIT"}
MAX_DESCRIPTION = 160
AMBIGUOUS = {"calendar", "drive", "meet", "storage", "tasks"}
"""Services whose operations are named after them too: `events_delete` alone would not say of what."""


def main(argv: Sequence[str]) -> int:
    """Write the gallery, or with --check only compare the measured labels with a model; 1 when they differ."""
    parser = argparse.ArgumentParser(prog="python -m spaces.gallery", description="Make or check the Space's gallery.")
    parser.add_argument("--recipe", default="local", help="recipe whose corpus and model are read (default: local)")
    parser.add_argument("--model", type=Path, help="model folder (default: the recipe's fine-tuned model)")
    parser.add_argument("--check", action="store_true", help="write nothing; compare tool_sets.json with the model")
    options = parser.parse_args(argv)
    recipe = load_recipe(options.recipe)
    build = build_folder(recipe)
    model = options.model or build / "models" / f"hephaestus-{recipe.training.base.size}-ift"
    if not (model / "config.json").is_file():
        raise UserError(
            f"there is no model at {model}; run `make train RECIPE={options.recipe}`, or name one by --model"
        )
    kept = read_json(OUTPUT, "git checkout") if OUTPUT.is_file() else {"sets": []}
    sets = kept["sets"] if options.check else tool_sets(build / "corpus")
    right = measure(sets, model)
    was = {one["request"]: one.get("right") for row in kept["sets"] for one in row["examples"]}
    for row in sets:
        for one in row["examples"]:
            one["right"] = right[row["name"], one["request"]]
            changed = "" if was.get(one["request"]) in (None, one["right"]) else "  (the gallery says otherwise)"
            print(
                f"{'right' if one['right'] else 'wrong'}  {row['name']:18} {one['kind']:24} {one['request']}{changed}"
            )
    counted = list(right.values())
    print(f"gallery: {sum(counted)} of {len(counted)} examples right with {model}")
    if options.check:
        return int(any(was[request] != found for (_, request), found in right.items()))
    measured = {"model": model.name, "weights_sha256": sha256_file(model / "model.safetensors")}
    # Not sorted: a model reads a function's parameters in their order.
    write_text(OUTPUT, json.dumps({"measured": measured, "sets": sets}, indent=1, ensure_ascii=False) + "\n")
    return 0


def tool_sets(corpus: Path) -> list[dict[str, Any]]:
    """The sets of gallery.yaml, with functions out of the corpus's documents.

    Raises:
        UserError: a document is not there, or under no permissive licence.
    """
    chosen = yaml.safe_load(CHOICES.read_text(encoding="utf-8"))
    wanted = {api for row in chosen for api in row.get("corpus", {})}
    rows = {row["api"]: row for row in _documents(corpus) if row["api"] in wanted}
    for api in sorted(wanted):
        if api not in rows or rows[api]["license"] not in PERMISSIVE:
            why = f"is under {rows[api]['license']}" if api in rows else "holds no JSON Schema of it, or none at all"
            raise UserError(f"{CHOICES}: {api}: the corpus {corpus} {why}; choose another document")
    made = []
    for row in chosen:
        tools, sources = list(row.get("tools", [])), {}
        for api, parameters in row.get("corpus", {}).items():
            tools.append(_function(rows[api]["text"], parameters))
            sources[tools[-1]["name"]] = {"api": api, "license": rows[api]["license"]}
        made.append({"name": row["name"], "tools": tools, "sources": sources, "examples": row["examples"]})
    return made


def _documents(corpus: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as parquet

    columns = ["api_ids", "text", "license", "kind"]
    for file in sorted(corpus.glob("data/api_docs/*.parquet")):
        for row in parquet.read_table(file, columns=columns).to_pylist():
            ids = json.loads(row["api_ids"]) if isinstance(row["api_ids"], str) else row["api_ids"]
            if row["kind"] == "schema" and ids:
                yield {"api": ids[0], "text": row["text"], "license": row["license"]}


def _function(text: str, parameters: Sequence[str]) -> dict[str, Any]:
    """A function as the corpus's call examples show it: few parameters, in snake case, first sentences."""
    told = json.loads(text[text.index("{") : text.rindex("}") + 1])
    service, *_, name = told["name"].split(".")
    schema, properties = told["parameters"], {}
    for parameter in parameters:
        part = dict(schema["properties"][parameter])
        about = _sentence(part.pop("description", ""))
        properties[_snake(parameter)] = {**part, "description": about} if about else part
    required = [_snake(parameter) for parameter in schema.get("required", []) if parameter in parameters]
    return {
        "name": f"{service}_{name}" if service in AMBIGUOUS else name,
        "description": _sentence(told["description"]),
        "parameters": {"type": "object", "properties": properties, "required": required},
    }


def _sentence(text: str) -> str:
    text = re.sub(r"^\(?(Required|Optional)[.)]\s+", "", " ".join(text.replace("`", "").split()))
    found = re.match(r".+?[.!?](?=\s|$)", text)
    return (found.group() if found else text)[:MAX_DESCRIPTION]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def measure(sets: Sequence[dict[str, Any]], folder: Path) -> dict[tuple[str, str], bool]:
    """(set, request) → whether the model's calls, step by step as the page runs them, are those of the example."""
    with tempfile.TemporaryDirectory() as place:
        sys.path.insert(0, str(assemble("function_calling", Path(place) / "space")))
        from calls import chat_template  # type: ignore[import-not-found]
        from model import Model  # type: ignore[import-not-found]

        model = Model(str(folder), chat_template())
        found = {}
        for row in sets:
            for one in row["examples"]:
                found[row["name"], one["request"]] = written(model, row["tools"], one) == one["steps"]
    return found


def written(model: Any, functions: list[dict[str, Any]], example: dict[str, Any]) -> list[list[dict[str, Any]]] | None:
    """The calls of each step, `{name: arguments}`; None where an answer is neither calls nor words."""
    from chat import Lane, take_turn  # type: ignore[import-not-found]
    from validation import check_tools  # type: ignore[import-not-found]

    history = [{"role": "user", "content": example["request"]}]
    *_, turn = take_turn(Lane("model", model), history, check_tools(functions), len(example["steps"]) > 1)
    if turn.note or any(step.checked.problem for step in turn.steps):
        return None
    return [[{call.name: call.arguments} for call in step.checked.calls] for step in turn.steps]


if __name__ == "__main__":
    sys.exit(run_command(main))
