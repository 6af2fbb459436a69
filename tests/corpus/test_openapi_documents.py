"""What OpenAPI documents come in and are made of: archives, YAML, licences, schemas."""

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
from corpus.notices import all_of
from corpus.openapi_documents import UNKNOWN, licence_of, parsed, provider_and_service
from corpus.openapi_schemas import schema_of
from corpus.read_apis import MalformedDocument
from tests.corpus.made_documents import BOX, counts, document, reader


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


def test_a_licence_of_many_rows_is_named_once() -> None:
    assert all_of(["MIT", "Apache-2.0 AND MIT", "Apache-2.0"]) == "Apache-2.0 AND MIT"
    assert all_of(["MIT", "UPL-1.0 OR Apache-2.0"]) == "(UPL-1.0 OR Apache-2.0) AND MIT"


@pytest.mark.parametrize("edition", ["api.github.com", "api.github.com.2022-11-28", "ghec", "ghes-3.9", "github.ae"])
def test_editions_of_github_are_one_service(edition: str) -> None:
    document = {"info": {"title": "GitHub", "x-providerName": "github.com", "x-serviceName": edition}}
    assert provider_and_service(document) == ("github.com", "github")
