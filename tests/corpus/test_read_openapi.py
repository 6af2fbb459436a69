"""OpenAPI and MCP readers on documents made here, sound and broken."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from corpus.bounded_files import bounded_files
from corpus.openapi_documents import UNKNOWN, licence_of, parsed
from corpus.openapi_schemas import schema_of
from corpus.read_apis import MalformedDocument
from corpus.read_mcp import McpReader
from corpus.read_openapi import OpenApiReader

MIT = {"name": "MIT", "url": "https://opensource.org/licenses/MIT"}
BOX = {
    "type": "object",
    "required": ["label", "id", "shelfId"],
    "properties": {
        "label": {"type": "string", "maxLength": 9, "description": "What is <b>written</b> on it."},
        "id": {"type": "string", "readOnly": True},
        "size": {"type": ["null", "integer"], "format": "int32", "minimum": 1.0},
        "inside": {"type": "array", "items": {"$ref": "#/components/schemas/Box"}},
    },
}
PUT = {
    "operationId": "putBox",
    "summary": "Puts a box on a shelf.",
    "parameters": [
        {"name": "X-Trace", "in": "header", "schema": {"type": "string", "format": "uuid"}},
        {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
        {"name": "dryRun", "in": "query", "required": True, "schema": {"type": "boolean"}},
    ],
    "requestBody": {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Box"}, "example": {"label": "toys"}}}
    },
    "responses": {
        "201": {
            "description": "Put.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Box"}}},
        },
        "404": {"$ref": "#/components/responses/Gone"},
    },
}


def document(**paths: Any) -> dict[str, Any]:
    shelf = {"name": "shelfId", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Shelves", "version": "2", "license": MIT},
        "servers": [{"url": "https://api.shelves.example"}],
        "paths": paths or {"/shelves/{shelfId}/boxes": {"parameters": [shelf], "post": PUT}},
        "components": {"schemas": {"Box": BOX}, "responses": {"Gone": {"description": "The shelf is gone."}}},
    }


def reader(source: Path, tmp_path: Path, limit: int | None = None, **options: Any) -> OpenApiReader:
    return OpenApiReader(source, "made", tmp_path / "work", limit, 1, **options)


def counts(block: Any) -> dict[str, int]:
    return {reason: found["count"] for reason, found in block.dropped.items()}


def test_an_operation_becomes_one_schema(tmp_path: Path) -> None:
    file = tmp_path / "shelves.json"
    file.write_text(json.dumps(document()))
    (api,) = reader(file, tmp_path).apis()
    assert api.id == "made/api.shelves.example/shelves/shelves.put_box" and api.license == "MIT"
    assert list(api.parameters["properties"]) == ["shelfId", "X-Trace", "dryRun", "label", "size", "inside"]
    assert set(api.parameters["required"]) == {"shelfId", "dryRun", "label"}
    assert api.parameters["properties"]["size"] == {"type": "integer", "minimum": 1}
    assert api.parameters["properties"]["label"]["description"] == "What is written on it."
    assert api.parameters["properties"]["inside"] == {"type": "array", "items": {"type": "object"}}, "the cycle ends"
    assert "id" in api.returns["properties"] and api.errors == ("404 The shelf is gone.",)
    request, example = api.examples
    assert example == {"request": {"label": "toys"}}
    assert request == {
        "method": "POST",
        "url": "https://api.shelves.example/shelves/{shelfId}/boxes",
        "query": ["dryRun"],
        "headers": ["X-Trace", "Authorization"],
        "media": "application/json",
    }
    Draft202012Validator.check_schema(api.parameters)


def test_version_2_yaml_with_form_and_body(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(
        """
swagger: "2.0"
info: {title: Old boxes, version: 2020-01-01, license: {name: Apache License, Version 2.0}}
host: old.example
paths:
  /boxes:
    post:
      description: Sends a new box away.
      parameters:
        - {name: label, in: formData, type: string, enum: [red, blue], required: true}
        - {name: tags, in: query, type: array, items: {type: string}}
      responses: {200: {description: ok, schema: {type: object, properties: {sent: {type: string}}}}}
    put:
      description: Replaces all the boxes.
      parameters: [{name: list, in: body, required: true, schema: {type: array, items: {type: integer}}}]
""".replace("Apache License, Version 2.0", '"Apache License, Version 2.0"')
    )
    apis = {api.name: api for api in reader(tmp_path / "old.yaml", tmp_path).apis()}
    post, put = apis["old_boxes.post_boxes"], apis["old_boxes.put_boxes"]
    assert post.license == "Apache-2.0" and post.version == "2020-01-01" and post.parameters["required"] == ["label"]
    assert post.parameters["properties"]["label"] == {"type": "string", "enum": ["red", "blue"]}
    assert post.returns["properties"] == {"sent": {"type": "string"}}
    assert put.parameters["properties"]["body"] == {"type": "array", "items": {"type": "integer"}}
    assert put.parameters["required"] == ["body"]


def test_what_cannot_be_read_is_counted_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    lost = {"get": {**PUT, "parameters": [{"$ref": "#/components/parameters/No"}]}}
    ring = {"get": {**PUT, "parameters": [{"name": "a", "in": "query", "schema": {"$ref": "#/components/schemas/A"}}]}}
    broken = document(**{"/lost": lost, "/ring": ring})
    broken["components"]["schemas"] |= {
        "A": {"$ref": "#/components/schemas/B"},
        "B": {"$ref": "#/components/schemas/A"},
    }
    files: dict[str, bytes] = {
        "a.json": json.dumps(document()).encode("utf-16"),
        "again.json": json.dumps(document()).encode(),
        "bomb.yaml": b"openapi: '3.0'\na: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 10)) for c in range(97, 105)),
        "broken.json": json.dumps(broken).encode(),
        "deep.yaml": b"[" * 5000,
        "huge.json": b" " * 60_000,
        "latin.json": '{"openapi": "3.0", "x": "é"}'.encode("latin-1"),
        "list.json": b"[]",
        "not.json": b"{",
        "other.txt": b"no document",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    monkeypatch.setattr(OpenApiReader, "largest", 50_000)
    block = reader(folder, tmp_path)
    assert [api.name for api in block.apis()] == ["shelves.put_box"], "UTF-16 with its mark is read"
    found = counts(block)
    assert found.pop("bad_yaml", 0) + found.pop("too_deep", 0) == 1
    assert found == {
        "duplicate_id": 1, "alias_expansion": 1, "unresolved_reference": 1, "reference_cycle": 1, "too_large": 1,
        "bad_encoding": 1, "not_openapi": 1, "bad_json": 1,
    }  # fmt: skip
    assert block.dropped["unresolved_reference"]["example"] == "broken.json: get /lost"


def test_unknown_licences_are_kept_aside(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, licence in {
        "none": None,
        "gpl": {"name": "GPL", "url": "https://www.gnu.org/licenses/gpl-3.0.html"},
    }.items():
        made = document()
        made["info"] = {"title": name, "license": licence}
        (folder / f"{name}.json").write_text(json.dumps(made))
    block = reader(folder, tmp_path)
    assert list(block.run()) == [] and counts(block) == {"licence_unknown": 1, "licence_not_allowed": 1}
    aside = [json.loads(line) for line in (tmp_path / "work/quarantine/00000.jsonl").read_text().splitlines()]
    assert [(line["license"], line["operations"]) for line in aside] == [("GPL-3.0-only", 1), (UNKNOWN, 1)]
    told = reader(folder, tmp_path, licences={"api.shelves.example": "MIT"})
    assert [api.license for api in told.apis()] == ["MIT"], "only where none is declared"
    without = reader(folder, tmp_path, licences={"api.shelves.example": "MIT"}, without=["api.shelves.example"])
    assert list(without.apis()) == [] and counts(without) == {"other_source": 2}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"name": "MIT"}, "MIT"),
        ({"identifier": "BSD-3-Clause", "name": "x"}, "BSD-3-Clause"),
        ({"name": "Ours", "url": "http://www.apache.org/licenses/LICENSE-2.0.html"}, "Apache-2.0"),
        ({"name": "CC", "url": "http://creativecommons.org/licenses/by/3.0/"}, "CC-BY-3.0"),
        ({"name": "MIT", "url": "http://www.apache.org/licenses/LICENSE-2.0"}, UNKNOWN),
        ({"name": "Terms of Service", "url": "https://x.example/tos"}, UNKNOWN),
        ("MIT", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_licences_by_name_and_address(declared: Any, expected: str) -> None:
    assert licence_of({"info": {"license": declared}}) == expected


def test_archives_are_bounded(tmp_path: Path) -> None:
    packed, bomb = tmp_path / "made.zip", tmp_path / "made.tgz"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("api/good.json", json.dumps(document()))
        archive.writestr("api/bomb.json", b" " * (20 << 20))
        archive.writestr("api/lies.json", json.dumps(document()) * 3)
    # The directory says the entry is shorter than it is.
    content = bytearray(packed.read_bytes())
    place = content.rindex(b"api/lies.json") - 46 + 24
    content[place : place + 4] = (50).to_bytes(4, "little")
    packed.write_bytes(content)
    block = reader(packed, tmp_path)
    assert len(list(block.apis())) == 1 and counts(block) == {"zip_bomb": 1, "corrupt_file": 1}
    with tarfile.open(bomb, "w:gz") as archive:
        for name in ("api/one.json", "api/two.json"):
            data = json.dumps(document()).encode()
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    block = reader(bomb, tmp_path)
    assert len(list(block.apis())) == 1 and counts(block) == {"duplicate_id": 1}
    bomb.write_bytes(bomb.read_bytes()[:-200])
    block = reader(bomb, tmp_path)
    list(block.apis())
    assert block.dropped["corrupt_archive"]["example"] == "made.tgz"
    with pytest.raises(MalformedDocument, match="missing_source"):
        list(bounded_files(tmp_path / "none"))


def test_latest_stable_version_and_cap(tmp_path: Path) -> None:
    for version in ("1.9", "1.10", "2.0-beta"):
        folder = tmp_path / "documents" / "shelves.example" / version
        folder.mkdir(parents=True)
        made = document(**{f"/p{n}": {"get": {**PUT, "operationId": f"get{n}"}} for n in range(9)})
        made["info"]["version"] = version
        (folder / "openapi.json").write_text(json.dumps(made))
    apis = list(reader(tmp_path / "documents", tmp_path, 4).apis())
    assert len(apis) == 4 and {api.version for api in apis} == {"1.10"}


def test_alternatives_and_parts_are_merged_and_bounded() -> None:
    part = {
        "allOf": [BOX, {"properties": {"more": {"oneOf": [{"type": "null"}, {"type": "integer"}]}}}],
        "required": ["more"],
    }
    schema = schema_of({"components": {"schemas": {"Box": BOX}}}, part, 4)
    assert schema["properties"]["more"] == {"type": "integer"} and schema["required"] == ["label", "more"]
    wide = {f"S{n}": {"properties": {f"S{m}": {"$ref": f"#/s/S{m}"} for m in range(30)}} for n in range(30)}
    assert len(json.dumps(schema_of({"s": wide}, {"$ref": "#/s/S0"}, 30))) < 100_000
    nested: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        nested = {"type": "array", "items": nested}
    Draft202012Validator.check_schema(schema_of({}, nested, 4))


def test_yaml_keeps_json_values() -> None:
    assert parsed(b"a: 2020-01-01\n200: .inf\n", "x.yaml") == {"a": "2020-01-01", "200": None}


def test_mcp_tools(tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    folder.mkdir()
    tool = {
        "name": "read_file",
        "description": "Reads a whole file.",
        "inputSchema": {
            "type": "object", "properties": {"path": {"$ref": "#/$defs/Path"}}, "required": ["path"],
            "$defs": {"Path": {"type": "string", "description": "Where it lies."}},
        },
        "outputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
        "annotations": {"readOnlyHint": True},
    }  # fmt: skip
    tools = [
        tool,
        tool,
        {"name": "x", "description": "Has no schema here."},
        {**tool, "name": "y", "description": "No"},
    ]
    (folder / "files.json").write_text(json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}))
    (folder / "error.json").write_text(json.dumps({"jsonrpc": "2.0", "error": {"code": -1}}))
    (folder / "else.json").write_text("{}")
    block = McpReader(folder, "mcp", "MIT", "The authors", tmp_path / "work", None, 1)
    (row,) = block.run()
    api = json.loads((tmp_path / "work/apis/00000.jsonl").read_text())
    assert row.id == "mcp/files/read_file" and api["description"] == "Reads a whole file.\nIt changes nothing."
    assert api["parameters"]["properties"]["path"] == {"type": "string", "description": "Where it lies."}
    assert api["parameters"]["required"] == ["path"] and api["returns"]["properties"]["text"]["type"] == "string"
    assert counts(block) == {
        "rpc_error": 1, "not_tools_list": 1, "duplicate_id": 1, "malformed_tool": 1, "no_description": 1
    }  # fmt: skip
    closed = McpReader(folder, "mcp", UNKNOWN, "", tmp_path / "work", None, 1)
    assert list(closed.apis()) == [] and closed.dropped["licence_unknown"]["count"] == 2
