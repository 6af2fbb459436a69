"""OpenAPI reader on documents made here, sound and broken."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from corpus.documents import document_readers
from corpus.openapi_documents import UNKNOWN
from corpus.read_openapi import OpenApiReader
from records.recipe import load_recipe
from records.recipe_corpus import OpenApiRecipe
from tests.corpus.made_documents import PUT, counts, document, reader


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
    capped = reader(folder, tmp_path, 1, licences={"api.shelves.example": "MIT"}, without=["api.shelves.example"])
    assert list(capped.apis()) == [] and not capped._chosen(), "what is left out takes no turn of the cap"


def test_licences_of_attribution_need_the_recipe_s_consent(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for kind in ("by", "by-nc", "by-sa"):
        made = document()
        page = f"https://creativecommons.org/licenses/{kind}/4.0/"
        made["info"] = {"title": kind, "license": {"name": "CC", "url": page}}
        (folder / f"{kind}.json").write_text(json.dumps(made))
    silent = dataclasses.replace(load_recipe("smoke").corpus.sources, openapi=(OpenApiRecipe(str(folder)),))
    (block,) = document_readers(silent, tmp_path / "silent", 1)
    assert list(block.run()) == []
    (block,) = document_readers(dataclasses.replace(silent, attribution_licences=True), tmp_path / "consent", 1)
    assert {row.metadata["license"] for row in block.run()} == {"CC-BY-4.0"}
    assert block.dropped["licence_not_allowed"]["count"] == 2


def test_latest_stable_version_and_cap(tmp_path: Path) -> None:
    for version in ("1.9", "1.10", "2.0-beta"):
        folder = tmp_path / "documents" / "shelves.example" / version
        folder.mkdir(parents=True)
        made = document(**{f"/p{n}": {"get": {**PUT, "operationId": f"get{n}"}} for n in range(9)})
        made["info"]["version"] = version
        (folder / "openapi.json").write_text(json.dumps(made))
    apis = list(reader(tmp_path / "documents", tmp_path, 4).apis())
    assert len(apis) == 4 and {api.version for api in apis} == {"1.10"}
