"""An example call of an API in the way its callers write it, beside what it does and takes.

An HTTP request where the source gives method and address, else a call in the source's Python SDK, a command line,
a JSON-RPC request of the Model Context Protocol, or the name and arguments as JSON.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

from corpus.api import Api
from corpus.plain_text import snake_case
from corpus.render_http import curl, http_request
from corpus.render_python import identifier
from corpus.render_values import example_arguments
from corpus.render_words import is_python, is_tool, parameter_lines, provider_of

WIDTH = 88
"""Characters of a line of code, where it can be broken."""
ACTION = re.compile(r"[?&]action=(\w+)")


@dataclass(frozen=True)
class Variable:
    """Stands in code for a value whose type is not known."""

    name: str

    def __repr__(self) -> str:
        return self.name


def call(api: Api, depth: int) -> str:
    """An example call with the description and the parameters."""
    kind, language, code = example_call(api)
    parts = [f"# {api.name}", f"{provider_of(api)}: {kind}", api.description, f"```{language}\n{code}\n```"]
    return "\n\n".join([*parts, "Parameters:\n\n" + "\n".join(parameter_lines(api.parameters, depth))]) + "\n"


def example_call(api: Api) -> tuple[str, str, str]:
    """`(what it is, language, code)` of a call with example values."""
    if request := http_request(api):
        return "example request", "bash", curl(api, request, example_arguments(api))
    if api.name.startswith("az "):
        return "example command", "bash", command_line(api.name, example_arguments(api))
    if is_python(api):
        return "example call", "python", python_call(api)
    if api.source in SDKS:
        return "example call", "python", SDKS[api.source](api)
    if is_tool(api):
        return "example request", "json", _indented({"jsonrpc": "2.0", "id": 1, "method": "tools/call"} | _params(api))
    return "example call", "json", _indented({"name": api.name, "arguments": example_arguments(api)})


def boto3(api: Api) -> str:
    """A call of an AWS operation in its Python SDK, whose methods are the operations in snake case."""
    client = identifier(api.service.replace("-", "_"))
    return (
        f'import boto3\n\n{client} = boto3.client("{api.service}")\n'
        f"response = {_python(f'{client}.{_operation(api)}', example_arguments(api))}"
    )


def oracle(api: Api) -> str:
    """A call of an operation on the client of its service; a model may be given as a dictionary."""
    return f"response = {_python(f'{api.service}_client.{_operation(api)}', example_arguments(api))}"


def tencent(api: Api) -> str:
    """A call through the client that serves all products: it takes the action's name and a dictionary."""
    action = ACTION.search(api.url)
    called = action[1] if action else _operation(api)
    given = f'"{called}", {_literal(example_arguments(api), 0)}'
    return (
        "from tencentcloud.common import credential\n"
        "from tencentcloud.common.common_client import CommonClient\n\n"
        "cred = credential.EnvironmentVariableCredential().get_credential()\n"
        f'client = CommonClient("{api.service}", "{api.version}", cred, "ap-singapore")\n'
        f"response = client.call_json({given})"
    )


SDKS = {"botocore": boto3, "oci": oracle, "tencentcloud-sdk-python-intl-en": tencent}
"""Writer of a call by source."""


def python_call(api: Api) -> str:
    """The import and call of a function, class or method by its public name."""
    arguments = example_arguments(api, Variable)
    module, _, name = api.name.rpartition(".")
    outer, _, owner = module.rpartition(".")
    if owner[:1].isupper():
        instance = identifier(snake_case(owner))
        called = _python(f"{instance}.{name}", arguments)
        return f"from {outer} import {owner}\n\n# {instance} is a {owner}\nresult = {called}"
    result = identifier(snake_case(name)) if name[:1].isupper() else "result"
    return f"from {module} import {name}\n\n{result} = {_python(name, arguments)}"


def command_line(name: str, arguments: dict[str, Any]) -> str:
    """A command with an option for every argument; a list gives its values, a switch stands alone."""
    parts = [name]
    for option, value in arguments.items():
        flag = option if option.startswith("-") else f"--{option.replace('_', '-')}"
        values = [] if value is True else value if isinstance(value, list) else [value]
        parts.append(" ".join([flag, *(shlex.quote(_word(one)) for one in values)]))
    return _wrapped(parts)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _wrapped(parts: list[str]) -> str:
    return " ".join(parts) if sum(map(len, parts)) < WIDTH else " \\\n  ".join(parts)


def _operation(api: Api) -> str:
    return api.name.rsplit(".", 1)[-1]


def _python(function: str, arguments: dict[str, Any]) -> str:
    """A call with keyword arguments, on several lines where it is long; names that are no keywords go into `**{}`."""
    odd = {name: value for name, value in arguments.items() if identifier(name) != name}
    given = [f"{name}={_literal(value, 1)}" for name, value in arguments.items() if name not in odd]
    given += [f"**{_literal(odd, 1)}"] if odd else []
    short = f"{function}({', '.join(given)})"
    long = len(short) > WIDTH or "\n" in short
    return "\n".join([f"{function}(", *(f"    {one}," for one in given), ")"]) if long else short


def _literal(value: Any, level: int) -> str:
    """A Python literal with double quotes; long ones as a line a part, indented by `level`."""
    if not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    if isinstance(value, dict):
        brackets = "{}"
        parts = [f"{_literal(name, 0)}: {_literal(part, level + 1)}" for name, part in value.items()]
    else:
        brackets, parts = "[]", [_literal(part, level + 1) for part in value]
    short = f"{brackets[0]}{', '.join(parts)}{brackets[1]}"
    if len(short) <= WIDTH - 4 * level and "\n" not in short:
        return short
    inner = "".join(f"{'    ' * (level + 1)}{part},\n" for part in parts)
    return f"{brackets[0]}\n{inner}{'    ' * level}{brackets[1]}"


def _params(api: Api) -> dict[str, Any]:
    return {"params": {"name": api.name, "arguments": example_arguments(api)}}


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
