"""Commands of the Azure CLI out of its wheel, parsed and never imported: help, arguments, examples."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

JsonSchema = dict[str, Any]
GLOBAL = {"-g": "--resource-group", "-n": "--name", "-l": "--location", "-o": "--output"}
"""Short options that nearly every command has."""
_OF_EVERY_COMMAND = frozenset(("output", "query", "debug", "verbose", "only-show-errors", "subscription", "help"))
_TYPES = {"Int": "integer", "Float": "number", "Bool": "boolean", "List": "array", "Object": "object", "Dict": "object"}
_EXAMPLE = re.compile(r"^ *:example: *(.+)\n((?:^(?: {8,}.*)?\n?)+)", re.M)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Command:
    """One command."""

    name: str
    """Without `az`, for example `vm create`."""
    description: str
    options: dict[str, JsonSchema] = field(default_factory=dict)
    """JSON Schema by long option, without the dashes."""
    required: list[str] = field(default_factory=list)
    short: dict[str, str] = field(default_factory=dict)
    """Long option by another name of it, both with dashes."""
    examples: list[tuple[str, str]] = field(default_factory=list)
    """What to do in words, and the command line."""


def help_entries(source: str) -> Iterator[tuple[str, Command | str]]:
    """Yield `(name, command)` of a `_help.py`, or `(name, why not)`; groups of commands are passed over.

    Raises:
        SyntaxError, ValueError: it does not parse.
    """
    for node in ast.parse(source).body:
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)):
            continue
        key, value = node.targets[0].slice, node.value
        if not (isinstance(key, ast.Constant) and isinstance(value, ast.Constant) and isinstance(value.value, str)):
            continue
        name = str(key.value)
        try:
            said = yaml.load(value.value, _LOADER)
            if said.get("type") == "command":
                yield name, _of_help(name, said)
        except (yaml.YAMLError, AttributeError, KeyError, TypeError):
            yield name, "malformed_help"


def _of_help(name: str, said: Mapping[str, Any]) -> Command:
    words = " ".join(f"{said.get('short-summary') or ''} {said.get('long-summary') or ''}".split())
    command = Command(name, words)
    for parameter in said.get("parameters") or ():
        names = [part for part in str(parameter["name"]).split() if part.startswith("-")]
        if option := _declare(command, names):
            about = f"{parameter.get('short-summary') or ''} {parameter.get('long-summary') or ''}"
            command.options[option] = _described({"type": "string"}, about)
    for example in said.get("examples") or ():
        command.examples.append((" ".join(str(example["name"]).split()), str(example.get("text") or "")))
    return command


def generated_command(source: str) -> Command | None:
    """The command of a file that Azure's generator wrote: a class with its arguments; None where it registers none.

    Raises:
        SyntaxError, ValueError: it does not parse.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and (name := _registered(node)):
            docstring = ast.get_docstring(node, clean=False) or ""
            words = " ".join(docstring.split(":example:")[0].split())
            command = Command(name, words)
            command.examples = [(found[1].strip(), found[2]) for found in _EXAMPLE.finditer(f"{docstring}\n")]
            for statement in ast.walk(node):
                if isinstance(statement, ast.Assign):
                    _add_argument(command, statement)
            return command
    return None


def _registered(node: ast.ClassDef) -> str | None:
    for call in node.decorator_list:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "register_command":
            return str(call.args[0].value) if call.args and isinstance(call.args[0], ast.Constant) else None
    return None


def _add_argument(command: Command, statement: ast.Assign) -> None:
    """`_args_schema.name = AAZStrArg(options=["-n", "--name"], help="…", required=True)`."""
    target, call = statement.targets[0], statement.value
    if not (isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and isinstance(call, ast.Call)):
        return
    if target.value.id != "_args_schema" or not isinstance(call.func, ast.Name):
        return
    said = _literals(call)
    option = _declare(command, said.get("options") or [f"--{target.attr.replace('_', '-')}"])
    if option is None:
        return
    kind = re.fullmatch(r"AAZ(\w*?)Arg(?:Type)?", call.func.id)
    schema: JsonSchema = {"type": _TYPES.get(kind[1] if kind else "", "string")}
    if isinstance(said.get("enum"), dict) and schema["type"] == "string":
        schema["enum"] = [str(value) for value in said["enum"]]
    help_text = said.get("help")
    help_text = help_text.get("short-summary") if isinstance(help_text, dict) else help_text
    command.options[option] = _described(schema, str(help_text or _usual(option)))
    if said.get("required") is True:
        command.required.append(option)


def _usual(option: str) -> str:
    return {"resource-group": "Name of resource group.", "location": "Location."}.get(option, "")


@dataclass
class Declared:
    """What argument contexts say, by scope (the beginning of a command) and option without dashes."""

    schemas: dict[tuple[str, str], JsonSchema] = field(default_factory=dict)
    short: dict[tuple[str, str], str] = field(default_factory=dict)
    """Long option with dashes, by scope and another name of it with dashes."""


def declared_arguments(source: str) -> Declared:
    """The options that the argument contexts of a `_params.py` declare.

    Raises:
        SyntaxError, ValueError: it does not parse.
    """
    found, tree = Declared(), ast.parse(source)
    types = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            scopes = {node.target.id: _literal(node.iter)}
        elif isinstance(node, ast.With):
            scopes = {}
        else:
            continue
        for context in [node] if isinstance(node, ast.With) else node.body:
            if isinstance(context, ast.With):
                for scope in _scopes(context, scopes):
                    for names, schema in _contextual(context, types):
                        long = next((name for name in names if name.startswith("--")), None)
                        if long:
                            found.short.update({(scope, name): long for name in names if name != long})
                            found.schemas.setdefault((scope, long[2:]), schema)
    return found


def _scopes(context: ast.With, names: Mapping[str, Any]) -> list[str]:
    call = context.items[0].context_expr
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
        return []
    if call.func.attr != "argument_context":
        return []
    scope = call.args[0]
    if isinstance(scope, ast.Name):
        listed = names.get(scope.id)
        return [str(item) for item in listed] if isinstance(listed, list | tuple) else []
    return [str(scope.value)] if isinstance(scope, ast.Constant) else []


def _contextual(context: ast.With, types: Mapping[str, ast.Call]) -> Iterator[tuple[list[str], JsonSchema]]:
    for statement in context.body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
            continue
        if call.func.attr != "argument" or not isinstance(call.args[0], ast.Constant):
            continue
        shared = next((types[n.id] for n in _type_names(call) if n.id in types), None)
        said = {**(_literals(shared) if shared else {}), **_literals(call)}
        listed = said.get("options_list")
        names = listed if isinstance(listed, list) else [f"--{str(call.args[0].value).replace('_', '-')}"]
        about = said.get("help") if isinstance(said.get("help"), str) else ""
        flag = str(said.get("action", "")).startswith("store_") or "three_state" in ast.dump(call)
        typed = [*call.keywords, *(shared.keywords if shared else ())]
        number = any(
            word.arg == "type" and isinstance(word.value, ast.Name) and word.value.id == "int" for word in typed
        )
        kind = "boolean" if flag else "integer" if number else "array" if said.get("nargs") in ("+", "*") else "string"
        yield [str(name) for name in names], _described({"type": kind}, str(about))


def _type_names(call: ast.Call) -> list[ast.Name]:
    """Names that stand for an argument's type: the second argument, or `arg_type`."""
    given = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "arg_type")]
    return [node for node in given if isinstance(node, ast.Name)]


def _declare(command: Command, names: list[str]) -> str | None:
    """Keep an option's names; its long one without dashes, None where it has none or every command has it."""
    long = next((str(name) for name in names if str(name).startswith("--")), None)
    if long is None or long[2:] in _OF_EVERY_COMMAND:
        return None
    command.short.update({str(name): long for name in names if name != long})
    return long[2:]


def _described(schema: JsonSchema, words: str) -> JsonSchema:
    words = " ".join(words.split())
    if schema["type"] == "array":
        schema = {**schema, "items": {"type": "string"}}
    return {**schema, "description": words} if words else schema


def _literals(call: ast.Call) -> dict[str, Any]:
    """Keyword arguments that are literals."""
    return {word.arg: value for word in call.keywords if word.arg and (value := _literal(word.value)) is not None}


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
