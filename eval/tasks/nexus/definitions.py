"""Function definitions of Nexus: parsed from the benchmark's own files, never run.

`toolalpaca` and `toolllm` carry definitions in their queries. Those of `cve_cpe`, `emailrep` and `virustotal` lie in
the Hub data set's form (rows `dataset, name, description, args_dicts`) in `nexus/standardized_api_list.jsonl`, or as
`nexus/<set>_function_definitions.py`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.bench_data import explain, find
from records.calls import Tool
from records.errors import UserError

API_LIST = "standardized_api_list.jsonl"
JSON_TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
}
REQUIRED = object()
"""Stands for the default of a parameter that has none."""


@dataclass(frozen=True)
class Definition:
    """One function: parameters in order of position, with types as Python names and defaults (`REQUIRED` without)."""

    name: str
    description: str
    parameters: tuple[tuple[str, str, Any], ...]

    def tool(self) -> Tool:
        """As an OpenAI tool."""
        properties = {}
        for name, kind, default in self.parameters:
            schema: dict[str, Any] = {"type": JSON_TYPES[kind]} if kind in JSON_TYPES else {}
            if default is not REQUIRED and default is not None:
                schema["default"] = default
            properties[name] = schema
        required = [name for name, _, default in self.parameters if default is REQUIRED]
        parameters = {"type": "object", "properties": properties, "required": required}
        inner = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": inner}


def definitions(dataset: str) -> dict[str, Definition]:
    """The definitions of a set by name; the last of one name counts, as in the authors' program.

    Raises:
        UserError: they are missing, or a file cannot be read.
    """
    listed = find("nexus", API_LIST)
    if listed:
        rows = [row for row in _lines(listed) if row["dataset"] == dataset]
        if rows:
            return {row["name"]: from_row(row) for row in rows}
    source = find("nexus", source_file(dataset))
    if source is None:
        raise UserError(missing_definitions(dataset))
    try:
        parsed = ast.parse(source.read_text(encoding="utf-8")).body
    except SyntaxError as error:
        raise UserError(f"{source}: not Python ({error}); fetch it again") from None
    return {node.name: from_node(node, dataset) for node in parsed if isinstance(node, ast.FunctionDef)}


def source_file(dataset: str) -> str:
    """Name of the authors' file of definitions."""
    return f"{dataset}_function_definitions.py"


def missing_definitions(dataset: str) -> str:
    """What is missing, and how to bring it."""
    return (
        f"function definitions ({dataset}): {explain('nexus', API_LIST)}; that file is split `train` of "
        "Nexusflow/NexusRaven_API_evaluation, configuration `standardized_api_list`, as JSON lines "
        "(`datasets.load_dataset(…).to_json(…)`)"
        + (f", or put the authors' {source_file(dataset)} beside it" if dataset != "emailrep" else "")
    )


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            yield {key: row[key] for key in ("dataset", "name", "description", "args_dicts")}
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{path}, line {number}: no definition of Nexus; fetch it again") from None


def from_row(row: dict[str, Any]) -> Definition:
    """One row of the Hub data set; required parameters come first, as in the authors' `build_functions`."""
    ordered = sorted(row["args_dicts"], key=lambda part: part["required"], reverse=True)
    parts = [(p["name"], p["type"], REQUIRED if p["required"] else _default(p["default"])) for p in ordered]
    return Definition(row["name"], row["description"].strip(), tuple(parts))


def _default(text: Any) -> Any:
    """A default written as Python or, after `JSON:`, as JSON."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text.removeprefix("JSON:")) if text.startswith("JSON:") else ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def from_node(node: ast.FunctionDef, dataset: str) -> Definition:
    """One function of a Python file. All parameters of `cve_cpe` are those of its docstring, and optional."""
    text = ast.get_docstring(node) or ""
    if dataset == "cve_cpe" and "Args:" in text:
        lines = [line.strip() for line in text.split("Args:")[1].splitlines() if line.strip()]
        names = [line[: line.find(":")].split()[0] for line in lines if line[: line.find(":")].split()]
        return Definition(node.name, text, tuple((name, "None", None) for name in names))
    given = [_literal(default) for default in node.args.defaults]
    defaults = [REQUIRED] * (len(node.args.args) - len(given)) + given
    kinds = [ast.unparse(arg.annotation) if arg.annotation else "None" for arg in node.args.args]
    parts = zip((arg.arg for arg in node.args.args), kinds, defaults, strict=True)
    return Definition(node.name, text, tuple(parts))


def _literal(node: ast.expr) -> Any:
    """The value of a default; the source of one that is an expression, which nothing here computes."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


_OPTION = re.compile(r"<func_start>(.*?)<func_end>.*?<docstring_start>(.*?)<docstring_end>", re.DOTALL)


def from_options(text: str) -> list[Definition]:
    """The functions of a `toolalpaca` query: signature and docstring between marks, every parameter required."""
    found = []
    for signature, docstring in _OPTION.findall(text):
        node = ast.parse(f"{signature}:\n    {docstring.strip()}").body[0]
        assert isinstance(node, ast.FunctionDef)
        words = (ast.get_docstring(node) or "").replace("{", "").replace("}", "").strip()
        kinds = [ast.unparse(arg.annotation).split("[")[0] if arg.annotation else "None" for arg in node.args.args]
        parts = [(arg.arg, kind.lower(), REQUIRED) for arg, kind in zip(node.args.args, kinds, strict=True)]
        found.append(Definition(node.name, words, tuple(parts)))
    return found


def from_source(text: str) -> Definition:
    """A function of a `toolllm` query."""
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    return from_node(node, "toolllm")
