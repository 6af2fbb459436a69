"""Commands of the Azure CLI and the examples of its help, out of a wheel."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import jsonschema
import pytest

from corpus.azure_command_lines import arguments_of
from corpus.azure_commands import Command
from corpus.read_apis import MalformedDocument
from corpus.read_azure_cli import AzureCliReader, AzureExamplesReader

HELP = '''
helps["box"] = """
type: group
short-summary: Manage boxes.
"""
helps["box put"] = """
type: command
short-summary: Put a box on the shelf.
parameters:
  - name: --colour -c
    short-summary: Colour of the box.
examples:
  - name: Put a red box with two labels on the shelf.
    text: >
        az box put -g MyGroup --colour red --labels a=1 b=2 --size 3 -f
  - name: Put many boxes.
    text: az box put -c red | az box list
  - name: Put a box with an option that nobody knows.
    text: az box put -q red
"""
helps["box bad"] = """
type: command
short-summary: [
"""
helps["box empty"] = """
type: command
short-summary: Does what no parameter says.
"""
'''
PARAMS = """
def load_arguments(self, _):
    size_type = CLIArgumentType(options_list=["--size", "-s"], type=int, help="Size of the box.")
    with self.argument_context("box") as c:
        c.argument("labels", nargs="+", help="Labels in the form key=value.")
        c.argument("size", size_type)
    for scope in ["box put", "box take"]:
        with self.argument_context(scope) as c:
            c.argument("force", options_list=["--force", "-f"], action="store_true", help="Put it whatever is there.")
"""
GENERATED = '''
@register_command("box take")
class Take(AAZCommand):
    """Take a box off the shelf.

    :example: Take the box of toys.
        az box take -n toys --mode soft
    """

    def _build_arguments_schema(cls):
        _args_schema = cls._args_schema
        _args_schema.name = AAZStrArg(options=["-n", "--name"], help="Name of the box.", required=True)
        _args_schema.mode = AAZStrArg(options=["--mode"], help={"short-summary": "How."}, enum={"soft": 1, "hard": 2})
        _args_schema.count = AAZIntArg(options=["--count"], help="How many.")
'''


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    file = tmp_path / "azure_cli-9.9-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        place = "azure/cli/command_modules/box/"
        archive.writestr(f"{place}_help.py", HELP)
        archive.writestr(f"{place}_params.py", PARAMS)
        archive.writestr(f"{place}aaz/latest/box/_take.py", GENERATED)
        archive.writestr("azure/cli/command_modules/torn/_help.py", "helps[")
    return file


def test_commands(wheel: Path, tmp_path: Path) -> None:
    reader = AzureCliReader(wheel, tmp_path, None, 1)
    put, take = sorted(reader.apis(), key=lambda api: api.name)
    assert {reason: found["count"] for reason, found in reader.dropped.items()} == {
        "malformed_operation": 2,
        "no_parameters": 1,
    }
    assert (put.name, put.id, put.version, put.license) == ("az box put", "azure-cli/box/box.put", "9.9", "MIT")
    properties = put.parameters["properties"]
    assert properties["colour"] == {"type": "string", "description": "Colour of the box."}
    assert properties["size"] == {"type": "integer", "description": "Size of the box."}
    assert properties["force"]["type"] == "boolean"
    assert properties["labels"]["items"] == {"type": "string"}
    assert take.parameters["required"] == ["name"]
    assert take.parameters["properties"]["mode"] == {"type": "string", "enum": ["soft", "hard"], "description": "How."}
    assert take.parameters["properties"]["count"]["type"] == "integer"


def test_examples(wheel: Path, tmp_path: Path) -> None:
    reader = AzureExamplesReader(wheel, tmp_path, None, 1)
    rows = {row.metadata["api_ids"][0]: row for row in reader.run()}
    assert {reason: found["count"] for reason, found in reader.dropped.items()} == {
        "not_one_command": 1,
        "unknown_option": 1,
    }
    messages = json.loads(rows["azure-cli/box/box.put"].metadata["messages"])
    (call,) = messages[1]["tool_calls"]
    assert call["function"]["name"] == "az box put"
    arguments = call["function"]["arguments"]
    assert arguments == {
        "resource-group": "MyGroup", "colour": "red", "labels": ["a=1", "b=2"], "size": 3, "force": True,
    }  # fmt: skip
    for value in ("MyGroup", "red", "a=1", "3"):
        assert value in messages[0]["content"]
    for row in rows.values():
        tools = {tool["function"]["name"]: tool["function"] for tool in json.loads(row.metadata["tools"])}
        made = json.loads(row.metadata["messages"])[1]["tool_calls"][0]["function"]
        jsonschema.validate(made["arguments"], tools[made["name"]]["parameters"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("az box take; az box put", "not_one_command"),
        ("az box list", "other_command"),
        ("az box put thing", "positional_value"),
        ("az box put -z thing", "unknown_option"),
        ("az box put --colour 'red", "bad_quoting"),
    ],
)
def test_what_is_no_single_call(line: str, reason: str) -> None:
    with pytest.raises(MalformedDocument, match=reason):
        arguments_of(Command("box put", "Puts."), line)


def test_broken_wheel_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "azure_cli-9.9-py3-none-any.whl"
    file.write_bytes(b"no zip")
    reader = AzureCliReader(file, tmp_path, None, 1)
    assert list(reader.apis()) == []
    assert set(reader.dropped) == {"corrupt_archive"}
