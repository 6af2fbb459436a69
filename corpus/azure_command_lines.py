"""Command lines of the Azure CLI's help as arguments of a call."""

from __future__ import annotations

import re
import shlex
from typing import Any

from corpus.azure_commands import GLOBAL, Command
from corpus.read_apis import MalformedDocument

_SHELL = re.compile(r"[|;<>`]|\$\(|&&")


def arguments_of(command: Command, line: str) -> dict[str, Any]:
    """Options and values of one `az` command, by long option without dashes.

    Raises:
        MalformedDocument: not_one_command, other_command, positional_value or bad_quoting.
    """
    text = " ".join(re.sub(r"\\\s*\n", " ", line).split())
    if _SHELL.search(re.sub(r"\"[^\"]*\"|'[^']*'|<[\w -]+>", "", text)) or len(re.findall(r"(?:^| )az ", text)) != 1:
        raise MalformedDocument("not_one_command")
    try:
        words = shlex.split(text)
    except ValueError:
        raise MalformedDocument("bad_quoting") from None
    name = ["az", *command.name.split()]
    if words[: len(name)] != name:
        raise MalformedDocument("other_command")
    given: dict[str, list[str]] = {}
    option = None
    for word in words[len(name) :]:
        if re.match(r"--?[a-zA-Z]", word):
            option, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
            long = command.short.get(option) or GLOBAL.get(option) or option
            if not long.startswith("--"):
                raise MalformedDocument("unknown_option")
            option = long[2:]
            given.setdefault(option, []).extend([value] if value else [])
        elif option is None:
            raise MalformedDocument("positional_value")
        else:
            given[option].append(word)
    return {option: _value(values, command.options.get(option, {})) for option, values in given.items()}


def _value(values: list[str], schema: dict[str, Any]) -> Any:
    if not values:
        return True
    kind = schema.get("type")
    if kind == "array":
        return values
    if kind == "integer" and len(values) == 1 and re.fullmatch(r"-?\d+", values[0]):
        return int(values[0])
    if kind == "boolean" and values[0].lower() in ("true", "false"):
        return values[0].lower() == "true"
    return values[0] if len(values) == 1 else values
