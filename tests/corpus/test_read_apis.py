"""API readers on self-made service documents, and the forms of documentation."""

from __future__ import annotations

import ast
import json
import zipfile
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from corpus.api import Api
from corpus.botocore_shapes import schema_of
from corpus.plain_text import plain_text, shortened, snake_case
from corpus.read_apis import MalformedDocument
from corpus.read_botocore import BotocoreModels, BotocoreReader
from corpus.read_examples import ExamplesReader, request_of
from corpus.read_google import GoogleReader, service_and_age
from corpus.render_api import FORMS, LONGEST, parameter_lines, render
from corpus.sampling import round_robin
from records.assets import asset
from records.errors import UserError


def reader(cls, wheel: Path, tmp_path: Path, limit: int | None = None):
    return cls(wheel, tmp_path / "work", limit, 1)


def test_botocore_operations_become_full_apis(botocore_wheel: Path, tmp_path: Path) -> None:
    block = reader(BotocoreReader, botocore_wheel, tmp_path)
    rows = list(block.run())
    assert [row.id for row in rows] == ["botocore/boxes/boxes.put_box"]
    api = Api(**json.loads((tmp_path / "work/apis/00000.jsonl").read_text()))
    assert api.name == "boxes.put_box" and api.version == "2020-01-01"
    assert api.description == "Puts a box & its lid on the shelf."
    assert api.parameters["required"] == ["Label"]
    assert api.parameters["properties"]["Size"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert api.parameters["properties"]["Colour"]["enum"] == ["red", "blue"]
    assert api.parameters["properties"]["When"]["format"] == "date-time"
    assert api.url.endswith("/boxes-2020-01-01/PutBox") and api.errors == ["BoxExists"]


def test_what_cannot_be_read_is_counted_by_reason(botocore_wheel: Path, tmp_path: Path) -> None:
    block = reader(BotocoreReader, botocore_wheel, tmp_path)
    list(block.run())
    counts = {reason: found["count"] for reason, found in block.dropped.items()}
    assert counts == {
        "bad_json": 1, "bad_gzip": 1, "not_a_model": 1, "deprecated": 1, "no_parameters": 1, "no_description": 1,
        "malformed_operation": 1,
    }  # fmt: skip
    assert block.dropped["malformed_operation"]["example"] == "boxes/MoveBox"
    written = json.loads((tmp_path / "work/drops/00000.json").read_text())
    assert written["kept"] == 1 and written["dropped"] == block.dropped


def test_recursive_shapes_end_and_stay_valid_schemas() -> None:
    shapes = {
        "Tree": {"type": "structure", "members": {"Kids": {"shape": "Kids"}, "By": {"shape": "ByName"}}},
        "Kids": {"type": "list", "member": {"shape": "Tree"}},
        "ByName": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Tree"}},
        "Name": {"type": "string"},
    }
    schema = schema_of(shapes, "Tree", 50)
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["Kids"] == {"type": "array", "items": {"type": "object"}}
    assert schema["properties"]["By"]["additionalProperties"] == {"type": "object"}


def test_wide_recursion_is_bounded() -> None:
    names = [f"S{n}" for n in range(30)]
    members = {name: {"shape": name} for name in names}
    shapes = {name: {"type": "structure", "members": members} for name in names}
    assert len(json.dumps(schema_of(shapes, "S0", 30))) < 100_000


def test_google_methods_merge_parameters_and_body(google_wheel: Path, tmp_path: Path) -> None:
    block = reader(GoogleReader, google_wheel, tmp_path)
    rows = {row.id: row for row in block.run()}
    assert set(rows) == {
        "google-api-python-client/shelves/shelves.nodes_insert",
        "google-api-python-client/admin_directory/admin_directory.nodes_insert",
    }
    apis = [Api(**json.loads(line)) for line in (tmp_path / "work/apis/00000.jsonl").read_text().splitlines()]
    api = next(api for api in apis if api.service == "shelves")
    assert api.version == "v2", "the latest stable version, not the beta"
    assert list(api.parameters["properties"]) == ["shelfId", "tags", "name", "size", "next"]
    assert api.parameters["properties"]["tags"]["type"] == "array"
    assert api.parameters["properties"]["next"] == {"type": "object"}, "the cycle ends"
    assert api.parameters["required"] == ["shelfId"]
    assert "etag" in api.returns["properties"] and "etag" not in api.parameters["properties"]
    assert block.dropped["bad_json"]["count"] == 1
    assert block.dropped["malformed_operation"]["count"] == 2
    Draft202012Validator.check_schema(api.parameters)


@pytest.mark.parametrize(
    ("versions", "latest"),
    [(["v1", "v10", "v9"], "v10"), (["v2beta1", "v1"], "v1"), (["v1alpha", "v1beta2"], "v1beta2")],
)
def test_latest_stable_version_wins(versions: list[str], latest: str) -> None:
    assert max(versions, key=lambda version: service_and_age("x", version)[1]) == latest


def test_a_capped_reader_takes_every_service_in_turn() -> None:
    groups = {"large": [f"l{n}" for n in range(100)], "small": ["s0"], "other": ["o0", "o1"]}
    taken = [group for group, _ in round_robin(groups, 1)]
    assert sorted(taken[:3]) == ["large", "other", "small"]
    assert sorted(taken[3:5]) == ["large", "other"] and len(taken) == 103


def test_examples_become_dialogues(botocore_wheel: Path, tmp_path: Path) -> None:
    block = reader(ExamplesReader, botocore_wheel, tmp_path)
    rows = list(block.run())
    assert len(rows) == 1 and block.dropped["argument_not_in_schema"]["count"] == 1
    messages = json.loads(rows[0].metadata["messages"])
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert messages[0]["content"] == 'Puts a box of toys on the shelf. Use Label = "toys"; Size = 3.'
    call = messages[1]["tool_calls"][0]["function"]
    assert call == {"name": "boxes.put_box", "arguments": {"Label": "toys", "Size": 3}}
    assert json.loads(messages[2]["content"]) == {"Label": "toys"}
    tool = next(t["function"] for t in json.loads(rows[0].metadata["tools"]) if t["function"]["name"] == call["name"])
    Draft202012Validator(tool["parameters"]).validate(call["arguments"])


def test_requests_lose_the_example_lead() -> None:
    assert request_of({"description": "This example lists all users."}, {}) == "Lists all users."


@pytest.fixture
def wide_api() -> Api:
    inner = {"type": "object", "properties": {f"p{n}": {"type": "string", "description": "w " * 60} for n in range(40)}}
    properties = {"Name": {"type": "string", "description": "The name."}, "class": {"type": "integer"}, "Deep": inner}
    schema = {"type": "object", "properties": properties, "required": ["Name"]}
    return Api(
        "x/y/y.do_it", "aws", "y", "1", "y.do_it", "Does it all at once.", schema, "botocore", "MIT", "", {}, ("No",)
    )


@pytest.mark.parametrize("form", FORMS)
def test_every_form_names_all_top_level_parameters(wide_api: Api, form: str) -> None:
    text = render(wide_api, form)
    assert len(text) <= LONGEST
    assert all(name in text for name in ("Name", "class", "Deep")) and "Does it all at once." in text


def test_signature_is_python_and_schema_is_json(wide_api: Api) -> None:
    function = ast.parse(render(wide_api, "signature")).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert [argument.arg for argument in function.args.kwonlyargs] == ["Name", "class_", "Deep"]
    schema = json.loads(render(wide_api, "schema").split("\n\n", 1)[1])
    assert schema["name"] == "y.do_it" and schema["parameters"]["required"] == ["Name"]


def test_nested_parameters_are_indented() -> None:
    schema = {"properties": {"a": {"type": "array", "items": {"properties": {"b": {"type": "string"}}}}}}
    assert parameter_lines(schema, 2) == ["- a (list of any)", "  - b (string)"]
    assert parameter_lines(schema, 1) == ["- a (list of any)"]


def test_markup_becomes_plain_text() -> None:
    markup = "<p>Use <code> <a>PutBox</a> </code> &amp; <code>x</code> now.</p><ul><li><p>one</p></li><li>two</li></ul>"
    assert plain_text(markup) == "Use `PutBox` & `x` now.\n- one\n- two"
    assert plain_text("if a < b and c > d") == "if a < b and c > d"
    assert shortened("One two. Three four. Five.", 21) == "One two. Three four."
    assert [snake_case(n) for n in ("ListDBInstances", "PutBox", "events.insert")] == [
        "list_db_instances", "put_box", "events_insert",
    ]  # fmt: skip


def test_a_missing_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETS", str(tmp_path))
    with pytest.raises(UserError, match=r"botocore.*missing.*make setup"):
        asset("botocore")


def test_a_truncated_gzip_is_malformed(botocore_wheel: Path, tmp_path: Path) -> None:
    place = "botocore/data/boxes/2020-01-01/service-2.json.gz"
    whole = BotocoreModels(botocore_wheel).archive.read(place)
    torn = tmp_path / "torn.whl"
    with zipfile.ZipFile(torn, "w") as archive:
        archive.writestr(place, whole[: len(whole) // 2])
    with pytest.raises(MalformedDocument, match="bad_gzip"):
        BotocoreModels(torn).load("boxes")
