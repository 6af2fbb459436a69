"""`python -m spaces.gallery`: the Space's tool sets, from the corpus, and the examples that a model gets right."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from records.errors import UserError, run_command
from records.files import read_json, write_text
from records.gallery_choice import gallery_path, told, weights_print
from records.recipe import ROOT, build_folder, load_recipe
from spaces.gallery_answers import Found, ask_all

CHOICES = ROOT / "spaces" / "gallery.yaml"
OUTPUT = ROOT / "spaces" / "function_calling" / "tool_sets.json"
PERMISSIVE = {"Apache-2.0", "BSD-3-Clause", "MIT"}
MAX_DESCRIPTION = 160
AMBIGUOUS = {"calendar", "drive", "meet", "storage", "tasks"}
"""Services whose operations are named after them too: `events_delete` alone would not say of what."""


def main(argv: Sequence[str]) -> int:
    """Ask a model every candidate and write the gallery made of its right answers.

    Returns 1 when --check finds that the committed gallery is another.
    """
    parser = argparse.ArgumentParser(prog="python -m spaces.gallery", description="Make or check the Space's gallery.")
    parser.add_argument("--recipe", default="local", help="recipe whose corpus and model are read (default: local)")
    parser.add_argument("--model", type=Path, help="model folder (default: the recipe's fine-tuned model)")
    parser.add_argument("--keep", action="store_true", help="write it into the Space too, as the default for any model")
    parser.add_argument("--check", action="store_true", help="write nothing; compare the Space's own with the model")
    options = parser.parse_args(argv)
    recipe = load_recipe(options.recipe)
    build = build_folder(recipe)
    model = options.model or build / "models" / f"hephaestus-{recipe.training.base.size}-ift"
    if not (model / "config.json").is_file():
        raise UserError(
            f"there is no model at {model}; run `make train RECIPE={options.recipe}`, or name one by --model"
        )
    sets = tool_sets(build / "corpus")
    found = ask_all(sets, model)
    made = gallery(sets, found, {"model": model.name, "weights_sha256": weights_print(model)})
    if options.check:
        kept = read_json(OUTPUT, "git checkout")
        print(f"gallery: {told(OUTPUT)}; {model} gets {sum(one.right for one in found)} of {len(found)}")
        return int(kept != made)
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"  # not sorted: a model reads parameters in their order
    own = gallery_path(build, made["measured"]["weights_sha256"])
    for file in (own, OUTPUT) if options.keep else (own,):
        write_text(file, text)
    for kind, (right, of) in made["measured"]["by_kind"].items():
        print(f"{right:4} of {of:3} right  {kind}")
    print(f"gallery: {told(own)}; {own}" + (f" and {OUTPUT}" if options.keep else ""))
    return 0


def gallery(sets: Sequence[dict[str, Any]], found: Sequence[Found], measured: dict[str, Any]) -> dict[str, Any]:
    """The tool sets with their examples, and what was measured.

    Of each kind a set shows its first right candidate; a kind that is nowhere right is shown once, as wrong.
    """
    kinds = list(dict.fromkeys(one.kind for one in found))
    rows = []
    for row in sets:
        mine = [one for one in found if one.set == row["name"]]
        shown = [next((one for one in mine if one.kind == kind and one.right), None) for kind in kinds]
        rows.append((row, [one for one in shown if one]))
    for kind in kinds:
        if not any(one.kind == kind for _, shown in rows for one in shown):
            first = next(one for one in found if one.kind == kind)
            next(shown for row, shown in rows if row["name"] == first.set).append(first)
    by_kind = {kind: [one.right for one in found if one.kind == kind] for kind in kinds}
    counts = {kind: [sum(right), len(right)] for kind, right in by_kind.items()}
    told_of = {**measured, "right": sum(one.right for one in found), "of": len(found), "by_kind": counts}
    made = [
        {key: row[key] for key in ("name", "tools", "sources")} | {"examples": [one.example() for one in shown]}
        for row, shown in rows
    ]
    return {"measured": told_of, "sets": made}


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
        made.append({"name": row["name"], "tools": tools, "sources": sources, "candidates": row["candidates"]})
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


if __name__ == "__main__":
    sys.exit(run_command(main))
