"""The forms of an API's documentation: the schema comes back from the text, and example calls are valid."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from corpus.api import Api
from corpus.read_botocore import BotocoreReader
from corpus.read_google import GoogleReader
from corpus.read_python import PythonReader
from corpus.render_api import FORMS, pruned, render
from corpus.render_call import command_line, example_call
from corpus.render_values import example_arguments
from corpus.render_words import element_of, provider_of, type_words
from records.assets import asset

LINE = re.compile(r"^( *)- (\S.*?) \(((?:one of .*?|[^()]*?))(, required)?\)(?:: (.*))?$")


@pytest.fixture(scope="module")
def apis(tmp_path_factory: pytest.TempPathFactory) -> list[Api]:
    """Real ones of three kinds of source."""
    folder = tmp_path_factory.mktemp("apis")
    readers = (
        BotocoreReader(asset("botocore").path, folder, 150, 7),
        GoogleReader(asset("google-api-python-client").path, folder, 100, 7),
        PythonReader((), folder, 100, 7),
    )
    found = [api for reader in readers for api in reader.apis()]
    assert len(found) == 350
    return found


def depth_of(api: Api, form: str, text: str) -> int:
    """The nesting that `render` chose: the deepest one whose text this is."""
    from corpus.render_api import WRITERS

    return next(depth for depth in (3, 2, 1) if WRITERS[form](api, depth) == text)


def parsed_lines(lines: list[str]) -> dict[str, Any]:
    """The schema that lines of parameters say, nested by their indentation."""
    top: dict[str, Any] = {}
    stack: list[tuple[int, dict[str, Any]]] = [(-1, top)]
    for line in lines:
        found = LINE.match(line)
        assert found, line
        level = len(found[1]) // 2
        while stack[-1][0] >= level:
            stack.pop()
        part = {"type": found[3], "required": bool(found[4]), "description": found[5] or "", "parts": {}}
        stack[-1][1][found[2]] = part
        stack.append((level, part["parts"]))
    return top


def said(schema: dict[str, Any], depth: int) -> dict[str, Any]:
    """What lines of parameters should say of a schema."""
    return {
        name: {
            "type": type_words(part),
            "required": name in schema.get("required", []),
            "description": " ".join(part.get("description", "").split("\n")).strip(),
            "parts": said(element_of(part), depth - 1) if depth > 1 else {},
        }
        for name, part in schema.get("properties", {}).items()
    }


def test_the_json_schema_comes_back_from_the_schema_form(apis: list[Api]) -> None:
    for api in apis:
        text = render(api, "schema")
        tool = json.loads(text.split("\n\n", 1)[1])
        assert tool["name"] == api.name
        assert tool["parameters"] == pruned(api.parameters, depth_of(api, "schema", text))


def test_names_types_and_words_come_back_from_the_reference(apis: list[Api]) -> None:
    for api in apis:
        text = render(api, "markdown")
        lines = text.split("## Parameters\n\n")[-1].split("\n\n## ")[0].rstrip("\n").split("\n")
        assert parsed_lines(lines) == said(api.parameters, depth_of(api, "markdown", text)), api.id


def test_names_types_and_words_come_back_from_the_signature(apis: list[Api]) -> None:
    python = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "dict": "object"}
    for api in apis:
        text = render(api, "signature")
        (function,) = ast.parse(text).body
        assert isinstance(function, ast.FunctionDef)
        words = ast.get_docstring(function, clean=False) or ""
        lines = words.split("\n    Args:\n")[-1].split("\n\n    ")[0].rstrip().split("\n")
        found = parsed_lines([line.removeprefix(" " * 8) for line in lines])
        # Inside a docstring three double quotes cannot stand.
        expected = json.loads(
            json.dumps(said(api.parameters, depth_of(api, "signature", text))).replace('\\"' * 3, "'" * 3)
        )
        assert found == expected, api.id
        properties, required = api.parameters["properties"], api.parameters.get("required", [])
        ordered = [name for name in properties if name in required] + [
            name for name in properties if name not in required
        ]
        for name, argument in zip(ordered, function.args.kwonlyargs, strict=True):
            shown = ast.unparse(argument.annotation or ast.Constant(None)).split("[")[0]
            assert python.get(shown, "array" if shown == "list" else None) == properties[name].get("type"), (
                api.id,
                name,
            )


def test_the_signature_is_python_and_names_every_parameter(apis: list[Api]) -> None:
    for api in apis:
        (function,) = ast.parse(render(api, "signature")).body
        assert isinstance(function, ast.FunctionDef) and len(function.args.kwonlyargs) == len(
            api.parameters["properties"]
        )
        required = [default is None for default in function.args.kw_defaults]
        assert sum(required) == len(api.parameters.get("required", []))
        assert api.description.split()[0] in (ast.get_docstring(function) or "")


def test_example_arguments_are_valid_and_the_same_again(apis: list[Api]) -> None:
    for api in apis:
        arguments = example_arguments(api)
        Draft202012Validator(api.parameters).validate(arguments)
        assert example_arguments(api) == arguments
        kind, language, code = example_call(api)
        if language == "python":
            ast.parse(code)
        assert code in render(api, "call") and kind.startswith("example")


def test_questions_are_answered_from_the_reference(apis: list[Api]) -> None:
    for api in apis:
        pairs = re.findall(r"Question: (.+?)\n\nAnswer:\s(.+?)(?=\n\nQuestion: |\Z)", render(api, "question"), re.S)
        assert len(pairs) >= 3 and api.name in render(api, "question")
        assert any(name in answer for name in api.parameters["properties"] for _, answer in pairs)
    kinds = {form: 0 for form in FORMS}
    assert set(kinds) == {"markdown", "schema", "signature", "question", "call"}


@pytest.mark.parametrize(
    ("provider", "source", "service", "name", "shown"),
    [
        ("aws", "botocore", "s3", "s3.put", "AWS s3"),
        ("oracle", "oci", "dns", "dns.put", "Oracle Cloud dns"),
        ("numpy", "numpy", "numpy", "numpy.dot", "Python library numpy"),
        ("clock", "tools", "clock", "get_time", "MCP server clock"),
        ("shop.example", "made", "orders", "orders.put", "shop.example orders API"),
    ],
)
def test_providers_are_named(provider: str, source: str, service: str, name: str, shown: str) -> None:
    api = Api(f"{source}/{service}/{name}", provider, service, "1", name, "Does a thing.", {}, source, "MIT", "")
    assert provider_of(api) == shown


def test_an_http_request_is_written_where_the_source_gives_one(tmp_path: Path) -> None:
    request = {"method": "POST", "url": "https://api.example/boxes/{id}", "query": ["dry"], "media": "application/json"}
    properties = {"id": {"type": "string"}, "dry": {"type": "boolean"}, "label": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    api = Api("a/b/c", "x.example", "b", "1", "b.c", "Puts a box.", schema, "made", "MIT", "", examples=(request,))
    kind, language, code = example_call(api)
    assert (kind, language) == ("example request", "bash")
    assert re.match(r"curl -X POST '?https://api\.example/boxes/[\w-]+\?dry=(true|false)'?", code) and '"label"' in code
    assert command_line("az vm create", {"name": "a b", "no_wait": True}) == "az vm create --name 'a b' --no-wait"
