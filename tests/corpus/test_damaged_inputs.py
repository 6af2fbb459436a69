"""Every reader that takes files, on damaged ones: each counted once by reason with an example, and the run goes on."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from corpus.read_azure_cli import AzureCliReader
from corpus.read_botocore import BotocoreReader
from corpus.read_code import CodeReader
from corpus.read_crawl import CrawlReader
from corpus.read_google import GoogleReader
from corpus.read_mcp import McpReader
from corpus.read_msgraph import MsGraphReader
from corpus.read_oci import OciReader
from corpus.read_openapi import OpenApiReader
from corpus.read_python import PythonReader
from corpus.read_recorded import RecordedReader
from corpus.read_tencentcloud import TencentCloudReader
from corpus.read_text import TextReader
from records.recipe_corpus import RecordedRecipe
from tests.corpus import test_read_azure_cli as azure
from tests.corpus import test_read_sdk as sdk
from tests.corpus.conftest import BOXES, GOOD_CODE, README
from tests.corpus.made_documents import document
from tests.corpus.test_crawl import PAGE, warc
from tests.corpus.test_recorded import intercode_run

Files = dict[str, bytes]
RECORD = "made-1.0.dist-info/RECORD"
HUNDRED_MEGABYTES = 100_000_000
SHELF = {"type": "object", "properties": {"path": {"type": "string", "description": "Where it lies."}}}
RING = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}


def tools_list(name: str, schema: dict[str, Any]) -> bytes:
    return json.dumps({"tools": [{"name": name, "description": "Reads a whole file.", "inputSchema": schema}]}).encode()


def ring_document() -> bytes:
    made = document()
    made["components"]["schemas"]["Box"] = {"$ref": "#/components/schemas/Lid"}
    made["components"]["schemas"]["Lid"] = {"$ref": "#/components/schemas/Box"}
    made["info"]["title"], made["servers"] = "Ring", [{"url": "https://ring.example"}]
    return json.dumps(made).encode()


def discovery(name: str, reference: str = "Node") -> bytes:
    node = {"id": "Node", "type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "Node"}}}
    insert = {"id": f"{name}.insert", "description": "Inserts a node here.", "request": {"$ref": reference}}
    head = {"kind": "discovery#restDescription", "name": name, "version": "v1", "schemas": {"Node": node}}
    return json.dumps({**head, "methods": {"insert": insert}}).encode()


def distribution(files: Files) -> Files:
    """A distribution `made` with these files under its package."""
    metadata = f"Metadata-Version: 2.1\nName: made\nVersion: 1.0\nLicense-Expression: MIT\n\n{README}".encode()
    info = {"made-1.0.dist-info/METADATA": metadata, "made/__init__.py": b""}
    return {**info, **{f"made/{name}": content for name, content in files.items()}, RECORD: b""}


def recorded(source: Path, folder: Path) -> RecordedReader:
    return RecordedReader(RecordedRecipe(str(source), "intercode", "MIT", "Them"), source, "runs", folder)


LATIN = "# \xe9\n".encode("latin-1")
BROKEN_CODE = b'def broken(a int):\n    """Say in words what it does."""\n    return print(a)\n' * 10
SPACES = b" " * (20 << 20)
RUN = intercode_run(["SHOW TABLES", "SELECT 1"], [0.5, 1.0]).encode()
OCI = {
    "oci/box/box_client.py": sdk.OCI_CLIENT.encode(),
    "oci/box/models/__init__.py": b"from .put_box_details import PutBoxDetails\nfrom .box import Box\n",
    "oci/box/models/put_box_details.py": sdk.OCI_MODEL.format(name="PutBoxDetails").encode(),
    "oci/box/models/box.py": sdk.OCI_MODEL.format(name="Box").encode(),
}
TENCENT = {
    "tencentcloud/box/v20200101/box_client.py": sdk.TENCENT_CLIENT.format(name="PutBox", words="put a box").encode(),
    "tencentcloud/box/v20200101/models.py": sdk.TENCENT_MODELS.encode(),
}
GRAPH = {
    **{f"msgraph/generated/models/{name}.py": text.encode() for name, text in sdk.GRAPH_MODELS.items()},
    "msgraph/generated/shelves/boxes/boxes_request_builder.py": sdk.GRAPH_BUILDER.encode(),
}
AZURE = {
    "azure/cli/command_modules/box/_help.py": azure.HELP.encode(),
    "azure/cli/command_modules/box/_params.py": azure.PARAMS.encode(),
}
BOTO = "botocore/data/{}/2020-01-01/service-2.json.gz"
DISCOVERY = "googleapiclient/discovery_cache/documents/{}.v1.json"


@dataclass(frozen=True)
class Kind:
    """A reader, a sound input of it, and what it says of damaged files beside that."""

    make: Callable[[Path, Path], Any]
    """Source and work folder → the reader."""
    good: Files
    bad: dict[str, tuple[str, bytes, str]]
    """Fault → name and content of the file, and the reason under which it counts."""
    packed: tuple[bool, ...] = (False, True)
    """Whether the input is a folder, an archive, or either in turn."""


def json_faults(name: str, again: bytes, ring: bytes, ring_reason: str) -> dict[str, tuple[str, bytes, str]]:
    return {
        "malformed": (name, b"{", "bad_json"),
        "encoding": (name, '{"x": "\xe9"}'.encode("latin-1"), "bad_encoding"),
        "duplicate": (f"z{name}", again, "duplicate_id"),
        "cycle": (name, ring, ring_reason),
        "too large": (name, b"", "too_large"),
        "zip bomb": (name, SPACES, "zip_bomb"),
    }


SHELVES = json.dumps(document()).encode()
KINDS = {
    "openapi": Kind(
        lambda source, work: OpenApiReader(source, "made", work, None, 1), {"a.json": SHELVES},
        json_faults("bad.json", SHELVES, ring_document(), "reference_cycle"),
    ),
    "mcp": Kind(
        lambda source, work: McpReader(source, "made", "MIT", "Them", work, None, 1),
        {"a/s.json": tools_list("read", SHELF)},
        json_faults("bad.json", tools_list("read", SHELF), tools_list("ring", RING), "reference_cycle")
        | {"duplicate": ("a/s.json/", b"", ""), "zip bomb": ("bad.json", SPACES, "too_large")},
    ),
    "recorded": Kind(
        recorded, {"a.jsonl": RUN},
        {
            "malformed": ("bad.jsonl", b"{", "malformed_run"), "encoding": ("bad.json", b'"\xe9"', "not_utf8"),
            "duplicate": ("z.jsonl", RUN, "repeated"), "too large": ("bad.json", b"", "too_large"),
            "zip bomb": ("bad.json", SPACES, "zip_bomb"),
        },
    ),
    "botocore": Kind(
        lambda source, work: BotocoreReader(source, work, None, 1), 
        {BOTO.format("boxes"): gzip.compress(json.dumps(BOXES).encode())},
        {
            "malformed": (BOTO.format("bad"), gzip.compress(b"{"), "bad_json"),
            "encoding": (BOTO.format("bad"), gzip.compress(b'{"x": "\xe9"}'), "bad_encoding"),
            "not packed": (BOTO.format("bad"), b"{}", "bad_gzip"),
            "zip bomb": (BOTO.format("bad"), gzip.compress(b" " * (100 << 20)), "too_large"),
        },
        (True,),
    ),
    "google": Kind(
        lambda source, work: GoogleReader(source, work, None, 1), {DISCOVERY.format("shelves"): discovery("shelves")},
        {
            "malformed": (DISCOVERY.format("bad"), b"{", "bad_json"),
            "encoding": (DISCOVERY.format("bad"), '{"x": "\xe9"}'.encode("latin-1"), "bad_encoding"),
            "lost reference": (DISCOVERY.format("lost"), discovery("lost", "No"), "malformed_operation"),
            "zip bomb": (DISCOVERY.format("bad"), SPACES, "zip_bomb"),
        },
        (True,),
    ),
    "oci": Kind(
        lambda source, work: OciReader(source, work, None, 1), OCI,
        {
            "encoding": ("oci/bad/bad_client.py", LATIN, "bad_encoding"),
            "zip bomb": ("oci/bad/bad_client.py", SPACES, "zip_bomb"),
        },
        (True,),
    ),
    "tencentcloud": Kind(
        lambda source, work: TencentCloudReader(source, work, None, 1), TENCENT,
        {
            "encoding": ("tencentcloud/bad/v20200101/bad_client.py", LATIN, "bad_encoding"),
            "zip bomb": ("tencentcloud/bad/v20200101/bad_client.py", SPACES, "zip_bomb"),
        },
        (True,),
    ),
    "msgraph": Kind(
        lambda source, work: MsGraphReader(source, work, None, 1), GRAPH,
        {
            "encoding": ("msgraph/generated/bad/bad_request_builder.py", LATIN, "bad_encoding"),
            "zip bomb": ("msgraph/generated/bad/bad_request_builder.py", SPACES, "zip_bomb"),
        },
        (True,),
    ),
    "azure": Kind(
        lambda source, work: AzureCliReader(source, work, None, 1), AZURE,
        {
            "malformed": ("azure/cli/command_modules/torn/_help.py", b"helps[", "malformed_operation"),
            "encoding": ("azure/cli/command_modules/torn/_help.py", LATIN, "bad_encoding"),
            "zip bomb": ("azure/cli/command_modules/torn/_help.py", SPACES, "zip_bomb"),
        },
        (True,),
    ),
    **{
        name: Kind(
            make, distribution({"count.py": GOOD_CODE.encode()}),
            {
                "malformed": ("made/bad.py", BROKEN_CODE, "not_python"),
                "encoding": ("made/bad.py", LATIN * 200, "not_utf8"),
                "too large": ("made/bad.py", b"x = 1\n" * 100_000, "too_long"),
            },
            (True,),
        )
        for name, make in {
            "python": lambda source, work: PythonReader((), work, None, 1, [], [str(source)], methods=True),
            "code": lambda source, work: CodeReader((), work, None, 1, [], [str(source)]),
            "text": lambda source, work: TextReader((), work, None, 1, [], [str(source)]),
        }.items()
    },
}  # fmt: skip


def put(tmp_path: Path, files: Files, packed: bool, large: str | None) -> Path:
    """The files as a folder or an archive; `large` names one of a hundred megabytes, of which none lie on disk."""
    if RECORD in files:
        files = {**files, RECORD: "".join(f"{name},,\n" for name in files).encode()}
    if not packed:
        for name, content in files.items():
            (tmp_path / "input" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "input" / name).write_bytes(content)
        if large:
            with (tmp_path / "input" / large).open("wb") as stream:
                stream.truncate(HUNDRED_MEGABYTES)
        return tmp_path / "input"
    tmp_path.mkdir(exist_ok=True)
    place = tmp_path / "made-1.0-py3-none-any.whl"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return place


CASES = [
    (name, fault, packed)
    for name, kind in KINDS.items()
    for packed in kind.packed
    for fault, (_, content, reason) in kind.bad.items()
    if reason and (packed or fault != "zip bomb") and (content or not packed)
]


@pytest.mark.parametrize(("name", "fault", "packed"), CASES)
def test_one_damaged_file_is_counted_and_the_rest_is_read(name: str, fault: str, packed: bool, tmp_path: Path) -> None:
    kind = KINDS[name]
    sound = kind.make(put(tmp_path / "sound", kind.good, packed, None), tmp_path / "sound" / "work")
    expected = sorted(row.id for row in sound.run())
    assert expected
    file, content, reason = kind.bad[fault]
    source = put(tmp_path, {**kind.good, file: content}, packed, file if not content else None)
    block = kind.make(source, tmp_path / "work")
    rows = sorted(row.id for row in block.run())
    assert rows == expected, "what is sound is read as if nothing stood beside it"
    before = {key: found["count"] for key, found in sound.dropped.items()}
    counted = {key: found["count"] - before.get(key, 0) for key, found in block.dropped.items()}
    assert {key: count for key, count in counted.items() if count} == {reason: 1}
    assert block.dropped[reason]["example"]


@pytest.mark.parametrize("name", ["openapi", "mcp", "recorded", "azure", "python", "code"])
def test_a_torn_archive_is_counted(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    source = put(tmp_path, kind.good, True, None)
    source.write_bytes(source.read_bytes()[:-40])
    block = kind.make(source, tmp_path / "work")
    assert list(block.run()) == [] and sum(found["count"] for found in block.dropped.values()) >= 1
    assert all(found["example"] for found in block.dropped.values())


def test_a_torn_crawl_gives_what_stands_before_the_tear(tmp_path: Path) -> None:
    file = warc(tmp_path / "w.warc.gz", *[PAGE.encode()] * 3)
    whole = list(CrawlReader((file,), tmp_path / "whole").run() or ())
    file.write_bytes(file.read_bytes()[:-30])
    block = CrawlReader((file,), tmp_path / "torn")
    assert len(list(block.run() or ())) >= len(whole) - 1 == 2
